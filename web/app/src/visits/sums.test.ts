import { describe, expect, it } from "vitest";
import { sums, type Visit } from "./sums.ts";

const now = new Date(2026, 2, 30, 12);
const at = (day: number, field: string, value: string, visits: number): Visit => ({ hour: new Date(2026, 2, day, 9).toISOString(), field, value, visits });

describe("sums of page views", () => {
  it("has every day, also over a change of the clock, and those without a view", () => {
    const { days } = sums([at(28, "page", "/", 7), at(30, "page", "/", 5), at(30, "page", "/datenschutz", 6)], now, 4);
    expect(days).toEqual([{ day: "2026-03-27", views: 0 }, { day: "2026-03-28", views: 7 }, { day: "2026-03-29", views: 0 }, { day: "2026-03-30", views: 11 }]);
  });

  it("counts views by page alone: every other field counts the same ones again", () => {
    const found = sums([at(30, "page", "/", 9), at(30, "browser", "Firefox", 5), at(29, "browser", "Firefox", 5), at(30, "bytes", "all", 2048)], now);
    expect([found.total, found.bytes]).toEqual([9, 2048]);
    expect(found.tables).toEqual([
      { field: "page", rows: [{ value: "/", views: 9 }], more: 0 },
      { field: "browser", rows: [{ value: "Firefox", views: 10 }], more: 0 },
    ]);
  });

  it("shows the ten most frequent and what is left as one number", () => {
    const many = Array.from({ length: 12 }, (_, i) => at(30, "referrer", `host-${String(i).padStart(2, "0")}`, 20 - i));
    const [table] = sums(many, now).tables;
    expect(table?.rows.map((row) => row.value).at(-1)).toBe("host-09");
    expect(table?.more).toBe(10 + 9);
  });
});
