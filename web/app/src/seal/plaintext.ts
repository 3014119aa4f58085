// What is inside an envelope and on a card. Whoever opens one reads what an
// attacker may have written: sealing needs a public key and nothing more.

import { type Bytes, utf8 } from "./bytes.ts";
import { Reader } from "./read.ts";
import { NAME, NOTE, UNITS_PER_GRAPHEME, unsafe } from "./text.ts";
import { ROOM } from "./video.ts";

/** FHIR AdministrativeGender. */
export type Gender = "female" | "male" | "other" | "unknown";
/** versicherungsart-de-basis. */
export type Insurance = "GKV" | "PKV" | "BEI" | "BG" | "SEL" | "SOZ";

export const GENDERS: readonly Gender[] = ["female", "male", "other", "unknown"];
export const INSURANCES: readonly Insurance[] = ["GKV", "PKV", "BEI", "BG", "SEL", "SOZ"];

/** An id of the API, with its prefix, and what the patient saw for it. */
export interface Named {
  readonly id: string;
  readonly name: string;
}

export interface Patient {
  readonly family_name: string;
  readonly given_name: string;
  /** YYYY-MM-DD. */
  readonly birth_date: string;
  readonly gender?: Gender | undefined;
  readonly insurance?: Insurance | undefined;
  readonly email?: string | undefined;
  readonly phone?: string | undefined;
}

/** Who booked for another person. */
export interface Booker {
  readonly name: string;
  readonly relation: string;
  readonly contact: string;
}

export interface Booking {
  readonly v: 1;
  /** Bare uuids. */
  readonly booking_id: string;
  readonly tenant: string;
  readonly service: Named;
  readonly practitioner: Named;
  readonly location: Named;
  /** UTC to the second. */
  readonly starts: string;
  readonly ends: string;
  /** IANA name of the location's zone. */
  readonly zone: string;
  readonly patient: Patient;
  readonly new_patient?: boolean | undefined;
  readonly note?: string | undefined;
  /** The code on the referral, or who referred. */
  readonly referral?: string | undefined;
  readonly booker?: Booker | undefined;
  /** The room of a visit by video. */
  readonly video?: string | undefined;
  /** BCP 47, such as "de". */
  readonly language: string;
}

const read = new Reader("malformed_booking");
const LINE = NAME.max * UNITS_PER_GRAPHEME;

/**
 * Reads an opened booking. Throws `malformed_booking` for anything that the
 * form would not have made, and for another tenant's or booking's.
 */
export function parseBooking(json: Uint8Array, expected: { tenant: string; bookingId: string }): Booking {
  const b = read.object(
    read.json(json),
    ["v", "booking_id", "tenant", "service", "practitioner", "location", "starts", "ends", "zone", "patient", "language"],
    ["new_patient", "note", "referral", "booker", "video"],
  );
  if (b.v !== 1) read.refuse();
  if (read.uuid(b.tenant) !== expected.tenant || read.uuid(b.booking_id) !== expected.bookingId) read.refuse();
  const starts = read.time(b.starts);
  const ends = read.time(b.ends);
  if (starts >= ends) read.refuse();
  return {
    v: 1,
    booking_id: expected.bookingId,
    tenant: expected.tenant,
    service: named(b.service, "svc"),
    practitioner: named(b.practitioner, "prc"),
    location: named(b.location, "loc"),
    starts,
    ends,
    zone: read.matching(b.zone, /^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/),
    patient: patient(b.patient),
    ...given("new_patient", b.new_patient, (value) => read.boolean(value)),
    ...given("note", b.note, (value) => text(value, NOTE.max * UNITS_PER_GRAPHEME, true)),
    ...given("referral", b.referral, (value) => text(value)),
    ...given("booker", b.booker, booker),
    ...given("video", b.video, (value) => read.matching(value, ROOM)),
    language: read.matching(b.language, /^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$/),
  };
}

/**
 * Writes a booking as it is sealed. What does not read back is refused here,
 * in front of the patient, rather than in the office: `malformed_booking`.
 */
export function writeBooking(booking: Booking): Bytes {
  const json = utf8(JSON.stringify(booking));
  const expected = { tenant: booking.tenant, bookingId: booking.booking_id };
  return utf8(JSON.stringify(parseBooking(json, expected)));
}

function patient(value: unknown): Patient {
  const p = read.object(
    value,
    ["family_name", "given_name", "birth_date"],
    ["gender", "insurance", "email", "phone"],
  );
  return {
    family_name: text(p.family_name),
    given_name: text(p.given_name),
    birth_date: date(p.birth_date),
    ...given("gender", p.gender, (value) => read.oneOf(value, GENDERS)),
    ...given("insurance", p.insurance, (value) => read.oneOf(value, INSURANCES)),
    ...given("email", p.email, (value) => read.matching(text(value, 254), /^[^\s@]+@[^\s@]+$/)),
    ...given("phone", p.phone, (value) => read.matching(value, /^\+?[0-9][0-9 ()/.-]{2,31}$/)),
  };
}

function booker(value: unknown): Booker {
  const b = read.object(value, ["name", "relation", "contact"]);
  return { name: text(b.name), relation: text(b.relation), contact: text(b.contact) };
}

function named(value: unknown, prefix: string): Named {
  const n = read.object(value, ["id", "name"]);
  const id = read.string(n.id);
  if (!id.startsWith(`${prefix}_`)) read.refuse();
  read.uuid(id.slice(prefix.length + 1));
  return { id, name: text(n.name) };
}

function text(value: unknown, most: number = LINE, lines = false): string {
  const s = read.string(value);
  if (s.length > most || (s === "" && !lines) || unsafe(s, lines) !== undefined) read.refuse();
  return s;
}

function date(value: unknown): string {
  const s = read.matching(value, /^\d{4}-\d{2}-\d{2}$/);
  const at = new Date(`${s}T00:00:00Z`);
  if (Number.isNaN(at.getTime()) || !at.toISOString().startsWith(s)) read.refuse();
  return s;
}

/** A field that is there only where it was given. */
function given<K extends string, T>(key: K, value: unknown, as: (value: unknown) => T): { [P in K]?: T } {
  return (value === undefined ? {} : { [key]: as(value) }) as { [P in K]?: T };
}
