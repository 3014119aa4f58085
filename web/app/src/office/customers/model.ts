/**
 * What a practice keeps of somebody. It is no patient record: there is no room
 * for findings or diagnoses, and documents are for other trades than medical ones.
 */
import { type Bytes, fromUtf8, utf8 } from "../../seal/bytes.ts";
import type { Gender, Insurance } from "../../seal/plaintext.ts";
import { GENDERS, INSURANCES } from "../../seal/plaintext.ts";
import { unsafe } from "../../seal/text.ts";

/** Texts of one line. */
export const lines = ["family_name", "given_name", "title", "birth_date", "gender", "insurance", "insurer", "phone", "phone2", "email", "street", "postal_code", "city", "language", "role", "household", "restricted", "restricted_why", "objected", "imported", "source", "made"] as const;
export type LineField = (typeof lines)[number];

/** What is edited and compared as a line, in the order of the form. */
export const edited = ["family_name", "given_name", "title", "birth_date", "gender", "insurance", "insurer", "phone", "phone2", "email", "street", "postal_code", "city", "language"] as const satisfies readonly LineField[];
export type EditedField = (typeof edited)[number];

export interface Note {
  id: string;
  /** UTC. */
  at: string;
  by: string;
  text: string;
}

/** A consent as it was given, and when it was taken back. */
export interface Consent {
  id: string;
  kind: "reminders" | "recall" | "news" | "other";
  channel: "mail" | "sms" | "phone" | "letter";
  /** YYYY-MM-DD. */
  given: string;
  how: string;
  by: string;
  withdrawn: string;
}

/** Somebody whom the practice gave data of this person to (Art. 19 GDPR). */
export interface Recipient {
  id: string;
  name: string;
  contact: string;
  since: string;
}

/** A document beside the record, which is sealed for itself: what it is called is here alone. */
export interface Document {
  /** Bare uuid. */
  id: string;
  name: string;
  /** A media type. */
  type: string;
  /** In bytes. */
  size: number;
  /** UTC. */
  at: string;
  by: string;
}

/** Every line is there, empty where nothing is known. */
export type Customer = Record<LineField, string> & {
  gender: Gender | "";
  insurance: Insurance | "";
  tags: string[];
  notes: Note[];
  consents: Consent[];
  recipients: Recipient[];
  documents: Document[];
  /** By the id of a field that the practice defined. */
  fields: Record<string, string>;
  /** Bare ids of bookings that are theirs. */
  bookings: string[];
};

/** A field that the practice defined. */
export interface OwnField {
  id: string;
  name: string;
}

export const empty = (): Customer => ({
  ...(Object.fromEntries(lines.map((key) => [key, ""])) as Record<LineField, string>),
  gender: "",
  insurance: "",
  tags: [],
  notes: [],
  consents: [],
  recipients: [],
  documents: [],
  fields: {},
  bookings: [],
});

/** How much of each there may be, so that a record stays within its greatest length. */
export const most = { line: 200, note: 2000, notes: 40, tags: 20, tag: 40, consents: 40, recipients: 40, documents: 40, bookings: 200, fields: 20 };

export class Unreadable extends Error {}

const ascii = /^[\x20-\x7e]*$/;

const text = (value: unknown, longest: number, several = false): string => {
  if (value === undefined || value === "") return "";
  if (typeof value === "string" && value.length <= longest && ascii.test(value)) return value; // nearly all, and quickly
  if (typeof value !== "string" || value.length > longest * 4 || unsafe(value, several)) throw new Unreadable();
  return value;
};
const list = <T>(value: unknown, read: (one: Record<string, unknown>) => T): T[] => {
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.length > 500) throw new Unreadable();
  return value.map((one: unknown) => {
    if (typeof one !== "object" || one === null) throw new Unreadable();
    return read(one as Record<string, unknown>);
  });
};
const words = (value: unknown): string[] => {
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.length > 500) throw new Unreadable();
  return value.map((one) => text(one, most.line));
};
const among = <T extends string>(value: unknown, allowed: readonly T[], other: T): T => allowed.find((one) => one === value) ?? other;
const own = (value: unknown): Record<string, string> => {
  if (value === undefined) return {};
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Unreadable();
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [text(key, 40), text(one, most.line)]));
};

const whole = (bytes: Uint8Array): Record<string, unknown> => {
  let value: unknown;
  try {
    value = JSON.parse(fromUtf8(bytes));
  } catch (cause) {
    throw new Unreadable("no record", { cause });
  }
  if (typeof value !== "object" || value === null || (value as { v?: unknown }).v !== 1) throw new Unreadable();
  return value as Record<string, unknown>;
};

/** fromPlain reads what [toPlain] gave. Throws [Unreadable]: whoever has the book key may have written it, but nothing else than text comes of it. */
export function fromPlain(c: Record<string, unknown>): Customer {
  const made = empty();
  for (const key of lines) made[key as "family_name"] = text(c[key], most.line);
  made.gender = c.gender === undefined ? "" : among(c.gender, GENDERS, "unknown");
  made.insurance = among<Insurance | "">(c.insurance, [...INSURANCES], "");
  made.tags = words(c.tags);
  made.notes = list(c.notes, (one) => ({ id: text(one.id, 40), at: text(one.at, 40), by: text(one.by, most.line), text: text(one.text, most.note, true) }));
  made.consents = list(c.consents, (one) => ({
    id: text(one.id, 40), kind: among(one.kind, ["reminders", "recall", "news", "other"], "other"), channel: among(one.channel, ["mail", "sms", "phone", "letter"], "letter"),
    given: text(one.given, 40), how: text(one.how, most.line), by: text(one.by, most.line), withdrawn: text(one.withdrawn, 40),
  }));
  made.recipients = list(c.recipients, (one) => ({ id: text(one.id, 40), name: text(one.name, most.line), contact: text(one.contact, most.line), since: text(one.since, 40) }));
  made.documents = list(c.documents, (one) => ({
    id: text(one.id, 40), name: text(one.name, most.line), type: text(one.type, most.line), size: typeof one.size === "number" ? one.size : 0, at: text(one.at, 40), by: text(one.by, most.line),
  }));
  made.fields = own(c.fields);
  made.bookings = words(c.bookings);
  return made;
}

/** toPlain is a record without what is empty. */
export function toPlain(c: Customer): Record<string, unknown> {
  return Object.fromEntries(Object.entries(c).filter(([, value]) => (Array.isArray(value) ? value.length > 0 : typeof value === "string" ? value !== "" : Object.keys(value).length > 0)));
}

export const read = (bytes: Uint8Array): Customer => fromPlain(whole(bytes));

/** write throws [Unreadable] for what would not be read back. */
export function write(c: Customer): Bytes {
  const json = utf8(JSON.stringify({ v: 1, ...toPlain(c) }));
  read(json);
  return json;
}

/** The practice's own fields are a record like the others, under the id of the practice itself. */
export const readFields = (bytes: Uint8Array): OwnField[] => list(whole(bytes).own, (one) => ({ id: text(one.id, 40), name: text(one.name, most.line) })).slice(0, most.fields);
export const writeFields = (fields: readonly OwnField[]): Bytes => utf8(JSON.stringify({ v: 1, own: fields }));

/** clinical tells whether a field's name asks for what belongs into the patient record alone. */
export const clinical = (name: string): boolean =>
  /diagnos|befund|anamnes|medika|arznei|allerg|krank|symptom|therap|behandl|labor|blut|impf|icd|op-|operation|unverträg|schwanger|findings?|medicat|disease|treatment|illness/i.test(name);

/** nameOf is "Müller, Dr. Anna". */
export const nameOf = (c: Pick<Customer, "family_name" | "given_name" | "title">): string => [c.family_name, [c.title, c.given_name].filter(Boolean).join(" ")].filter(Boolean).join(", ");

/** newId is a uuid v4: the order in which records were made is nobody's business. */
export const newId = (): string => crypto.randomUUID();

/** Fields in which two records differ and one of them would be lost. */
export type Differing = EditedField | `field:${string}` | "restricted_why";

/** Resolved is what becomes of two versions: what only one changed is taken, of lists everything stays. */
export interface Resolved {
  merged: Customer;
  /** What both changed, each in their way: somebody has to choose. */
  open: { field: Differing; mine: string; theirs: string }[];
}

const byId = <T extends { id: string }>(base: readonly T[], mine: readonly T[], theirs: readonly T[]): T[] => {
  const before = new Map(base.map((one) => [one.id, JSON.stringify(one)]));
  const [own, others] = [new Map(mine.map((one) => [one.id, one])), new Map(theirs.map((one) => [one.id, one]))];
  const all: T[] = [];
  for (const one of [...theirs, ...mine.filter(({ id }) => !others.has(id))]) {
    const { id } = one;
    const was = before.get(id);
    const [m, t] = [own.get(id), others.get(id)];
    // Deleted by one side and untouched by the other.
    if (was !== undefined && (m === undefined ? JSON.stringify(t) === was : t === undefined && JSON.stringify(m) === was)) continue;
    all.push(m !== undefined && JSON.stringify(m) !== was ? m : (t ?? m)!);
  }
  return all;
};
const union = (base: readonly string[], mine: readonly string[], theirs: readonly string[]): string[] =>
  [...new Set([...theirs, ...mine])].filter((one) => !base.includes(one) || (mine.includes(one) && theirs.includes(one)));

/** resolve brings two changes of one record together; without a common base, everything in which they differ is open. */
export function resolve(base: Customer | null, mine: Customer, theirs: Customer): Resolved {
  const was = base ?? empty();
  const merged: Customer = { ...theirs };
  const open: Resolved["open"] = [];
  const choose = (m: string, t: string, b: string, field: Differing): string => {
    if (m === t) return t;
    if (base ? m === b : m === "") return t;
    if (base ? t === b : t === "") return m;
    open.push({ field, mine: m, theirs: t });
    return t;
  };
  for (const field of edited) (merged[field] as string) = choose(mine[field], theirs[field], was[field], field);
  merged.restricted_why = choose(mine.restricted_why, theirs.restricted_why, was.restricted_why, "restricted_why");
  // What protects somebody is never lost in a conflict.
  for (const field of ["restricted", "objected"] as const) merged[field] = base && mine[field] === was[field] ? theirs[field] : base && theirs[field] === was[field] ? mine[field] : mine[field] || theirs[field];
  for (const field of ["household", "role", "imported", "source", "made"] as const) merged[field] = mine[field] !== was[field] ? mine[field] || theirs[field] : theirs[field] || mine[field];
  merged.fields = { ...theirs.fields };
  for (const id of new Set([...Object.keys(mine.fields), ...Object.keys(theirs.fields)])) {
    const value = choose(mine.fields[id] ?? "", theirs.fields[id] ?? "", was.fields[id] ?? "", `field:${id}`);
    if (value) merged.fields[id] = value;
    else delete merged.fields[id];
  }
  merged.tags = union(was.tags, mine.tags, theirs.tags);
  merged.bookings = union(was.bookings, mine.bookings, theirs.bookings);
  merged.notes = byId(was.notes, mine.notes, theirs.notes).sort((a, b) => (a.at < b.at ? -1 : 1));
  merged.consents = byId(was.consents, mine.consents, theirs.consents);
  merged.recipients = byId(was.recipients, mine.recipients, theirs.recipients);
  merged.documents = byId(was.documents, mine.documents, theirs.documents).sort((a, b) => (a.at < b.at ? -1 : 1));
  return { merged, open };
}

/** decide puts what somebody chose into a merged record. */
export function decide(merged: Customer, chosen: readonly { field: Differing; value: string }[]): Customer {
  const c: Customer = { ...merged, fields: { ...merged.fields } };
  for (const { field, value } of chosen) {
    if (field.startsWith("field:")) c.fields[field.slice(6)] = value;
    else (c[field as "family_name"] as string) = value;
  }
  return c;
}
