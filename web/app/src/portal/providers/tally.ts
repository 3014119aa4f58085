/** Counts of deliveries as a chart and a table show them. */
import type { Count } from "./client.ts";

export interface Day {
  day: string;
  /** By provider's name in the order of the whole range; the same order each day. */
  sent: { plugin: string; messages: number }[];
  failed: number;
  waiting: number;
  cost: number;
}

export interface Tally {
  days: Day[];
  plugins: string[];
  /** The highest day, for the scale. */
  most: number;
  messages: number;
  delivered: number;
  failed: number;
  /** Those of which a report came: the share of delivered ones is of these. */
  reported: number;
  cost: number;
  currency: string;
  byPlugin: { plugin: string; messages: number; parts: number; cost: number; delivered: number; reported: number }[];
}

const lost = (state: Count["state"]) => state === "failed" || state === "expired";

/** tally fills in days without messages, from the first to the last, both included. */
export function tally(from: string, until: string, counts: Count[]): Tally {
  const plugins = [...new Set(counts.filter((c) => c.plugin).map((c) => c.plugin))].sort();
  const days: Day[] = [];
  for (let at = Date.parse(`${from}T00:00:00Z`); at <= Date.parse(`${until}T00:00:00Z`); at += 86_400_000) {
    const day = new Date(at).toISOString().slice(0, 10);
    const here = counts.filter((c) => c.day === day);
    const sum = (of: Count[]) => of.reduce((n, c) => n + c.messages, 0);
    days.push({
      day,
      sent: plugins.map((plugin) => ({ plugin, messages: sum(here.filter((c) => c.plugin === plugin && !lost(c.state) && c.state !== "queued")) })),
      failed: sum(here.filter((c) => lost(c.state))),
      waiting: sum(here.filter((c) => c.state === "queued")),
      cost: here.reduce((n, c) => n + c.cost_micros, 0),
    });
  }
  const all = (keep: (c: Count) => boolean, of: keyof Pick<Count, "messages" | "parts" | "cost_micros"> = "messages") =>
    counts.filter(keep).reduce((n, c) => n + c[of], 0);
  return {
    days,
    plugins,
    most: Math.max(1, ...days.map((d) => d.failed + d.waiting + d.sent.reduce((n, s) => n + s.messages, 0))),
    messages: all((c) => c.state !== "queued"),
    delivered: all((c) => c.state === "delivered"),
    failed: all((c) => lost(c.state)),
    reported: all((c) => c.state === "delivered" || lost(c.state)),
    cost: all(() => true, "cost_micros"),
    currency: counts.find((c) => c.cost_micros > 0)?.currency ?? "EUR",
    byPlugin: plugins.map((plugin) => ({
      plugin,
      messages: all((c) => c.plugin === plugin && c.state !== "queued"),
      parts: all((c) => c.plugin === plugin, "parts"),
      cost: all((c) => c.plugin === plugin, "cost_micros"),
      delivered: all((c) => c.plugin === plugin && c.state === "delivered"),
      reported: all((c) => c.plugin === plugin && (c.state === "delivered" || lost(c.state))),
    })),
  };
}

/** nice is the next round number, for the top of a scale. */
export function nice(n: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(n, 1)));
  return [1, 2, 4, 5, 10].map((f) => f * power).find((top) => top >= n && top >= 4) ?? 10 * power;
}
