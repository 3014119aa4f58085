/** Ids of new rules: a version 7 uuid (RFC 9562) behind the prefix of its kind. */
import type { ListKind } from "./types.ts";

const prefixes: Record<Exclude<ListKind, "legs">, string> = {
  locations: "loc_",
  resources: "res_",
  practitioners: "prc_",
  services: "svc_",
  windows: "win_",
  closures: "cls_",
  quotas: "quo_",
  chains: "chn_",
  calendars: "cal_",
};

/** newId is fresh; ids made later sort later, to the millisecond. */
export function newId(kind: Exclude<ListKind, "legs">, now = Date.now()): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  new DataView(bytes.buffer).setUint32(0, Math.floor(now / 0x10000));
  new DataView(bytes.buffer).setUint16(4, now % 0x10000);
  bytes[6] = (bytes[6]! & 0x0f) | 0x70;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return prefixes[kind] + hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** legId names the way between two locations, whichever is said first. */
export function legId(a: string, b: string): string {
  return a < b ? `${a}.${b}` : `${b}.${a}`;
}
