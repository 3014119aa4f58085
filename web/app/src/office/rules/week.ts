/**
 * From the server's cells, a quarter of an hour each, to the blocks that the
 * week view draws: what one person, with one insurance, new or known, of one
 * age, is offered and why not. The person is made up here and never sent.
 */
import { type Day, dayOf, minuteOf, plus } from "../zone.ts";
import type { Alternative, Cell, Insurance, Service, WeekBody } from "./types.ts";

export interface Someone {
  insurance: Insurance;
  patients: "new" | "known";
  age: number;
}

/** Reasons that are not the server's: it does not know who asks. */
export type OwnReason = "other_insurance" | "other_patients" | "other_age";

export interface Block {
  day: Day;
  /** Minutes on the wall clock, [from, to). */
  from: number;
  to: number;
  reason: string;
  window?: string;
  /** The quota, or what the room or device is for. */
  detail?: string;
  /** For whom it would be, where it is not for this person. */
  conditions?: Alternative[];
  /** How many appointments may begin in it. */
  times: number;
  /** The letter of its reason; empty where it is offered or where no window is. */
  letter: string;
}

export interface DayColumn {
  day: Day;
  blocks: Block[];
}

export interface WeekPlan {
  days: DayColumn[];
  /** Minutes shown, [first, last). */
  first: number;
  last: number;
  times: number;
  /** Minutes that are offered. */
  open: number;
  /** Each reason with a letter once, in order of its letter. */
  reasons: { letter: string; block: Block; minutes: number }[];
}

const fitsGroup = (who: Someone) => (one: Alternative) =>
  (one.insurance.length === 0 || one.insurance.includes(who.insurance)) && (one.patients === "all" || one.patients === who.patients);

type Ages = Pick<Service, "min_age" | "max_age">;

/** reasonFor is why this person does not get what the server would offer to somebody; null where it is theirs. */
export function reasonFor(cell: Cell, who: Someone, service: Ages): OwnReason | null {
  if ((service.min_age !== undefined && who.age < service.min_age) || (service.max_age !== undefined && who.age > service.max_age)) return "other_age";
  const groups = cell.conditions ?? [];
  if (groups.length === 0 || groups.some(fitsGroup(who))) return null;
  return groups.some(fitsGroup({ ...who, patients: who.patients === "new" ? "known" : "new" })) ? "other_patients" : "other_insurance";
}

const unlettered = new Set(["offered", "no_window"]);
/** Words between two starts of the same thing: they say only that appointments begin before and after. */
const between = new Set(["off_grid", "too_short"]);

const same = (a: Block, b: Omit<Block, "letter">) =>
  a.reason === b.reason && a.window === b.window && a.detail === b.detail && JSON.stringify(a.conditions) === JSON.stringify(b.conditions);

/** The same everywhere, whichever window it meets. */
const anywhere = new Set(["past", "busy", "held", "imported", "too_short", "off_grid", "other_age", "horizon"]);

/** Which blocks share a letter: the same reason, from the same cause. */
const cause = ({ reason, window, detail, conditions }: Block) =>
  JSON.stringify(anywhere.has(reason) ? [reason] : [reason, window, detail, conditions]);

/** weekPlan merges a week's cells into blocks, day by day, and gives their reasons letters in order of appearance. */
export function weekPlan(body: WeekBody, monday: Day, who: Someone, service: Ages & { minutes: number }): WeekPlan {
  const step = body.step_minutes;
  /** Where the last appointment of a block began. */
  const lastStart = new Map<Block, number>();
  const byDay = new Map<Day, Block[]>();
  for (let at = 0; at < 7; at++) byDay.set(plus(monday, at), []);
  for (const cell of body.cells) {
    const starts = Date.parse(cell.starts);
    const day = dayOf(starts, body.zone);
    const blocks = byDay.get(day);
    if (!blocks) continue;
    const from = minuteOf(starts, body.zone);
    const own = cell.reason === "offered" ? reasonFor(cell, who, service) : null;
    const next: Omit<Block, "letter"> = { day, from, to: from + step, reason: own ?? cell.reason, times: own === null && cell.reason === "offered" ? 1 : 0 };
    if (cell.window !== undefined) next.window = cell.window;
    // Of a quota or a room the name; an instant would make each quarter of an hour its own.
    if (cell.detail && (cell.reason === "quota" || cell.reason === "need")) next.detail = cell.detail;
    if (own && own !== "other_age" && cell.conditions) next.conditions = cell.conditions;
    const last = blocks.at(-1);
    const touches = last !== undefined && last.to >= next.from;
    // The time inside an appointment belongs to it, and so does a time between two starts of the same kind.
    const inside = touches && between.has(next.reason) && last.reason !== "no_window" && (next.reason === "off_grid" || next.from < lastStart.get(last)! + service.minutes);
    if (touches && (inside || same(last, next))) {
      last.to = Math.max(last.to, next.to);
      last.times += next.times;
      if (next.times > 0) lastStart.set(last, next.from);
    } else {
      const block = { ...next, letter: "" };
      blocks.push(block);
      lastStart.set(block, next.from);
    }
  }

  const days: DayColumn[] = [...byDay].map(([day, blocks]) => ({ day, blocks }));
  const letters = new Map<string, WeekPlan["reasons"][number]>();
  let [first, last, times, open] = [24 * 60, 0, 0, 0];
  for (const { blocks } of days) {
    for (const block of blocks) {
      times += block.times;
      if (block.reason === "offered") open += block.to - block.from;
      if (block.reason !== "no_window") {
        first = Math.min(first, block.from);
        last = Math.max(last, block.to);
      }
      if (unlettered.has(block.reason)) continue;
      const key = cause(block);
      let entry = letters.get(key);
      if (!entry) letters.set(key, (entry = { letter: letterOf(letters.size), block, minutes: 0 }));
      block.letter = entry.letter;
      entry.minutes += block.to - block.from;
    }
  }
  if (first >= last) [first, last] = [8 * 60, 18 * 60];
  // Half an hour of air above and below.
  return { days: spare(days), first: Math.max(0, Math.floor(first / 30) * 30 - 30), last: Math.min(24 * 60, Math.ceil(last / 30) * 30 + 30), times, open, reasons: [...letters.values()] };
}

/** Saturday and Sunday are shown where something is on them. */
function spare(days: DayColumn[]): DayColumn[] {
  const busy = (at: number) => days[at]?.blocks.some(({ reason }) => reason !== "no_window") ?? false;
  if (busy(6)) return days;
  return days.slice(0, busy(5) ? 6 : 5);
}

/** letterOf is A to Z, then AA and so on. */
export function letterOf(index: number): string {
  return (index >= 26 ? letterOf(Math.floor(index / 26) - 1) : "") + String.fromCharCode(65 + (index % 26));
}

/** costliest is the reason that takes most of the week away and that a rule could change; undefined where none does. */
export function costliest({ reasons }: WeekPlan): WeekPlan["reasons"][number] | undefined {
  const given = new Set(["past", "busy", "held", "clock_gap"]);
  return [...reasons].filter(({ block }) => !given.has(block.reason)).sort((a, b) => b.minutes - a.minutes)[0];
}

/** weekToShow is the Monday of the week that begins or goes on: at the weekend the coming one. */
export function weekToShow(today: Day): Day {
  return mondayOf(plus(today, 2));
}

/** mondayOf is the Monday of a date's week. */
export function mondayOf(day: Day): Day {
  const weekday = new Date(`${day}T12:00:00Z`).getUTCDay() || 7;
  return plus(day, 1 - weekday);
}
