// The practice's keys: made by the first owner's browser, and opened by those
// whom the signed directory lists.

import { type Bytes, equal, random, requireUuids, toBase64, utf8 } from "./bytes.ts";
import {
  bookEntry,
  checkPin,
  type Directory,
  openDirectory,
  type SignedDirectory,
  writeDirectory,
} from "./directory.ts";
import { SealError } from "./error.ts";
import { gcmKey } from "./gcm.ts";
import { generateKey, type PrivateKey, privateKey } from "./hpke.ts";
import { generateSigner, importSigner, signWith } from "./identity.ts";
import { makeMemberKey, unwrapMemberKey } from "./member.ts";
import { checkKdf, KDF, type Secrets } from "./password.ts";
import { newRecoveryCode, onPaper, recoveryKey } from "./recovery.ts";
import { makeVouch, vouchBy, voucher } from "./vouch.ts";
import { type Kind, parseWrap, unwrapKey, type Wrap, wrapKey } from "./wrap.ts";

/** As served to a member: ciphertext and signatures. */
export interface ServedKeyring {
  readonly directory: SignedDirectory;
  readonly member_key: { readonly wrapped: string; readonly method: "password" };
  /** The member's own word for the directory's identity; see makeVouch. */
  readonly vouch: string;
  readonly keys: readonly Wrap[];
}

/** All that a server may have of a new keyring. Of sign_in_secret it keeps a hash alone. */
export interface NewKeyring extends ServedKeyring {
  /** UTC to the second. */
  readonly issued: Date;
  readonly expires: Date;
  readonly member_public: string;
  readonly kdf: string;
  readonly salt: string;
  readonly sign_in_secret: string;
}

/** An open keyring. It lives in memory and nowhere else; `lockKeyring` empties it. */
export interface Keyring {
  readonly directory: Directory;
  /**
   * Set where the member vouched for an identity that this one came from: the
   * word to store in the other's place.
   */
  readonly vouch: string | undefined;
  /** What opened it, to open what comes later; undefined where that was the recovery code. */
  member: OpenMember | undefined;
  /** Undefined for those who are no owner. */
  identity: CryptoKey | undefined;
  /** Private data keys by kid; each is one that the directory lists. */
  readonly data: Map<string, PrivateKey>;
  /** Book keys by epoch; each is one that the directory lists. */
  readonly books: Map<number, CryptoKey>;
}

/** Who asks for the keys, and what is remembered from before. */
export interface Holder {
  /** Bare uuids. */
  readonly tenant: string;
  readonly account: string;
  /**
   * Fingerprint and highest sequence seen before. With a recovery code the pin
   * is all that speaks for the identity.
   */
  readonly pin?: string | undefined;
  readonly sequence?: number | undefined;
}

/** A member's own key, open. It cannot be read back. */
export interface OpenMember {
  readonly key: PrivateKey;
  readonly voucher: CryptoKey;
}

/** What opens the keys. */
export type Opener = { readonly unlock: Bytes } | { readonly member: OpenMember } | { readonly recoveryCode: string };

/** What a server may have of a practice's first keys. */
export interface FirstKeys {
  readonly directory: SignedDirectory;
  readonly keys: readonly Wrap[];
  readonly vouch: string;
}

/**
 * Makes all keys of a practice with one owner. `stored` goes to the server;
 * the recovery code goes on paper and never to the server.
 */
export async function makeKeyring(owner: {
  tenant: string;
  account: string;
  salt: Bytes;
  secrets: Secrets;
  now: Date;
}): Promise<{ stored: NewKeyring; recoveryCode: string }> {
  const { tenant, account, salt, secrets } = owner;
  requireUuids(tenant, account);
  checkKdf(KDF, salt);
  const member = await makeMemberKey(account, secrets.unlock);
  const { first, recoveryCode } = await makeFirstKeys({
    tenant,
    account,
    unlock: secrets.unlock,
    wrapped: member.wrapped,
    now: owner.now,
  });
  const { issued, expires } = await openDirectory(first.directory);
  const stored: NewKeyring = {
    ...first,
    issued,
    expires,
    member_key: { wrapped: member.wrapped, method: "password" },
    member_public: member.publicKey,
    kdf: KDF,
    salt: toBase64(salt),
    sign_in_secret: toBase64(secrets.signIn),
  };
  return { stored, recoveryCode };
}

/**
 * Makes identity, data and book key and a recovery code for a practice whose
 * owner has a member key already. Throws `wrong_password`.
 */
export async function makeFirstKeys(owner: {
  tenant: string;
  account: string;
  unlock: Bytes;
  wrapped: string;
  now: Date;
}): Promise<{ first: FirstKeys; recoveryCode: string }> {
  const { tenant, account } = owner;
  requireUuids(tenant, account);
  const seed = await unwrapMemberKey(owner.unlock, account, owner.wrapped);
  const member = await privateKey(seed);
  const recoveryCode = await newRecoveryCode();
  const recovery = await onPaper(recoveryCode, tenant);
  const data = await generateKey();
  const book = random(32);
  const identity = await generateSigner();

  const issued = new Date(Math.floor(owner.now.getTime() / 1000) * 1000);
  const document = writeDirectory({
    tenant,
    issued,
    identity: identity.point,
    dataKey: data.key,
    bookKey: await bookEntry(tenant, 1, book),
    owner: { account, kid: member.kid, publicKey: member.publicKey },
    recovery,
  });
  const signature = await signWith(identity.key, document);
  const directory = { document: toBase64(document), signature: toBase64(signature) };
  const { fingerprint } = await openDirectory(directory);

  const practiceKeys: readonly [Kind, Bytes][] = [["identity", identity.scalar], ["data", data.seed], ["book", book]];
  const keys: Wrap[] = [];
  for (const holder of [member, recovery]) {
    for (const [kind, key] of practiceKeys) keys.push(await wrapKey(holder, tenant, kind, 1, key));
  }
  const vouch = await makeVouch(seed, { tenant, account }, fingerprint);
  for (const secret of [identity.scalar, data.seed, book, seed]) secret.fill(0);
  return { first: { directory, keys, vouch }, recoveryCode };
}

/**
 * Opens the keys. An expired directory opens too: an owner has to, so as to
 * sign it again. Throws `wrong_password`, `recovery_code_mistyped`,
 * `not_in_directory`, the codes of `openDirectory`, `directory_foreign`,
 * `directory_pin` where the identity is not the pinned one or the one that the
 * member vouched for, `directory_old`, and `tampered` where a wrapped key is
 * not the directory's.
 */
export async function unlockKeyring(served: ServedKeyring, holder: Holder, opener: Opener): Promise<Keyring> {
  const { directory, secrets, vouch, member } = await unwrapSecrets(served, holder, opener);
  const keyring: Keyring = { directory, vouch, member, identity: undefined, data: new Map(), books: new Map() };
  for (const one of secrets) {
    if (one.kind === "identity") keyring.identity = one.key;
    else if (one.kind === "data") keyring.data.set(one.key.kid, one.key);
    else keyring.books.set(one.epoch, one.key);
    one.secret.fill(0);
  }
  return keyring;
}

/** A practice key that was unwrapped and is one that the directory lists. Whoever asked for it overwrites `secret`. */
export type Secret =
  | { readonly kind: "identity"; readonly epoch: number; readonly secret: Bytes; readonly key: CryptoKey }
  | { readonly kind: "data"; readonly epoch: number; readonly secret: Bytes; readonly key: PrivateKey }
  | { readonly kind: "book"; readonly epoch: number; readonly secret: Bytes; readonly key: CryptoKey };

/** Opens what `unlockKeyring` opens, with the same checks and errors, and leaves the secrets to the caller. */
export async function unwrapSecrets(
  served: ServedKeyring,
  holder: Holder,
  opener: Opener,
): Promise<{ directory: Directory; secrets: Secret[]; vouch: string | undefined; member: OpenMember | undefined }> {
  const { tenant, account } = holder;
  requireUuids(tenant, account);
  let key: PrivateKey;
  let directory: Directory;
  let vouch: string | undefined;
  let member: OpenMember | undefined;
  if ("recoveryCode" in opener) {
    key = await recoveryKey(opener.recoveryCode, tenant);
    directory = await openOwnDirectory(served, holder);
    if (directory.recovery.kid !== key.kid) throw new SealError("not_in_directory");
  } else {
    member = "member" in opener ? opener.member : await openMember(opener.unlock, account, served);
    key = member.key;
    directory = await openOwnDirectory(served, holder);
    // Before anything that the directory says is believed, even who the member
    // is: whoever made it up knows the member's public key and can list it.
    vouch = await renewed(member.voucher, served, holder, directory);
    const { kid } = key;
    if (!directory.members.some((one) => one.account === account && one.kid === kid)) throw new SealError("not_in_directory");
  }

  const secrets: Secret[] = [];
  try {
    for (const wrap of served.keys.map(parseWrap)) {
      if (wrap.holder !== key.kid) continue;
      if (secrets.some((one) => one.kind === wrap.kind && one.epoch === wrap.epoch)) throw new SealError("tampered");
      secrets.push(await verified(directory, wrap, await unwrapKey(key, tenant, wrap)));
    }
  } catch (cause) {
    for (const one of secrets) one.secret.fill(0);
    throw cause;
  }
  return { directory, secrets, vouch, member };
}

async function openMember(unlock: Bytes, account: string, served: ServedKeyring): Promise<OpenMember> {
  const seed = await unwrapMemberKey(unlock, account, served.member_key.wrapped);
  try {
    return { key: await privateKey(seed), voucher: await voucher(seed) };
  } finally {
    seed.fill(0);
  }
}

/**
 * Accepts a word for the directory's identity, and one for an identity that it
 * came from, whose lineage is already known to hold: then it gives the word to
 * store instead.
 */
async function renewed(by: CryptoKey, served: ServedKeyring, holder: Holder, directory: Directory): Promise<string | undefined> {
  const said = typeof served.vouch === "string" ? utf8(served.vouch) : new Uint8Array(0);
  const word = await vouchBy(by, holder, directory.fingerprint);
  if (equal(said, utf8(word))) return undefined;
  for (const fingerprint of directory.former) {
    if (equal(said, utf8(await vouchBy(by, holder, fingerprint)))) return word;
  }
  throw new SealError("directory_pin");
}

/** The signed directory, as far as it can be checked without a key. */
async function openOwnDirectory(served: ServedKeyring, holder: Holder): Promise<Directory> {
  const directory = await openDirectory(served.directory);
  if (directory.tenant !== holder.tenant) throw new SealError("directory_foreign");
  checkPin(directory, holder.pin);
  if (holder.sequence !== undefined && directory.sequence < holder.sequence) throw new SealError("directory_old");
  return directory;
}

/**
 * Accepts an unwrapped key. Anyone can wrap for a public key, so a key counts
 * only where the directory lists its public part or, for a book key, its check.
 */
async function verified(directory: Directory, wrap: Wrap, secret: Bytes): Promise<Secret> {
  const { kind, epoch } = wrap;
  try {
    switch (kind) {
      case "identity":
        return { kind, epoch, secret, key: await importSigner(secret, directory.identity) };
      case "data": {
        const key = await privateKey(secret);
        if (!directory.dataKeys.some((entry) => entry.kid === key.kid && entry.epoch === epoch)) throw new SealError("tampered");
        return { kind, epoch, secret, key };
      }
      case "book": {
        const listed = directory.bookKeys.find((entry) => entry.epoch === epoch);
        const { check } = await bookEntry(directory.tenant, epoch, secret);
        if (!listed || !equal(check, listed.check)) throw new SealError("tampered");
        return { kind, epoch, secret, key: await gcmKey(secret) };
      }
    }
  } catch (cause) {
    secret.fill(0);
    throw cause;
  }
}

/** Forgets the keys, as far as a script can. */
export function lockKeyring(keyring: Keyring): void {
  keyring.identity = undefined;
  keyring.member = undefined;
  keyring.data.clear();
  keyring.books.clear();
}

/**
 * The newest book key that the directory lists, and its epoch, for new cards;
 * `unknown_key` where it is not here: an older one, which somebody who left may
 * know, does not stand in for it.
 */
export function newestBook(keyring: Keyring): { key: CryptoKey; epoch: number } {
  const { epoch } = keyring.directory.bookKeys.at(-1)!;
  const key = keyring.books.get(epoch);
  if (key === undefined) throw new SealError("unknown_key");
  return { key, epoch };
}
