import type { ClosedDay, Condition, DaysAnswer, Practice, SlotsAnswer } from "../api/types.ts";
import { judge, judgeAll, questions, type Answers, type Question, type Verdict } from "./offer.ts";
import { addDays, dayIn, minutesIn, turnOf, weekdayOf } from "./time.ts";

/**
 * Slot is one bookable time, unfolded from the answer's tables. Day and minutes
 * are wall time in zone, the location's. What is booked as one, the steps of a
 * chain or a family's appointments, is the first of them, with the rest behind it.
 */
export interface Slot {
  starts: string;
  ends: string;
  practitioner: string;
  location: string;
  condition: Condition;
  /** Which step of a chain it is. */
  step: number;
  then: readonly Slot[];
  zone: string;
  day: string;
  minutes: number;
  /** Set where the clock shows this time twice that day. */
  turn: "" | "first" | "second";
}

type Bare = Pick<Slot, "starts" | "ends" | "practitioner" | "location" | "condition"> & Partial<Pick<Slot, "step" | "then">>;

/** stopsOf are all appointments of a slot, itself first. */
export const stopsOf = (slot: Slot): readonly Slot[] => [slot, ...slot.then];

interface At {
  starts: string;
  practitioner: string;
  location: string;
  then?: readonly At[];
}

/** Two slots are the same appointment if all of this agrees. */
export const slotKey = ({ starts, practitioner, location, then = [] }: At): string => [`${starts}|${practitioner}|${location}`, ...then.map(slotKey)].join("+");

/** unfold reads an answer. A row that points outside its tables is left out, and so is an itinerary that needs it. */
export function unfold(answer: SlotsAnswer, practice: Pick<Practice, "locations">): Slot[] {
  const zones = new Map(practice.locations.map(({ id, zone }) => [id, zone]));
  const days = answer.itineraries ? [] : answer.days.flatMap(({ date, count }) => Array.from({ length: count }, () => date));
  const rows = answer.slots.map((row, index): Slot | undefined => {
    const practitioner = answer.practitioners[row.practitioner];
    const location = answer.locations[row.location];
    const condition = answer.conditions[row.condition];
    if (practitioner === undefined || location === undefined || condition === undefined) return undefined;
    return place({ starts: row.starts, ends: row.ends, practitioner, location, condition, step: row.step ?? 0 }, zones.get(location) || answer.zone, days[index]);
  });
  if (!answer.itineraries) return rows.filter((slot) => slot !== undefined);
  return answer.itineraries.flatMap((indexes): Slot[] => {
    const [first, ...then] = indexes.map((index) => rows[index]);
    return first && then.every((slot) => slot !== undefined) ? [{ ...first, then }] : [];
  });
}

/** Occurrence is one appointment of a series: free, or with the reason why not and what could be taken instead. */
export interface Occurrence {
  starts: string;
  zone: string;
  day: string;
  /** undefined where it is not free for this patient. */
  slot: Slot | undefined;
  /** Why it is not: what closes the day, or for whom it is. */
  shut?: ClosedDay | undefined;
  verdict?: Verdict | undefined;
  alternatives: Slot[];
}

/** unfoldSeries reads the appointments of a series, as they are for somebody with these answers. */
export function unfoldSeries(answer: SlotsAnswer, practice: Pick<Practice, "locations">, answers: Answers, zone: string): Occurrence[] {
  const rows = unfold(answer, practice);
  const whole = rows.length === answer.slots.length ? rows : []; // or indexes would not fit
  const fits = (slot: Slot | undefined): slot is Slot => slot !== undefined && judge(slot.condition, answers).kind === "offered";
  return (answer.series ?? []).map(({ starts, reason, slot: index, alternatives }): Occurrence => {
    const [slot, day] = [index === undefined ? undefined : whole[index], dayIn(starts, zone)];
    const shut = answer.closed.find(({ date, reason: why }) => date === day && (why === "holiday" || why === "closure"));
    return {
      starts,
      zone,
      day,
      slot: fits(slot) ? slot : undefined,
      ...(slot ? { verdict: judge(slot.condition, answers) } : {}),
      ...(reason === "closure" && shut ? { shut } : reason === "free" || reason === "none" ? {} : { shut: { date: day, reason } }),
      alternatives: alternatives.map((at) => whole[at]).filter(fits),
    };
  });
}

/** place adds the wall time that a slot has in its zone, and its day where nobody has said it. */
export function place(slot: Bare, zone: string, day = dayIn(slot.starts, zone)): Slot {
  return { step: 0, then: [], ...slot, zone, day, minutes: minutesIn(slot.starts, zone), turn: turnOf(slot.starts, zone) };
}

/** onceEach keeps the first of what is the same to a patient who does not mind with whom: equal times at one place. */
export function onceEach(slots: readonly Slot[]): Slot[] {
  const seen = new Set<string>();
  return slots.filter((slot) => {
    const id = stopsOf(slot).map(({ starts, location }) => `${starts}|${location}`).join();
    return !seen.has(id) && seen.add(id);
  });
}

/** byStart sorts by time. */
export const byStart = (slots: readonly Slot[]): Slot[] => [...slots].sort((a, b) => (a.starts < b.starts ? -1 : a.starts > b.starts ? 1 : 0));

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
    const verdict = judgeAll(stopsOf(slot).map(({ condition }) => condition), answers);
    if (verdict.kind === "offered") {
      offered.push(slot);
      continue;
    }
    if (verdict.kind === "open") for (const question of verdict.asks) open.add(question);
    const id = `${slot.day}|${slot.zone}|${JSON.stringify(verdict)}`;
    const before = last.get(id);
    const ends = slot.then.at(-1)?.ends ?? slot.ends;
    if (before && Date.parse(slot.starts) - Date.parse(before.ends) <= gap) {
      if (ends > before.ends) before.ends = ends;
      continue;
    }
    const stretch = { day: slot.day, zone: slot.zone, starts: slot.starts, ends, verdict };
    last.set(id, stretch);
    withheld.push(stretch);
  }
  return { offered, withheld, open: questions.filter((question) => open.has(question)) };
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

/** Days without a slot, and why. */
export type Closed = ReadonlyMap<string, ClosedDay>;

/** withClosed adds what an answer says is closed. */
export const withClosed = (closed: Closed, answer: Pick<SlotsAnswer, "closed">): Closed => new Map([...closed, ...answer.closed.map((day) => [day.date, day] as const)]);

/** shutIn parts the closed days of a week by what closes them, from today on. A day with slots is never among them. */
export function shutIn(week: readonly Day[], closed: Closed, today: string): { why: ClosedDay; days: string[] }[] {
  const shut = new Map<string, { why: ClosedDay; days: string[] }>();
  for (const { day, slots } of week) {
    const why = closed.get(day);
    if (!why || slots.length > 0 || day < today) continue;
    const words = `${why.reason}|${why.name ?? why.text ?? why.opens ?? ""}`;
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

/** Overview is which days have something for this patient, or may have once more is answered. In order. */
export interface Overview {
  offered: string[];
  open: string[];
  /** What others can have. */
  refused: string[];
  /** Questions that decide about some day. */
  asks: Question[];
}

/** overviewOf reads which days have slots. It knows nothing of chains' later steps: only their days say what fits. */
export function overviewOf({ days, conditions }: Pick<DaysAnswer, "days" | "conditions">, answers: Answers): Overview {
  const verdicts = conditions.map((condition) => judge(condition, answers));
  const asks = new Set<Question>();
  const [offered, open, refused]: [string[], string[], string[]] = [[], [], []];
  for (const { date, conditions: of } of days) {
    const here = of.map((index) => verdicts[index]);
    if (here.some((verdict) => verdict?.kind === "offered")) offered.push(date);
    if (here.every((verdict) => verdict?.kind === "refused")) refused.push(date);
    for (const verdict of here) {
      if (verdict?.kind !== "open") continue;
      if (open.at(-1) !== date) open.push(date);
      for (const question of verdict.asks) asks.add(question);
    }
  }
  return { offered, open, refused, asks: questions.filter((question) => asks.has(question)) };
}

/** Hour is an open consultation hour: people come without an appointment. */
export interface Hour {
  day: string;
  zone: string;
  starts: string;
  ends: string;
  practitioner: string;
  location: string;
  name: string;
}

/** walkIns reads the open consultation hours of an answer. */
export function walkIns(answer: SlotsAnswer, practice: Pick<Practice, "locations">): Hour[] {
  return answer.walk_in.map(({ starts, ends, practitioner, location, name }) => {
    const id = answer.locations[location] ?? "";
    const zone = practice.locations.find((place) => place.id === id)?.zone || answer.zone;
    return { day: dayIn(starts, zone), zone, starts, ends, practitioner: answer.practitioners[practitioner] ?? "", location: id, name };
  });
}

/** weekFrom is the stretch to ask the server for: a Monday's week, from today on. [from, to) */
export const weekFrom = (monday: string, today: string): { from: string; to: string } => ({ from: monday < today ? today : monday, to: addDays(monday, 7) });
