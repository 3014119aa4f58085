/**
 * From a password to open keys, and from open keys to what the rest of the
 * office uses. Key bytes stay in here.
 */
import { bareId, fromBase64, toBase64 } from "../seal/bytes.ts";
import { serverNow } from "../api/http.ts";
import { type HeldKeyring, putKeyring } from "./keys/client.ts";
import { openCard, sealCard } from "../seal/card.ts";
import { openBooking } from "../seal/envelope.ts";
import { type Keyring, lockKeyring, newestBook, type ServedKeyring, unlockKeyring } from "../seal/keyring.ts";
import { SealError } from "../seal/error.ts";
import type { Secrets } from "../seal/password.ts";
import type { Keys } from "./bookings.ts";
import { recall, remember, type Seen } from "./seen.ts";
import type { SessionBody } from "./server.ts";

/** The version with which a booking first becomes a card. */
const firstVersion = 1;

/** signInSecret is the half that the server sees. */
export function signInSecret(secrets: Secrets): string {
  return toBase64(secrets.signIn);
}

/** saltOf reads a salt as served; throws SealError `malformed_base64`. */
export const saltOf = (text: string) => fromBase64(text);

export interface Opened {
  keys: Keys;
  /** When the signed directory runs out, in milliseconds since 1970. */
  directoryEnds: number;
  /** Set where this browser knew another identity of the practice; `accept` remembers the new one. */
  changed: { fingerprint: string; accept(): void } | null;
  /** Set for owners whose directory is not fresh any more: signs it again and tells when it then ends. */
  resign: (() => Promise<number>) | null;
}

/** A directory is signed again once it has less than this left of its ninety days. */
const fresh = 60 * 24 * 3600_000;

/**
 * openHeld is `openKeyring` for somebody who may have no keys yet: null where
 * the practice has made none, or its directory does not list this member. A
 * directory that lists them under another identity than they vouched for is
 * no such case: that throws.
 */
export async function openHeld(session: Pick<SessionBody, "tenant" | "account">, served: HeldKeyring, secrets: Pick<Secrets, "unlock">): Promise<Opened | null> {
  const { directory, vouch } = served;
  if (directory === null || !vouch) return null;
  try {
    return await openKeyring(session, { ...served, directory, vouch }, secrets);
  } catch (thrown) {
    if (thrown instanceof SealError && thrown.code === "not_in_directory") return null;
    throw thrown;
  }
}

/**
 * openKeyring opens the served keys for a session with the unlock half of the
 * password, which it overwrites. Throws a SealError: `wrong_password`,
 * `not_in_directory`, `directory_…`, `tampered`. An expired directory opens:
 * reading on must not depend on it.
 */
export async function openKeyring(
  session: Pick<SessionBody, "tenant" | "account">,
  served: ServedKeyring,
  secrets: Pick<Secrets, "unlock">,
  store?: { recall: typeof recall; remember: typeof remember },
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
  const current: Seen = { fingerprint: directory.fingerprint, sequence: directory.sequence };
  const before = memory.recall(tenant);
  const same = before === null || before.fingerprint === current.fingerprint;
  // A server that shows yesterday's list could bring back a key that was taken away.
  if (before && same && current.sequence < before.sequence) {
    lockKeyring(keyring);
    throw new SealError("directory_old");
  }
  if (same) memory.remember(tenant, current);
  return {
    keys: keysOf(keyring, tenant),
    directoryEnds: directory.expires.getTime(),
    resign: keyring.identity && same && directory.expires.getTime() - serverNow() < fresh ? () => resign(keyring.identity!, served.directory) : null,
    changed: same ? null : { fingerprint: directory.shownFingerprint, accept: () => memory.remember(tenant, current) },
  };
}

async function resign(identity: CryptoKey, served: ServedKeyring["directory"]): Promise<number> {
  const { resignDirectory } = await import("../seal/keyring-next.ts");
  const { openDirectory } = await import("../seal/directory.ts");
  const directory = await resignDirectory(identity, served, new Date(serverNow()));
  await putKeyring({ directory, keys: [] });
  return (await openDirectory(directory)).expires.getTime();
}

function keysOf(keyring: Keyring, tenant: string): Keys {
  return {
    openEnvelope: (envelope, bookingId) => openBooking(keyring.data, tenant, envelope, bareId("bkg", bookingId)),
    openCard: async ({ epoch, version, ciphertext }, bookingId) => {
      const book = keyring.books.get(epoch);
      if (!book) throw new SealError("unknown_key");
      return openCard(book, tenant, bareId("bkg", bookingId), version, ciphertext);
    },
    sealCard: async (booking) => {
      const { key, epoch } = newestBook(keyring);
      return { version: firstVersion, epoch, ciphertext: await sealCard(key, firstVersion, booking) };
    },
    wipe: () => lockKeyring(keyring),
  };
}
