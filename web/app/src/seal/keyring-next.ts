// What an owner's browser makes of a practice's keys after the first: the next
// signed directory, and the wraps that it calls for. Who is not in the
// directory that is signed here is wrapped for by nobody.

import { type Bytes, fromBase64, random, sha256, toBase64 } from "./bytes.ts";
import {
  type BookEntry,
  bookEntry,
  type DataKey,
  type Directory,
  type Member,
  openDirectory,
  type SignedDirectory,
  statementOf,
  type Succession,
  writeDocument,
} from "./directory.ts";
import { SealError } from "./error.ts";
import { generateKey } from "./hpke.ts";
import { generateSigner, signWith } from "./identity.ts";
import { type Holder, type Opener, type ServedKeyring, unwrapSecrets } from "./keyring.ts";
import { onPaper, recoverySigner } from "./recovery.ts";
import { SUITE } from "./sizes.ts";
import { type Kind, type Wrap, wrapKey } from "./wrap.ts";

/** An owner's practice keys, bare, for the moment in which they are wrapped anew. `forgetBare` overwrites them. */
export interface Bare {
  readonly directory: Directory;
  /** SHA-256 of the directory's document. */
  readonly hash: Bytes;
  readonly identity: { readonly key: CryptoKey; readonly scalar: Bytes };
  /** By epoch. */
  readonly data: Map<number, Bytes>;
  readonly books: Map<number, Bytes>;
}

export interface Change {
  readonly now: Date;
  /** All members from now on; those of before where left out. */
  readonly members?: readonly Member[] | undefined;
  /** Data and book keys of the next epoch begin. */
  readonly rotate?: boolean | undefined;
  /** A new recovery code, which makes the old one void. */
  readonly recoveryCode?: string | undefined;
  /**
   * The code that is on paper now: a new identity begins, because who held the
   * old one leaves. Both sign for it, so that whoever trusts the old one may
   * follow; who leaves has the old one and not the code.
   */
  readonly succeed?: { readonly code: string } | undefined;
}

/** What a server may have of the change. */
export interface NextKeys {
  readonly directory: SignedDirectory;
  readonly keys: readonly Wrap[];
}

/** Throws what `unlockKeyring` throws, and `unknown_key` for who does not hold the identity key: only owners sign. */
export async function openBare(served: ServedKeyring, holder: Holder, opener: Opener): Promise<Bare> {
  const { directory, secrets } = await unwrapSecrets(served, holder, opener);
  const data = new Map<number, Bytes>();
  const books = new Map<number, Bytes>();
  let identity: Bare["identity"] | undefined;
  for (const one of secrets) {
    if (one.kind === "identity") identity = { key: one.key, scalar: one.secret };
    else (one.kind === "data" ? data : books).set(one.epoch, one.secret);
  }
  if (!identity) {
    for (const one of secrets) one.secret.fill(0);
    throw new SealError("unknown_key");
  }
  return { directory, hash: await sha256(fromBase64(served.directory.document)), identity, data, books };
}

export function forgetBare(bare: Bare): void {
  for (const secret of [bare.identity.scalar, ...bare.data.values(), ...bare.books.values()]) secret.fill(0);
}

/**
 * Signs the next directory. Keys of who leaves, and a recovery key that is
 * replaced, are revoked; who comes gets all keys that the owner holds, who
 * stays gets the new ones. Throws `unknown_key` where the newest key is not here.
 */
export async function nextKeyring(bare: Bare, change: Change): Promise<NextKeys & { readonly opened: Directory }> {
  const { directory: before } = bare;
  const { tenant } = before;
  const members = change.members ?? before.members;
  const recovery = change.recoveryCode === undefined ? before.recovery : await onPaper(change.recoveryCode, tenant);
  const data = new Map(bare.data);
  const books = new Map(bare.books);
  let dataKeys: readonly DataKey[] = before.dataKeys;
  let bookKeys: readonly BookEntry[] = before.bookKeys;
  const begun = { data: 0, book: 0 };
  let { identity, lineage }: { identity: Bytes; lineage: readonly Succession[] } = before;
  let signer: { key: CryptoKey; scalar: Bytes } = bare.identity;
  if (change.succeed) {
    // The code first: nothing is begun with one that is not the practice's.
    const countersigner = await recoverySigner(change.succeed.code, tenant, before.recovery);
    const next = await generateSigner();
    const by = { identity: before.identity, signer: before.recovery.signer!.publicKey };
    const statement = await statementOf(tenant, by, next.point);
    const [signature, countersignature] = await Promise.all([signWith(bare.identity.key, statement), signWith(countersigner, statement)]);
    lineage = [...lineage, { ...by, signature, countersignature }];
    identity = next.point;
    signer = next;
  }
  if (change.rotate) {
    const { seed, key } = await generateKey();
    begun.data = dataKeys.at(-1)!.epoch + 1;
    dataKeys = [...dataKeys, { kid: key.kid, suite: SUITE, epoch: begun.data, publicKey: key.publicKey }];
    data.set(begun.data, seed);
    const book = random(32);
    begun.book = bookKeys.at(-1)!.epoch + 1;
    bookKeys = [...bookKeys, await bookEntry(tenant, begun.book, book)];
    books.set(begun.book, book);
  }
  try {
    if (!data.has(dataKeys.at(-1)!.epoch) || !books.has(bookKeys.at(-1)!.epoch)) throw new SealError("unknown_key");
    const inUse = new Set([...members.map(({ kid }) => kid), recovery.kid]);
    const gone = [...before.members.map(({ kid }) => kid), before.recovery.kid].filter((kid) => !inUse.has(kid));
    const document = writeDocument({
      tenant,
      sequence: before.sequence + 1,
      previous: bare.hash,
      issued: new Date(Math.floor(change.now.getTime() / 1000) * 1000),
      identity,
      lineage,
      dataKeys,
      bookKeys,
      members,
      recovery,
      revoked: [...new Set([...before.revoked, ...gone])].filter((kid) => !inUse.has(kid)),
    });
    const signature = await signWith(signer.key, document);
    const directory = { document: toBase64(document), signature: toBase64(signature) };
    // Read back as everybody else will: nothing is signed that nobody accepts.
    const opened = await openDirectory(directory);

    const keys: Wrap[] = [];
    const ownedBefore = new Set([before.recovery.kid, ...before.members.filter(({ role }) => role === "owner").map(({ kid }) => kid)]);
    const heldBefore = new Set([before.recovery.kid, ...before.members.map(({ kid }) => kid)]);
    const wrap = async (holder: { kid: string; publicKey: Bytes }, kind: Kind, epoch: number, secret: Bytes) => {
      keys.push(await wrapKey(holder, tenant, kind, epoch, secret));
    };
    for (const holder of [...opened.members, { ...opened.recovery, role: "owner" as const }]) {
      const fresh = !heldBefore.has(holder.kid);
      if (holder.role === "owner" && (change.succeed || !ownedBefore.has(holder.kid))) await wrap(holder, "identity", 1, signer.scalar);
      for (const [epoch, secret] of data) if (fresh || epoch === begun.data) await wrap(holder, "data", epoch, secret);
      for (const [epoch, secret] of books) if (fresh || epoch === begun.book) await wrap(holder, "book", epoch, secret);
    }
    return { directory, keys, opened };
  } finally {
    if (change.succeed) signer.scalar.fill(0);
    if (begun.data) data.get(begun.data)!.fill(0);
    if (begun.book) books.get(begun.book)!.fill(0);
  }
}

/**
 * Signs the same directory again, with a fresh time to live. It needs no bare
 * keys, so an owner's browser does it whenever it unlocks.
 */
export async function resignDirectory(identity: CryptoKey, served: SignedDirectory, now: Date): Promise<SignedDirectory> {
  const before = await openDirectory(served);
  const document = writeDocument({
    ...before,
    sequence: before.sequence + 1,
    previous: await sha256(fromBase64(served.document)),
    issued: new Date(Math.floor(now.getTime() / 1000) * 1000),
  });
  const signature = await signWith(identity, document);
  const directory = { document: toBase64(document), signature: toBase64(signature) };
  await openDirectory(directory);
  return directory;
}
