/**
 * From a password to open keys, and from open keys to what the rest of the
 * office uses. Key bytes stay in here.
 */
import { type Bytes, bareId, fromBase64, toBase64 } from "../seal/bytes.ts";
import { type Directory, openDirectory } from "../seal/directory.ts";
import { privateKey } from "../seal/hpke.ts";
import { serverNow } from "../api/http.ts";
import { type HeldKeyring, putKeyring, putVouch } from "./keys/client.ts";
import { openCard, sealCard } from "../seal/card.ts";
import { type Envelope, openBooking, openEnvelope, parseEnvelope } from "../seal/envelope.ts";
import { gcmOpen, gcmSeal } from "../seal/gcm.ts";
import { openFile, sealFile } from "../seal/file.ts";
import { openRecord, type RecordKind, sealRecord } from "../seal/record.ts";
import { type Keyring, lockKeyring, newestBook, type ServedKeyring, unlockKeyring } from "../seal/keyring.ts";
import { SealError } from "../seal/error.ts";
import { unwrapMemberKey } from "../seal/member.ts";
import type { Secrets } from "../seal/password.ts";
import type { Keys } from "./bookings.ts";
import { recall, remember, type Seen } from "./seen.ts";
import type { SessionBody } from "./server.ts";

/** RecordKeys opens and seals what the practice keeps of its own. Opening throws a SealError `unknown_key` or `tampered`. */
export interface RecordKeys {
  openRecord(kind: RecordKind, id: string, record: { version: number; epoch: number; ciphertext: string }): Promise<Bytes>;
  /** Under the newest book key. */
  sealRecord(kind: RecordKind, id: string, version: number, json: Uint8Array): Promise<{ version: number; epoch: number; ciphertext: string }>;
  /** A document of a customer, under the newest book key. Throws a SealError `plaintext_too_long`. */
  sealFile(id: string, content: Bytes): Promise<{ epoch: number; ciphertext: string }>;
  openFile(id: string, size: number, file: { epoch: number; ciphertext: string }): Promise<Bytes>;
  /** What somebody sealed to the practice and bound to an id that is no booking's. */
  openSealed(envelope: Envelope, id: string): Promise<Bytes>;
  /** For what this browser keeps in memory over a lock, and nowhere else: whoever opens it again has unlocked. */
  sealAside(json: Bytes): Promise<Aside>;
  /** Throws as openRecord does. */
  openAside(aside: Aside): Promise<Bytes>;
  /** The epoch of the newest book key. */
  epoch(): number;
}

/** What is kept in memory while names are locked. */
export interface Aside {
  readonly epoch: number;
  readonly bytes: Bytes;
}

/** The version with which a booking first becomes a card. */
const firstVersion = 1;

/** signInSecret is the half that the server sees. */
export function signInSecret(secrets: Secrets): string {
  return toBase64(secrets.signIn);
}

/** saltOf reads a salt as served; throws SealError `malformed_base64`. */
export const saltOf = (text: string) => fromBase64(text);

export interface Opened {
  keys: Keys & RecordKeys;
  /** When the signed directory runs out, in milliseconds since 1970. */
  directoryEnds: number;
  /** Set where this browser knew another identity of the practice; `accept` remembers the new one. */
  changed: { fingerprint: string; accept(): void } | null;
  /** Set where the practice's identity has changed as it should since this member vouched for it: says so to the server. */
  vouch: (() => Promise<void>) | null;
  /** Set for owners whose directory is not fresh any more: signs it again and tells when it then ends. */
  resign: (() => Promise<number>) | null;
}

type Memory = { recall: typeof recall; remember: typeof remember };

/** A directory is signed again once it has less than this left of its ninety days. */
const fresh = 60 * 24 * 3600_000;

/** Somebody whom the keys do not know: the public part of their member key, as their own browser derived it. */
export interface Unlisted {
  unlisted: string;
}

/**
 * openHeld is `openKeyring` for somebody who may have no keys yet: where the
 * practice has made none, or its directory does not list this member's key. A
 * directory that lists it under another identity than they vouched for is no
 * such case: that throws. So does a server that shows another public key than
 * the member's own: `tampered`. It would be given the practice's keys once two
 * people have compared six words of it.
 */
export async function openHeld(session: Pick<SessionBody, "tenant" | "account">, served: HeldKeyring, secrets: Pick<Secrets, "unlock">, fetch?: () => Promise<HeldKeyring>): Promise<Opened | Unlisted> {
  const { directory, vouch } = served;
  const unlock = secrets.unlock.slice();
  try {
    if (directory !== null && vouch) {
      try {
        return await openKeyring(session, { ...served, directory, vouch }, secrets, undefined, fetch);
      } catch (thrown) {
        const code = thrown instanceof SealError ? thrown.code : "";
        // A vouch was made with the member key of then.
        if (code !== "not_in_directory" && !(code === "directory_pin" && !(await lists(directory, session, served.member_public)))) throw thrown;
      }
    }
    const own = await publicOf(unlock, bareId("acc", session.account), served.member_key.wrapped);
    if (own !== served.member_public) throw new SealError("tampered");
    return { unlisted: own };
  } finally {
    unlock.fill(0);
    secrets.unlock.fill(0);
  }
}

async function lists(signed: ServedKeyring["directory"], session: Pick<SessionBody, "account">, publicKey: string): Promise<boolean> {
  const account = bareId("acc", session.account);
  return (await openDirectory(signed)).members.some((one) => one.account === account && toBase64(one.publicKey) === publicKey);
}

async function publicOf(unlock: Bytes, account: string, wrapped: string): Promise<string> {
  const seed = await unwrapMemberKey(unlock, account, wrapped);
  try {
    return toBase64((await privateKey(seed)).publicKey);
  } finally {
    seed.fill(0);
  }
}

/**
 * openKeyring opens the served keys for a session with the unlock half of the
 * password, which it overwrites. Throws a SealError: `wrong_password`,
 * `not_in_directory`, `directory_…`, `tampered`. An expired directory opens:
 * reading on must not depend on it. Where a key is missing later, because
 * somebody began new ones, it is looked for in what `fetch` gives.
 */
export async function openKeyring(
  session: Pick<SessionBody, "tenant" | "account">,
  served: ServedKeyring,
  secrets: Pick<Secrets, "unlock">,
  store?: Memory,
  fetch?: () => Promise<HeldKeyring>,
): Promise<Opened> {
  const tenant = bareId("ten", session.tenant);
  const account = bareId("acc", session.account);
  const memory = store ?? { recall, remember };
  let keyring: Keyring;
  try {
    keyring = await unlockKeyring(served, { tenant, account }, { unlock: secrets.unlock });
  } finally {
    secrets.unlock.fill(0);
  }
  const { directory } = keyring;
  const current = seenOf(directory);
  const before = memory.recall(tenant);
  const found = standing(directory, before);
  // A server that shows yesterday's list could bring back a key that was taken away.
  if (found === "older") {
    lockKeyring(keyring);
    throw new SealError("directory_old");
  }
  const same = found === "same";
  if (same) memory.remember(tenant, current);
  const { vouch } = keyring;
  return {
    keys: keysOf(keyring, { tenant, account }, same ? current : before ?? current, memory, fetch),
    directoryEnds: directory.expires.getTime(),
    resign: keyring.identity && same && directory.expires.getTime() - serverNow() < fresh ? () => resign(keyring.identity!, served.directory) : null,
    changed: same ? null : { fingerprint: directory.shownFingerprint, accept: () => memory.remember(tenant, current) },
    vouch: vouch !== undefined && same ? () => putVouch(vouch) : null,
  };
}

function seenOf({ fingerprint, sequence, recovery, former }: Directory): Seen {
  return { fingerprint, sequence, former, ...(recovery.signer ? { signer: toBase64(recovery.signer.publicKey) } : {}) };
}

/**
 * standing holds a directory against what was seen before. The same is also an
 * identity that came after it, if the recovery code that was listed then has
 * signed for that: who left may still have the old key, but not the paper.
 */
export function standing(directory: Directory, before: Seen | null): "same" | "older" | "other" {
  if (before === null) return "same";
  const { fingerprint, sequence, former, lineage } = directory;
  if (fingerprint === before.fingerprint) return sequence < before.sequence ? "older" : "same";
  if (before.former?.includes(fingerprint)) return "older";
  const steps = former.indexOf(before.fingerprint);
  if (steps < 0) return "other";
  if (sequence <= before.sequence) return "older";
  const first = lineage[lineage.length - 1 - steps]!;
  return before.signer === undefined || before.signer === toBase64(first.signer) ? "same" : "other";
}

async function resign(identity: CryptoKey, served: ServedKeyring["directory"]): Promise<number> {
  const { resignDirectory } = await import("../seal/keyring-next.ts");
  const directory = await resignDirectory(identity, served, new Date(serverNow()));
  await putKeyring({ directory, keys: [] });
  return (await openDirectory(directory)).expires.getTime();
}

const aside = ({ tenant, account }: { tenant: string; account: string }) => `${tenant}|aside|${account}`;

/** Milliseconds in which new keys are not looked for again. */
const lookAfter = 10_000;

function keysOf(first: Keyring, holder: { tenant: string; account: string }, seen: Seen, memory: Memory, fetch?: () => Promise<HeldKeyring>): Keys & RecordKeys {
  const { tenant } = holder;
  let keyring = first;
  let looked = -Infinity;
  let looking: Promise<boolean> | undefined;

  /** Opens what is served now with the member's key at hand, by the same rules as at unlocking. */
  const look = async (): Promise<boolean> => {
    const { member } = keyring;
    if (!fetch || !member) return false;
    const served = await fetch();
    const { directory, vouch } = served;
    if (directory === null || !vouch) return false;
    const next = await unlockKeyring({ ...served, directory, vouch }, holder, { member });
    if (keyring.member === undefined || standing(next.directory, seen) !== "same") {
      lockKeyring(next); // locked meanwhile, or not to be believed without a person
      return false;
    }
    seen = seenOf(next.directory);
    memory.remember(tenant, seen);
    if (next.vouch !== undefined) void putVouch(next.vouch).catch(() => undefined);
    const before = keyring;
    keyring = next;
    lockKeyring(before);
    return true;
  };
  const again = async (): Promise<boolean> => {
    const now = performance.now();
    if (!looking && now - looked < lookAfter) return false;
    looked = now;
    looking ??= look().catch(() => false).finally(() => (looking = undefined));
    return looking;
  };
  const found = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (thrown) {
      if (!(thrown instanceof SealError && thrown.code === "unknown_key") || !(await again())) throw thrown;
      return work();
    }
  };

  return {
    openEnvelope: (envelope, bookingId) => found(() => openBooking(keyring.data, tenant, envelope, bareId("bkg", bookingId))),
    openCard: ({ epoch, version, ciphertext }, bookingId) =>
      found(async () => {
        const book = keyring.books.get(epoch);
        if (!book) throw new SealError("unknown_key");
        return openCard(book, tenant, bareId("bkg", bookingId), version, ciphertext);
      }),
    sealCard: async (booking) => {
      const { key, epoch } = newestBook(keyring);
      return { version: firstVersion, epoch, ciphertext: await sealCard(key, firstVersion, booking) };
    },
    openRecord: (kind, id, { epoch, version, ciphertext }) =>
      found(async () => {
        const book = keyring.books.get(epoch);
        if (!book) throw new SealError("unknown_key");
        return openRecord(book, tenant, kind, id, version, ciphertext);
      }),
    sealRecord: async (kind, id, version, json) => {
      const { key, epoch } = newestBook(keyring);
      return { version, epoch, ciphertext: await sealRecord(key, tenant, kind, id, version, json) };
    },
    sealFile: async (id, content) => {
      const { key, epoch } = newestBook(keyring);
      return { epoch, ciphertext: await sealFile(key, tenant, id, content) };
    },
    openFile: (id, size, { epoch, ciphertext }) =>
      found(async () => {
        const book = keyring.books.get(epoch);
        if (!book) throw new SealError("unknown_key");
        return openFile(book, tenant, id, size, ciphertext);
      }),
    openSealed: (envelope, id) =>
      found(async () => {
        const e = parseEnvelope(envelope);
        if (e.tenant !== tenant) throw new SealError("tampered");
        const key = keyring.data.get(e.kid);
        if (!key) throw new SealError("unknown_key");
        return openEnvelope(key, e, id);
      }),
    sealAside: async (json) => {
      const { key, epoch } = newestBook(keyring);
      return { epoch, bytes: await gcmSeal(key, json, aside(holder)) };
    },
    openAside: ({ epoch, bytes }) =>
      found(async () => {
        const book = keyring.books.get(epoch);
        if (!book) throw new SealError("unknown_key");
        return gcmOpen(book, bytes, aside(holder));
      }),
    epoch: () => newestBook(keyring).epoch,
    wipe: () => lockKeyring(keyring),
  };
}
