// Appointment cards: the opened booking under the practice's book key.

import { fromBase64, requireUuids, toBase64 } from "./bytes.ts";
import { SealError } from "./error.ts";
import { BOOKING_MAX, BOOKING_STEP, gcmOpen, gcmSeal, isPadded, NONCE_SIZE, pad, unpad } from "./gcm.ts";
import { type Booking, parseBooking, writeBooking } from "./plaintext.ts";
import { TAG_SIZE } from "./sizes.ts";

/** Returns base64url. The version is bound: an old card does not pass for a newer one. */
export async function sealCard(book: CryptoKey, version: number, booking: Booking): Promise<string> {
  const padded = pad(writeBooking(booking), BOOKING_STEP, BOOKING_MAX);
  return toBase64(await gcmSeal(book, padded, aad(booking.tenant, booking.booking_id, version)));
}

/** Throws `tampered` for a card of another booking, version, tenant or key. */
export async function openCard(
  book: CryptoKey,
  tenant: string,
  bookingId: string,
  version: number,
  ciphertext: string,
): Promise<Booking> {
  requireUuids(tenant, bookingId);
  const bytes = fromBase64(ciphertext);
  if (!isPadded(bytes.length - NONCE_SIZE - TAG_SIZE, BOOKING_STEP, BOOKING_MAX)) {
    throw new SealError("malformed_ciphertext");
  }
  const json = unpad(await gcmOpen(book, bytes, aad(tenant, bookingId, version)));
  return parseBooking(json, { tenant, bookingId });
}

function aad(tenant: string, bookingId: string, version: number): string {
  return `${tenant}|card|${bookingId}|${version}`;
}
