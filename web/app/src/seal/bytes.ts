// Bytes and the texts they travel as.

import { SealError } from "./error.ts";

export type Bytes = Uint8Array<ArrayBuffer>;

/** Base64url without padding (RFC 4648 §5). */
export function toBase64(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Reads the one canonical form; anything else is `malformed_base64`. */
export function fromBase64(text: string): Bytes {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) throw new SealError("malformed_base64");
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  // Stray bits behind the last byte would give one value two spellings.
  const tail = bytes.length % 3;
  if (tail !== 0 && toBase64(bytes.subarray(bytes.length - tail)) !== text.slice(-(tail + 1))) {
    throw new SealError("malformed_base64");
  }
  return bytes;
}

export function utf8(text: string): Bytes {
  return new TextEncoder().encode(text) as Bytes;
}

/** Throws a TypeError where the bytes are not UTF-8. A byte order mark stays. */
export function fromUtf8(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
}

export function concat(...parts: Uint8Array[]): Bytes {
  const whole = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Compares without telling by its time where the difference is. */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ b[i]!;
  return difference === 0;
}

export function random(size: number): Bytes {
  return crypto.getRandomValues(new Uint8Array(size));
}

export async function sha256(bytes: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

/** A public key's name: the first 16 bytes of its SHA-256. */
export async function kidOf(publicKey: Bytes): Promise<string> {
  return toBase64((await sha256(publicKey)).subarray(0, 16));
}

/** HKDF-SHA256 (RFC 5869) without salt, 32 bytes. */
export async function derive(secret: Bytes, info: string): Promise<Bytes> {
  const key = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
  const parameters = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info: utf8(info) };
  return new Uint8Array(await crypto.subtle.deriveBits(parameters, key, 256));
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/** Throws `malformed_id` unless each is a bare lower-case uuid, the only form that anything is bound to. */
export function requireUuids(...ids: string[]): void {
  if (!ids.every(isUuid)) throw new SealError("malformed_id");
}

/** The bare uuid of an id of the API, such as "bkg_0197…" with the prefix "bkg". */
export function bareId(prefix: string, id: string): string {
  const bare = id.startsWith(`${prefix}_`) ? id.slice(prefix.length + 1) : "";
  requireUuids(bare);
  return bare;
}
