import { expect, test } from "vitest";
import type { Count } from "./client.ts";
import { nice, tally } from "./tally.ts";
import { micros } from "./words.ts";

const count = (day: string, plugin: string, state: Count["state"], messages: number): Count => ({
  day, plugin, state, messages, parts: messages, cost_micros: messages * 61_000, currency: "EUR",
});

test("every day is there, also one without messages, and each message is counted once", () => {
  const t = tally("2026-11-20", "2026-11-22", [
    count("2026-11-20", "lox24", "delivered", 5), count("2026-11-20", "lox24", "submitted", 2), count("2026-11-20", "seven", "failed", 1),
    count("2026-11-22", "seven", "expired", 3), { ...count("2026-11-22", "", "queued", 4), parts: 0, cost_micros: 0 },
  ]);
  expect(t.days.map((d) => d.day)).toEqual(["2026-11-20", "2026-11-21", "2026-11-22"]);
  expect(t.days[0]).toMatchObject({ sent: [{ plugin: "lox24", messages: 7 }, { plugin: "seven", messages: 0 }], failed: 1, waiting: 0 });
  expect(t.days[2]).toMatchObject({ failed: 3, waiting: 4 });
  expect(t).toMatchObject({ most: 8, messages: 11, delivered: 5, failed: 4, reported: 9, cost: 11 * 61_000, currency: "EUR" });
  expect(t.byPlugin[0]).toMatchObject({ plugin: "lox24", messages: 7, delivered: 5, reported: 5 });
});

test("nothing sent is no division by nothing", () => {
  expect(tally("2026-11-22", "2026-11-22", [])).toMatchObject({ most: 1, messages: 0, plugins: [] });
});

test("the scale ends at a round number that holds the highest day", () => {
  expect([1, 4, 7, 11, 45, 99, 101, 620].map(nice)).toEqual([4, 4, 10, 20, 50, 100, 200, 1000]);
});

test("amounts are read as people write them", () => {
  expect([micros("6,1", 10_000), micros("6.1", 10_000), micros("0", 1e6), micros(" 12 ", 1e6)]).toEqual([61_000, 61_000, 0, 12_000_000]);
  for (const text of ["", "-1", "1.2.3", "zwei", "1e9"]) expect(micros(text, 1e6)).toBeNaN();
});
