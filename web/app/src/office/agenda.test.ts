import { describe, expect, test } from "vitest";
import { type Timed, byDay, dayPlan } from "./agenda.ts";

const zone = "Europe/Berlin";
let serial = 0;
const item = (from: string, minutes: number, practitioner = "prc_a"): Timed => {
  const starts = Date.parse(from);
  return { id: `apt_${String(serial++).padStart(4, "0")}`, practitioner, starts, ends: starts + minutes * 60_000 };
};
const staff = [
  { id: "prc_a", name: "A" },
  { id: "prc_b", name: "B" },
];

describe("dayPlan", () => {
  test("takes the appointments of the local day, in order of time, lane by lane in the practice's order", () => {
    const late = item("2026-11-24T22:30:00Z", 15);
    const early = item("2026-11-23T23:00:00Z", 15);
    const other = item("2026-11-24T08:00:00Z", 15, "prc_b");
    const plan = dayPlan([late, early, other, item("2026-11-24T23:00:00Z", 15), item("2026-11-23T22:59:00Z", 15)], "2026-11-24", zone, staff);
    expect(plan.lanes.map(({ name, blocks }) => [name, blocks.map(({ item }) => item)])).toEqual([
      ["A", [early, late]],
      ["B", [other]],
    ]);
    expect(plan.count).toBe(3);
    expect([plan.first, plan.last]).toEqual([0, 24]);
  });

  test("shows 8 to 18 o'clock on a day without appointments, and every practitioner", () => {
    const plan = dayPlan([], "2026-11-24", zone, staff);
    expect([plan.first, plan.last, plan.count]).toEqual([8, 18, 0]);
    expect(plan.lanes).toHaveLength(2);
  });

  test("does not lose appointments of somebody who is no longer listed", () => {
    const plan = dayPlan([item("2026-11-24T09:00:00Z", 15, "prc_gone")], "2026-11-24", zone, staff);
    expect(plan.lanes.map(({ name, blocks }) => [name, blocks.length])).toEqual([["A", 0], ["B", 0], ["", 1]]);
  });

  test("lays overlapping appointments side by side and gives the room back afterwards", () => {
    const items = [
      item("2026-11-24T09:00:00Z", 60),
      item("2026-11-24T09:15:00Z", 15),
      item("2026-11-24T09:30:00Z", 15),
      item("2026-11-24T10:00:00Z", 15),
    ];
    const blocks = dayPlan(items, "2026-11-24", zone, staff).lanes[0]!.blocks;
    expect(blocks.map(({ column, columns }) => [column, columns])).toEqual([[0, 2], [1, 2], [1, 2], [0, 1]]);
  });

  test("no two blocks of a lane ever cover the same place", () => {
    let seed = 7;
    const random = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
    for (let round = 0; round < 50; round++) {
      const items = Array.from({ length: 30 }, () => item(new Date(Date.UTC(2026, 10, 24, 7) + Math.floor(random() * 120) * 300_000).toISOString(), 5 + Math.floor(random() * 12) * 5));
      const { blocks } = dayPlan(items, "2026-11-24", zone, staff).lanes[0]!;
      expect(blocks).toHaveLength(30);
      for (const a of blocks) {
        expect(a.column).toBeLessThan(a.columns);
        for (const b of blocks) {
          if (a !== b && a.column === b.column) expect(a.to <= b.from || b.to <= a.from).toBe(true);
          if (a !== b && a.from < b.to && b.from < a.to) expect(a.columns).toBe(b.columns);
        }
      }
    }
  });

  test("an appointment past midnight ends with its day", () => {
    const [block] = dayPlan([item("2026-11-24T22:30:00Z", 60)], "2026-11-24", zone, staff).lanes[0]!.blocks;
    expect([block!.from, block!.to]).toEqual([23 * 60 + 30, 24 * 60]);
  });
});

test("byDay groups what is still to come by local day, in order", () => {
  const a = item("2026-11-26T08:00:00Z", 15);
  const b = item("2026-11-25T23:00:00Z", 15); // already the 26th in Berlin
  const c = item("2026-12-24T08:00:00Z", 15);
  const past = item("2026-11-24T08:00:00Z", 15);
  expect(byDay([a, c, past, b], Date.parse("2026-11-24T23:00:00Z"), zone)).toEqual([
    { day: "2026-11-26", items: [b, a] },
    { day: "2026-12-24", items: [c] },
  ]);
});
