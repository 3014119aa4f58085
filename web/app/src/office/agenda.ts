/**
 * From a heap of appointments to what the screen shows: the lanes of one day
 * and the coming days as a list. Pure functions; times are minutes on the
 * practice's wall clock.
 */
import { bare } from "./booking.ts";
import { type Day, dayOf, minuteOf, plus, startOf } from "./zone.ts";

/** Timed is all that the arrangement needs of an appointment. */
export interface Timed {
  id: string;
  practitioner: string;
  /** Rooms and devices, beside the practitioner. */
  takes?: readonly string[];
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
  /** Unique in its plan. */
  key: string;
  day: Day;
  kind: "practitioner" | "resource";
  /** Of the practitioner, or of the room or device. */
  practitioner: string;
  name: string;
  blocks: Block<T>[];
}

/** Column is whose lane is drawn, on each day of a plan. */
export interface Column {
  kind: "practitioner" | "resource";
  id: string;
  name: string;
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
export function dayPlan<T extends Timed>(items: readonly T[], day: Day, zone: string, practitioners: readonly { id: string; name: string }[]): DayPlan<T> {
  return plan(items, [day], zone, practitioners.map(({ id, name }) => ({ kind: "practitioner", id, name })), true);
}

/**
 * plan arranges several days, each with the same columns side by side. An
 * appointment stands in its practitioner's lane and in those of the rooms and
 * devices that it takes. `others` adds lanes for practitioners without a
 * column who have appointments; without it they are left out.
 */
export function plan<T extends Timed>(items: readonly T[], days: readonly Day[], zone: string, columns: readonly Column[], others: boolean): DayPlan<T> {
  let first = opening;
  let last = closing;
  let count = 0;
  const all: Lane<T>[] = [];
  for (const day of days) {
    const [begins, ends] = [startOf(day, zone), startOf(plus(day, 1), zone)];
    const lanes = new Map<string, Lane<T>>();
    for (const { kind, id, name } of columns) lanes.set(bare(id), { key: `${day} ${id}`, day, kind, practitioner: id, name, blocks: [] });
    for (const item of items.filter(({ starts }) => starts >= begins && starts < ends).sort(byStart)) {
      const from = minuteOf(item.starts, zone);
      const to = item.ends < ends ? Math.max(minuteOf(item.ends, zone), from + 5) : 24 * 60;
      let seen = false;
      const put = (lane: Lane<T> | undefined) => {
        if (!lane) return;
        seen = true;
        lane.blocks.push({ item, from, to, column: 0, columns: 1 });
      };
      let own = lanes.get(bare(item.practitioner));
      if (!own && others) {
        own = { key: `${day} ${item.practitioner}`, day, kind: "practitioner", practitioner: item.practitioner, name: "", blocks: [] };
        lanes.set(bare(item.practitioner), own);
      }
      put(own);
      for (const id of item.takes ?? []) put(lanes.get(bare(id)));
      if (!seen) continue;
      count++;
      first = Math.min(first, Math.floor(from / 60));
      last = Math.max(last, Math.ceil(Math.max(to, from + shortest) / 60));
    }
    for (const lane of lanes.values()) beside(lane.blocks);
    all.push(...lanes.values());
  }
  return { first, last: Math.min(last, 24), lanes: all, count };
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
