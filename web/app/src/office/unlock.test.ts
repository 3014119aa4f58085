import { beforeAll, describe, expect, test } from "vitest";
import { fromBase64, fromUtf8, random } from "../seal/bytes.ts";
import { type NewKeyring, makeKeyring } from "../seal/keyring.ts";
import { wrapKey } from "../seal/wrap.ts";
import { aBooking, account, tenant, uuid } from "./example.ts";
import { type Seen, recall, remember } from "./seen.ts";
import { openKeyring } from "./unlock.ts";

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
