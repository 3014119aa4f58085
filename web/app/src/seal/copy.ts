// The booking's secret, and the patient's copy that only its holder can read.

import { type Bytes, derive, fromBase64, random, requireUuids, sha256, toBase64, utf8 } from "./bytes.ts";
import { SealError } from "./error.ts";
import { COPY_MAX, COPY_STEP, gcmKey, gcmOpen, gcmSeal, isPadded, NONCE_SIZE, pad, unpad } from "./gcm.ts";
import { Reader } from "./read.ts";
import { TAG_SIZE } from "./sizes.ts";
import { ROOM } from "./video.ts";

export const SECRET_SIZE = 16;

export interface PatientCopy {
  readonly v: 1;
  readonly practice: string;
  readonly service: string;
  /** The service's id, so that the holder of the link can move the appointment; older copies lack it. */
  readonly service_id?: string;
  readonly practitioner: string;
  /** Name and address. */
  readonly location: string;
  readonly instructions: string;
  /** The room of a visit by video. */
  readonly video?: string;
}

const read = new Reader("malformed_copy");

export function newSecret(): Bytes {
  return random(SECRET_SIZE);
}

/** What the server knows a booking by, 32 bytes. */
export async function hashSecret(secret: Bytes): Promise<Bytes> {
  requireSecret(secret);
  return sha256(secret);
}

/** Returns base64url. Throws `plaintext_too_long` above 7 KiB. */
export async function sealCopy(secret: Bytes, tenant: string, bookingId: string, copy: PatientCopy): Promise<string> {
  const key = await copyKey(secret, tenant, bookingId);
  const json = utf8(JSON.stringify(copy));
  return toBase64(await gcmSeal(key, pad(json, COPY_STEP, COPY_MAX), aad(tenant, bookingId)));
}

/** Throws `tampered` for another booking's copy, `malformed_copy` for what is none. */
export async function openCopy(secret: Bytes, tenant: string, bookingId: string, sealed: string): Promise<PatientCopy> {
  const key = await copyKey(secret, tenant, bookingId);
  const bytes = fromBase64(sealed);
  if (!isPadded(bytes.length - NONCE_SIZE - TAG_SIZE, COPY_STEP, COPY_MAX)) throw new SealError("malformed_ciphertext");
  const value = read.json(unpad(await gcmOpen(key, bytes, aad(tenant, bookingId))));
  const c = read.object(value, ["v", "practice", "service", "practitioner", "location", "instructions"], ["service_id", "video"]);
  if (c.v !== 1) read.refuse();
  return {
    v: 1,
    practice: read.string(c.practice),
    service: read.string(c.service),
    ...(c.service_id === undefined ? {} : { service_id: read.string(c.service_id) }),
    practitioner: read.string(c.practitioner),
    location: read.string(c.location),
    instructions: read.string(c.instructions),
    ...(c.video === undefined ? {} : { video: read.matching(c.video, ROOM) }),
  };
}

async function copyKey(secret: Bytes, tenant: string, bookingId: string): Promise<CryptoKey> {
  requireSecret(secret);
  requireUuids(tenant, bookingId);
  return gcmKey(await derive(secret, `siegel|copy|1|${tenant}|${bookingId}`));
}

function requireSecret(secret: Bytes): void {
  if (secret.length !== SECRET_SIZE) throw new SealError("malformed_key");
}

function aad(tenant: string, bookingId: string): string {
  return `${tenant}|copy|${bookingId}|1`;
}
