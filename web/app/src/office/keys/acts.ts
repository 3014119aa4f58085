/**
 * What an owner does with the practice's keys. Each act asks anew for the
 * password or a passkey: bare keys are in memory only while it lasts.
 */
import { get, PasskeyError, unlockKey } from "../../account/passkeys.ts";
import { confirm, type PasskeyBody, startAssertion } from "../../account/server.ts";
import { serverNow } from "../../api/http.ts";
import { type Bytes, bareId, fromBase64 } from "../../seal/bytes.ts";
import type { Member, Role } from "../../seal/directory.ts";
import { openDirectory } from "../../seal/directory.ts";
import { SealError } from "../../seal/error.ts";
import { makeFirstKeys, type Opener, type ServedKeyring } from "../../seal/keyring.ts";
import { type Bare, forgetBare, nextKeyring, openBare } from "../../seal/keyring-next.ts";
import { vouchFor } from "../../seal/member.ts";
import { newRecoveryCode, parseRecoveryCode, recoveryKey } from "../../seal/recovery.ts";
import { joiningWords } from "../../seal/words.ts";
import { splitPasswordInWorker } from "../../seal/workers.ts";
import { recall } from "../seen.ts";
import { type SessionBody, startSession } from "../server.ts";
import { saltOf, signInSecret } from "../unlock.ts";
import { changeRole, getHeld, getRecoveryHeld, type HeldKeyring, type KeysBody, type People, type Person, type PersonRole, postKeyring, proveRecovery, putKeyring, putVouch, removePerson } from "./client.ts";

export type Me = Pick<SessionBody, "tenant" | "account" | "email">;

export const now = () => new Date(serverNow());
const idsOf = (me: Me) => ({ tenant: bareId("ten", me.tenant), account: bareId("acc", me.account) });

/** How somebody shows that it is really they: with a password, or with one of these passkeys. */
export type Proof = { password: string } | { passkeys: readonly PasskeyBody[] };

/** What opens the member key: as the password wrapped it, or as given. */
export interface Unlocking {
  unlock: Bytes;
  wrapped?: string;
}

/** Shows the server that it is really the person, and opens nothing. Throws wrong_proof, PasskeyError. */
export async function shown(me: Me, proof: Proof): Promise<void> {
  if ("password" in proof) (await proven(me, proof)).unlock.fill(0);
  else (await byPasskey(proof.passkeys)).prf?.fill(0);
}

/** Shows it too, and has what unlocks. Throws wrong_proof, PasskeyError; also where the passkey that answers unlocks nothing. */
export async function proven(me: Me, proof: Proof): Promise<Unlocking> {
  if ("password" in proof) {
    const start = await startSession(me.email);
    const secrets = await splitPasswordInWorker(proof.password, start.kdf, saltOf(start.salt));
    await confirm({ sign_in_secret: signInSecret(secrets) });
    return { unlock: secrets.unlock };
  }
  const passkeys = proof.passkeys.filter(unlocks);
  const { id, prf } = await byPasskey(passkeys);
  const passkey = passkeys.find((one) => one.id === id);
  if (!passkey || !prf) throw new PasskeyError("passkey_unsupported");
  return { unlock: await unlockKey(prf, fromBase64(passkey.prf_salt ?? "")), wrapped: passkey.wrapped_member_key };
}

/** Whether a passkey opens the member key in this office. */
export const unlocks = ({ here, wrapped_member_key }: PasskeyBody): boolean => here && wrapped_member_key !== undefined;

/** One answer of the authenticator is both: the proof, and its PRF. */
async function byPasskey(passkeys: readonly PasskeyBody[]) {
  const used = await get(await startAssertion(), passkeys.map(({ id }) => id));
  await confirm({ assertion: used.answered });
  return used;
}

/** What is held, with the member key in the wrapping that the proof opens. */
export async function heldFor({ wrapped }: Unlocking): Promise<HeldKeyring> {
  const held = await getHeld();
  return wrapped === undefined ? held : { ...held, member_key: { ...held.member_key, wrapped } };
}

function listed(held: HeldKeyring): ServedKeyring {
  if (held.directory === null) throw new SealError("not_in_directory");
  return { ...held, directory: held.directory, vouch: held.vouch ?? "" };
}

/** What this browser knows of the practice from before. */
function known(tenant: string): { pin?: string; sequence?: number } {
  const seen = recall(tenant);
  return seen ? { pin: seen.fingerprint, sequence: seen.sequence } : {};
}

export async function withBare<T>(me: Me, opener: Opener, held: HeldKeyring, act: (bare: Bare, served: ServedKeyring) => Promise<T>): Promise<T> {
  const ids = idsOf(me);
  const served = listed(held);
  const bare = await openBare(served, { ...ids, ...known(ids.tenant) }, opener);
  try {
    return await act(bare, served);
  } finally {
    forgetBare(bare);
  }
}

/** Done tells the office to open what there is now. What unlocks is then overwritten by whoever opens. */
export type Done = (by: Unlocking) => Promise<void>;

export async function change<T>(me: Me, proof: Proof, done: Done, act: (bare: Bare) => Promise<T>): Promise<T> {
  const by = await proven(me, proof);
  const result = await withBare(me, { unlock: by.unlock }, await heldFor(by), act);
  await done(by);
  return result;
}

/** Makes the practice's first keys. The code is for paper; it is shown once. */
export async function makeFirst(me: Me, proof: Proof, done: Done): Promise<string> {
  const by = await proven(me, proof);
  const held = await heldFor(by);
  const { first, recoveryCode } = await makeFirstKeys({ ...idsOf(me), unlock: by.unlock, wrapped: held.member_key.wrapped, now: now() });
  await postKeyring({ directory: first.directory, keys: first.keys, vouch: first.vouch });
  await done(by);
  return recoveryCode;
}

/** The code that was typed is the one that the directory lists. Throws recovery_code_mistyped, not_in_directory. */
export async function proveCode(me: Me, typed: string): Promise<void> {
  await parseRecoveryCode(typed);
  const directory = await openDirectory(listed(await getHeld()).directory);
  const { kid } = await recoveryKey(typed, idsOf(me).tenant);
  if (kid !== directory.recovery.kid) throw new SealError("not_in_directory");
  await proveRecovery();
}

/** A code that is on no server yet: print it, type it back, then `replaceCode`. */
export const freshCode = newRecoveryCode;

/** Makes the old recovery code void. */
export const replaceCode = (me: Me, proof: Proof, code: string, done: Done) =>
  change(me, proof, done, async (bare) => {
    const { directory, keys } = await nextKeyring(bare, { now: now(), recoveryCode: code });
    await putKeyring({ directory, keys, recovery_proven: true });
  });

/** Begins new data and book keys for everybody who is listed. */
export const rotate = (me: Me, proof: Proof, done: Done) =>
  change(me, proof, done, async (bare) => {
    const { directory, keys } = await nextKeyring(bare, { now: now(), rotate: true });
    await putKeyring({ directory, keys });
  });

/** The words that this owner compares with those on the new member's screen. */
export const wordsFor = (me: Me, person: Pick<Person, "account" | "public">): Promise<string[]> => wordsOf(me, bareId("acc", person.account), person.public);

/** The same for whoever joins: a person, or a program in the practice. The account is bare. */
export async function wordsOf(me: Me, account: string, publicKey: string): Promise<string[]> {
  const ids = idsOf(me);
  const directory = await openDirectory(listed(await getHeld()).directory);
  // Only what this browser saw when it unlocked is the practice's identity.
  const pin = recall(ids.tenant)?.fingerprint;
  if (pin !== undefined && pin !== directory.fingerprint) throw new SealError("directory_pin");
  return joiningWords({ tenant: ids.tenant, account, fingerprint: directory.fingerprint, publicKey: fromBase64(publicKey) }, splitPasswordInWorker);
}

async function memberOf(person: Pick<Person, "account" | "public">, role: Role): Promise<Member> {
  const publicKey = fromBase64(person.public);
  const { kidOf } = await import("../../seal/bytes.ts");
  return { account: bareId("acc", person.account), role, kid: await kidOf(publicKey), publicKey };
}

/** Puts somebody into the directory, after the words were compared, and wraps the keys for them. */
export const admit = (me: Me, proof: Proof, person: Person, done: Done) =>
  change(me, proof, done, async (bare) => {
    if (person.role === "billing") throw new SealError("not_in_directory");
    const member = await memberOf(person, person.role);
    const members = [...bare.directory.members.filter(({ account }) => account !== member.account), member];
    const { directory, keys } = await nextKeyring(bare, { now: now(), members });
    await putKeyring({ directory, keys });
  });

/** What an owner's leaving calls for: who was listed as one knows the identity key. */
async function succession(bare: Bare, account: string, code: string): Promise<{ code: string } | undefined> {
  if (bare.directory.members.find((one) => one.account === account)?.role !== "owner") return undefined;
  const { kid } = await recoveryKey(code, bare.directory.tenant);
  if (kid !== bare.directory.recovery.kid) throw new SealError("not_in_directory");
  if (!bare.directory.recovery.signer) throw new SealError("sheet_too_old");
  return { code };
}

/**
 * Somebody leaves, or lost a device: with the name go the wraps, and new keys
 * begin. With an owner goes the identity, for which the printed code is needed.
 */
export async function dismiss(me: Me, proof: Proof, person: Person, code: string, done: Done): Promise<People> {
  const account = bareId("acc", person.account);
  const by = await proven(me, proof);
  const held = await heldFor(by);
  let keyring: KeysBody | undefined;
  if (held.directory !== null && (await openDirectory(held.directory)).members.some((one) => one.account === account)) {
    keyring = await withBare(me, { unlock: by.unlock }, held, async (bare) => {
      const members = bare.directory.members.filter((one) => one.account !== account);
      const { directory, keys } = await nextKeyring(bare, { now: now(), members, rotate: true, succeed: await succession(bare, account, code) });
      return { directory, keys };
    });
  }
  const people = await removePerson(person.account, keyring);
  if (keyring) await done(by);
  return people;
}

/** Gives somebody another role, in the directory too where they are in it. */
export async function reassign(me: Me, proof: Proof, person: Person, role: PersonRole, code: string, done: Done): Promise<People> {
  const account = bareId("acc", person.account);
  const by = await proven(me, proof);
  const held = await heldFor(by);
  let keyring: KeysBody | undefined;
  if (held.directory !== null && (await openDirectory(held.directory)).members.some((one) => one.account === account)) {
    keyring = await withBare(me, { unlock: by.unlock }, held, async (bare) => {
      const members = bare.directory.members.flatMap((one) => (one.account !== account ? [one] : role === "billing" ? [] : [{ ...one, role }]));
      const { directory, keys } = await nextKeyring(bare, { now: now(), members, rotate: role === "billing", succeed: role === "owner" ? undefined : await succession(bare, account, code) });
      return { directory, keys };
    });
  }
  const people = await changeRole(person.account, role, keyring);
  if (keyring) await done(by);
  return people;
}

/** What a new member's own screen shows. */
export async function myWords(me: Me, held: HeldKeyring): Promise<string[]> {
  const ids = idsOf(me);
  const directory = await openDirectory(listed(held).directory);
  return joiningWords({ ...ids, fingerprint: directory.fingerprint, publicKey: fromBase64(held.member_public) }, splitPasswordInWorker);
}

/** The new member says that the words are alike: the identity that was shown is vouched for. */
export async function vouch(me: Me, proof: Proof, held: HeldKeyring): Promise<Unlocking> {
  const by = await proven(me, proof);
  const directory = await openDirectory(listed(held).directory);
  await putVouch(await vouchFor(by.unlock, by.wrapped ?? held.member_key.wrapped, idsOf(me), directory.fingerprint));
  return by;
}

/** An owner whose member key is another gets the practice's keys back with the printed code, in any browser. */
export async function recover(me: Me, proof: Proof, code: string, done: Done): Promise<void> {
  const ids = idsOf(me);
  await parseRecoveryCode(code);
  const by = await proven(me, proof);
  const mine = await heldFor(by);
  await withBare(me, { recoveryCode: code }, await getRecoveryHeld(), async (bare) => {
    const member = await memberOf({ account: me.account, public: mine.member_public }, "owner");
    const members = [...bare.directory.members.filter(({ account }) => account !== ids.account), member];
    const { directory, keys, opened } = await nextKeyring(bare, { now: now(), members });
    const word = await vouchFor(by.unlock, mine.member_key.wrapped, ids, opened.fingerprint);
    await putKeyring({ directory, keys, vouch: word });
  });
  await done(by);
}
