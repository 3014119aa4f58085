/**
 * From rows of text to appointments: which column is what, which word is which
 * doctor, room or type, and when it is. What cannot be read is said and stays
 * in the list: nothing is guessed, and nothing is dropped.
 */
import type { Insurance, Practice, Service } from "../../api/types.ts";
import { INSURANCES } from "../../seal/plaintext.ts";
import { cleanText, NAME, NOTE } from "../../seal/text.ts";
import { SealError } from "../../seal/error.ts";
import { unknownBirth } from "../booking.ts";
import { mailLink } from "../contact.ts";
import { birthOf, phoneOf, readCaller } from "../desk/caller.ts";
import { plain } from "../desk/find.ts";
import { type Day, dayOf, instantOf, minuteOf } from "../zone.ts";
import type { Table } from "./table.ts";

/** What a column can be. `title` is a line with a name in it, as calendars have it. */
export const fields = ["starts", "date", "time", "ends", "minutes", "doctor", "room", "type", "family", "given", "title", "birth", "phone", "email", "insurance", "note", "id"] as const;
export type Field = (typeof fields)[number];

/** under is the key of a foreign word: no word of an object's own is one. */
export const under = (word: string): string => `=${word}`;

/** Mapping is how a practice reads its old calendar; it is kept sealed until the switch-over. Its keys are made by [under]. */
export interface Mapping {
  /** By the column's name. */
  columns: Record<string, Field | "">;
  /** By the word in the old calendar: a practitioner, room or service; "" leaves the row out; missing is not decided. */
  doctors: Record<string, string>;
  rooms: Record<string, string>;
  types: Record<string, string>;
  /** For rows without a word. */
  location: string;
}

export const noMapping: Mapping = { columns: {}, doctors: {}, rooms: {}, types: {}, location: "" };

export type Trouble = "starts" | "ends" | "gap" | "doctor" | "type" | "room" | "name" | "long";

export interface Candidate {
  /** Its number in the table. */
  row: number;
  line: number;
  /** What the row says of itself, for lists. */
  label: string;
  starts: number;
  ends: number;
  practitioner: string;
  location: string;
  resource: string;
  service: Service | null;
  patient: { family: string; given: string; birth: string; phone: string; email: string; insurance: Insurance | "" };
  note: string;
  /** The words by which it is known again. */
  identity: string;
  /** What keeps it from being taken over; empty where nothing does. */
  trouble: Trouble[];
  /** Left out by a decision about its doctor or type. */
  out: boolean;
}

const guesses: [Field, RegExp][] = [
  ["birth", /geb|birth|dob/],
  ["date", /^(datum|date|tag|day|termindatum)$/],
  ["ends", /^(bis|ende?|end ?zeit|endzeit|ends?|end ?time|until)$/],
  ["time", /^(zeit|uhrzeit|time|von|startzeit|beginnzeit|start ?time)$/],
  ["starts", /^(beginn|start|starts|termin|anfang|dtstart|from|datum ?\/? ?uhrzeit)$/],
  ["minutes", /dauer|minuten|minutes|duration|lange/],
  ["doctor", /arzt|arztin|behandler|doctor|doktor|practitioner|mitarbeiter|kalender|calendar/],
  ["room", /raum|zimmer|room|ort$|location|gerat/],
  ["type", /terminart|^art$|typ|type|leistung|grund|service|kategorie|anlass/],
  ["family", /nachname|familienname|^name$|surname|last ?name|family/],
  ["given", /vorname|first ?name|given/],
  ["title", /patient|titel|betreff|summary|subject|title|bezeichnung/],
  ["phone", /telefon|phone|handy|mobil|^tel/],
  ["email", /mail/],
  ["insurance", /versich|kasse|insur|kostentr/],
  ["note", /notiz|bemerk|kommentar|note|comment|info|description/],
  ["id", /^(id|uid|nr|terminnr|termin-?id|nummer)$/],
];

/** guess reads the heads of the columns; each meaning once. */
export function guess(table: Table): Record<string, Field | ""> {
  const found: Record<string, Field | ""> = {};
  const used = new Set<Field>();
  for (const column of table.columns) {
    const words = plain(column).trim();
    const field = table.kind === "ics" ? (fields as readonly string[]).includes(column) ? (column as Field) : undefined : guesses.find(([one, pattern]) => !used.has(one) && pattern.test(words))?.[0];
    found[under(column)] = field ?? "";
    if (field) used.add(field);
  }
  // A head that says "Patient" beside a first name is a family name.
  const title = Object.keys(found).find((column) => found[column] === "title");
  if (title && used.has("given") && !used.has("family")) found[title] = "family";
  return found;
}

/** words are the different words of a column, most frequent first. */
export function wordsOf(table: Table, mapping: Mapping, field: Field): { word: string; count: number }[] {
  const at = table.columns.findIndex((column) => mapping.columns[under(column)] === field);
  if (at < 0) return [];
  const counts = new Map<string, number>();
  for (const row of table.rows) counts.set(row[at]!, (counts.get(row[at]!) ?? 0) + 1);
  return [...counts].map(([word, count]) => ({ word, count })).sort((a, b) => b.count - a.count || (a.word < b.word ? -1 : 1)).slice(0, 200);
}

/** likely is the one of a list whose name has a word's words in it, if it is only one. */
export function likely(word: string, list: readonly { id: string; name: string }[]): string | undefined {
  const parts = (text: string) => plain(text).split(/[^\p{L}\p{N}]+/u).filter((part) => part.length > 2 && !["med", "dent", "prof", "frau", "herr"].includes(part));
  const wanted = parts(word);
  if (wanted.length === 0) return undefined;
  const whole = list.filter(({ name }) => plain(name) === plain(word));
  if (whole.length === 1) return whole[0]!.id;
  const found = list.filter(({ name }) => wanted.every((part) => parts(name).includes(part)) || parts(name).every((part) => wanted.includes(part)));
  return found.length === 1 ? found[0]!.id : undefined;
}

interface Wall {
  day: Day;
  /** Minutes since midnight; null: none was said. */
  minute: number | null;
  /** Of a time that names its instant. */
  instant?: number;
}

const two = (n: number) => String(n).padStart(2, "0");

function real(y: number, m: number, d: number): Day | null {
  const text = `${String(y).padStart(4, "0")}-${two(m)}-${two(d)}`;
  const at = new Date(`${text}T00:00:00Z`);
  return y >= 2000 && y < 2100 && !Number.isNaN(at.getTime()) && at.toISOString().startsWith(text) ? text : null;
}

/** minuteIn reads 8:30, 08.30, 8:30 Uhr, 0830, 8 Uhr and 8:30 pm. */
export function minuteIn(text: string): number | null {
  const found = /^(?:(\d{1,2})[:.](\d{2})(?:[:.]\d{2})?|(\d{2})(\d{2})|(\d{1,2})(?= ?(?:h|uhr|am|pm)))\s*(h|uhr|am|pm)?$/i.exec(text.trim());
  if (!found) return null;
  let hour = Number(found[1] ?? found[3] ?? found[5]);
  const minute = Number(found[2] ?? found[4] ?? 0);
  const half = found[6]?.toLowerCase();
  if (half === "pm" && hour < 12) hour += 12;
  if (half === "am" && hour === 12) hour = 0;
  return hour < 24 && minute < 60 ? hour * 60 + minute : null;
}

const zones = new Map<string, boolean>();
function zoneKnown(zone: string): boolean {
  if (!zones.has(zone)) {
    try {
      new Intl.DateTimeFormat("en", { timeZone: zone });
      zones.set(zone, true);
    } catch {
      zones.set(zone, false);
    }
  }
  return zones.get(zone)!;
}
/** Names that Outlook gives to zones. */
const windows: Record<string, string> = { "w. europe standard time": "Europe/Berlin", "central europe standard time": "Europe/Budapest", "romance standard time": "Europe/Paris", "gmt standard time": "Europe/London", utc: "UTC" };

/** readTime reads a date, with or without a time of day, as German and English calendars write them; null for what is none. */
export function readTime(text: string): Wall | null {
  let line = text.trim().replace(/^(mo|di|mi|do|fr|sa|so|mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+/i, "");
  let zone = "";
  const named = /\s*\[([^\]]{1,60})\]$/.exec(line);
  if (named) {
    zone = windows[named[1]!.toLowerCase()] ?? named[1]!;
    line = line.slice(0, named.index);
  }
  const found = /^(?:(\d{4})-(\d{1,2})-(\d{1,2})|(\d{1,2})[./](\d{1,2})[./](\d{4}|\d{2}))(?:[T,\s]+(?:um\s+)?(.+))?$/i.exec(line);
  if (!found) return null;
  const day = found[1] ? real(Number(found[1]), Number(found[2]), Number(found[3])) : real(found[6]!.length === 2 ? 2000 + Number(found[6]) : Number(found[6]), Number(found[5]), Number(found[4]));
  if (!day) return null;
  if (found[7] === undefined) return { day, minute: null };
  const offset = /^(.*?)\s*(?:(Z)|([+-])(\d{2}):?(\d{2}))$/.exec(found[7]);
  const minute = minuteIn((offset ? offset[1]! : found[7]).replace(/[.,]\d{3}$/, ""));
  if (minute === null) return null;
  if (offset) {
    const ahead = offset[2] ? 0 : (offset[3] === "-" ? -1 : 1) * (Number(offset[4]) * 60 + Number(offset[5]));
    return { day, minute, instant: Date.parse(`${day}T00:00:00Z`) + (minute - ahead) * 60_000 };
  }
  if (zone !== "") return zoneKnown(zone) ? { day, minute, instant: instantOf(day, minute, zone) } : null;
  return { day, minute };
}

/** minutesIn reads 15, 15 min, 0:15 and 1 h. */
export function minutesIn(text: string): number | null {
  const line = text.trim().toLowerCase();
  const clock = /^(\d{1,2}):(\d{2})(?::\d{2})?$/.exec(line);
  if (clock) return Number(clock[1]) * 60 + Number(clock[2]);
  const plainly = /^\+?(\d{1,4})\s*(min\.?|minuten|minutes|m|')?$/.exec(line);
  if (plainly) return Number(plainly[1]);
  const hours = /^(\d{1,2})\s*(h|std\.?|stunden?|hours?)$/.exec(line);
  return hours ? Number(hours[1]) * 60 : null;
}

const kinds: [RegExp, Insurance][] = [
  [/^(gkv|gesetzlich|kasse|kassenpatient|public)/, "GKV"],
  [/^(pkv|privat|private)/, "PKV"],
  [/^(bei|beihilfe)/, "BEI"],
  [/^bg/, "BG"],
  [/^(sel|selbst|self)/, "SEL"],
  [/^(soz|sozial)/, "SOZ"],
];

/** A text that may be sealed, or empty: what no screen can show is not taken over. */
function clean(text: string, rule: typeof NAME): string {
  try {
    return cleanText(text, { ...rule, optional: true });
  } catch (thrown) {
    if (!(thrown instanceof SealError)) throw thrown;
    return thrown.code === "text_too_long" ? clean([...text].slice(0, Math.floor(rule.max * 0.9)).join(""), { ...rule, max: Infinity }) : "";
  }
}

/** read makes candidates of a table's rows, one each. */
export function read(table: Table, mapping: Mapping, practice: Practice, today: Day): Candidate[] {
  const at = new Map<Field, number>();
  table.columns.forEach((column, n) => {
    const field = mapping.columns[under(column)];
    if (field && !at.has(field)) at.set(field, n);
  });
  return table.rows.map((row, n) => {
    const value = (field: Field) => (at.has(field) ? row[at.get(field)!]! : "");
    const trouble: Trouble[] = [];
    const decided = (words: Record<string, string>, field: Field, what: Trouble): string | null => {
      const found = words[under(value(field))];
      if (found === undefined) trouble.push(what);
      return found ?? null;
    };
    const doctor = decided(mapping.doctors, "doctor", "doctor");
    const type = decided(mapping.types, "type", "type");
    const resource = value("room") === "" ? "" : (decided(mapping.rooms, "room", "room") ?? "");
    const service = practice.services.find(({ id }) => id === type) ?? null;
    const zone = practice.locations.find(({ id }) => id === mapping.location)?.zone ?? practice.zone;

    const first = readTime(value("starts"));
    const day = first?.day ?? readTime(value("date"))?.day ?? null;
    const minute = minuteIn(value("time")) ?? first?.minute ?? readTime(value("date"))?.minute ?? null;
    let starts = first?.instant ?? Number.NaN;
    if (day !== null && minute !== null && first?.instant === undefined) {
      starts = instantOf(day, minute, zone);
      if (dayOf(starts, zone) !== day || minuteOf(starts, zone) !== minute) trouble.push("gap");
    }
    if (Number.isNaN(starts)) trouble.push("starts");

    const until = value("ends").trim();
    const lasts = until.startsWith("+") ? minutesIn(until) : minutesIn(value("minutes"));
    const end = readTime(until);
    const endMinute = end?.minute ?? minuteIn(until);
    let ends = Number.NaN;
    if (end?.instant !== undefined) ends = end.instant;
    else if (until !== "" && !until.startsWith("+")) {
      if (endMinute !== null && day !== null) ends = instantOf(end?.day ?? day, endMinute, zone);
    } else if (lasts !== null) ends = starts + lasts * 60_000;
    else if (until === "" && value("minutes") === "" && service) ends = starts + (service.durations?.[doctor ?? ""] ?? service.duration_minutes) * 60_000;
    if (!Number.isNaN(starts) && !(ends > starts)) trouble.push("ends");
    else if (ends - starts > 12 * 3_600_000) trouble.push("long");

    const line = value("title");
    const told = line === "" ? null : readCaller(line, today);
    const birth = birthOf(value("birth"), today) || told?.birth || "";
    const family = clean(value("family") || told?.family || "", NAME);
    const given = clean(value("given") || (value("family") ? "" : (told?.given ?? "")), NAME);
    if (family === "") trouble.push("name");
    const phone = phoneOf(value("phone") || told?.phone || "") ?? "";
    const mail = (value("email") || told?.email || "").trim();
    const insured = plain(value("insurance")).trim();
    const asCode = INSURANCES.find((code) => code.toLowerCase() === insured);
    const insurance = asCode ?? kinds.find(([pattern]) => pattern.test(insured))?.[1] ?? told?.insurance ?? "";

    const identity = value("id") !== "" ? `id|${value("id")}` : ["row", Number.isNaN(starts) ? `${value("starts")}${value("date")}${value("time")}` : starts, value("doctor"), value("room"), family, given, birth].join("|");
    return {
      row: n, line: table.lines[n] ?? n + 1,
      label: [family, given].filter(Boolean).join(", ") || line,
      starts, ends, practitioner: doctor ?? "", location: mapping.location, resource, service,
      patient: { family, given: given || "–", birth: birth || unknownBirth, phone, email: mailLink(mail) ? mail : "", insurance },
      note: clean(value("note"), NOTE), identity, trouble,
      out: doctor === "" || type === "",
    };
  });
}
