// AES-256-GCM as nonce || ciphertext, and the padding that hides lengths.

import { type Bytes, concat, random, utf8 } from "./bytes.ts";
import { SealError } from "./error.ts";

export const NONCE_SIZE = 12;

/** Steps of padding and the largest padded sizes, in bytes. */
export const BOOKING_STEP = 2048;
export const BOOKING_MAX = 7 * BOOKING_STEP;
export const COPY_STEP = 1024;
export const COPY_MAX = 7 * COPY_STEP;

/** Fills JSON with spaces up to a multiple of step, at least one step. */
export function pad(json: Uint8Array, step: number, most: number): Bytes {
  const size = Math.max(1, Math.ceil(json.length / step)) * step;
  if (size > most) throw new SealError("plaintext_too_long");
  const padded = new Uint8Array(size).fill(0x20);
  padded.set(json);
  return padded;
}

export function unpad(padded: Bytes): Bytes {
  let end = padded.length;
  while (end > 0 && padded[end - 1] === 0x20) end--;
  return padded.subarray(0, end);
}

/** Whether pad makes that size. */
export function isPadded(size: number, step: number, most: number): boolean {
  return size >= step && size <= most && size % step === 0;
}

/** A key that encrypts and decrypts and cannot be read back. */
export async function gcmKey(bytes: Bytes): Promise<CryptoKey> {
  if (bytes.length !== 32) throw new SealError("malformed_key");
  return crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"]);
}

export async function gcmSeal(key: CryptoKey, plaintext: Bytes, aad: string): Promise<Bytes> {
  const iv = random(NONCE_SIZE);
  const parameters = { name: "AES-GCM", iv, additionalData: utf8(aad) };
  return concat(iv, new Uint8Array(await crypto.subtle.encrypt(parameters, key, plaintext)));
}

/** Throws `tampered` where it does not open. */
export async function gcmOpen(key: CryptoKey, sealed: Bytes, aad: string): Promise<Bytes> {
  const parameters = { name: "AES-GCM", iv: sealed.subarray(0, NONCE_SIZE), additionalData: utf8(aad) };
  try {
    return new Uint8Array(await crypto.subtle.decrypt(parameters, key, sealed.subarray(NONCE_SIZE)));
  } catch (cause) {
    throw new SealError("tampered", { cause });
  }
}
