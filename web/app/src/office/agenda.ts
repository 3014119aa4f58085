/**
 * From a heap of appointments to what the screen shows: the lanes of one day
 * and the coming days as a list. Pure functions; times are minutes on the
 * practice's wall clock.
 */
import { bare } from "./booking.ts";
import { type Day, dayOf, minuteOf } from "./zone.ts";

/** Timed is all that the arrangement needs of an appointment. */
export interface Timed {
  id: string;
  practitioner: string;
  starts: number;
  ends: number;
}

/** Block is an appointment's place in its lane. */
export interface Block<T> {
  item: T;
  /** Minutes since midnight, [from, to). */
  from: number;
  to: number;
  /** Where several overlap: which column of how many. */
  column: number;
  columns: number;
}

export interface Lane<T> {
  practitioner: string;
  name: string;
  blocks: Block<T>[];
}

export interface DayPlan<T> {
  /** Whole hours shown, [first, last). */
  first: number;
  last: number;
  lanes: Lane<T>[];
  count: number;
}

const shortest = 15; // minutes a block is drawn for at least, so that it can be hit
const opening = 8;
const closing = 18;

function byStart(a: Timed, b: Timed): number {
  return a.starts - b.starts || a.ends - b.ends || (a.id < b.id ? -1 : 1);
}

/** beside gives appointments that overlap columns of their own, first fit. */
function beside<T>(blocks: Block<T>[]): Block<T>[] {
  let group: Block<T>[] = [];
  let ends: number[] = [];
  const close = () => {
    for (const block of group) block.columns = ends.length;
    group = [];
    ends = [];
  };
  for (const block of blocks) {
    if (ends.every((end) => end <= block.from)) close();
    const free = ends.findIndex((end) => end <= block.from);
    block.column = free < 0 ? ends.length : free;
    ends[block.column] = Math.max(block.to, block.from + shortest);
    group.push(block);
  }
  close();
  return blocks;
}

/**
 * dayPlan arranges one day in lanes: first the practitioners in the practice's
 * order, then those it no longer names but who still have appointments.
 */
export function dayPlan<T extends Timed>(
  items: readonly T[],
  day: Day,
  zone: string,
  practitioners: readonly { id: string; name: string }[],
): DayPlan<T> {
  const today = items.filter((item) => dayOf(item.starts, zone) === day).sort(byStart);
  const lanes = new Map<string, Lane<T>>();
  for (const { id, name } of practitioners) lanes.set(bare(id), { practitioner: id, name, blocks: [] });
  let first = opening;
  let last = closing;
  for (const item of today) {
    const key = bare(item.practitioner);
    let lane = lanes.get(key);
    if (!lane) lanes.set(key, (lane = { practitioner: item.practitioner, name: "", blocks: [] }));
    const from = minuteOf(item.starts, zone);
    const to = dayOf(item.ends, zone) === day ? Math.max(minuteOf(item.ends, zone), from + 5) : 24 * 60;
    lane.blocks.push({ item, from, to, column: 0, columns: 1 });
    first = Math.min(first, Math.floor(from / 60));
    last = Math.max(last, Math.ceil(Math.max(to, from + shortest) / 60));
  }
  for (const lane of lanes.values()) beside(lane.blocks);
  return { first, last: Math.min(last, 24), lanes: [...lanes.values()], count: today.length };
}

export interface DayGroup<T> {
  day: Day;
  items: T[];
}

/** byDay groups appointments that start at or after an instant by their local day. */
export function byDay<T extends Timed>(items: readonly T[], from: number, zone: string): DayGroup<T>[] {
  const groups: DayGroup<T>[] = [];
  for (const item of items.filter((one) => one.starts >= from).sort(byStart)) {
    const day = dayOf(item.starts, zone);
    const last = groups.at(-1);
    if (last?.day === day) last.items.push(item);
    else groups.push({ day, items: [item] });
  }
  return groups;
}
