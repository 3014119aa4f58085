// The practice's signed list of keys. A patient's page seals to nothing that
// it does not find in one of these, and an office opens nothing with a key
// that is not in it.

import { type Bytes, concat, equal, kidOf, sha256, toBase64, utf8 } from "./bytes.ts";
import { SealError } from "./error.ts";
import { Reader, writeTime } from "./read.ts";
import { PUBLIC_KEY_SIZE, SUITE } from "./sizes.ts";

/** As served: base64url of the very bytes that were signed, and of the signature. */
export interface SignedDirectory {
  readonly document: string;
  readonly signature: string;
}

export type Role = "owner" | "practitioner" | "front_desk";
const ROLES: readonly Role[] = ["owner", "practitioner", "front_desk"];

export interface DataKey {
  readonly kid: string;
  readonly suite: number;
  readonly epoch: number;
  readonly publicKey: Bytes;
}

/** Says which key is the book key of an epoch without telling it. */
export interface BookEntry {
  readonly epoch: number;
  readonly check: Bytes;
}

export interface Member {
  readonly account: string;
  readonly role: Role;
  readonly kid: string;
  readonly publicKey: Bytes;
}

export interface Directory {
  readonly tenant: string;
  readonly sequence: number;
  /** SHA-256 of the document before; empty for the first. */
  readonly previous: Bytes;
  readonly issued: Date;
  readonly expires: Date;
  /** The P-256 point that signs, uncompressed. */
  readonly identity: Bytes;
  /** Sorted by epoch; the last is the one to seal to. */
  readonly dataKeys: readonly DataKey[];
  /** Sorted by epoch; the last is the one for new cards. */
  readonly bookKeys: readonly BookEntry[];
  readonly members: readonly Member[];
  readonly recovery: { readonly kid: string; readonly publicKey: Bytes };
  readonly revoked: readonly string[];
  /** What pins compare: SHA-256 of the identity, base64url. */
  readonly fingerprint: string;
  /** What people compare: its first 15 bytes in hexadecimal, in groups of four. */
  readonly shownFingerprint: string;
}

declare const checked: unique symbol;

/** A key that bookings may be sealed to. Only `checkDirectory` gives one. */
export interface SealTarget {
  readonly tenant: string;
  readonly kid: string;
  readonly publicKey: Bytes;
  readonly fingerprint: string;
  readonly [checked]: true;
}

/** What a page knows when it decides whether to seal. A pin is a fingerprint. */
export interface Expected {
  readonly tenant: string;
  readonly now: Date;
  readonly pin?: string | undefined;
}

const LIFE = 90 * 24 * 3600 * 1000;
const SKEW = 5 * 60 * 1000;
const MOST = 1 << 20;
const CHECK_SIZE = 16;

const read = new Reader("directory_malformed");

/**
 * Reads a directory and verifies its signature over exactly the bytes served.
 * Throws `directory_malformed` or `directory_unsigned`. It may still be
 * foreign, expired or not the pinned one: `checkDirectory`.
 */
export async function openDirectory(signed: SignedDirectory): Promise<Directory> {
  const document = read.bytes(signed.document);
  if (document.length > MOST) read.refuse();
  const directory = await parse(document);
  if (!(await verify(directory.identity, document, signed.signature))) throw new SealError("directory_unsigned");
  return directory;
}

/** Throws `directory_foreign`, `directory_suite`, `directory_expired` or `directory_pin`, in this order. */
export function checkDirectory(directory: Directory, expected: Expected): SealTarget {
  if (directory.tenant !== expected.tenant) throw new SealError("directory_foreign");
  if (!directory.dataKeys.every((key) => key.suite === SUITE)) throw new SealError("directory_suite");
  const now = expected.now.getTime();
  // Written so that a broken clock, which is not a number, refuses.
  if (!(directory.issued.getTime() <= now + SKEW && now < directory.expires.getTime())) {
    throw new SealError("directory_expired");
  }
  checkPin(directory, expected.pin);
  const { kid, publicKey } = directory.dataKeys.at(-1)!;
  return { tenant: directory.tenant, kid, publicKey, fingerprint: directory.fingerprint } as SealTarget;
}

export function checkPin(directory: Directory, pin: string | undefined): void {
  if (pin !== undefined && pin !== "" && !equal(utf8(pin), utf8(directory.fingerprint))) {
    throw new SealError("directory_pin");
  }
}

async function parse(document: Bytes): Promise<Directory> {
  const doc = read.object(read.json(document), [
    "v", "tenant", "sequence", "previous", "issued", "expires", "identity", "data_keys", "book_keys", "members",
    "recovery", "revoked",
  ]);
  if (doc.v !== 1) read.refuse();
  const sequence = read.positive(doc.sequence);
  const issued = new Date(read.time(doc.issued));
  const expires = new Date(read.time(doc.expires));
  const life = expires.getTime() - issued.getTime();
  if (life <= 0 || life > LIFE) read.refuse();

  const identity = read.bytes(doc.identity, 65);
  const dataKeys = read.list(doc.data_keys).map((value): DataKey => {
    const key = read.object(value, ["kid", "suite", "epoch", "public"]);
    const suite = read.positive(key.suite);
    const publicKey = read.bytes(key.public, suite === SUITE ? PUBLIC_KEY_SIZE : undefined);
    return { kid: read.kid(key.kid), suite, epoch: read.positive(key.epoch), publicKey };
  });
  const bookKeys = read.list(doc.book_keys).map((value): BookEntry => {
    const key = read.object(value, ["epoch", "check"]);
    return { epoch: read.positive(key.epoch), check: read.bytes(key.check, CHECK_SIZE) };
  });
  const members = read.list(doc.members).map((value): Member => {
    const member = read.object(value, ["account", "role", "kid", "public"]);
    return {
      account: read.uuid(member.account),
      role: read.oneOf(member.role, ROLES),
      kid: read.kid(member.kid),
      publicKey: read.bytes(member.public, PUBLIC_KEY_SIZE),
    };
  });
  const holder = read.object(doc.recovery, ["kid", "public"]);
  const recovery = { kid: read.kid(holder.kid), publicKey: read.bytes(holder.public, PUBLIC_KEY_SIZE) };
  const revoked = read.list(doc.revoked).map((kid) => read.kid(kid));

  if (!members.some((member) => member.role === "owner")) read.refuse();
  for (const listed of [dataKeys, bookKeys]) {
    if (listed.length === 0 || listed.some((key, i) => i > 0 && key.epoch <= listed[i - 1]!.epoch)) read.refuse();
  }
  if (new Set(bookKeys.map((key) => toBase64(key.check))).size !== bookKeys.length) read.refuse();
  if (new Set(members.map((member) => member.account)).size !== members.length) read.refuse();
  const keys = [...dataKeys, ...members, recovery];
  const kids = new Set(keys.map((key) => key.kid));
  if (kids.size !== keys.length || revoked.some((kid) => kids.has(kid))) read.refuse();
  const named = await Promise.all(keys.map(async (key) => key.kid === (await kidOf(key.publicKey))));
  if (named.includes(false)) read.refuse();

  const fingerprint = await sha256(identity);
  return {
    tenant: read.uuid(doc.tenant),
    sequence,
    previous: read.bytes(doc.previous, sequence === 1 ? 0 : 32),
    issued,
    expires,
    identity,
    dataKeys,
    bookKeys,
    members,
    recovery,
    revoked,
    fingerprint: toBase64(fingerprint),
    shownFingerprint: show(fingerprint),
  };
}

/**
 * How the directory lists a book key, so that those who unwrap it know it from
 * one that somebody else wrapped for them. Of a random key it tells nothing.
 */
export async function bookEntry(tenant: string, epoch: number, key: Bytes): Promise<BookEntry> {
  const preimage = concat(utf8(`siegel|book|1|${tenant}|${epoch}|`), key);
  const check = (await sha256(preimage)).slice(0, CHECK_SIZE);
  preimage.fill(0);
  return { epoch, check };
}

function show(fingerprint: Bytes): string {
  const hex = Array.from(fingerprint.subarray(0, 15), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.match(/.{1,4}/g)!.join("-");
}

export const CURVE = { name: "ECDSA", namedCurve: "P-256" };
export const SIGNING = { name: "ECDSA", hash: "SHA-256" };

async function verify(identity: Bytes, document: Bytes, signature: string): Promise<boolean> {
  const bytes = new Reader("directory_unsigned").bytes(signature, 64);
  const key = await crypto.subtle.importKey("raw", identity, CURVE, false, ["verify"]).catch((cause) => read.refuse(cause));
  return crypto.subtle.verify(SIGNING, key, bytes, document);
}

/** Writes a first directory. */
export function writeDirectory(d: {
  tenant: string;
  issued: Date;
  identity: Bytes;
  dataKey: { kid: string; publicKey: Bytes };
  bookKey: BookEntry;
  owner: { account: string; kid: string; publicKey: Bytes };
  recovery: { kid: string; publicKey: Bytes };
}): Bytes {
  return writeDocument({
    tenant: d.tenant,
    sequence: 1,
    previous: new Uint8Array(0),
    issued: d.issued,
    identity: d.identity,
    dataKeys: [{ kid: d.dataKey.kid, suite: SUITE, epoch: 1, publicKey: d.dataKey.publicKey }],
    bookKeys: [d.bookKey],
    members: [{ ...d.owner, role: "owner" }],
    recovery: d.recovery,
    revoked: [],
  });
}

/** Writes a directory that expires after its time, in the order and spelling that is signed. */
export function writeDocument(d: Omit<Directory, "expires" | "fingerprint" | "shownFingerprint">): Bytes {
  return utf8(
    JSON.stringify({
      v: 1,
      tenant: d.tenant,
      sequence: d.sequence,
      previous: toBase64(d.previous),
      issued: writeTime(d.issued),
      expires: writeTime(new Date(d.issued.getTime() + LIFE)),
      identity: toBase64(d.identity),
      data_keys: d.dataKeys.map(({ kid, suite, epoch, publicKey }) => ({ kid, suite, epoch, public: toBase64(publicKey) })),
      book_keys: d.bookKeys.map(({ epoch, check }) => ({ epoch, check: toBase64(check) })),
      members: d.members.map(({ account, role, kid, publicKey }) => ({ account, role, kid, public: toBase64(publicKey) })),
      recovery: { kid: d.recovery.kid, public: toBase64(d.recovery.publicKey) },
      revoked: d.revoked,
    }),
  );
}
