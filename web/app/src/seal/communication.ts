// A word from a patient to the practice: the wish to be called, or a line about
// a booking. It is sealed as a booking is, bound to its own id.

import { type Bytes, utf8 } from "./bytes.ts";
import type { SealTarget } from "./directory.ts";
import { type Envelope, openEnvelope, parseEnvelope, sealEnvelope } from "./envelope.ts";
import { SealError } from "./error.ts";
import type { PrivateKey } from "./hpke.ts";
import { Reader } from "./read.ts";
import { NAME, NOTE, UNITS_PER_GRAPHEME, unsafe } from "./text.ts";

export interface CallBack {
  readonly kind: "call_back";
  readonly name: string;
  readonly phone: string;
  /** When it suits: of the practice's words for times of day, or empty. */
  readonly time: string;
  /** Of the practice's topics, or empty. */
  readonly topic: string;
}

export interface Line {
  readonly kind: "line";
  readonly text: string;
}

export type Communication = (CallBack | Line) & { readonly language: string };

const read = new Reader("malformed_booking");

/** Throws `malformed_booking` for what would not read back. */
export async function sealCommunication(target: SealTarget, word: Communication): Promise<Envelope> {
  const id = crypto.randomUUID();
  const json = utf8(JSON.stringify({ v: 1, tenant: target.tenant, id, ...word }));
  parse(json, target.tenant, id);
  return sealEnvelope(target, id, id, json);
}

/** Opens a word, which anyone may have written. Throws `unknown_key`, `tampered` or `malformed_booking`. */
export async function openCommunication(keys: ReadonlyMap<string, PrivateKey>, tenant: string, envelope: Envelope): Promise<Communication> {
  const e = parseEnvelope(envelope);
  if (e.tenant !== tenant) throw new SealError("tampered");
  const key = keys.get(e.kid);
  if (key === undefined) throw new SealError("unknown_key");
  return parse(await openEnvelope(key, e, e.envelope_id), tenant, e.envelope_id);
}

/** readCommunication reads an opened word, which anyone may have written. Throws `malformed_booking`. */
export const readCommunication = (json: Bytes, tenant: string, id: string): Communication => parse(json, tenant, id);

function parse(json: Bytes, tenant: string, id: string): Communication {
  const w = read.object(read.json(json), ["v", "tenant", "id", "kind", "language"], ["name", "phone", "time", "topic", "text"]);
  if (w.v !== 1 || read.uuid(w.tenant) !== tenant || read.uuid(w.id) !== id) read.refuse();
  const language = read.matching(w.language, /^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$/);
  if (w.kind === "line") return { kind: "line", text: said(w.text, NOTE.max, true), language };
  if (w.kind !== "call_back") read.refuse();
  return {
    kind: "call_back",
    name: said(w.name, NAME.max),
    phone: read.matching(w.phone, /^\+?[0-9][0-9 ()/.-]{2,31}$/),
    time: said(w.time, NAME.max, false, true),
    topic: said(w.topic, NAME.max, false, true),
    language,
  };
}

function said(value: unknown, graphemes: number, lines = false, empty = false): string {
  const s = read.string(value);
  if (s.length > graphemes * UNITS_PER_GRAPHEME || (s === "" && !empty) || unsafe(s, lines) !== undefined) read.refuse();
  return s;
}
