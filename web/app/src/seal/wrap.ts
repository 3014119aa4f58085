// Practice keys wrapped for a holder: a member's or the recovery key.

import { type Bytes, fromBase64, requireUuids, toBase64 } from "./bytes.ts";
import { SealError } from "./error.ts";
import { hpkeOpen, hpkeSeal, type PrivateKey } from "./hpke.ts";
import { Reader } from "./read.ts";
import { ENC_SIZE, TAG_SIZE } from "./sizes.ts";

/** identity: P-256 scalar; data: X-Wing seed; book: AES key. Each 32 bytes. */
export type Kind = "identity" | "data" | "book";
const KINDS: readonly Kind[] = ["identity", "data", "book"];

export interface Wrap {
  readonly kind: Kind;
  readonly epoch: number;
  /** The kid of the holder's key. */
  readonly holder: string;
  readonly enc: string;
  readonly ct: string;
}

const read = new Reader("malformed_key");

/** The caller found the holder in the signed directory: the server's word is not enough. */
export async function wrapKey(
  holder: { kid: string; publicKey: Bytes },
  tenant: string,
  kind: Kind,
  epoch: number,
  key: Bytes,
): Promise<Wrap> {
  requireUuids(tenant);
  if (key.length !== 32) throw new SealError("malformed_key");
  const bound = aad(tenant, kind, epoch, holder.kid);
  const { enc, ct } = await hpkeSeal(holder.publicKey, info(bound), bound, key);
  return { kind, epoch, holder: holder.kid, enc: toBase64(enc), ct: toBase64(ct) };
}

/**
 * Throws `malformed_key`, or `tampered` for another holder's, tenant's, kind's
 * or epoch's. That it opens does not say who made it: compare with the directory.
 */
export async function unwrapKey(holder: PrivateKey, tenant: string, wrap: Wrap): Promise<Bytes> {
  const w = parseWrap(wrap);
  if (w.holder !== holder.kid) throw new SealError("tampered");
  const bound = aad(tenant, w.kind, w.epoch, w.holder);
  return hpkeOpen(holder, info(bound), bound, { enc: fromBase64(w.enc), ct: fromBase64(w.ct) });
}

/** Whether a decoded JSON value has the form of a wrapped key; else `malformed_key`. */
export function parseWrap(value: unknown): Wrap {
  const w = read.object(value, ["kind", "epoch", "holder", "enc", "ct"]);
  read.bytes(w.enc, ENC_SIZE);
  read.bytes(w.ct, 32 + TAG_SIZE);
  return {
    kind: read.oneOf(w.kind, KINDS),
    epoch: read.positive(w.epoch),
    holder: read.kid(w.holder),
    enc: read.string(w.enc),
    ct: read.string(w.ct),
  };
}

function aad(tenant: string, kind: Kind, epoch: number, holder: string): string {
  return `${tenant}|${kind}|${epoch}|${holder}`;
}

function info(bound: string): string {
  return `siegel|wrap|1|${bound}`;
}
