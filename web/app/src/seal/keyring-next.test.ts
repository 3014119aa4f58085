import { beforeAll, describe, expect, test } from "vitest";
import { type Bytes, fromBase64, random, toBase64 } from "./bytes.ts";
import { openDirectory } from "./directory.ts";
import { makeKeyring, type NewKeyring, type ServedKeyring, unlockKeyring } from "./keyring.ts";
import { type Bare, forgetBare, nextKeyring, openBare, resignDirectory } from "./keyring-next.ts";
import { makeMemberKey, vouchFor } from "./member.ts";
import { KDF, type Secrets, splitPassword } from "./password.ts";
import { newRecoveryCode } from "./recovery.ts";
import { ACCOUNT, codeOf, TENANT_A } from "./testkit.ts";
import { joiningWords, practiceWords } from "./words.ts";

const NOW = new Date("2026-11-22T08:00:00Z");
const LATER = new Date("2026-12-22T08:00:00Z");
const COLLEAGUE = "0197f000-0000-7000-8000-0000000000ad";
const holder = { tenant: TENANT_A, account: ACCOUNT };

let secrets: Secrets;
let stored: NewKeyring;
let recoveryCode: string;
let colleague: { publicKey: string; wrapped: string; unlock: Bytes };

beforeAll(async () => {
  const salt = random(16);
  secrets = await splitPassword("sechs gute worte zum testen hier", KDF, salt);
  ({ stored, recoveryCode } = await makeKeyring({ ...holder, salt, secrets, now: NOW }));
  const unlock = random(32);
  colleague = { ...(await makeMemberKey(COLLEAGUE, unlock)), unlock };
});

const bare = () => openBare(stored, holder, { unlock: secrets.unlock });

async function member(role: "owner" | "front_desk" = "front_desk") {
  const publicKey = fromBase64(colleague.publicKey);
  const { kidOf } = await import("./bytes.ts");
  return { account: COLLEAGUE, role, kid: await kidOf(publicKey), publicKey };
}

/** What the server then serves to the colleague. */
async function servedTo(next: Awaited<ReturnType<typeof nextKeyring>>, keys = next.keys): Promise<ServedKeyring> {
  const vouch = await vouchFor(colleague.unlock, colleague.wrapped, { tenant: TENANT_A, account: COLLEAGUE }, next.opened.fingerprint);
  return { directory: next.directory, member_key: { wrapped: colleague.wrapped, method: "password" }, vouch, keys };
}

async function admitted(role: "owner" | "front_desk" = "front_desk") {
  const open = await bare();
  const next = await nextKeyring(open, { now: LATER, members: [...open.directory.members, await member(role)] });
  return { open, next };
}

describe("the next keyring", () => {
  test("who is admitted opens data and book keys, and not the identity", async () => {
    const { next } = await admitted();
    expect(next.keys.every((wrap) => wrap.kind !== "identity")).toBe(true);
    const keyring = await unlockKeyring(await servedTo(next), { tenant: TENANT_A, account: COLLEAGUE }, { unlock: colleague.unlock });
    expect([keyring.identity, keyring.data.size, keyring.books.size]).toEqual([undefined, 1, 1]);
    expect(next.opened.sequence).toBe(2);
  });

  test("a second owner gets the identity too", async () => {
    const { next } = await admitted("owner");
    const keyring = await unlockKeyring(await servedTo(next), { tenant: TENANT_A, account: COLLEAGUE }, { unlock: colleague.unlock });
    expect(keyring.identity).toBeDefined();
  });

  test("who leaves is revoked, and the keys of the next epoch are for those who stay", async () => {
    const { open, next } = await admitted();
    const after: Bare = { ...open, directory: next.opened, hash: random(32) };
    const gone = await nextKeyring(after, { now: LATER, members: open.directory.members, rotate: true });
    const { kid } = await member();
    expect(gone.opened.revoked).toContain(kid);
    expect(gone.keys.some((wrap) => wrap.holder === kid)).toBe(false);
    expect(gone.keys.map(({ kind, epoch }) => `${kind} ${epoch}`).sort()).toEqual(["book 2", "book 2", "data 2", "data 2"]);
    expect(gone.opened.dataKeys.at(-1)!.epoch).toBe(2);
    // And the wraps of before do not open what the next directory lists anew.
    const served = await servedTo(gone, [...next.keys, ...gone.keys]);
    expect(await codeOf(() => unlockKeyring(served, { tenant: TENANT_A, account: COLLEAGUE }, { unlock: colleague.unlock }))).toBe("not_in_directory");
  });

  test("the recovery code opens the keys in an empty browser, for a new key of the owner", async () => {
    const unlock = random(32);
    const fresh = await makeMemberKey(ACCOUNT, unlock);
    const open = await openBare({ ...stored, vouch: "" }, holder, { recoveryCode });
    const publicKey = fromBase64(fresh.publicKey);
    const { kidOf } = await import("./bytes.ts");
    const next = await nextKeyring(open, { now: LATER, members: [{ account: ACCOUNT, role: "owner", kid: await kidOf(publicKey), publicKey }] });
    const vouch = await vouchFor(unlock, fresh.wrapped, holder, next.opened.fingerprint);
    const keyring = await unlockKeyring({ directory: next.directory, member_key: { wrapped: fresh.wrapped, method: "password" }, vouch, keys: next.keys }, holder, { unlock });
    expect([keyring.identity !== undefined, keyring.data.size, keyring.books.size]).toEqual([true, 1, 1]);
    expect(next.opened.revoked).toEqual(open.directory.members.map(({ kid }) => kid));
  });

  test("a new recovery code makes the old one void", async () => {
    const open = await bare();
    const code = await newRecoveryCode();
    const next = await nextKeyring(open, { now: LATER, recoveryCode: code });
    const served = { ...stored, directory: next.directory, keys: [...stored.keys, ...next.keys] };
    expect(await codeOf(() => unlockKeyring(served, holder, { recoveryCode }))).toBe("not_in_directory");
    expect((await unlockKeyring(served, holder, { recoveryCode: code })).identity).toBeDefined();
  });

  test("only who holds the identity key signs", async () => {
    const { next } = await admitted();
    const served = await servedTo(next);
    expect(await codeOf(() => openBare(served, { tenant: TENANT_A, account: COLLEAGUE }, { unlock: colleague.unlock }))).toBe("unknown_key");
  });

  test.each([
    ["another identity than it knew", { pin: "A".repeat(43) }, "directory_pin"],
    ["an older directory than it saw", { sequence: 2 }, "directory_old"],
  ])("an owner's browser does not sign on %s", async (_, known, code) => {
    expect(await codeOf(() => openBare(stored, { ...holder, ...known }, { unlock: secrets.unlock }))).toBe(code);
  });

  test("signing again changes the time alone", async () => {
    const open = await bare();
    const signed = await resignDirectory(open.identity.key, stored.directory, LATER);
    const before = await openDirectory(stored.directory);
    const after = await openDirectory(signed);
    expect([after.sequence, after.issued, toBase64(after.previous)]).toEqual([2, LATER, toBase64(open.hash)]);
    expect({ ...after, sequence: 0, previous: 0, issued: 0, expires: 0 }).toEqual({ ...before, sequence: 0, previous: 0, issued: 0, expires: 0 });
  });

  test("bare keys are overwritten afterwards", async () => {
    const open = await bare();
    forgetBare(open);
    expect([open.identity.scalar, ...open.data.values(), ...open.books.values()].every((secret) => secret.every((byte) => byte === 0))).toBe(true);
  });
});

describe("six words", { timeout: 30_000 }, () => {
  const of = { tenant: TENANT_A, account: ACCOUNT, fingerprint: "A".repeat(43), publicKey: new Uint8Array(1216) };

  test("are pronounceable, and the same for both", async () => {
    const words = await joiningWords(of);
    expect(words).toHaveLength(6);
    for (const word of words) expect(word).toMatch(/^([bdfghjklmnprstwz][aiou]){3}$/);
    expect(await joiningWords({ ...of, publicKey: new Uint8Array(1216) })).toEqual(words);
  });

  test("are those of the connector", async () => {
    const ids = { tenant: "01975b1e-0000-7000-8000-000000000001", account: "01975b1e-0000-7000-8000-000000000002" };
    const words = await joiningWords({ ...ids, fingerprint: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", publicKey: new Uint8Array(32).fill(7) });
    expect(words).toEqual(["bususo", "fizawi", "potoba", "fuwosi", "pafadu", "lutiro"]);
  });

  test("differ where identity, key or person do", async () => {
    const words = await joiningWords(of);
    const key = new Uint8Array(1216).fill(1);
    for (const other of [{ fingerprint: `B${"A".repeat(42)}` }, { publicKey: key }, { account: COLLEAGUE }]) {
      expect(await joiningWords({ ...of, ...other })).not.toEqual(words);
    }
  });

  test("of a practice follow from its fingerprint", () => {
    expect(practiceWords("A".repeat(43))).toEqual(Array(6).fill("bababa"));
    expect(new Set(practiceWords("_".repeat(42) + "8"))).toEqual(new Set(["zuzuzu"]));
  });
});
