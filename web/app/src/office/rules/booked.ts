/** Which appointments fall into a closure, by what this browser knows of them. */
import { bare } from "../booking.ts";
import { type Day, dayOf, minuteOf } from "../zone.ts";
import { minutesOf } from "./times.ts";
import type { Closure } from "./types.ts";

interface Timed {
  starts: number;
  ends: number;
  practitioner: string;
  location: string;
}

/**
 * within are those that a closure meets, soonest first. A closed room or device
 * names nobody: which room an appointment has is the server's to know.
 */
export function within<T extends Timed>(closure: Closure, appointments: readonly T[], zone: string): T[] {
  if (closure.resource || !closure.from || !closure.until) return [];
  const first = stamp(closure.from, minutesOf(closure.from_time || "00:00"));
  const last = stamp(closure.until, minutesOf(closure.until_time || "24:00"));
  const at = (instant: number) => stamp(dayOf(instant, zone), minuteOf(instant, zone));
  return appointments
    .filter(({ practitioner, location }) => (!closure.practitioner || bare(practitioner) === bare(closure.practitioner)) && (!closure.location || bare(location) === bare(closure.location)))
    .filter(({ starts, ends }) => at(starts) < last && at(ends) > first)
    .sort((a, b) => a.starts - b.starts);
}

/** Minutes on the wall clock, in a number that orders them. */
function stamp(day: Day, minute: number): number {
  return Date.parse(`${day}T00:00:00Z`) / 60_000 + minute;
}
