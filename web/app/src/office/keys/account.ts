/** A new account, or the proof of one that is there: what a link asks for. */
import { call } from "../../api/call.ts";
import { bareId, fromBase64, random, toBase64 } from "../../seal/bytes.ts";
import { makeMemberKey } from "../../seal/member.ts";
import { KDF, SALT_SIZE } from "../../seal/password.ts";
import { splitPasswordInWorker } from "../../seal/workers.ts";

export interface NewAccount {
  salt: string;
  sign_in_secret: string;
  wrapped_member_key: string;
  member_public_key: string;
}

/**
 * Makes what the server may have of a new account; the id is what the link
 * said. The password is one that account/strength.ts found to be enough.
 */
export async function newAccount(account: string, password: string): Promise<NewAccount> {
  const salt = random(SALT_SIZE);
  const secrets = await splitPasswordInWorker(password, KDF, salt);
  const { publicKey, wrapped } = await makeMemberKey(bareId("acc", account), secrets.unlock);
  secrets.unlock.fill(0);
  return { salt: toBase64(salt), sign_in_secret: toBase64(secrets.signIn), wrapped_member_key: wrapped, member_public_key: publicKey };
}

/** Shows that an account is one's own. */
export async function knownAccount(email: string, password: string): Promise<{ email: string; sign_in_secret: string }> {
  const start = await call("POST", "/session/start", { body: { email } });
  const secrets = await splitPasswordInWorker(password, start.kdf, fromBase64(start.salt));
  secrets.unlock.fill(0);
  return { email, sign_in_secret: toBase64(secrets.signIn) };
}
