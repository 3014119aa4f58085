// Documents that a practice keeps with its customers, under its book key. The
// padding hides lengths but for steps; how long a document really is, and what
// it is called, its owner's record says.

import { type Bytes, fromBase64, requireUuids, toBase64 } from "./bytes.ts";
import { SealError } from "./error.ts";
import { gcmOpen, gcmSeal, isPadded, NONCE_SIZE } from "./gcm.ts";
import { TAG_SIZE } from "./sizes.ts";

/** Steps of padding, and how long a document may be, in bytes. */
export const FILE_STEP = 16 * 1024;
export const FILE_MAX = 5 * 1024 * 1024;
const paddedMax = FILE_MAX + FILE_STEP;

const aad = (tenant: string, id: string) => `${tenant}|file|${id}`;

/** Returns base64url. The id is bound. Throws `plaintext_too_long`. */
export async function sealFile(book: CryptoKey, tenant: string, id: string, content: Bytes): Promise<string> {
  requireUuids(tenant, id);
  if (content.length > FILE_MAX) throw new SealError("plaintext_too_long");
  const padded = new Uint8Array(Math.max(1, Math.ceil(content.length / FILE_STEP)) * FILE_STEP);
  padded.set(content);
  return toBase64(await gcmSeal(book, padded, aad(tenant, id)));
}

/** Returns the first `size` bytes. Throws `tampered` for another document, tenant, key or size. */
export async function openFile(book: CryptoKey, tenant: string, id: string, size: number, ciphertext: string): Promise<Bytes> {
  requireUuids(tenant, id);
  const bytes = fromBase64(ciphertext);
  if (!isPadded(bytes.length - NONCE_SIZE - TAG_SIZE, FILE_STEP, paddedMax)) throw new SealError("malformed_ciphertext");
  const content = await gcmOpen(book, bytes, aad(tenant, id));
  if (!Number.isInteger(size) || size < 0 || size > content.length || content.length - size > FILE_STEP) throw new SealError("tampered");
  return content.subarray(0, size);
}
