/** What became of messages, day by day, for a chart and its table. */
import type { Outcome } from "./client.ts";

export interface Day {
  day: string;
  mail: number;
  sms: number;
  lost: number;
  waiting: number;
}

/** byDay has every day from the first to the last, also those without a message. */
export function byDay({ from, until, sums }: Pick<Outcome, "from" | "until" | "sums">): Day[] {
  const days: Day[] = [];
  for (let at = Date.parse(from); at <= Date.parse(until); at += 86_400_000) days.push({ day: new Date(at).toISOString().slice(0, 10), mail: 0, sms: 0, lost: 0, waiting: 0 });
  const found = new Map(days.map((one) => [one.day, one]));
  for (const { day, channel, state, messages } of sums) {
    const one = found.get(day);
    if (!one) continue;
    if (state === "failed" || state === "expired") one.lost += messages;
    else if (state === "queued") one.waiting += messages;
    else one[channel === "sms" ? "sms" : "mail"] += messages;
  }
  return days;
}

/** nice is the end of an axis: 4 times 1, 2 or 5 times a power of ten, or more. */
export function nice(most: number): number {
  for (let power = 1; ; power *= 10) for (const step of [1, 2, 5]) if (4 * step * power >= most) return 4 * step * power;
}
