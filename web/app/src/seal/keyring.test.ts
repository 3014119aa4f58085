import { beforeAll, describe, expect, test } from "vitest";
import { type Bytes, fromBase64, fromUtf8, random, toBase64, utf8 } from "./bytes.ts";
import { openCard, sealCard } from "./card.ts";
import { hashSecret, newSecret, openCopy, type PatientCopy, sealCopy } from "./copy.ts";
import { bookEntry, checkDirectory, CURVE, SIGNING, type SignedDirectory } from "./directory.ts";
import { type Envelope, openBooking, openEnvelope, sealBooking } from "./envelope.ts";
import { generateKey, privateKey } from "./hpke.ts";
import {
  type Keyring,
  lockKeyring,
  makeKeyring,
  type NewKeyring,
  newestBook,
  type ServedKeyring,
  unlockKeyring,
} from "./keyring.ts";
import { KDF, type Secrets, splitPassword } from "./password.ts";
import { type Booking, writeBooking } from "./plaintext.ts";
import { ACCOUNT, BOOKING_1, BOOKING_2, codeOf, readVector, TENANT_A, TENANT_B, writeVector } from "./testkit.ts";
import { makeVouch } from "./vouch.ts";
import { type Kind, unwrapKey, type Wrap, wrapKey } from "./wrap.ts";

interface Vectors {
  tenant: string;
  account: string;
  password: string;
  recovery_code: string;
  now: string;
  keyring: ServedKeyring;
  /** The keyring with some of it replaced, by whoever writes to the store. */
  hostile?: (Partial<ServedKeyring> & { name: string; error: string })[];
  member_public: string;
  kdf: string;
  salt: string;
  sign_in_secret: string;
  booking_id: string;
  booking: string;
  envelope: Envelope;
  card_version: number;
  card: string;
  secret: string;
  secret_hash: string;
  copy_text: string;
  copy: string;
}

/** What a test changes of a directory's document. */
interface Document {
  identity: string;
  book_keys: { epoch: number; check: string }[];
  members: { account: string; role: string; kid: string; public: string }[];
  recovery: { kid: string; public: string };
}

const NOW = new Date("2026-11-22T08:00:00.999Z");
const PASSWORD = "korrekt Pferd Batterie Heftklammer";
const COPY: PatientCopy = {
  v: 1,
  practice: "Praxis am Markt",
  service: "Vorsorge",
  practitioner: "Dr. Ada Żak",
  location: "Markt 1, 10115 Berlin",
  instructions: "Nüchtern kommen.\nKarte mitbringen.",
};

async function ofThisSide(): Promise<Vectors> {
  const salt = random(16);
  const secrets = await splitPassword(PASSWORD, KDF, salt);
  const { stored, recoveryCode } = await makeKeyring({ tenant: TENANT_A, account: ACCOUNT, salt, secrets, now: NOW });
  const holder = { tenant: TENANT_A, account: ACCOUNT };
  const keyring = await unlockKeyring(stored, holder, secrets);
  const target = checkDirectory(keyring.directory, { tenant: TENANT_A, now: NOW });
  const booking = JSON.parse(readVector<Vectors>("keyring.json").booking) as Booking;
  const secret = newSecret();
  const { directory, member_key, vouch, keys } = stored;
  return {
    tenant: TENANT_A,
    account: ACCOUNT,
    password: PASSWORD,
    recovery_code: recoveryCode,
    now: NOW.toISOString(),
    keyring: { directory, member_key, vouch, keys },
    member_public: stored.member_public,
    kdf: stored.kdf,
    salt: stored.salt,
    sign_in_secret: stored.sign_in_secret,
    booking_id: BOOKING_1,
    booking: fromUtf8(writeBooking(booking)),
    envelope: await sealBooking(target, booking),
    card_version: 3,
    card: await sealCard(newestBook(keyring).key, 3, booking),
    secret: toBase64(secret),
    secret_hash: toBase64(await hashSecret(secret)),
    copy_text: JSON.stringify(COPY),
    copy: await sealCopy(secret, TENANT_A, BOOKING_1, COPY),
  };
}

beforeAll(async () => {
  if (process.env["UPDATE_VECTORS"] === "1") writeVector("from-browser.json", await ofThisSide());
});

describe.each(["keyring.json", "from-browser.json"])("%s", (file) => {
  test.each(["password", "recovery code"])("opens by %s", { timeout: 30_000 }, async (by) => {
    const v = readVector<Vectors>(file);
    const secrets = await splitPassword(v.password, v.kdf, fromBase64(v.salt));
    expect(toBase64(secrets.signIn)).toBe(v.sign_in_secret);
    const holder = { tenant: v.tenant, account: v.account };
    const opener = by === "password" ? secrets : { recoveryCode: v.recovery_code };
    const keyring = await unlockKeyring(v.keyring, holder, opener);
    expect(keyring.identity).toBeDefined();

    const booking = JSON.parse(v.booking) as Booking;
    expect(await openBooking(keyring.data, v.tenant, v.envelope, v.booking_id)).toEqual(booking);
    const key = keyring.data.get(v.envelope.kid)!;
    expect(fromUtf8(await openEnvelope(key, v.envelope, v.booking_id))).toBe(v.booking);
    const book = newestBook(keyring);
    expect(book.epoch).toBe(1);
    expect(await openCard(book.key, v.tenant, v.booking_id, v.card_version, v.card)).toEqual(booking);

    const secret = fromBase64(v.secret);
    expect(toBase64(await hashSecret(secret))).toBe(v.secret_hash);
    expect(await openCopy(secret, v.tenant, v.booking_id, v.copy)).toEqual(JSON.parse(v.copy_text));
  });
});

test("what whoever writes to the store can make of the other side's keyring opens nothing", { timeout: 30_000 }, async () => {
  const v = readVector<Vectors>("keyring.json");
  const secrets = await splitPassword(v.password, v.kdf, fromBase64(v.salt));
  const codes: [string, string][] = [];
  for (const { name, error: _, ...changed } of v.hostile!) {
    const served = { ...v.keyring, ...changed };
    codes.push([name, await codeOf(() => unlockKeyring(served, { tenant: v.tenant, account: v.account }, secrets))]);
  }
  expect(codes.length).toBeGreaterThan(0);
  expect(codes).toEqual(v.hostile!.map(({ name, error }) => [name, error]));
});

describe("a keyring made here", () => {
  let stored: NewKeyring;
  let recoveryCode: string;
  let secrets: Secrets;
  let member: Awaited<ReturnType<typeof generateKey>>["key"];
  let keyring: Keyring;
  const holder = { tenant: TENANT_A, account: ACCOUNT };

  beforeAll(async () => {
    secrets = { signIn: random(32), unlock: random(32) };
    ({ stored, recoveryCode } = await makeKeyring({ tenant: TENANT_A, account: ACCOUNT, salt: random(16), secrets, now: NOW }));
    keyring = await unlockKeyring(stored, holder, secrets);
    member = { ...(await generateKey()).key, kid: stored.keys[0]!.holder, publicKey: fromBase64(stored.member_public) };
  });

  /** What a server can make that knows the member's public key. */
  async function invent(kind: Kind, secret: Bytes, epoch = 1): Promise<ServedKeyring> {
    return { ...stored, keys: [await wrapKey(member, TENANT_A, kind, epoch, secret)] };
  }

  /** The practice's directory, changed and signed; by its own identity, unless another is given. */
  async function signed(change: (document: Document) => void, by = keyring.identity!): Promise<SignedDirectory> {
    const document = JSON.parse(fromUtf8(fromBase64(stored.directory.document))) as Document;
    change(document);
    const bytes = utf8(JSON.stringify(document));
    const signature = new Uint8Array(await crypto.subtle.sign(SIGNING, by, bytes));
    return { document: toBase64(bytes), signature: toBase64(signature) };
  }

  /** Lists another book key after the first. */
  async function listing(book: Bytes, epoch: number): Promise<SignedDirectory> {
    const { check } = await bookEntry(TENANT_A, epoch, book);
    return signed((d) => d.book_keys.push({ epoch, check: toBase64(check) }));
  }

  test("counts from the second, for 90 days", () => {
    expect(stored.issued.toISOString()).toBe("2026-11-22T08:00:00.000Z");
    expect(stored.expires.toISOString()).toBe("2027-02-20T08:00:00.000Z");
    expect(stored.keys.map((w) => [w.kind, w.epoch])).toEqual(
      [...["identity", "data", "book"], ...["identity", "data", "book"]].map((kind) => [kind, 1]),
    );
  });

  test("its identity signs what the directory's point verifies", async () => {
    const signature = await crypto.subtle.sign(SIGNING, keyring.identity!, utf8("x"));
    const verifier = await crypto.subtle.importKey("raw", keyring.directory.identity, CURVE, false, ["verify"]);
    expect(await crypto.subtle.verify(SIGNING, verifier, signature, utf8("x"))).toBe(true);
    expect(keyring.identity!.extractable).toBe(false);
    expect(newestBook(keyring).key.extractable).toBe(false);
  });

  test("the unlock key and the code are not among what is stored", () => {
    const text = JSON.stringify(stored);
    expect(text).toContain(toBase64(secrets.signIn));
    expect(text).not.toContain(toBase64(secrets.unlock));
    expect(text).not.toContain(recoveryCode);
  });

  test("an expired directory still unlocks, so that it can be signed again", async () => {
    const late = new Date("2030-01-01T00:00:00Z");
    expect(await codeOf(() => checkDirectory(keyring.directory, { tenant: TENANT_A, now: late }))).toBe("directory_expired");
    expect(await codeOf(() => unlockKeyring(stored, holder, secrets))).toBe("");
  });

  test("locking forgets", async () => {
    const open = await unlockKeyring(stored, holder, secrets);
    lockKeyring(open);
    expect([open.identity, open.data.size, open.books.size]).toEqual([undefined, 0, 0]);
    expect(await codeOf(() => newestBook(open))).toBe("unknown_key");
  });

  test("refuses what is not the holder's", async () => {
    const other = (await makeKeyring({ tenant: TENANT_A, account: ACCOUNT, salt: random(16), secrets, now: NOW }));
    const unlock = (served: ServedKeyring, h: typeof holder & { pin?: string; sequence?: number }, o = secrets) =>
      codeOf(() => unlockKeyring(served, h, o));
    expect(await unlock(stored, holder, { ...secrets, unlock: random(32) })).toBe("wrong_password");
    expect(await unlock(stored, { ...holder, account: BOOKING_1 })).toBe("wrong_password");
    expect(await unlock(stored, { ...holder, tenant: TENANT_B })).toBe("directory_foreign");
    expect(await unlock(stored, { ...holder, pin: keyring.directory.fingerprint })).toBe("");
    expect(await unlock(stored, { ...holder, pin: toBase64(random(32)) })).toBe("directory_pin");
    expect(await unlock(stored, { ...holder, sequence: 2 })).toBe("directory_old");
    expect(await unlock({ ...stored, directory: other.stored.directory }, holder)).toBe("directory_pin");
    const left = await signed((d) => (d.members[0]!.account = BOOKING_1));
    expect(await unlock({ ...stored, directory: left }, holder)).toBe("not_in_directory");
    const unsigned = { ...stored.directory, signature: other.stored.directory.signature };
    expect(await unlock({ ...stored, directory: unsigned }, holder)).toBe("directory_unsigned");
    expect(await codeOf(() => unlockKeyring(stored, holder, other))).toBe("not_in_directory");
    expect(await codeOf(() => unlockKeyring(stored, holder, { recoveryCode: "0000" }))).toBe("recovery_code_mistyped");
  });

  test("refuses keys that a server invented", async () => {
    expect(await codeOf(async () => unlockKeyring(await invent("data", random(32)), holder, secrets))).toBe("tampered");
    expect(await codeOf(async () => unlockKeyring(await invent("identity", random(32)), holder, secrets))).toBe("tampered");
    const swapped = stored.keys.map((w): Wrap => (w.kind === "book" ? { ...w, kind: "data" } : w));
    expect(await codeOf(() => unlockKeyring({ ...stored, keys: swapped }, holder, secrets))).toBe("tampered");
    const planted = [...stored.keys, ...(await invent("book", random(32), 2)).keys];
    expect(await codeOf(() => unlockKeyring({ ...stored, keys: planted }, holder, secrets))).toBe("tampered");
    expect(await codeOf(async () => unlockKeyring(await invent("book", random(32)), holder, secrets))).toBe("tampered");
    const directory = await listing(random(32), 2);
    const another = { ...(await invent("book", random(32), 2)), directory };
    expect(await codeOf(() => unlockKeyring(another, holder, secrets))).toBe("tampered");
    const twice = [...stored.keys, ...(await invent("book", random(32))).keys];
    expect(await codeOf(() => unlockKeyring({ ...stored, keys: twice }, holder, secrets))).toBe("tampered");
  });

  test("new cards take the newest book key that is listed, and no older one for it", async () => {
    const book = random(32);
    const directory = await listing(book, 3);
    const without = await unlockKeyring({ ...stored, directory }, holder, secrets);
    expect(await codeOf(() => newestBook(without))).toBe("unknown_key");
    const keys = [...(await invent("book", book, 3)).keys, ...stored.keys];
    const open = await unlockKeyring({ ...stored, directory, keys }, holder, secrets);
    expect(newestBook(open).epoch).toBe(3);
    expect([...open.books.keys()].sort()).toEqual([1, 3]);
  });

  describe("everything replaced, around the member's key", () => {
    let replaced: ServedKeyring;
    let other: Awaited<ReturnType<typeof makeKeyring>>;
    const otherSecrets = { signIn: random(32), unlock: random(32) };

    beforeAll(async () => {
      other = await makeKeyring({ tenant: TENANT_A, account: ACCOUNT, salt: random(16), secrets: otherSecrets, now: NOW });
      const theirs = await unlockKeyring(other.stored, holder, otherSecrets);
      const directory = await signed((d) => {
        d.identity = toBase64(theirs.directory.identity);
      }, theirs.identity!);
      replaced = { ...stored, directory };
    });

    test("lacks the member's vouch", async () => {
      expect(await codeOf(() => unlockKeyring(replaced, holder, secrets))).toBe("directory_pin");
      const { vouch } = other.stored;
      expect(await codeOf(() => unlockKeyring({ ...replaced, vouch }, holder, secrets))).toBe("directory_pin");
    });

    test("opens no more where the member's key is the recovery key", async () => {
      const theirs = await unlockKeyring(other.stored, holder, otherSecrets);
      const directory = await signed((d) => {
        const { kid, public: publicKey } = d.members[0]!;
        d.identity = toBase64(theirs.directory.identity);
        d.members = [{ account: ACCOUNT, role: "owner", kid: d.recovery.kid, public: d.recovery.public }];
        d.recovery = { kid, public: publicKey };
      }, theirs.identity!);
      expect(await codeOf(() => unlockKeyring({ ...replaced, directory }, holder, secrets))).toBe("directory_pin");
    });

    test("is caught by a pin, with the recovery code", async () => {
      const pin = keyring.directory.fingerprint;
      const pinned = { ...holder, pin };
      expect(await codeOf(() => unlockKeyring(replaced, pinned, { recoveryCode }))).toBe("directory_pin");
      expect(await codeOf(() => unlockKeyring({ ...stored, vouch: "" }, pinned, { recoveryCode }))).toBe("");
    });
  });

  test.each<[string, (vouch: string) => unknown]>([
    ["missing", () => undefined],
    ["null", () => null],
    ["empty", () => ""],
    ["a list", (vouch) => [vouch]],
    ["cut short", (vouch) => vouch.slice(0, -1)],
    ["padded", (vouch) => `${vouch}=`],
    ["of zeros", () => toBase64(new Uint8Array(32))],
  ])("a vouch that is %s opens nothing", async (_, change) => {
    const served = { ...stored, vouch: change(stored.vouch) as string };
    expect(await codeOf(() => unlockKeyring(served, holder, secrets))).toBe("directory_pin");
  });

  test("a vouch counts for one key, tenant, account and identity", async () => {
    const seed = random(32);
    const { fingerprint } = keyring.directory;
    const vouch = await makeVouch(seed, holder, fingerprint);
    expect(fromBase64(vouch).length).toBe(32);
    const others = [
      await makeVouch(random(32), holder, fingerprint),
      await makeVouch(seed, { ...holder, tenant: TENANT_B }, fingerprint),
      await makeVouch(seed, { ...holder, account: BOOKING_1 }, fingerprint),
      await makeVouch(seed, holder, toBase64(random(32))),
    ];
    expect(others).not.toContain(vouch);
    expect(await makeVouch(seed, holder, fingerprint)).toBe(vouch);
    expect(await codeOf(() => makeVouch(seed, { ...holder, account: "a|b" }, fingerprint))).toBe("malformed_id");
  });

  test("cards are bound to tenant, booking and version", async () => {
    const { key } = newestBook(keyring);
    const booking = JSON.parse(readVector<Vectors>("keyring.json").booking) as Booking;
    const card = await sealCard(key, 2, booking);
    expect(await openCard(key, TENANT_A, BOOKING_1, 2, card)).toEqual(booking);
    expect(await codeOf(() => openCard(key, TENANT_A, BOOKING_1, 1, card))).toBe("tampered");
    expect(await codeOf(() => openCard(key, TENANT_A, BOOKING_2, 2, card))).toBe("tampered");
    expect(await codeOf(() => openCard(key, TENANT_B, BOOKING_1, 2, card))).toBe("tampered");
    expect(await codeOf(() => openCard(key, TENANT_A, BOOKING_1, 2, card.slice(4)))).toBe("malformed_ciphertext");
  });
});

describe("the patient's copy", () => {
  test("opens for the booking's secret alone", async () => {
    const secret = newSecret();
    const sealed = await sealCopy(secret, TENANT_A, BOOKING_1, COPY);
    expect(fromBase64(sealed).length).toBe(12 + 1024 + 16);
    expect(await openCopy(secret, TENANT_A, BOOKING_1, sealed)).toEqual(COPY);
    expect(await codeOf(() => openCopy(newSecret(), TENANT_A, BOOKING_1, sealed))).toBe("tampered");
    expect(await codeOf(() => openCopy(secret, TENANT_A, BOOKING_2, sealed))).toBe("tampered");
    expect(await codeOf(() => openCopy(secret, TENANT_B, BOOKING_1, sealed))).toBe("tampered");
    expect(await codeOf(() => sealCopy(random(15), TENANT_A, BOOKING_1, COPY))).toBe("malformed_key");
    const long = { ...COPY, instructions: "a".repeat(7 * 1024) };
    expect(await codeOf(() => sealCopy(secret, TENANT_A, BOOKING_1, long))).toBe("plaintext_too_long");
  });
});

describe("wrapped keys", () => {
  test("open for their holder, tenant, kind and epoch", async () => {
    const [a, b] = [await privateKey(random(32)), await privateKey(random(32))];
    const secret = random(32);
    const w = await wrapKey(a, TENANT_A, "book", 2, secret);
    expect(await unwrapKey(a, TENANT_A, w)).toEqual(secret);
    expect(await codeOf(() => unwrapKey(b, TENANT_A, w))).toBe("tampered");
    expect(await codeOf(() => unwrapKey(b, TENANT_A, { ...w, holder: b.kid }))).toBe("tampered");
    expect(await codeOf(() => unwrapKey(a, TENANT_B, w))).toBe("tampered");
    expect(await codeOf(() => unwrapKey(a, TENANT_A, { ...w, kind: "data" }))).toBe("tampered");
    expect(await codeOf(() => unwrapKey(a, TENANT_A, { ...w, epoch: 3 }))).toBe("tampered");
    expect(await codeOf(() => unwrapKey(a, TENANT_A, { ...w, epoch: 0 }))).toBe("malformed_key");
    expect(await codeOf(() => unwrapKey(a, TENANT_A, { ...w, ct: w.ct.slice(4) }))).toBe("malformed_key");
    expect(await codeOf(() => wrapKey(a, TENANT_A, "book", 1, random(31)))).toBe("malformed_key");
  });
});
