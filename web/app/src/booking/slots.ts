import type { ClosedDay, Condition, Practice, SlotsAnswer } from "../api/types.ts";
import { judge, type Answers, type Question, type Verdict } from "./offer.ts";
import { addDays, dayIn, minutesIn, mondayOf, turnOf, weekdayOf } from "./time.ts";

/** Slot is one bookable time, unfolded from the answer's tables. Day and minutes are wall time in zone, the location's. */
export interface Slot {
  starts: string;
  ends: string;
  practitioner: string;
  location: string;
  condition: Condition;
  zone: string;
  day: string;
  minutes: number;
  /** Set where the clock shows this time twice that day. */
  turn: "" | "first" | "second";
}

/** Two slots are the same appointment if all of this agrees. */
export const slotKey = (slot: { starts: string; practitioner: string; location: string }): string => `${slot.starts}|${slot.practitioner}|${slot.location}`;

/** unfold reads an answer. A row that points outside its tables is left out. */
export function unfold(answer: SlotsAnswer, practice: Practice): Slot[] {
  const zones = new Map(practice.locations.map(({ id, zone }) => [id, zone]));
  return answer.slots.flatMap((row) => {
    const practitioner = answer.practitioners[row.practitioner];
    const location = answer.locations[row.location];
    const condition = answer.conditions[row.condition];
    if (practitioner === undefined || location === undefined || condition === undefined) return [];
    return [place({ starts: row.starts, ends: row.ends, practitioner, location, condition }, zones.get(location) || answer.zone)];
  });
}

/** place adds the wall time that a slot has in its zone. */
export function place(slot: Pick<Slot, "starts" | "ends" | "practitioner" | "location" | "condition">, zone: string): Slot {
  return { ...slot, zone, day: dayIn(slot.starts, zone), minutes: minutesIn(slot.starts, zone), turn: turnOf(slot.starts, zone) };
}

export interface Sifted {
  offered: Slot[];
  withheld: Withheld[];
  /** Questions still open whose answers would free or refuse more. */
  open: Question[];
}

/** Withheld is a stretch of one day that is not for this patient, with the reason. */
export interface Withheld {
  day: string;
  zone: string;
  starts: string;
  ends: string;
  verdict: Exclude<Verdict, { kind: "offered" }>;
}

const gap = 60 * 60_000; // bookings in between do not split a stretch

/** sift parts slots into what this patient can have and what not, and why. Both stay in order of time. */
export function sift(slots: readonly Slot[], answers: Answers): Sifted {
  const offered: Slot[] = [];
  const withheld: Withheld[] = [];
  const open = new Set<Question>();
  const last = new Map<string, Withheld>();
  for (const slot of slots) {
    const verdict = judge(slot.condition, answers);
    if (verdict.kind === "offered") {
      offered.push(slot);
      continue;
    }
    if (verdict.kind === "open") for (const question of verdict.asks) open.add(question);
    const id = `${slot.day}|${slot.zone}|${JSON.stringify(verdict)}`;
    const before = last.get(id);
    if (before && Date.parse(slot.starts) - Date.parse(before.ends) <= gap) {
      if (slot.ends > before.ends) before.ends = slot.ends;
      continue;
    }
    const stretch = { day: slot.day, zone: slot.zone, starts: slot.starts, ends: slot.ends, verdict };
    last.set(id, stretch);
    withheld.push(stretch);
  }
  return { offered, withheld, open: (["insurance", "known"] as const).filter((question) => open.has(question)) };
}

export interface Day {
  day: string;
  slots: Slot[];
  morning: Slot[];
  afternoon: Slot[];
}

/** byDay groups slots by local date; the afternoon begins at twelve on the wall. */
export function byDay(slots: readonly Slot[]): Map<string, Day> {
  const days = new Map<string, Day>();
  for (const slot of slots) {
    let day = days.get(slot.day);
    if (!day) days.set(slot.day, (day = { day: slot.day, slots: [], morning: [], afternoon: [] }));
    day.slots.push(slot);
    (slot.minutes < 12 * 60 ? day.morning : day.afternoon).push(slot);
  }
  return days;
}

/** weekOf is Monday to Saturday, and Sunday where something is free on it. */
export function weekOf(monday: string, days: ReadonlyMap<string, Day>): Day[] {
  const week: Day[] = [];
  for (let i = 0; i < 7; i++) {
    const day = addDays(monday, i);
    const found = days.get(day);
    if (weekdayOf(day) < 7 || found) week.push(found ?? { day, slots: [], morning: [], afternoon: [] });
  }
  return week;
}

export type Closed = ReadonlyMap<string, ClosedDay>;

/** withClosed adds what an answer says is closed. */
export const withClosed = (closed: Closed, answer: Pick<SlotsAnswer, "closed">): Closed => new Map([...closed, ...answer.closed.map((day) => [day.date, day] as const)]);

/** shutIn parts the closed days of a week by what closes them, from today on. A day with slots is never among them. */
export function shutIn(week: readonly Day[], closed: Closed, today: string): { why: ClosedDay; days: string[] }[] {
  const shut = new Map<string, { why: ClosedDay; days: string[] }>();
  for (const { day, slots } of week) {
    const why = closed.get(day);
    if (!why || slots.length > 0 || day < today) continue;
    const words = `${why.reason}|${why.name ?? why.text ?? ""}`;
    const same = shut.get(words);
    if (same) same.days.push(day);
    else shut.set(words, { why, days: [day] });
  }
  return [...shut.values()];
}

/** nextFree picks the soonest slots, at most one for each time, so that three colleagues free at 8:20 do not fill the list. */
export function nextFree(slots: readonly Slot[], count: number): Slot[] {
  const seen = new Set<string>();
  const next: Slot[] = [];
  for (const slot of slots) {
    if (next.length === count) break;
    if (seen.has(slot.starts)) continue;
    seen.add(slot.starts);
    next.push(slot);
  }
  return next;
}

/** bestDay is the day to show first in a week: the wanted one if it has slots, else the first that has. */
export const bestDay = (week: readonly Day[], wanted: string): string =>
  (week.find(({ day, slots }) => day === wanted && slots.length > 0) ?? week.find(({ slots }) => slots.length > 0))?.day ?? "";

/** windowFrom is the stretch to ask the server for: four whole weeks from the day's Monday. [from, to) */
export function windowFrom(day: string): { from: string; to: string } {
  return { from: day, to: addDays(mondayOf(day), 28) };
}
