/** Passwords and the member key: made, wrapped anew, and brought over, all in this browser. */
import { type Bytes, bareId, fromBase64, random, toBase64 } from "../seal/bytes.ts";
import { makeMemberKey, unwrapMemberKey, wrapMemberKey } from "../seal/member.ts";
import { KDF, SALT_SIZE, type Secrets } from "../seal/password.ts";
import { splitPasswordInWorker as split } from "../seal/workers.ts";
import { open, seedBy, wrapWith } from "./passkeys.ts";
import { withProof } from "./prove.ts";
import * as server from "./server.ts";

/** fresh derives a new password over a salt of its own. */
export async function fresh(password: string): Promise<{ salt: string; secrets: Secrets }> {
  const salt = random(SALT_SIZE);
  return { salt: toBase64(salt), secrets: await split(password, KDF, salt) };
}

/** prove shows the server a password that is known to the account, and returns what it unlocks with. */
async function prove(account: server.AccountBody, password: string): Promise<Bytes> {
  if (!account.password) throw new Error("no password to prove");
  const secrets = await split(password, account.password.kdf, fromBase64(account.password.salt));
  await server.confirm({ sign_in_secret: toBase64(secrets.signIn) });
  return secrets.unlock;
}

/** change gives the account another password and wraps its member key with it. Throws `wrong_proof` or `wrong_password` for the current one. */
export async function change(account: server.AccountBody, current: string, next: string): Promise<void> {
  const unlock = await prove(account, current);
  let seed: Bytes | undefined;
  try {
    seed = await unwrapMemberKey(unlock, bareId("acc", account.account), account.password?.wrapped_member_key ?? "");
    await store(account, next, seed);
  } finally {
    unlock.fill(0);
    seed?.fill(0);
  }
}

/** rescue opens the member key with a passkey and wraps it with a new password. */
export async function rescue(account: server.AccountBody, next: string): Promise<void> {
  const { passkey, prf } = await open(account.passkeys.filter(({ here, wrapped_member_key }) => here && wrapped_member_key));
  const seed = await seedBy(passkey, prf, account.account);
  try {
    await store(account, next, seed);
  } finally {
    seed.fill(0);
  }
}

async function store(account: server.AccountBody, next: string, seed: Bytes): Promise<void> {
  const { salt, secrets } = await fresh(next);
  const wrapped = await wrapMemberKey(secrets.unlock, bareId("acc", account.account), seed);
  secrets.unlock.fill(0);
  await withProof(() => server.setPassword({ salt, sign_in_secret: toBase64(secrets.signIn), wrapped_member_key: wrapped }));
}

/** begin makes a new member key under a password, for an account whose old one nothing opens or that has none. */
export async function begin(account: server.AccountBody, password: string): Promise<void> {
  const { salt, secrets } = await fresh(password);
  const made = await makeMemberKey(bareId("acc", account.account), secrets.unlock);
  secrets.unlock.fill(0);
  await withProof(() =>
    server.setPassword({ salt, sign_in_secret: toBase64(secrets.signIn), wrapped_member_key: made.wrapped, member_public_key: made.publicKey }),
  );
}

/** wrapFor wraps the member key for a passkey whose PRF is at hand; the password opens it. Throws `wrong_password`. */
export async function wrapFor(account: server.AccountBody, password: string, prf: Bytes): Promise<{ prf_salt: string; wrapped_member_key: string }> {
  if (!account.password?.wrapped_member_key) throw new Error("no member key");
  const secrets = await split(password, account.password.kdf, fromBase64(account.password.salt));
  let seed: Bytes | undefined;
  try {
    seed = await unwrapMemberKey(secrets.unlock, bareId("acc", account.account), account.password.wrapped_member_key);
    return await wrapWith(prf, account.account, seed);
  } finally {
    secrets.unlock.fill(0);
    seed?.fill(0);
  }
}
