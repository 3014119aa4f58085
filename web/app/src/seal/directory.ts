// The practice's signed list of keys. A patient's page seals to nothing that
// it does not find in one of these, and an office opens nothing with a key
// that is not in it.

import { type Bytes, concat, equal, kidOf, sha256, toBase64, utf8 } from "./bytes.ts";
import { SealError } from "./error.ts";
import { Reader, writeTime } from "./read.ts";
import { PUBLIC_KEY_SIZE, SIGNER_KEY_SIZE, SUITE } from "./sizes.ts";

/** As served: base64url of the very bytes that were signed, and of the signature. */
export interface SignedDirectory {
  readonly document: string;
  readonly signature: string;
}

/** A connector is a program in the practice, whose account is its own id. */
export type Role = "owner" | "practitioner" | "front_desk" | "connector";
const ROLES: readonly Role[] = ["owner", "practitioner", "front_desk", "connector"];

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

/** What a directory says of the recovery code. */
export interface OnPaper {
  readonly kid: string;
  readonly publicKey: Bytes;
  /** The code's signing key: a P-256 point, and its private part under the code. See recovery.ts. */
  readonly signer?: { readonly publicKey: Bytes; readonly sealed: Bytes } | undefined;
}

/** One change of a practice's identity, signed by the one that was and by the recovery code. See succession.ts. */
export interface Succession {
  readonly identity: Bytes;
  readonly signature: Bytes;
  readonly signer: Bytes;
  readonly countersignature: Bytes;
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
  readonly recovery: OnPaper;
  readonly revoked: readonly string[];
  /** The identities that the practice had before, the oldest first. */
  readonly lineage: readonly Succession[];
  /** Fingerprints of those, the newest first. */
  readonly former: readonly string[];
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

/** What a page knows when it decides whether to seal. A pin is a fingerprint, or several with a dot between: one that was and one that comes. */
export interface Expected {
  readonly tenant: string;
  readonly now: Date;
  readonly pin?: string | undefined;
}

const LIFE = 90 * 24 * 3600 * 1000;
const SKEW = 5 * 60 * 1000;
const MOST = 1 << 20;
const CHECK_SIZE = 16;
const MOST_SUCCESSIONS = 32;

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
  const signature = new Reader("directory_unsigned").bytes(signed.signature, 64);
  if (!(await verify(directory.identity, document, signature))) throw new SealError("directory_unsigned");
  for (const [i, one] of directory.lineage.entries()) {
    const statement = await statementOf(directory.tenant, one, directory.lineage[i + 1]?.identity ?? directory.identity);
    const signed = (await verify(one.identity, statement, one.signature)) && (await verify(one.signer, statement, one.countersignature));
    if (!signed) throw new SealError("directory_unsigned");
  }
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
  if (pin !== undefined && pin !== "" && !follows(directory, pin)) throw new SealError("directory_pin");
}

/** Whether a pin names the directory's identity or one that it came from. */
export function follows(directory: Directory, pin: string): boolean {
  const own = [directory.fingerprint, ...directory.former].map(utf8);
  return pin.split(".").some((one) => own.some((fingerprint) => equal(utf8(one), fingerprint)));
}

/** What the older identity and the recovery code sign where another identity comes. */
export async function statementOf(tenant: string, by: Pick<Succession, "identity" | "signer">, next: Bytes): Promise<Bytes> {
  const [was, comes, signer] = await Promise.all([by.identity, next, by.signer].map(async (point) => toBase64(await sha256(point))));
  return utf8(`siegel|successor|1|${tenant}|${was}|${comes}|${signer}`);
}

async function parse(document: Bytes): Promise<Directory> {
  const doc = read.object(read.json(document), [
    "v", "tenant", "sequence", "previous", "issued", "expires", "identity", "data_keys", "book_keys", "members",
    "recovery", "revoked",
  ], ["lineage"]);
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
  const holder = read.object(doc.recovery, ["kid", "public"], ["signer", "signer_key"]);
  if (Object.hasOwn(holder, "signer") !== Object.hasOwn(holder, "signer_key")) read.refuse();
  const recovery: OnPaper = {
    kid: read.kid(holder.kid),
    publicKey: read.bytes(holder.public, PUBLIC_KEY_SIZE),
    ...(Object.hasOwn(holder, "signer")
      ? { signer: { publicKey: read.bytes(holder.signer, 65), sealed: read.bytes(holder.signer_key, SIGNER_KEY_SIZE) } }
      : {}),
  };
  if (recovery.signer) await curvePoint(recovery.signer.publicKey);
  const lineage = !Object.hasOwn(doc, "lineage")
    ? []
    : read.list(doc.lineage).map((value): Succession => {
        const one = read.object(value, ["identity", "signer"], ["signature", "countersignature"]);
        const signature = (text: unknown) => new Reader("directory_unsigned").bytes(text, 64);
        return {
          identity: read.bytes(one.identity, 65),
          signature: signature(one.signature),
          signer: read.bytes(one.signer, 65),
          countersignature: signature(one.countersignature),
        };
      });
  if (Object.hasOwn(doc, "lineage") && (lineage.length === 0 || lineage.length > MOST_SUCCESSIONS)) read.refuse();
  if (new Set([identity, ...lineage.map((one) => one.identity)].map(toBase64)).size !== lineage.length + 1) read.refuse();
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
    lineage,
    former: await Promise.all(lineage.toReversed().map(async (one) => toBase64(await sha256(one.identity)))),
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

async function curvePoint(point: Bytes): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", point, CURVE, false, ["verify"]).catch((cause) => read.refuse(cause));
}

async function verify(by: Bytes, message: Bytes, signature: Bytes): Promise<boolean> {
  return crypto.subtle.verify(SIGNING, await curvePoint(by), signature, message);
}

/** Writes a first directory. */
export function writeDirectory(d: {
  tenant: string;
  issued: Date;
  identity: Bytes;
  dataKey: { kid: string; publicKey: Bytes };
  bookKey: BookEntry;
  owner: { account: string; kid: string; publicKey: Bytes };
  recovery: OnPaper;
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
    lineage: [],
  });
}

/** Writes a directory that expires after its time, in the order and spelling that is signed. */
export function writeDocument(d: Omit<Directory, "expires" | "fingerprint" | "shownFingerprint" | "former">): Bytes {
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
      recovery: {
        kid: d.recovery.kid,
        public: toBase64(d.recovery.publicKey),
        ...(d.recovery.signer ? { signer: toBase64(d.recovery.signer.publicKey), signer_key: toBase64(d.recovery.signer.sealed) } : {}),
      },
      revoked: d.revoked,
      ...(d.lineage.length > 0
        ? {
            lineage: d.lineage.map(({ identity, signature, signer, countersignature }) => ({
              identity: toBase64(identity),
              signature: toBase64(signature),
              signer: toBase64(signer),
              countersignature: toBase64(countersignature),
            })),
          }
        : {}),
    }),
  );
}
