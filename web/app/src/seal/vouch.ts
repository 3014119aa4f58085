// A member's word that an identity is the practice's. Only the member's key can
// make one, so that a keyring replaced as a whole, with an identity that lists
// the member's public key, is known even to a browser that has seen nothing.

import { type Bytes, derive, requireUuids, toBase64, utf8 } from "./bytes.ts";

/**
 * HMAC-SHA256, base64url. The member's own client makes it on joining, when
 * somebody compared fingerprints; the seed is that of the member's key.
 */
export async function makeVouch(seed: Bytes, by: { tenant: string; account: string }, fingerprint: string): Promise<string> {
  return vouchBy(await voucher(seed), by, fingerprint);
}

/** The part of a member's key that vouches; it cannot be read back. */
export async function voucher(seed: Bytes): Promise<CryptoKey> {
  const secret = await derive(seed, "siegel|vouch|1");
  const key = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  secret.fill(0);
  return key;
}

export async function vouchBy(key: CryptoKey, by: { tenant: string; account: string }, fingerprint: string): Promise<string> {
  requireUuids(by.tenant, by.account);
  const message = utf8(`${by.tenant}|${by.account}|${fingerprint}`);
  return toBase64(new Uint8Array(await crypto.subtle.sign("HMAC", key, message)));
}
