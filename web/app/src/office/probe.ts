/** Opening the synthetic envelope of the day: by it the practice hears that its bookings no longer open before one has to be. */
import type { RecordKeys } from "./unlock.ts";
import { SealError } from "../seal/error.ts";
import { Reader } from "../seal/read.ts";
import type { Probe } from "./server.ts";

const WORD = 32;
const read = new Reader("malformed_envelope");

/** What the desk says of it: nobody opened it in time, or the keys at hand do not open it. */
export type Probed = { state: "fine" } | { state: "late"; due: string } | { state: "failed"; reason: string };

export interface Probing {
  get(): Promise<Probe>;
  answer(envelope: string, word: string): Promise<void>;
}

/**
 * probe opens what waits, sends its word back, and says how it stands. Without
 * keys it only looks. Nothing but a word is ever sent: a patient's line is bound
 * to its own id too, and a server could show one in the word's place.
 */
export async function probe({ get, answer }: Probing, keys: Pick<RecordKeys, "openSealed"> | null): Promise<Probed> {
  const { envelope, due, late } = await get();
  if (envelope === null) return { state: "fine" };
  if (keys) {
    let word: string;
    try {
      word = wordIn(await keys.openSealed(envelope, envelope.envelope_id));
    } catch (thrown) {
      return { state: "failed", reason: thrown instanceof SealError ? thrown.code : "malformed_envelope" };
    }
    await answer(`env_${envelope.envelope_id}`, word);
    return { state: "fine" };
  }
  return late && due !== null ? { state: "late", due } : { state: "fine" };
}

function wordIn(json: Uint8Array): string {
  const { probe } = read.object(read.json(json), ["probe"]);
  read.bytes(probe, WORD);
  return read.string(probe);
}
