// The keys that sign: a practice's identity, and the one of its recovery code.

import { type Bytes, concat, fromBase64, random, toBase64 } from "./bytes.ts";
import { CURVE, SIGNING } from "./directory.ts";
import { SealError } from "./error.ts";

export async function generateSigner(): Promise<{ key: CryptoKey; point: Bytes; scalar: Bytes }> {
  const pair = await crypto.subtle.generateKey(CURVE, true, ["sign", "verify"]);
  const jwk = await crypto.subtle.exportKey("jwk", pair.privateKey);
  const point = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  return { key: pair.privateKey, point, scalar: fromBase64(jwk.d ?? "") };
}

/** Throws `tampered` where the scalar is not the point's. */
export async function importSigner(scalar: Bytes, point: Bytes): Promise<CryptoKey> {
  const jwk: JsonWebKey = {
    kty: "EC",
    crv: "P-256",
    d: toBase64(scalar),
    x: toBase64(point.subarray(1, 33)),
    y: toBase64(point.subarray(33)),
  };
  try {
    const key = await crypto.subtle.importKey("jwk", jwk, CURVE, false, ["sign"]);
    // Not every browser compares the scalar with the point; a signature does.
    const probe = concat(random(16));
    const signature = await crypto.subtle.sign(SIGNING, key, probe);
    const verifier = await crypto.subtle.importKey("raw", point, CURVE, false, ["verify"]);
    if (await crypto.subtle.verify(SIGNING, verifier, signature, probe)) return key;
  } catch (cause) {
    throw new SealError("tampered", { cause });
  }
  throw new SealError("tampered");
}

export async function signWith(key: CryptoKey, message: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.sign(SIGNING, key, message));
}
