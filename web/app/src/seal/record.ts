// What a practice keeps of its own under its book key, beside cards: customer
// records, and what it writes about requests.

import { type Bytes, fromBase64, requireUuids, toBase64 } from "./bytes.ts";
import { SealError } from "./error.ts";
import { gcmOpen, gcmSeal, isPadded, NONCE_SIZE, pad, unpad } from "./gcm.ts";
import { TAG_SIZE } from "./sizes.ts";

export type RecordKind = "customer" | "request" | "takeover";

/** Steps of padding and the largest padded size, in bytes. */
export const RECORD_STEP = 1024;
export const RECORD_MAX = 32 * RECORD_STEP;

/** Returns base64url. Kind, id and version are bound: none passes for another. Throws `plaintext_too_long`. */
export async function sealRecord(book: CryptoKey, tenant: string, kind: RecordKind, id: string, version: number, json: Uint8Array): Promise<string> {
  requireUuids(tenant, id);
  return toBase64(await gcmSeal(book, pad(json, RECORD_STEP, RECORD_MAX), aad(tenant, kind, id, version)));
}

/** Throws `tampered` for another record, kind, version, tenant or key. */
export async function openRecord(book: CryptoKey, tenant: string, kind: RecordKind, id: string, version: number, ciphertext: string): Promise<Bytes> {
  requireUuids(tenant, id);
  const bytes = fromBase64(ciphertext);
  if (!isPadded(bytes.length - NONCE_SIZE - TAG_SIZE, RECORD_STEP, RECORD_MAX)) throw new SealError("malformed_ciphertext");
  return unpad(await gcmOpen(book, bytes, aad(tenant, kind, id, version)));
}

function aad(tenant: string, kind: RecordKind, id: string, version: number): string {
  return `${tenant}|${kind}|${id}|${version}`;
}
