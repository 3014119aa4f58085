import { beforeAll, describe, expect, test } from "vitest";
import { fromBase64, fromUtf8, random } from "../seal/bytes.ts";
import { type NewKeyring, makeKeyring } from "../seal/keyring.ts";
import { wrapKey } from "../seal/wrap.ts";
import { aBooking, account, tenant, uuid } from "./example.ts";
import { type Seen, recall, remember } from "./seen.ts";
import { type HeldKeyring } from "./keys/client.ts";
import { openDirectory } from "../seal/directory.ts";
import { nextKeyring, openBare } from "../seal/keyring-next.ts";
import { newRecoveryCode, onPaper } from "../seal/recovery.ts";
import { openHeld, openKeyring, standing } from "./unlock.ts";

const session = { tenant: `ten_${tenant}`, account: `acc_${account}` };
const secret = random(32);
const secrets = (unlock = secret) => ({ signIn: random(32), unlock: unlock.slice() });
const make = async () => (await makeKeyring({ tenant, account, salt: random(16), secrets: secrets(), now: new Date("2026-11-01T00:00:00Z") })).stored;

function memory(seen: Seen | null = null) {
  return { recall: () => seen, remember: (_: string, next: Seen) => void (seen = next), get seen() { return seen; } };
}

let stored: NewKeyring;
beforeAll(async () => {
  stored = await make();
});

describe("openKeyring", () => {
  test("opens with the right password, forgets its half, and says when the directory ends", async () => {
    const given = secrets();
    const { keys, directoryEnds, changed } = await openKeyring(session, stored, given, memory());
    const card = await keys.sealCard(aBooking());
    expect(await keys.openCard(card, `bkg_${aBooking().booking_id}`)).toEqual(aBooking());
    expect(given.unlock.every((byte) => byte === 0)).toBe(true);
    expect(new Date(directoryEnds).toISOString()).toBe("2027-01-30T00:00:00.000Z");
    expect(changed).toBeNull();
  });

  test("nothing opens after wipe", async () => {
    const { keys } = await openKeyring(session, stored, secrets(), memory());
    const card = await keys.sealCard(aBooking());
    keys.wipe();
    await expect(keys.openCard(card, `bkg_${aBooking().booking_id}`)).rejects.toMatchObject({ code: "unknown_key" });
  });

  test.each([
    ["wrong_password", { ...session }, random(32)],
    ["wrong_password", { ...session, account: `acc_${uuid(9)}` }, secret],
    ["directory_foreign", { ...session, tenant: `ten_${uuid(9)}` }, secret],
  ])("%s", async (code, as, unlock) => {
    await expect(openKeyring(as, stored, secrets(unlock), memory())).rejects.toMatchObject({ code });
  });

  test("a directory with another signature opens nothing", async () => {
    const other = await make();
    const directory = { ...stored.directory, signature: other.directory.signature };
    await expect(openKeyring(session, { ...stored, directory }, secrets(), memory())).rejects.toMatchObject({ code: "directory_unsigned" });
  });

  test("a directory of an identity that I never vouched for opens nothing", async () => {
    const other = await make();
    await expect(openKeyring(session, { ...stored, directory: other.directory }, secrets(), memory())).rejects.toMatchObject({ code: "directory_pin" });
  });

  test("a list older than one seen here before opens nothing", async () => {
    const store = memory();
    await openKeyring(session, stored, secrets(), store);
    const newer = memory({ ...store.seen!, sequence: 2 });
    await expect(openKeyring(session, stored, secrets(), newer)).rejects.toMatchObject({ code: "directory_old" });
  });

  test("another identity than the one seen here is said, and remembered only when accepted", async () => {
    const store = memory({ fingerprint: "another", sequence: 7 });
    const { changed } = await openKeyring(session, stored, secrets(), store);
    expect(changed?.fingerprint).toMatch(/^([0-9a-f]{4}-){7}[0-9a-f]{2}$/);
    expect(store.seen?.fingerprint).toBe("another");
    changed?.accept();
    expect(store.seen).toMatchObject({ sequence: 1 });
    expect((await openKeyring(session, stored, secrets(), store)).changed).toBeNull();
  });

  test("a book key from an epoch that the directory does not know is not written to", async () => {
    const { members } = JSON.parse(fromUtf8(fromBase64(stored.directory.document))) as { members: { kid: string; public: string }[] };
    const me = { kid: members[0]!.kid, publicKey: fromBase64(members[0]!.public) };
    const planted = await wrapKey(me, tenant, "book", 2, random(32));
    await expect(openKeyring(session, { ...stored, keys: [...stored.keys, planted] }, secrets(), memory())).rejects.toMatchObject({ code: "tampered" });
  });
});

describe("seen", () => {
  test("gives back what it kept, per practice", () => {
    const kept = new Map<string, string>();
    const store = { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => void kept.set(key, value) };
    remember("a", { fingerprint: "f", sequence: 3 }, store);
    expect(recall("a", store)).toEqual({ fingerprint: "f", sequence: 3 });
    expect(recall("b", store)).toBeNull();
  });

  test.each(["", "{", "null", "{}", '{"fingerprint":1,"sequence":1}', '{"fingerprint":"f","sequence":"1"}'])("%j counts as nothing", (text) => {
    expect(recall("a", { getItem: () => text })).toBeNull();
  });

  test("a browser that keeps nothing locks nobody out", () => {
    const refuse = () => {
      throw new Error("denied");
    };
    expect(recall("a", { getItem: refuse })).toBeNull();
    expect(() => remember("a", { fingerprint: "f", sequence: 1 }, { setItem: refuse })).not.toThrow();
  });
});

describe("a new identity, after an owner has left", () => {
  const now = new Date("2026-11-02T00:00:00Z");
  const sixteen = random(16);
  const owners = async () => makeKeyring({ tenant, account, salt: sixteen, secrets: secrets(), now });
  const bareOf = (made: NewKeyring) => openBare(made, { tenant, account }, { unlock: secret.slice() });

  test("is taken up where old identity and recovery code signed for it, and not back again", async () => {
    const { stored: made, recoveryCode } = await owners();
    const next = await nextKeyring(await bareOf(made), { now, rotate: true, succeed: { code: recoveryCode } });
    const served = { ...made, directory: next.directory, keys: [...made.keys.filter(({ kind }) => kind !== "identity"), ...next.keys] };
    const store = memory();
    await openKeyring(session, made, secrets(), store);
    const opened = await openKeyring(session, served, secrets(), store);
    expect(opened.changed).toBeNull();
    expect(opened.vouch).not.toBeNull();
    expect(store.seen).toMatchObject({ fingerprint: next.opened.fingerprint, sequence: 2 });
    // The old list, replayed: it is signed, and the member once vouched for it.
    await expect(openKeyring(session, made, secrets(), store)).rejects.toMatchObject({ code: "directory_old" });
  });

  test("is said to a person where another recovery code signed for it", async () => {
    const { stored: made } = await owners();
    const code = await newRecoveryCode();
    const bare = await bareOf(made);
    const forged = { ...bare, directory: { ...bare.directory, recovery: await onPaper(code, tenant) } };
    const next = await nextKeyring(forged, { now, rotate: true, succeed: { code } });
    const store = memory();
    await openKeyring(session, made, secrets(), store);
    const before = store.seen;
    expect(standing(next.opened, before)).toBe("other");
    const served = { ...made, directory: next.directory, keys: [...made.keys.filter(({ kind }) => kind !== "identity"), ...next.keys] };
    const opened = await openKeyring(session, served, secrets(), store);
    expect([opened.changed !== null, opened.vouch, store.seen]).toEqual([true, null, before]);
  });
});

describe("new keys, while the office is open", () => {
  const now = new Date("2026-11-02T00:00:00Z");
  async function rotated() {
    const next = await nextKeyring(await openBare(stored, { tenant, account }, { unlock: secret.slice() }), { now, rotate: true });
    return { ...stored, directory: next.directory, keys: [...stored.keys, ...next.keys] };
  }
  const held = (served: typeof stored): HeldKeyring => ({ ...served });

  test("are fetched where one is missing, without a password", async () => {
    const served = await rotated();
    const card = await (await openKeyring(session, served, secrets(), memory())).keys.sealCard(aBooking());
    let asked = 0;
    const { keys } = await openKeyring(session, stored, secrets(), memory(), async () => (asked++, held(served)));
    expect(await keys.openCard(card, `bkg_${aBooking().booking_id}`)).toEqual(aBooking());
    expect((await keys.sealCard(aBooking())).epoch).toBe(2);
    expect(asked).toBe(1);
    keys.wipe();
    await expect(keys.openCard(card, `bkg_${aBooking().booking_id}`)).rejects.toMatchObject({ code: "unknown_key" });
  });

  test("are not taken from an older list, or another practice's, and not asked for in a loop", async () => {
    const served = await rotated();
    const card = await (await openKeyring(session, served, secrets(), memory())).keys.sealCard(aBooking());
    const other = await make();
    for (const lie of [stored, { ...served, directory: other.directory }, { ...served, vouch: other.vouch }]) {
      let asked = 0;
      const { keys } = await openKeyring(session, stored, secrets(), memory(), async () => (asked++, held(lie)));
      for (let i = 0; i < 3; i++) {
        await expect(keys.openCard(card, `bkg_${aBooking().booking_id}`)).rejects.toMatchObject({ code: "unknown_key" });
      }
      expect(asked).toBe(1);
      expect((await openDirectory(stored.directory)).sequence).toBe(1);
    }
  });
});

describe("somebody whom the keys do not know", () => {
  test("shows the words of their own key, and of no other that a server names", async () => {
    const none: HeldKeyring = { ...stored, directory: null, vouch: "" };
    expect(await openHeld(session, none, secrets())).toEqual({ unlisted: stored.member_public });
    const other = await make();
    await expect(openHeld(session, { ...none, member_public: other.member_public }, secrets())).rejects.toMatchObject({ code: "tampered" });
  });

  test("may have vouched with a member key that is no more; a directory that lists the key of now must be vouched for", async () => {
    const other = await make(); // the same account and password, another member key
    const lost: HeldKeyring = { ...stored, member_key: other.member_key, member_public: other.member_public };
    expect(await openHeld(session, lost, secrets())).toEqual({ unlisted: other.member_public });
    await expect(openHeld(session, { ...stored, vouch: other.vouch }, secrets())).rejects.toMatchObject({ code: "directory_pin" });
  });
});
