// From the filled form to a pending booking. Sealing code is fetched while the
// form is being filled in (see warmUp), not before.

import { serverNow } from "../api/http.ts";
import { book, getChallenge, getKeys } from "../api/patient.ts";
import { Problem } from "../api/problem.ts";
import type { Pending, Practice, Proof } from "../api/types.ts";
import { bare, plaintextOf } from "./plaintext.ts";
import { copyOf } from "./copy.ts";
import { newRoom } from "../seal/video.ts";
import { addressOf, byVideo, type Form } from "./form.ts";
import type { Held } from "./held.svelte.ts";
import { pinned } from "./link.ts";
import type { Answers } from "./offer.ts";

const load = () => import("./sealing.ts");

/** warmUp fetches the sealing code ahead of its use. A failure shows when it is used. */
export const warmUp = (): void => void load().catch(() => undefined);

export interface Submission {
  form: Form;
  answers: Answers;
  held: Held;
  practice: Practice;
  language: string;
  /** Who the booker is to the patient, in the practice's words; "" where people book for themselves. */
  relation: string;
  /** The secret of a place on the waiting list that ends with the booking; "" for none. */
  waiting: string;
}

export interface Submitted {
  pending: Pending;
  /** The booking's secret, base64url: the right to this booking. */
  secret: string;
}

/**
 * submit seals the booking, each appointment in an envelope of its own, and asks
 * for the message to confirm it. Every call makes a new secret, envelopes and
 * copies, so that what was sent before dies. If the practice changed its key in
 * between, it seals once more to the new one.
 * Throws a [Problem], or a SealError (directory_…) when the key is not to be trusted.
 */
export async function submit(submission: Submission): Promise<Submitted> {
  const { form } = submission;
  const hold = submission.held.id;
  const sms = form.channel === "sms";
  const proof = sms ? getChallenge(hold).then(async (challenge) => (await loaded()).prove(challenge)) : Promise.resolve(undefined);
  proof.catch(() => undefined); // awaited below; a refused key must not leave it unhandled
  try {
    return await attempt(submission, await proof);
  } catch (thrown) {
    if (!(thrown instanceof Problem) || thrown.reason !== "key_changed") throw thrown;
    const again = sms ? await (await loaded()).prove(await getChallenge(hold)) : undefined;
    return attempt(submission, again);
  }
}

/** Without the sealing code there is no booking; that it did not come is a matter of the line. */
async function loaded() {
  try {
    return await load();
  } catch {
    throw new Problem({ status: 0, reason: "unreachable" });
  }
}

async function attempt({ form, answers, held, practice, language, relation, waiting }: Submission, proof: Proof | undefined): Promise<Submitted> {
  if (held.pretended) throw new TypeError("the preview books nothing");
  const [sealing, keys] = await Promise.all([loaded(), getKeys()]);
  const parts = held.stops.map((stop) => {
    const room = byVideo(form, stop.service) ? { video: newRoom() } : {};
    return { booking: { ...plaintextOf(form, answers, stop, practice, { language, relation }), ...room }, copy: { ...copyOf(practice, stop.service, stop.slot), ...room } };
  });
  const { secret, secretHash, envelopes, copies } = await sealing.sealAll(keys, bare(practice.tenant), parts, new Date(serverNow()), pinned(location.hash));
  const channel = form.channel === "sms" ? "sms" : "mail";
  const [envelope, copy] = [envelopes[0], copies[0]];
  const pending = await book({
    token: held.token,
    ...(envelope && copy !== undefined && envelopes.length === 1 ? { envelope, copy } : { envelopes, copies }),
    channel,
    address: addressOf(form),
    ...(channel === "mail" ? { secret } : {}),
    secret_hash: secretHash,
    language,
    ...(proof ? { proof } : {}),
    ...(waiting ? { waiting } : {}),
  });
  return { pending, secret };
}
