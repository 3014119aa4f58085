/** What people ask of their data: as they sealed it, and what the practice writes about it. */
import { bareId, fromUtf8, utf8 } from "../../seal/bytes.ts";
import { unsafe } from "../../seal/text.ts";
import type { RecordKeys } from "../unlock.ts";
import type { Kind, RequestBody } from "./client.ts";
import { Unreadable } from "./model.ts";

/** What a person may ask to have changed. */
export const changeable = ["family_name", "given_name", "birth_date", "phone", "email", "street", "postal_code", "city"] as const;
export type Changeable = (typeof changeable)[number];

/** What a patient's page seals. */
export interface Asked {
  words: string;
  changes: Partial<Record<Changeable, string>>;
}

/** A recipient who has to hear of a correction, deletion or restriction (Art. 19 GDPR). */
export interface Told {
  name: string;
  contact: string;
  /** When they were told; empty is not yet. */
  at: string;
}

export interface Note extends Asked {
  who: string;
  /** Bare id of the record it is about; empty where none is chosen. */
  customer: string;
  /** How it was made sure that it is they. */
  identity: string;
  log: { at: string; by: string; text: string }[];
  told: Told[];
}

export const nothing: Note = { who: "", customer: "", identity: "", words: "", changes: {}, log: [], told: [] };

const text = (value: unknown, most = 300, lines = false): string => {
  if (value === undefined) return "";
  if (typeof value !== "string" || value.length > most * 4 || unsafe(value, lines)) throw new Unreadable();
  return value;
};
const list = <T>(value: unknown, read: (one: Record<string, unknown>) => T): T[] => {
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.length > 200) throw new Unreadable();
  return value.map((one: unknown) => {
    if (typeof one !== "object" || one === null) throw new Unreadable();
    return read(one as Record<string, unknown>);
  });
};

function whole(bytes: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(fromUtf8(bytes));
  } catch (cause) {
    throw new Unreadable("no request", { cause });
  }
  if (typeof value !== "object" || value === null || (value as { v?: unknown }).v !== 1) throw new Unreadable();
  return value as Record<string, unknown>;
}

function asked(value: Record<string, unknown>): Asked {
  const given = typeof value.changes === "object" && value.changes !== null ? (value.changes as Record<string, unknown>) : {};
  return { words: text(value.words, 1000, true), changes: Object.fromEntries(changeable.flatMap((field) => (given[field] === undefined ? [] : [[field, text(given[field], 200)]]))) };
}

/** readAsked reads what anybody may have sealed. Throws [Unreadable]. */
export const readAsked = (bytes: Uint8Array): Asked => asked(whole(bytes));
export const writeAsked = (one: Asked) => utf8(JSON.stringify({ v: 1, ...one }));

export function readNote(bytes: Uint8Array): Note {
  const value = whole(bytes);
  return {
    ...asked(value),
    who: text(value.who),
    customer: text(value.customer, 36),
    identity: text(value.identity),
    log: list(value.log, (one) => ({ at: text(one.at, 40), by: text(one.by), text: text(one.text, 1000, true) })),
    told: list(value.told, (one) => ({ name: text(one.name), contact: text(one.contact), at: text(one.at, 40) })),
  };
}
export const writeNote = (note: Note) => utf8(JSON.stringify({ v: 1, ...note }));

export interface Request {
  body: RequestBody;
  /** Null where it does not open. */
  note: Note | null;
}

/** openRequest opens the practice's note, or what the person sealed where there is none yet. */
export async function openRequest(keys: RecordKeys, body: RequestBody): Promise<Request> {
  const id = bareId("req", body.id);
  try {
    if (body.note) return { body, note: readNote(await keys.openRecord("request", id, body.note)) };
    if (body.envelope) return { body, note: { ...nothing, ...readAsked(await keys.openSealed(body.envelope, id)) } };
  } catch {
    // Shown as what does not open.
  }
  return { body, note: null };
}

/** sealNote seals the next version of what is written about a request. */
export const sealNote = (keys: RecordKeys, id: string, version: number, note: Note) => keys.sealRecord("request", bareId("req", id), version, writeNote(note));

/** daysLeft counts the days in which an answer is still owed; negative once it is late. */
export const daysLeft = (due: string, now: number): number => Math.floor((Date.parse(due) - now) / 86_400_000);

/** mustTell are kinds of which everyone who was given the data hears (Art. 19). */
export const mustTell = (kind: Kind): boolean => kind === "rectification" || kind === "erasure" || kind === "restriction";
