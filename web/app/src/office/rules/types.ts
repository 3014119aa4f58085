/**
 * A practice's rules as the server's JSON has them. Times of day are "HH:MM" on
 * the wall clock of the location ("24:00", and up to "48:00" for what ends
 * after midnight), dates are "YYYY-MM-DD", ids carry their kind.
 */
import type { Insurance, Patients } from "../../api/types.ts";

export type { Insurance, Patients };

export interface Window {
  id: string;
  name: string;
  /** Whose window it is: one of the two. */
  practitioner?: string;
  resource?: string;
  location: string;
  /** 1 is Monday. */
  weekdays: number[];
  from: string;
  until: string;
  valid_from?: string;
  valid_until?: string;
  every_weeks: number;
  anchor?: string;
  /** Empty lists mean all. */
  services: string[];
  insurance: Insurance[];
  patients: Patients;
  open_to_all_days?: number;
  audience: "online" | "staff" | "walk_in";
  capacity?: number;
  lead_minutes?: number;
  horizon_days?: number;
  release?: { days: number; time: string };
  school_holidays: "any" | "only" | "not";
  referral: boolean;
}

export interface Closure {
  id: string;
  /** Without any of the three it is the whole practice. */
  practitioner?: string;
  location?: string;
  resource?: string;
  from: string;
  from_time: string;
  until: string;
  until_time: string;
  reason: string;
  text: string;
  substitute?: { name: string; address: string; phone: string };
}

export interface Service {
  id: string;
  name: string;
  category: string;
  description: string;
  instructions: string;
  minutes: number;
  buffer_before: number;
  buffer_after: number;
  step: number;
  lead_minutes: number;
  horizon_days: number;
  price_cents?: number;
  insurance: Insurance[];
  patients: Patients;
  min_age?: number;
  max_age?: number;
  referral: boolean;
  referral_code?: boolean;
  seats: number;
  confirmation: "at_once" | "by_staff";
  cancel_minutes: number;
  move_minutes: number;
  /** Both or neither. */
  series_count?: number;
  series_every_days?: number;
  held?: "in_person" | "by_video" | "either";
  practitioners: { id: string; minutes?: number }[];
  needs: { role: string; resources: string[] }[];
  position: number;
}

export interface Quota {
  id: string;
  name: string;
  max: number;
  per: "day" | "week" | "month";
  services: string[];
  windows: string[];
  practitioners: string[];
  insurance: Insurance[];
  patients: Patients;
  release_days?: number;
  valid_from?: string;
  valid_until?: string;
}

export interface Chain {
  id: string;
  name: string;
  description: string;
  position: number;
  steps: { service: string; least_minutes: number; greatest_minutes: number; optional: boolean }[];
}

export interface Resource {
  id: string;
  kind: "practitioner" | "room" | "device";
  name: string;
  capacity: number;
  location?: string;
}

export interface Place {
  id: string;
  name: string;
  street: string;
  postal_code: string;
  city: string;
  phone: string;
  hours: string;
  access: string;
  zone: string;
  land?: string;
  municipality?: string;
  position?: number;
}

export interface Person {
  id: string;
  /** Whose time theirs is; a new one gets their own. */
  resource?: string;
  name: string;
  role: string;
  position: number;
}

export interface Leg {
  a: string;
  b: string;
  minutes: number;
}

export interface Calendar {
  id: string;
  name: string;
  kind: "school_holidays" | "busy";
  resource?: string;
  imported?: string;
  entries?: number;
}

export interface Profile {
  name: string;
  tagline: string;
  phone: string;
  email: string;
  zone: string;
  accent: string;
  imprint: string;
  hours: string;
  channels: string[];
  asks: { gender?: string; insurance?: string; note?: string };
  sms_sender: string;
  land: string;
  municipality: string;
  /** "12-24", or rosenmontag and its neighbours. */
  closed_days: string[];
  bookings_per_contact?: number;
  video_provider?: string;
  video_address?: string;
}

export interface Rules {
  version: number;
  practice: Profile;
  locations: Place[];
  resources: Resource[];
  practitioners: Person[];
  services: Service[];
  windows: Window[];
  closures: Closure[];
  quotas: Quota[];
  chains: Chain[];
  calendars: Calendar[];
  legs: Leg[];
}

/** ListKind are the kinds of rule that come in lists; "practice" is the one that does not. */
export type ListKind = Exclude<keyof Rules, "version" | "practice">;
export type Kind = ListKind | "practice";
export type ValueOf<K extends Kind> = K extends ListKind ? Rules[K][number] : Profile;

/** Outside is a live appointment that no window covers any more. */
export interface Outside {
  appointment: string;
  booking_id: string;
  practitioner: string;
  location: string;
  starts: string;
  ends: string;
}

/** Alternative is one of the groups that a slot is for; one of them has to fit. */
export interface Alternative {
  insurance: Insurance[];
  patients: Patients;
}

/** Cell is one step of a day and why it is offered or not. */
export interface Cell {
  starts: string;
  reason: string;
  window?: string;
  /** The name of the quota, the role of the need, or an instant. */
  detail?: string;
  conditions?: Alternative[];
}

export interface WeekBody {
  zone: string;
  step_minutes: number;
  windows: Record<string, string>;
  cells: Cell[];
}
