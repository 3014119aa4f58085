// The printed recovery code and the key that it gives.

import { type Bytes, concat, derive, equal, random, requireUuids, sha256 } from "./bytes.ts";
import type { OnPaper } from "./directory.ts";
import { SealError } from "./error.ts";
import { gcmKey, gcmOpen, gcmSeal } from "./gcm.ts";
import { type PrivateKey, privateKey } from "./hpke.ts";
import { generateSigner, importSigner } from "./identity.ts";

/** Douglas Crockford's alphabet: no I, L, O or U. */
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const SECRET_SIZE = 16;
const CHECK_SIZE = 4;

/** 128 random bits and a checksum, in eight groups of four. */
export async function newRecoveryCode(): Promise<string> {
  const secret = random(SECRET_SIZE);
  return formatRecoveryCode(secret);
}

export async function formatRecoveryCode(secret: Bytes): Promise<string> {
  let bits = 0n;
  for (const byte of concat(secret, await checksum(secret))) bits = (bits << 8n) | BigInt(byte);
  let text = "";
  for (let shift = 155n; shift >= 0n; shift -= 5n) text += ALPHABET[Number((bits >> shift) & 31n)];
  return text.match(/.{4}/g)!.join("-");
}

/**
 * Reads a code as people type it: in either case, with O for 0, I and L for 1,
 * with or without spaces and hyphens. Throws `recovery_code_mistyped`; the
 * server need not be asked.
 */
export async function parseRecoveryCode(typed: string): Promise<Bytes> {
  const plain = typed.toUpperCase().replace(/[- \t\r\n\u00a0]/g, "").replaceAll("O", "0").replace(/[IL]/g, "1");
  if (plain.length !== 32) throw new SealError("recovery_code_mistyped");
  let bits = 0n;
  for (const letter of plain) {
    const value = ALPHABET.indexOf(letter);
    if (value < 0) throw new SealError("recovery_code_mistyped");
    bits = (bits << 5n) | BigInt(value);
  }
  const bytes = new Uint8Array(SECRET_SIZE + CHECK_SIZE);
  for (let i = bytes.length - 1; i >= 0; i--, bits >>= 8n) bytes[i] = Number(bits & 255n);
  const secret = bytes.slice(0, SECRET_SIZE);
  if (!equal(bytes.subarray(SECRET_SIZE), await checksum(secret))) throw new SealError("recovery_code_mistyped");
  return secret;
}

/** A tenant's recovery key. Its kid equals the directory's where the code is the practice's. */
export async function recoveryKey(typed: string, tenant: string): Promise<PrivateKey> {
  requireUuids(tenant);
  return privateKey(await derive(await parseRecoveryCode(typed), `siegel|recovery|1|${tenant}`));
}

/** What a directory says of a code: its key, and a fresh signing key whose private part only the code opens. */
export async function onPaper(typed: string, tenant: string): Promise<OnPaper> {
  const { kid, publicKey } = await recoveryKey(typed, tenant);
  const { point, scalar } = await generateSigner();
  try {
    const sealed = await gcmSeal(await signerKey(typed, tenant), scalar, signerInfo(tenant));
    return { kid, publicKey, signer: { publicKey: point, sealed } };
  } finally {
    scalar.fill(0);
  }
}

/** Opens the signing key that a directory lists for the code; `unknown_key` where it lists none, `tampered`. */
export async function recoverySigner(typed: string, tenant: string, of: OnPaper): Promise<CryptoKey> {
  if (!of.signer) throw new SealError("unknown_key");
  const scalar = await gcmOpen(await signerKey(typed, tenant), of.signer.sealed, signerInfo(tenant));
  try {
    return await importSigner(scalar, of.signer.publicKey);
  } finally {
    scalar.fill(0);
  }
}

async function signerKey(typed: string, tenant: string): Promise<CryptoKey> {
  const secret = await derive(await parseRecoveryCode(typed), signerInfo(tenant));
  const key = await gcmKey(secret);
  secret.fill(0);
  return key;
}

const signerInfo = (tenant: string) => `siegel|recovery-signer|1|${tenant}`;

async function checksum(secret: Bytes): Promise<Bytes> {
  return (await sha256(secret)).slice(0, CHECK_SIZE);
}
