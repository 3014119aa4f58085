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
  /** With whom it takes another time than usual. */
  durations?: Record<string, number>;
  price_cents?: number;
  /** Empty means all. */
  insurance: Insurance[];
  patients: Patients;
  /** In full years, both inclusive. */
  min_age?: number;
  max_age?: number;
  referral?: boolean;
  /** Above one it is a group. */
  seats?: number;
  confirmation: "at_once" | "by_staff";
  /** How long before the start patients can still cancel or move. */
  cancel_minutes: number;
  move_minutes: number;
  /** Where it is given as a series: how many appointments, and how many days lie between two. */
  series_count?: number;
  series_every_days?: number;
  practitioners: string[];
}

/** Services that are booked together, in this order. An optional step is left out only where it fits nowhere. */
export interface Chain {
  id: string;
  name: string;
  description: string;
  steps: { service: string; optional: boolean }[];
}

/** What a booking shows to the server, because a window or a quota is not for everybody. */
export interface Reveal {
  kind: "insurance" | "patients" | "service";
  where: "window" | "quota";
  name: string;
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
  chains: Chain[];
  reveals: Reveal[];
}

export interface SignedDirectory {
  document: string;
  signature: string;
}

/** Whom a slot is for, and the quotas that they use up by booking it. */
export interface Admission {
  /** Empty means all. */
  insurance: Insurance[];
  patients: Patients;
  quotas?: string[];
}

/** For whom a slot is: one of the alternatives has to fit, and all the rest. */
export interface Condition {
  alternatives: Admission[];
  min_age?: number;
  max_age?: number;
  referral?: boolean;
  price_cents?: number;
}

/** A day without a slot, and why: a public holiday has a name, a closure perhaps a text, and what is not in sale yet the instant from which it is. */
export interface ClosedDay {
  date: string;
  reason: "holiday" | "closure" | "full" | "quota" | "later";
  name?: string;
  text?: string;
  opens?: string;
}

/** An open consultation hour: nothing to book, people come. */
export interface WalkIn {
  starts: string;
  ends: string;
  practitioner: number | null;
  location: number;
  name: string;
}

/** Slots point into the three tables of their answer by index, itineraries into its slots. */
export interface SlotsAnswer {
  zone: string;
  from: string;
  to: string;
  practitioners: string[];
  locations: string[];
  conditions: Condition[];
  slots: { starts: string; ends: string; practitioner: number; location: number; condition: number; step?: number }[];
  /** Of a chain or several persons; then slots count only in these. */
  itineraries?: number[][];
  /** Of a series; with the index of its slot where it is free, and of others near it where it is not. */
  series?: { starts: string; reason: "free" | "none" | ClosedDay["reason"]; slot?: number; alternatives: number[] }[];
  /** The slots, or where there are any the itineraries, parted by local date, in order. Of a series there are none. */
  days: { date: string; count: number }[];
  closed: ClosedDay[];
  walk_in: WalkIn[];
}

/** Which days have a slot, and for whom. */
export interface DaysAnswer {
  zone: string;
  from: string;
  to: string;
  conditions: Condition[];
  days: { date: string; free: number; conditions: number[] }[];
  closed: ClosedDay[];
}

export interface Hold {
  hold: string;
  booking_id: string;
  starts: string;
  ends: string;
  expires: string;
  extensions_left: number;
  /** Of several held together, in their order. */
  items?: { booking_id: string; starts: string; ends: string }[];
}

/** Comes with 409 slot_taken. */
export interface Alternative {
  starts: string;
  practitioner: string;
  location: string;
}

/** A proof of work to do, by ALTCHA's protocol. */
export interface Challenge {
  algorithm: string;
  challenge: string;
  maxnumber: number;
  salt: string;
  signature: string;
}

export interface Proof {
  algorithm: string;
  challenge: string;
  number: number;
  salt: string;
  signature: string;
}

/** What there is where no time fits. */
export interface Ways {
  not_waited: string[];
  call_backs: boolean;
  topics: string[];
}

export type PartOfDay = "morning" | "afternoon" | "evening";

/** What somebody waits for, and how they are told. */
export interface Wish {
  service: string;
  practitioner?: string;
  /** 1 is Monday; without them all. */
  weekdays?: number[];
  times?: PartOfDay[];
  /** How many minutes ahead they need to know. */
  notice?: number;
  /** Conditions of slots, as JSON, that the patient fits, and the quotas that they use up. */
  fits?: { condition: string; quotas?: string[] }[];
  channel: Channel;
  address: string;
  language: "de" | "en";
  version: string;
  /** A local date. */
  until: string;
}

export interface PlaceView {
  waiting: boolean;
  booking_id?: string;
  channel?: Channel;
  until?: string;
  wish?: { service: string; practitioner?: string; weekdays?: number[]; times?: PartOfDay[]; notice?: number };
  /** What stands open now. */
  offer?: {
    offer: string;
    service: string;
    practitioner: { id: string; name: string };
    location: string;
    starts: string;
    ends: string;
    zone: string;
    expires: string;
    free: boolean;
    quotas?: string[];
  };
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
  /** Of one appointment; of several there are lists, in the order of the hold's items. */
  envelope?: EnvelopeJSON;
  envelopes?: EnvelopeJSON[];
  channel: Channel;
  address: string;
  /** The booking's secret itself; for channel mail only, whose link carries it. */
  secret?: string;
  secret_hash: string;
  copy?: string;
  copies?: string[];
  language: string;
  proof?: Proof;
  /** The secret of a place on the waiting list that ends with this booking. */
  waiting?: string;
}

export interface Pending {
  booking_id: string;
  channel: Channel;
  expires: string;
  sends_left: number;
}

/** One appointment of a booking. */
export interface BookedItem {
  status?: string;
  booking_id: string;
  appointment?: string;
  starts: string;
  ends: string;
  practitioner: { id: string; name: string };
  location: Location;
  /** The patient's copy, sealed to the booking's secret. */
  copy: string | null;
}

interface View {
  booking_id: string;
  starts: string;
  ends: string;
  zone: string;
  practitioner: { id: string; name: string };
  location: Location;
  copy: string | null;
  /** One or more, in order of time. */
  items?: BookedItem[];
}

export interface PendingView extends View {
  status: "pending";
  expires: string;
  /** Whether staff has the last word. */
  confirmation?: "at_once" | "by_staff";
}

/** Requested ones wait for somebody of the practice to accept them. */
/** How a booking's reminders stand. */
export interface Reminding {
  /** Minutes before the appointment. */
  offered: number[];
  channel?: "mail" | "sms";
}

export interface BookedView extends View {
  status: "booked" | "requested" | "proposed" | "cancelled" | "arrived" | "checked-in" | "fulfilled" | "noshow";
  appointment: string;
  cancel_until: string;
  move_until?: string;
  /** Of a request: until when the practice answers. Then it lapses. */
  answer_until?: string;
  /** A request that got no answer in time. */
  lapsed?: boolean;
  ics: string;
}
