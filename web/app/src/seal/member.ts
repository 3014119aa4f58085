// A member's own key: one per account, made in the member's browser, and kept
// by the server only as ciphertext under the unlock half of the password.

import { type Bytes, fromBase64, toBase64 } from "./bytes.ts";
import { SealError } from "./error.ts";
import { gcmKey, gcmOpen, gcmSeal, NONCE_SIZE } from "./gcm.ts";
import { generateKey } from "./hpke.ts";
import { SEED_SIZE, TAG_SIZE } from "./sizes.ts";
import { makeVouch } from "./vouch.ts";

/** What a server may have of a new member key. */
export interface NewMember {
  readonly publicKey: string;
  readonly wrapped: string;
}

/** A fresh member key for an account, which is a bare uuid. */
export async function makeMemberKey(account: string, unlock: Bytes): Promise<NewMember> {
  const { seed, key } = await generateKey();
  try {
    return { publicKey: toBase64(key.publicKey), wrapped: await wrapMemberKey(unlock, account, seed) };
  } finally {
    seed.fill(0);
  }
}

export async function wrapMemberKey(unlock: Bytes, account: string, seed: Bytes): Promise<string> {
  return toBase64(await gcmSeal(await gcmKey(unlock), seed, memberAad(account)));
}

/** The seed of the member's key; `wrong_password` or `malformed_key`. The caller overwrites it. */
export async function unwrapMemberKey(unlock: Bytes, account: string, wrapped: string): Promise<Bytes> {
  const bytes = fromBase64(wrapped);
  if (bytes.length !== NONCE_SIZE + SEED_SIZE + TAG_SIZE) throw new SealError("malformed_key");
  const key = await gcmKey(unlock);
  try {
    return await gcmOpen(key, bytes, memberAad(account));
  } catch (cause) {
    // A wrong password and an altered key look the same.
    throw new SealError("wrong_password", { cause });
  }
}

/** The member's word for a fingerprint that was compared just now. */
export async function vouchFor(
  unlock: Bytes,
  wrapped: string,
  by: { tenant: string; account: string },
  fingerprint: string,
): Promise<string> {
  const seed = await unwrapMemberKey(unlock, by.account, wrapped);
  try {
    return await makeVouch(seed, by, fingerprint);
  } finally {
    seed.fill(0);
  }
}

function memberAad(account: string): string {
  return `siegel|member|1|${account}|password`;
}
