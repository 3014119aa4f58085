// The bodies of /api/v1 as JSON, for the patient's pages and the office alike.
// Instants are RFC 3339 in UTC ("2026-11-26T08:20:00Z"), days are local dates
// ("2026-11-26"), ids carry their kind ("svc_…"), bytes are base64url.

export type Insurance = "GKV" | "PKV" | "BEI" | "BG" | "SEL" | "SOZ";
export type Patients = "all" | "new" | "known";
export type Channel = "mail" | "sms";
export type Gender = "female" | "male" | "other" | "unknown";

export interface Location {
  id: string;
  name: string;
  street: string;
  postal_code: string;
  city: string;
  phone: string;
  /** Opening hours in words, one line each. */
  hours: string;
  /** How to get in, in words: steps, lift. */
  access: string;
  zone: string;
}

export interface Practitioner {
  id: string;
  name: string;
  role: string;
}

export interface Service {
  id: string;
  name: string;
  category: string;
  description: string;
  instructions: string;
  duration_minutes: number;
  price_cents?: number;
  /** Empty means all. */
  insurance: Insurance[];
  patients: Patients;
  practitioners: string[];
}

/** A closure that patients are told of: of the whole practice, unless it names whose. Dates are inclusive. */
export interface Closure {
  from: string;
  until: string;
  /** "12:00", where it does not begin or end with the day. */
  from_time?: string;
  until_time?: string;
  practitioner?: string;
  location?: string;
  text: string;
  substitute: { name: string; address: string; phone: string } | null;
}

export interface Practice {
  tenant: string;
  name: string;
  tagline: string;
  phone: string;
  email: string;
  zone: string;
  accent: string;
  hours: string;
  imprint: string;
  channels: Channel[];
  /** Optional fields that the practice switched on, each with its reason. */
  asks: { gender?: string; insurance?: string; note?: string };
  booking: "open" | "closed";
  closed_reason?: "keys_missing" | "suspended";
  locations: Location[];
  practitioners: Practitioner[];
  services: Service[];
  /** Of the next sixty days. */
  closures: Closure[];
}

export interface SignedDirectory {
  document: string;
  signature: string;
}

export interface Condition {
  insurance: Insurance[];
  patients: Patients;
}

/** A day on which nothing is left open: a public holiday has a name, a closure perhaps a text. */
export interface ClosedDay {
  date: string;
  reason: "holiday" | "closure";
  name?: string;
  text?: string;
}

/** Slots point into the three tables of their answer by index. */
export interface SlotsAnswer {
  zone: string;
  from: string;
  to: string;
  practitioners: string[];
  locations: string[];
  conditions: Condition[];
  slots: { starts: string; ends: string; practitioner: number; location: number; condition: number }[];
  closed: ClosedDay[];
}

export interface Hold {
  hold: string;
  booking_id: string;
  starts: string;
  ends: string;
  expires: string;
  extensions_left: number;
}

/** Comes with 409 slot_taken. */
export interface Alternative {
  starts: string;
  practitioner: string;
  location: string;
}

export interface Challenge {
  challenge: string;
  /** Leading zero bits wanted. */
  difficulty: number;
}

export interface Proof {
  challenge: string;
  nonce: string;
}

export interface EnvelopeJSON {
  v: 1;
  suite: 2;
  tenant: string;
  kid: string;
  envelope_id: string;
  enc: string;
  ct: string;
}

export interface BookingRequest {
  token: string;
  envelope: EnvelopeJSON;
  channel: Channel;
  address: string;
  /** The booking's secret itself; for channel mail only, whose link carries it. */
  secret?: string;
  secret_hash: string;
  copy: string;
  language: string;
  proof?: Proof;
}

export interface Pending {
  booking_id: string;
  channel: Channel;
  expires: string;
  sends_left: number;
}

export interface PendingView {
  status: "pending";
  starts: string;
  ends: string;
  zone: string;
  practitioner: string;
  location: Location;
  expires: string;
}

export interface BookedView {
  status: "booked";
  appointment: string;
  booking_id: string;
  starts: string;
  ends: string;
  zone: string;
  /** The patient's copy, sealed to the booking's secret. */
  copy: string | null;
  practitioner: { id: string; name: string };
  location: Location;
  cancel_until: string;
  ics: string;
}
