// From one password to the secret that signs in and the key that unlocks.

import { argon2id } from "@noble/hashes/argon2.js";
import { type Bytes, derive, utf8 } from "./bytes.ts";
import { SealError } from "./error.ts";

/** The only derivation there is: Argon2id (RFC 9106), 19456 KiB, two passes, one lane. */
export const KDF = "argon2id-19456-2-1";
export const SALT_SIZE = 16;

export interface Secrets {
  /** What the server sees, and keeps only as a hash. */
  readonly signIn: Bytes;
  /** Never leaves. */
  readonly unlock: Bytes;
}

/** Throws `kdf_refused`: a server that asks for less, or for another salt, is not obeyed. */
export function checkKdf(kdf: string, salt: Uint8Array): void {
  if (kdf !== KDF || salt.length !== SALT_SIZE) throw new SealError("kdf_refused");
}

/**
 * Blocks for a second or so: pages use `splitPasswordInWorker`. The password
 * is taken in NFC, so that two keyboards agree.
 */
export async function splitPassword(password: string, kdf: string, salt: Bytes): Promise<Secrets> {
  checkKdf(kdf, salt);
  const master = argon2id(utf8(password.normalize("NFC")), salt, { m: 19456, t: 2, p: 1, dkLen: 32 }) as Bytes;
  try {
    return { signIn: await derive(master, "siegel|sign-in|1"), unlock: await derive(master, "siegel|unlock|1") };
  } finally {
    master.fill(0);
  }
}
