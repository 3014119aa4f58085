// Waiting for a time, and words to the practice, from the patient's side.

import { serverNow } from "../api/http.ts";
import { askForCall, askForPlace, getKeys, getWordChallenge, writeLine } from "../api/patient.ts";
import { reasonOf } from "../api/problem.ts";
import type { Condition, EnvelopeJSON, Practice, Proof, Wish } from "../api/types.ts";
import type { Communication } from "../seal/communication.ts";
import { pinned } from "./link.ts";
import { judge, quotasFor, type Answers } from "./offer.ts";
import { bare } from "./plaintext.ts";

/** Names the words of the consent; a change of their meaning is another version. */
export const version = "2026-11";

/** How long somebody can wait, in days, and what is offered first. */
export const spans = [14, 30, 90, 180] as const;

/** How much notice can be wished for, in minutes. */
export const notices = [60, 240, 1440, 4320] as const;

const load = () => import("./sealing.ts");

/** fitsOf are the conditions that were shown and fit: what is for everybody needs no naming. The answers themselves stay here. */
export function fitsOf(conditions: readonly Condition[], answers: Answers): NonNullable<Wish["fits"]> {
  const texts = new Map(conditions.filter((condition) => judge(condition, answers).kind === "offered").map((condition) => [JSON.stringify(condition), condition]));
  return [...texts].slice(0, 20).map(([text, condition]) => {
    const quotas = quotasFor(condition, answers);
    return { condition: text, ...(quotas.length > 0 ? { quotas } : {}) };
  });
}

/** work is done beside the page. */
async function work(): Promise<Proof> {
  const [{ prove }, challenge] = await Promise.all([load(), getWordChallenge()]);
  return prove(challenge);
}

/** ask asks for a place without a booking, and returns the secret that opens it once it is confirmed. Throws a Problem. */
export async function ask(wish: Wish): Promise<{ secret: string; expires: string }> {
  const [{ freshSecret }, proof] = await Promise.all([load(), work()]);
  const { secret, hash } = await freshSecret();
  const { expires } = await askForPlace({ ...wish, ...(wish.channel === "mail" ? { secret } : {}), secret_hash: hash, proof });
  return { secret, expires };
}

/** sealed seals a word and sends it, once more to the new key where the practice has just changed it. */
async function sealed(practice: Practice, word: Communication, send: (envelope: EnvelopeJSON) => Promise<void>): Promise<void> {
  const once = async () => {
    const [{ sealWord }, keys] = await Promise.all([load(), getKeys()]);
    await send(await sealWord(keys, bare(practice.tenant), word, new Date(serverNow()), pinned(location.hash)));
  };
  try {
    await once();
  } catch (thrown) {
    if (reasonOf(thrown) !== "key_changed") throw thrown;
    await once();
  }
}

/** callBack leaves the wish to be called. Throws a Problem, or a SealError for a key that is not to be trusted. */
export const callBack = (practice: Practice, word: Communication): Promise<void> => sealed(practice, word, async (envelope) => askForCall({ envelope, proof: await work() }));

/** line writes the practice about a booking. Throws as callBack does. */
export const line = (practice: Practice, secret: string, word: Communication): Promise<void> => sealed(practice, word, (envelope) => writeLine({ secret, envelope }));
