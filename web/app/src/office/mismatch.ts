/**
 * What an opened booking says, held against what the practice offers. The
 * server cannot do this: it knows neither the answers nor the person. The form
 * keeps to the conditions, but whoever seals a booking with other means need
 * not; so the practice is told, and decides.
 *
 * Time, practitioner and place are the calendar's, never the booking's own
 * words. Where the rules leave open which window it was, nothing is said that
 * does not hold in all of them. Public functions are pure.
 */
import type { Insurance, Patients, Practice } from "../api/types.ts";
import type { Booking } from "../seal/plaintext.ts";
import { codeOf } from "../seal/referral.ts";
import { bare, type Slot } from "./booking.ts";
import { minutesOf } from "./rules/times.ts";
import type { Rules, Window } from "./rules/types.ts";
import { type Day, age, dayOf, minuteOf, plus } from "./zone.ts";

/** Mismatch is an answer that does not fit; `missing` where there is none although one was needed. */
export type Mismatch =
  | { kind: "insurance"; only: Insurance[]; missing: boolean }
  | { kind: "patients"; only: Exclude<Patients, "all">; missing: boolean }
  | { kind: "age"; min?: number; max?: number }
  | { kind: "referral" | "referral_code" };

/** The parts of the public offer and of the rules that count here. */
export type Offer = Pick<Practice, "zone" | "asks" | "services">;
export type Ruled = Pick<Rules, "locations" | "services" | "windows">;

/** Calendared is what an entry says of itself. */
export type Calendared = Pick<Slot, "practitioner" | "location" | "starts" | "ends"> & { received: number | null };

/** From which appointment of one person on the practice is told. */
const tellFrom = 3;
const shortTerm = 31;
const minutesOfDay = 24 * 60;
const insurances = 6;

/**
 * mismatches lists what does not fit, insurance first. Without rules only the
 * service's own conditions count, as they were at the sign-in; a service that is no longer offered has none.
 * `now` stands in for when the booking came, where that is unknown: a window
 * may have opened to all by then.
 */
export function mismatches(booking: Booking, slot: Calendared, offer: Offer, rules: Ruled | null, now: number): Mismatch[] {
  const windows: (Window | null)[] = rules ? windowsOf(booking.service.id, slot, rules) : [null];
  const zone = rules ? zoneOf(slot, rules, offer.zone) : offer.zone;
  const cases = windows.map((window) => against(booking, slot, { asks: offer.asks, services: (rules ?? offer).services }, window, zone, slot.received ?? now));
  return (cases[0] ?? []).filter(({ kind }) => cases.every((found) => found.some((one) => one.kind === kind)));
}

interface Conditions {
  asks: Offer["asks"];
  services: readonly (Group & { id: string; min_age?: number; max_age?: number; referral?: boolean; referral_code?: boolean })[];
}

interface Group {
  insurance: readonly Insurance[];
  patients: Patients;
}

function against({ patient, new_patient, referral, service: { id } }: Booking, slot: Calendared, offer: Conditions, window: Window | null, zone: string, booked: number): Mismatch[] {
  const service = offer.services.find((one) => bare(one.id) === bare(id));
  const groups: Group[] = service ? [service] : [];
  if (window && !openToAll(window, beginOf(window, slot, zone), dayOf(booked, zone))) groups.push(window);

  const found: Mismatch[] = [];
  const lists = groups.map(({ insurance }) => insurance).filter((list) => list.length > 0);
  const refusing = lists.find((list) => (patient.insurance ? !list.includes(patient.insurance) : offer.asks.insurance));
  if (refusing) {
    // An answer that only filtered the times on offer stays with the patient, unless the practice asks for it.
    const both = refusing.filter((kind) => lists.every((list) => list.includes(kind)));
    found.push({ kind: "insurance", only: both.length > 0 ? both : [...refusing], missing: !patient.insurance });
  }
  const is = new_patient === undefined ? undefined : new_patient ? "new" : "known";
  for (const { patients } of groups) {
    if (patients === "all" || patients === is) continue;
    found.push({ kind: "patients", only: patients, missing: is === undefined });
    break;
  }
  const { min_age: min, max_age: max } = service ?? {};
  if (min !== undefined || max !== undefined) {
    const years = age(patient.birth_date, dayOf(slot.starts, zone));
    if (years === null || years < (min ?? 0) || years > (max ?? 130)) {
      found.push({ kind: "age", ...(min !== undefined ? { min } : {}), ...(max !== undefined ? { max } : {}) });
    }
  }
  if (service?.referral_code && !codeOf(referral ?? "")) found.push({ kind: "referral_code" });
  else if ((service?.referral || window?.referral) && !referral?.trim()) found.push({ kind: "referral" });
  return found;
}

/** openToAll tells whether whom a window is for no longer mattered on a day. */
function openToAll({ open_to_all_days }: Window, begins: Day | null, today: Day): boolean {
  return open_to_all_days !== undefined && begins !== null && begins <= plus(today, open_to_all_days);
}

/**
 * windowsOf are the windows that an appointment may have been booked in, as
 * the server chooses: of all that cover it and have a start there the most
 * specific. It is more than one only where school holidays decide, which are
 * not among the rules; null stands for none.
 */
export function windowsOf(service: string, slot: Calendared, rules: Ruled): (Window | null)[] {
  const zone = zoneOf(slot, rules, null);
  const served = rules.services.find(({ id }) => bare(id) === bare(service));
  if (zone === null || !served) return [null];
  const minute = minuteOf(slot.starts, zone);
  const covering = rules.windows.flatMap((window) => {
    if (!window.practitioner || bare(window.practitioner) !== bare(slot.practitioner) || bare(window.location) !== bare(slot.location)) return [];
    if (window.services.length > 0 && !window.services.some((id) => bare(id) === bare(service))) return [];
    if (window.open_to_all_days === undefined && disjoint(window, served)) return [];
    const begins = beginOf(window, slot, zone);
    if (begins === null) return [];
    const since = (dayOf(slot.starts, zone) === begins ? minute : minute + minutesOfDay) - minutesOf(window.from);
    return served.step > 0 && since % served.step !== 0 ? [] : [{ window, begins }];
  });
  covering.sort((a, b) => specificity(b.window, served) - specificity(a.window, served) || later(b) - later(a) || until(a) - until(b));
  const possible: (Window | null)[] = [];
  for (const { window } of covering) {
    possible.push(window);
    if (window.school_holidays === "any") return possible;
  }
  return [...possible, null];
}

const later = ({ window, begins }: { window: Window; begins: Day }) => minutesSince1970(begins) + minutesOf(window.from);
const until = ({ window, begins }: { window: Window; begins: Day }) => minutesSince1970(begins) + minutesOf(window.until);
const minutesSince1970 = (day: Day) => Date.parse(`${day}T00:00:00Z`) / 60_000;
const days = (from: Day, to: Day) => (minutesSince1970(to) - minutesSince1970(from)) / minutesOfDay;

const restricted = ({ insurance, patients }: Group) => patients !== "all" || (insurance.length > 0 && new Set(insurance).size < insurances);

/** disjoint tells that nobody is in both groups. */
const disjoint = (a: Group, b: Group) =>
  (a.patients !== "all" && b.patients !== "all" && a.patients !== b.patients) ||
  (a.insurance.length > 0 && b.insurance.length > 0 && !a.insurance.some((kind) => b.insurance.includes(kind)));

/** specificity is higher for the more specific of two windows: tenants/schedule says in which order. */
function specificity(window: Window, service: Group): number {
  const { audience, valid_from, valid_until, services, every_weeks } = window;
  const narrow = [
    audience === "staff",
    valid_from !== undefined && valid_until !== undefined && days(valid_from, valid_until) < shortTerm,
    services.length > 0,
    restricted(window) || restricted(service),
    every_weeks > 1,
    valid_from !== undefined || valid_until !== undefined,
  ];
  return narrow.reduce((sum, holds) => sum * 2 + Number(holds), 0);
}

/** beginOf is the date on which the window begins that holds the slot from start to end, null where none does. */
function beginOf(window: Window, { starts, ends }: Pick<Slot, "starts" | "ends">, zone: string): Day | null {
  const day = dayOf(starts, zone);
  const last = dayOf(ends, zone);
  for (const begins of [day, plus(day, -1)]) {
    const from = days(begins, day) * minutesOfDay + minuteOf(starts, zone);
    const to = days(begins, last) * minutesOfDay + minuteOf(ends, zone);
    if (from >= minutesOf(window.from) && to <= minutesOf(window.until) && inForce(window, begins)) return begins;
  }
  return null;
}

function inForce({ weekdays, valid_from, valid_until, every_weeks, anchor }: Window, day: Day): boolean {
  const monday = (date: Day) => Math.floor((days("1970-01-01", date) + 3) / 7);
  return (
    weekdays.includes(new Date(`${day}T12:00:00Z`).getUTCDay() || 7) &&
    (!valid_from || day >= valid_from) &&
    (!valid_until || day <= valid_until) &&
    (every_weeks <= 1 || !anchor || (monday(day) - monday(anchor)) % every_weeks === 0)
  );
}

function zoneOf<T>({ location }: Pick<Slot, "location">, { locations }: Pick<Rules, "locations">, otherwise: T): string | T {
  return locations.find(({ id }) => bare(id) === bare(location))?.zone ?? otherwise;
}

/**
 * personKey is the same for two spellings of one person: upper and lower case,
 * accents, "Müller" and "Mueller", hyphens and spaces. Empty where nothing of
 * a name is left.
 */
export function personKey({ family_name, given_name, birth_date }: Booking["patient"]): string {
  const [family, given] = [plain(family_name), plain(given_name)];
  return family || given ? `${family} ${given} ${birth_date}` : "";
}

const letters: Record<string, string> = { ß: "ss", ä: "ae", ö: "oe", ü: "ue", ø: "oe", æ: "ae", ł: "l" };

function plain(name: string): string {
  return name
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[ßäöüøæł]/g, (sign) => letters[sign] ?? sign)
    .normalize("NFD")
    .replace(/[\u0300-\u036f]|[^\p{L}\p{M}\p{N}]/gu, "");
}

/** Read is what of an entry counts the appointments of a person. */
export interface Read {
  id: string;
  starts: number;
  reading: { state: "open"; booking: Booking } | { state: "sealed" | "failed" | "empty" };
}

/** upcoming counts each person's opened appointments that are still to come. */
export function upcoming(entries: readonly Read[], now: number): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { starts, reading } of entries) {
    if (reading.state !== "open" || starts <= now) continue;
    const key = personKey(reading.booking.patient);
    if (key) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

/** others is how many further appointments the person of this one has, 0 below the third and for what is over. */
export function others({ starts, reading }: Read, counts: ReadonlyMap<string, number>, now: number): number {
  if (reading.state !== "open" || starts <= now) return 0;
  const all = counts.get(personKey(reading.booking.patient)) ?? 0;
  return all >= tellFrom ? all - 1 : 0;
}
