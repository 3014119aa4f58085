import { describe, expect, test } from "vitest";
import { costliest, letterOf, mondayOf, reasonFor, type Someone, weekPlan, weekToShow } from "./week.ts";
import type { Cell, WeekBody } from "./types.ts";

const monday = "2026-11-23";
const who: Someone = { insurance: "GKV", patients: "new", age: 34 };
const service = { minutes: 30 };
/** 08:00 in Berlin in November is 07:00 UTC. */
const at = (day: string, clock: string) => `${day}T${String(Number(clock.slice(0, 2)) - 1).padStart(2, "0")}:${clock.slice(3)}:00Z`;
const cell = (clock: string, reason: string, more: Partial<Cell> = {}, day = monday): Cell => ({ starts: at(day, clock), reason, ...more });
const body = (...cells: Cell[]): WeekBody => ({ zone: "Europe/Berlin", step_minutes: 15, windows: {}, cells });
const shown = (...cells: Cell[]) => weekPlan(body(...cells), monday, who, service).days[0]!.blocks.map(({ from, to, reason, times, letter }) => [from, to, reason, times, letter]);

describe("merging quarters of an hour", () => {
  test("the same reason from the same window is one block", () => {
    expect(shown(cell("08:00", "past"), cell("08:15", "past"), cell("08:30", "lead", { window: "w" }), cell("08:45", "lead", { window: "w" }))).toEqual([
      [480, 510, "past", 0, "A"],
      [510, 540, "lead", 0, "B"],
    ]);
  });

  test("a gap parts them, and another window does", () => {
    expect(shown(cell("08:00", "past"), cell("09:00", "past"))).toHaveLength(2);
    expect(shown(cell("08:00", "lead", { window: "v" }), cell("08:15", "lead", { window: "w" })).map((one) => one[4])).toEqual(["A", "B"]);
  });

  test("the time inside an appointment and between two starts belongs to what is offered", () => {
    expect(shown(cell("08:00", "offered"), cell("08:15", "off_grid"), cell("08:30", "offered"), cell("08:45", "too_short"))).toEqual([[480, 540, "offered", 2, ""]]);
  });

  test("what is too short after the last appointment's end says so", () => {
    expect(shown(cell("08:00", "offered"), cell("08:15", "off_grid"), cell("08:30", "too_short"))).toEqual([
      [480, 510, "offered", 1, ""],
      [510, 525, "too_short", 0, "A"],
    ]);
  });

  test("each instant of a release would be another; it is left out", () => {
    expect(shown(cell("08:00", "horizon", { detail: "2026-11-20T07:00:00Z" }), cell("08:15", "horizon", { detail: "2026-11-20T07:15:00Z" }))).toHaveLength(1);
  });

  test("the doubled hour of the clock change is not counted into the next day", () => {
    const plan = weekPlan(body({ starts: "2026-10-25T00:30:00Z", reason: "offered" }, { starts: "2026-10-25T01:30:00Z", reason: "offered" }), "2026-10-19", who, service);
    expect(plan.days).toHaveLength(7);
    expect(plan.days[6]!.blocks.map(({ from, times }) => [from, times])).toEqual([[150, 2]]);
  });
});

describe("for whom", () => {
  const pkv = [{ insurance: ["PKV" as const], patients: "all" as const }];
  const known = [{ insurance: [], patients: "known" as const }];

  test("one alternative has to fit", () => {
    expect(reasonFor(cell("08:00", "offered", { conditions: pkv }), who, {})).toBe("other_insurance");
    expect(reasonFor(cell("08:00", "offered", { conditions: known }), who, {})).toBe("other_patients");
    expect(reasonFor(cell("08:00", "offered", { conditions: [...pkv, { insurance: ["GKV"], patients: "new" }] }), who, {})).toBeNull();
    expect(reasonFor(cell("08:00", "offered"), who, {})).toBeNull();
  });

  test("age comes before the rest", () => {
    expect(reasonFor(cell("08:00", "offered", { conditions: pkv }), who, { min_age: 35 })).toBe("other_age");
    expect(reasonFor(cell("08:00", "offered"), who, { min_age: 34, max_age: 34 })).toBeNull();
  });

  test("somebody else's time is no time of this person", () => {
    const plan = weekPlan(body(cell("08:00", "offered", { conditions: pkv }), cell("08:15", "offered", { conditions: known })), monday, who, service);
    expect([plan.times, plan.open]).toEqual([0, 0]);
    expect(plan.reasons.map(({ letter, block, minutes }) => [letter, block.reason, minutes])).toEqual([
      ["A", "other_insurance", 15],
      ["B", "other_patients", 15],
    ]);
  });
});

test("letters go on after Z", () => {
  expect([0, 25, 26, 27, 52].map(letterOf)).toEqual(["A", "Z", "AA", "AB", "BA"]);
});

test("the costliest reason is one that a rule could change", () => {
  const plan = weekPlan(body(cell("08:00", "busy"), cell("08:15", "busy"), cell("08:30", "staff_only", { window: "w" })), monday, who, service);
  expect(costliest(plan)?.block.reason).toBe("staff_only");
  expect(costliest(weekPlan(body(cell("08:00", "busy")), monday, who, service))).toBeUndefined();
});

test("Saturday and Sunday are there where something is on them", () => {
  const days = (day: string) => weekPlan(body(cell("08:00", "offered", {}, day)), monday, who, service).days.length;
  expect(["2026-11-24", "2026-11-28", "2026-11-29"].map(days)).toEqual([5, 6, 7]);
});

test("weeks begin on Monday, and at the weekend the coming one is shown", () => {
  expect(["2026-11-23", "2026-11-29", "2027-01-01"].map(mondayOf)).toEqual(["2026-11-23", "2026-11-23", "2026-12-28"]);
  expect(["2026-11-27", "2026-11-28", "2026-11-29"].map(weekToShow)).toEqual(["2026-11-23", "2026-11-30", "2026-11-30"]);
});
