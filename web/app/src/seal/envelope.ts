// A booking sealed to a practice's data key.

import { type Bytes, fromBase64, requireUuids, toBase64 } from "./bytes.ts";
import type { SealTarget } from "./directory.ts";
import { SealError } from "./error.ts";
import { BOOKING_MAX, BOOKING_STEP, isPadded, pad, unpad } from "./gcm.ts";
import { hpkeOpen, hpkeSeal, type PrivateKey } from "./hpke.ts";
import { type Booking, parseBooking, writeBooking } from "./plaintext.ts";
import { Reader } from "./read.ts";
import { ENC_SIZE, SUITE, TAG_SIZE } from "./sizes.ts";

/** As it travels. The binary fields are base64url. */
export interface Envelope {
  readonly v: 1;
  readonly suite: 2;
  /** Bare uuids. */
  readonly tenant: string;
  readonly kid: string;
  readonly envelope_id: string;
  readonly enc: string;
  readonly ct: string;
}

const read = new Reader("malformed_envelope");

/**
 * Seals a booking to a checked key. The id of the envelope is made here where
 * none is given. Throws `malformed_booking`, `plaintext_too_long`, or
 * `directory_foreign` for another tenant's booking.
 */
export async function sealBooking(
  target: SealTarget,
  booking: Booking,
  envelopeId: string = crypto.randomUUID(),
): Promise<Envelope> {
  if (booking.tenant !== target.tenant) throw new SealError("directory_foreign");
  return sealEnvelope(target, envelopeId, booking.booking_id, writeBooking(booking));
}

/** Opens an envelope and reads the booking in it, which anyone may have written. */
export async function openBooking(
  keys: ReadonlyMap<string, PrivateKey>,
  tenant: string,
  envelope: Envelope,
  bookingId: string,
): Promise<Booking> {
  const e = parseEnvelope(envelope);
  if (e.tenant !== tenant) throw new SealError("tampered");
  const key = keys.get(e.kid);
  if (key === undefined) throw new SealError("unknown_key");
  return parseBooking(await openEnvelope(key, e, bookingId), { tenant, bookingId });
}

export async function sealEnvelope(
  to: { tenant: string; kid: string; publicKey: Bytes },
  envelopeId: string,
  bookingId: string,
  json: Uint8Array,
): Promise<Envelope> {
  requireUuids(to.tenant, envelopeId, bookingId);
  const head = { v: 1, suite: SUITE, tenant: to.tenant, kid: to.kid, envelope_id: envelopeId } as const;
  const { enc, ct } = await hpkeSeal(to.publicKey, info(head), aad(head, bookingId), pad(json, BOOKING_STEP, BOOKING_MAX));
  return { ...head, enc: toBase64(enc), ct: toBase64(ct) };
}

/**
 * Returns the JSON without its padding. Throws `malformed_envelope`, or
 * `tampered` where it was made for another key, tenant, id or booking.
 */
export async function openEnvelope(key: PrivateKey, envelope: Envelope, bookingId: string): Promise<Bytes> {
  const e = parseEnvelope(envelope);
  requireUuids(bookingId);
  if (e.kid !== key.kid) throw new SealError("tampered");
  const sealed = { enc: fromBase64(e.enc), ct: fromBase64(e.ct) };
  return unpad(await hpkeOpen(key, info(e), aad(e, bookingId), sealed));
}

/** Whether a decoded JSON value has the form of an envelope; else `malformed_envelope`. */
export function parseEnvelope(value: unknown): Envelope {
  const e = read.object(value, ["v", "suite", "tenant", "kid", "envelope_id", "enc", "ct"]);
  if (e.v !== 1 || e.suite !== SUITE) read.refuse();
  read.bytes(e.enc, ENC_SIZE);
  if (!isPadded(read.bytes(e.ct).length - TAG_SIZE, BOOKING_STEP, BOOKING_MAX)) read.refuse();
  return {
    v: 1,
    suite: SUITE,
    tenant: read.uuid(e.tenant),
    kid: read.kid(e.kid),
    envelope_id: read.uuid(e.envelope_id),
    enc: read.string(e.enc),
    ct: read.string(e.ct),
  };
}

type Head = Pick<Envelope, "v" | "tenant" | "kid" | "envelope_id">;

function info(e: Head): string {
  return `siegel|${e.v}|${e.tenant}|${e.kid}`;
}

function aad(e: Head, bookingId: string): string {
  return `${e.tenant}|${e.envelope_id}|${bookingId}|${e.v}`;
}
