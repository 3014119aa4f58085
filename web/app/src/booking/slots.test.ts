import { describe, expect, test } from "vitest";
import type { Condition, Practice, SlotsAnswer } from "../api/types.ts";
import { bestDay, byDay, nextFree, place, sift, unfold, weekOf, windowFrom, type Slot } from "./slots.ts";

const all: Condition = { insurance: [], patients: "all" };
const privately: Condition = { insurance: ["PKV", "SEL"], patients: "all" };

const slot = (starts: string, condition = all, practitioner = "p"): Slot => {
  const ends = new Date(Date.parse(starts) + 15 * 60_000).toISOString().replace(".000", "");
  return place({ starts, ends, practitioner, location: "l", condition }, "Europe/Berlin");
};
const none = { insurance: "", known: "" } as const;

describe("unfold", () => {
  const practice = { locations: [{ id: "l", zone: "America/New_York" }] } as Practice;
  const answer = (row: SlotsAnswer["slots"][number]): SlotsAnswer => ({ zone: "Europe/Berlin", from: "", to: "", practitioners: ["p"], locations: ["l", "unknown"], conditions: [all], slots: [row], closed: [] });
  const row = { starts: "2026-11-26T03:30:00Z", ends: "2026-11-26T03:45:00Z", practitioner: 0, location: 0, condition: 0 };

  test("takes the location's zone, and the answer's where the location is unknown", () => {
    expect(unfold(answer(row), practice)[0]).toMatchObject({ zone: "America/New_York", day: "2026-11-25" });
    expect(unfold(answer({ ...row, location: 1 }), practice)[0]).toMatchObject({ zone: "Europe/Berlin", day: "2026-11-26" });
  });

  test("leaves out a row that points outside its tables", () => {
    expect(unfold(answer({ ...row, practitioner: 7 }), practice)).toEqual([]);
  });
});

describe("sift", () => {
  const slots = [slot("2026-11-26T15:45:00Z"), slot("2026-11-26T16:00:00Z", privately), slot("2026-11-26T16:30:00Z", privately), slot("2026-11-27T16:00:00Z", privately)];

  test("a statutory patient never gets a private slot, and reads when and why", () => {
    const { offered, withheld, open } = sift(slots, { insurance: "GKV", known: "" });
    expect(offered.map(({ starts }) => starts)).toEqual(["2026-11-26T15:45:00Z"]);
    expect(withheld.map(({ starts, ends, verdict }) => [starts, ends, verdict.kind])).toEqual([
      ["2026-11-26T16:00:00Z", "2026-11-26T16:45:00Z", "refused"],
      ["2026-11-27T16:00:00Z", "2026-11-27T16:15:00Z", "refused"],
    ]);
    expect(open).toEqual([]);
  });

  test("without an answer the slot is withheld and the question is named", () => {
    const { offered, open } = sift(slots, none);
    expect(offered).toHaveLength(1);
    expect(open).toEqual(["insurance"]);
  });

  test("a long pause makes two stretches", () => {
    const { withheld } = sift([slot("2026-11-26T08:00:00Z", privately), slot("2026-11-26T16:00:00Z", privately)], { insurance: "GKV", known: "" });
    expect(withheld).toHaveLength(2);
  });

  test("who may have everything has nothing withheld", () => {
    expect(sift(slots, { insurance: "PKV", known: "" })).toMatchObject({ withheld: [], open: [] });
  });
});

describe("days and weeks", () => {
  test("noon on the wall begins the afternoon, in summer and in winter", () => {
    const [winter] = byDay([slot("2026-11-26T10:59:00Z"), slot("2026-11-26T11:00:00Z")]).values();
    expect([winter?.morning.length, winter?.afternoon.length]).toEqual([1, 1]);
    const [summer] = byDay([slot("2026-07-23T09:59:00Z"), slot("2026-07-23T10:00:00Z")]).values();
    expect([summer?.morning.length, summer?.afternoon.length]).toEqual([1, 1]);
  });

  test("both passes of the doubled hour stand on the same day, told apart", () => {
    const day = byDay([slot("2026-10-25T00:30:00Z"), slot("2026-10-25T01:30:00Z")]).get("2026-10-25");
    expect(day?.slots.map(({ minutes, turn }) => [minutes, turn])).toEqual([[150, "first"], [150, "second"]]);
  });

  test("Sunday shows only where something is free on it", () => {
    expect(weekOf("2026-11-23", new Map())).toHaveLength(6);
    expect(weekOf("2026-11-23", byDay([slot("2026-11-29T09:00:00Z")]))).toHaveLength(7);
  });

  test("a week across the clock change has its seven days once", () => {
    const week = weekOf("2026-10-19", byDay([slot("2026-10-25T09:00:00Z")]));
    expect(week.map(({ day }) => day)).toEqual(["2026-10-19", "2026-10-20", "2026-10-21", "2026-10-22", "2026-10-23", "2026-10-24", "2026-10-25"]);
  });

  test("the best day is the wanted one, unless it is empty", () => {
    const days = byDay([slot("2026-11-24T09:00:00Z"), slot("2026-11-26T09:00:00Z")]);
    const week = weekOf("2026-11-23", days);
    expect(bestDay(week, "2026-11-26")).toBe("2026-11-26");
    expect(bestDay(week, "2026-11-25")).toBe("2026-11-24");
    expect(bestDay(weekOf("2026-11-30", days), "2026-11-26")).toBe("");
  });
});

test("the next free ones are different times, soonest first", () => {
  const slots = [slot("2026-11-26T09:00:00Z", all, "a"), slot("2026-11-26T09:00:00Z", all, "b"), slot("2026-11-26T10:00:00Z"), slot("2026-11-26T11:00:00Z")];
  expect(nextFree(slots, 2).map(({ starts, practitioner }) => [starts, practitioner])).toEqual([["2026-11-26T09:00:00Z", "a"], ["2026-11-26T10:00:00Z", "p"]]);
});

test("a window begins where asked and ends on a Monday, within what the server answers", () => {
  expect(windowFrom("2026-11-22")).toEqual({ from: "2026-11-22", to: "2026-12-14" });
  expect(windowFrom("2026-12-14")).toEqual({ from: "2026-12-14", to: "2027-01-11" });
});
