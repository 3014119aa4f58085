// What the booking pages need of src/seal, in one piece that loads late.

import type { Challenge, Proof, SignedDirectory } from "../api/types.ts";
import { fromBase64, toBase64 } from "../seal/bytes.ts";
import { hashSecret, newSecret, openCopy, sealCopy, type PatientCopy } from "../seal/copy.ts";
import { sealCommunication, type Communication } from "../seal/communication.ts";
import { checkDirectory, openDirectory } from "../seal/directory.ts";
import { sealBooking, type Envelope } from "../seal/envelope.ts";
import type { Booking } from "../seal/plaintext.ts";
import { solveInWorker } from "../seal/workers.ts";

export interface Sealed {
  /** One for each part, in their order. */
  envelopes: Envelope[];
  copies: string[];
  secret: string;
  secretHash: string;
}

/**
 * sealAll seals the appointments of one booking under one secret. It checks the
 * directory first, against the pin where there is one; throws its SealError
 * (directory_…) before anything of the patient is touched.
 */
export async function sealAll(signed: SignedDirectory, tenant: string, parts: readonly { booking: Booking; copy: PatientCopy }[], now: Date, pin?: string): Promise<Sealed> {
  const target = checkDirectory(await openDirectory(signed), { tenant, now, ...(pin === undefined ? {} : { pin }) });
  const secret = newSecret();
  const [envelopes, copies, hash] = await Promise.all([
    Promise.all(parts.map(({ booking }) => sealBooking(target, booking))),
    Promise.all(parts.map(({ booking, copy }) => sealCopy(secret, tenant, booking.booking_id, copy))),
    hashSecret(secret),
  ]);
  return { envelopes, copies, secret: toBase64(secret), secretHash: toBase64(hash) };
}

/** readCopy opens the patient's copy with the secret of the link. All ids are bare. */
export const readCopy = (secret: string, tenant: string, bookingID: string, sealed: string): Promise<PatientCopy> =>
  openCopy(fromBase64(secret), tenant, bookingID, sealed);

/** resealCopy makes the patient's copy anew, for an appointment that was moved. All ids are bare. */
export const resealCopy = (secret: string, tenant: string, bookingID: string, copy: PatientCopy): Promise<string> =>
  sealCopy(fromBase64(secret), tenant, bookingID, copy);

/** fingerprint is what people compare, of a directory that passed every check. Throws a SealError. */
export async function fingerprint(signed: SignedDirectory, tenant: string, now: Date): Promise<string> {
  const directory = await openDirectory(signed);
  checkDirectory(directory, { tenant, now });
  return directory.shownFingerprint;
}

/** freshSecret is a new link's secret and its hash, base64url. */
export async function freshSecret(): Promise<{ secret: string; hash: string }> {
  const secret = newSecret();
  return { secret: toBase64(secret), hash: toBase64(await hashSecret(secret)) };
}

/** sealWord seals a word to the practice, whose directory passes every check. Throws a SealError. */
export async function sealWord(signed: SignedDirectory, tenant: string, word: Communication, now: Date, pin?: string): Promise<Envelope> {
  return sealCommunication(checkDirectory(await openDirectory(signed), { tenant, now, ...(pin === undefined ? {} : { pin }) }), word);
}

/** prove solves a puzzle beside the page. Throws `proof_too_hard` or `worker_failed`. */
export async function prove({ algorithm, challenge, maxnumber, salt, signature }: Challenge): Promise<Proof> {
  return { algorithm, challenge, number: await solveInWorker(challenge, salt, maxnumber), salt, signature };
}
