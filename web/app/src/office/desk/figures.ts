/** Figures from times and statuses alone: nothing that is sealed is looked at. */
import type { AppointmentBody } from "../server.ts";
import { type Day, dayOf, plus } from "../zone.ts";

export interface Figures {
  /** Not cancelled. */
  booked: number;
  minutes: number;
  cancelled: number;
  noshow: number;
  excused: number;
  /** Of those whose time is over and who were neither cancelled nor requested. */
  due: number;
  online: number;
  /** Median days between booking and appointment, of online ones; null without any. */
  lead: number | null;
}

export interface Bar extends Figures {
  day: Day;
  /** The first day after the bar. */
  until: Day;
}

function count(bodies: readonly AppointmentBody[], now: number): Figures {
  const f: Figures = { booked: 0, minutes: 0, cancelled: 0, noshow: 0, excused: 0, due: 0, online: 0, lead: null };
  const leads: number[] = [];
  for (const body of bodies) {
    if (body.status === "cancelled") {
      if (!body.test) f.cancelled++;
      continue;
    }
    if (body.test || body.status === "pending" || body.status === "proposed") continue;
    const [starts, ends] = [Date.parse(body.starts), Date.parse(body.ends)];
    f.booked++;
    f.minutes += (ends - starts) / 60_000;
    if (ends <= now) f.due++;
    if (body.status === "noshow") {
      f.noshow++;
      if (body.excused) f.excused++;
    }
    if (body.source === "online") {
      f.online++;
      const received = body.received ? Date.parse(body.received) : Number.NaN;
      const first = body.first_starts ? Date.parse(body.first_starts) : starts;
      if (received > 0) leads.push(Math.max(0, first - received) / 86_400_000);
    }
  }
  leads.sort((a, b) => a - b);
  if (leads.length > 0) f.lead = leads[Math.floor((leads.length - 1) / 2)]!;
  return f;
}

/** figures counts a span and each day (or week, where step is 7) of it. */
export function figures(bodies: readonly AppointmentBody[], from: Day, to: Day, step: number, zone: string, now: number): { all: Figures; bars: Bar[] } {
  const byDay = new Map<Day, AppointmentBody[]>();
  for (const body of bodies) {
    const day = dayOf(Date.parse(body.starts), zone);
    if (day < from || day >= to) continue;
    byDay.set(day, [...(byDay.get(day) ?? []), body]);
  }
  const bars: Bar[] = [];
  for (let day = from; day < to; day = plus(day, step)) {
    const end = plus(day, step);
    const within = [...byDay].filter(([one]) => one >= day && one < end).flatMap(([, all]) => all);
    bars.push({ day, until: end < to ? end : to, ...count(within, now) });
  }
  return { all: count([...byDay.values()].flat(), now), bars };
}

/** share is a part of a whole in whole per cents; null of nothing. */
export const share = (part: number, whole: number): number | null => (whole > 0 ? Math.round((part / whole) * 100) : null);
