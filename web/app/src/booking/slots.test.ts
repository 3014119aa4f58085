import { describe, expect, test } from "vitest";
import type { Condition, Practice, SlotsAnswer } from "../api/types.ts";
import { noAnswers, type Answers } from "./offer.ts";
import { bestDay, byDay, byStart, nextFree, onceEach, overviewOf, place, sift, slotKey, stopsOf, unfold, unfoldSeries, walkIns, weekFrom, weekOf, type Slot } from "./slots.ts";

const all: Condition = { alternatives: [{ insurance: [], patients: "all" }] };
const privately: Condition = { alternatives: [{ insurance: ["PKV", "SEL"], patients: "all" }] };
const said = (answers: Partial<Answers>): Answers => ({ ...noAnswers, ...answers });

const slot = (starts: string, condition = all, practitioner = "p"): Slot => {
  const ends = new Date(Date.parse(starts) + 15 * 60_000).toISOString().replace(".000", "");
  return place({ starts, ends, practitioner, location: "l", condition }, "Europe/Berlin");
};

describe("unfold", () => {
  const practice = { locations: [{ id: "l", zone: "America/New_York" }] } as Practice;
  const answer = (row: SlotsAnswer["slots"][number]): SlotsAnswer => ({ zone: "Europe/Berlin", from: "", to: "", practitioners: ["p"], locations: ["l", "unknown"], conditions: [all], slots: [row], days: [], closed: [], walk_in: [] });
  const row = { starts: "2026-11-26T03:30:00Z", ends: "2026-11-26T03:45:00Z", practitioner: 0, location: 0, condition: 0 };

  test("takes the location's zone, and the answer's where the location is unknown", () => {
    expect(unfold(answer(row), practice)[0]).toMatchObject({ zone: "America/New_York", day: "2026-11-25" });
    expect(unfold(answer({ ...row, location: 1 }), practice)[0]).toMatchObject({ zone: "Europe/Berlin", day: "2026-11-26" });
  });

  test("takes the days that the answer says, in its order", () => {
    const many = { ...answer(row), slots: [row, row, row], days: [{ date: "2026-11-25", count: 2 }, { date: "2026-11-26", count: 1 }] };
    expect(unfold(many, practice).map(({ day }) => day)).toEqual(["2026-11-25", "2026-11-25", "2026-11-26"]);
  });

  test("leaves out a row that points outside its tables", () => {
    expect(unfold(answer({ ...row, practitioner: 7 }), practice)).toEqual([]);
  });
});

describe("unfoldSeries", () => {
  const row = (starts: string, condition = 0) => ({ starts, ends: starts.replace(":00:00Z", ":15:00Z"), practitioner: 0, location: 0, condition });
  const answer: SlotsAnswer = {
    zone: "Europe/Berlin", from: "", to: "", practitioners: ["p"], locations: ["l"], conditions: [all, privately],
    slots: [row("2026-11-26T08:00:00Z"), row("2026-12-03T08:00:00Z", 1), row("2026-12-04T08:00:00Z", 1), row("2026-12-24T09:00:00Z")],
    series: [
      { starts: "2026-11-26T08:00:00Z", reason: "free", slot: 0, alternatives: [] },
      { starts: "2026-12-03T08:00:00Z", reason: "free", slot: 1, alternatives: [] },
      { starts: "2026-12-10T08:00:00Z", reason: "full", alternatives: [2] },
      { starts: "2026-12-25T08:00:00Z", reason: "closure", alternatives: [3] },
      { starts: "2026-12-31T08:00:00Z", reason: "none", alternatives: [] },
    ],
    days: [],
    closed: [{ date: "2026-12-10", reason: "full" }, { date: "2026-12-25", reason: "holiday", name: "Erster Weihnachtstag" }],
    walk_in: [],
  };
  const practice = { locations: [{ id: "l", zone: "Europe/Berlin" }] } as Practice;

  test("a statutory patient's series holds no private slot, neither as its own nor instead", () => {
    const dates = unfoldSeries(answer, practice, said({ insurance: "GKV" }), "Europe/Berlin");
    expect(dates.map(({ slot }) => slot?.starts)).toEqual(["2026-11-26T08:00:00Z", undefined, undefined, undefined, undefined]);
    expect(dates[1]?.verdict).toEqual({ kind: "refused", because: "insurance", only: ["PKV", "SEL"] });
    expect(dates.map(({ alternatives }) => alternatives.length)).toEqual([0, 0, 0, 1, 0]);
    expect(unfoldSeries(answer, practice, said({ insurance: "PKV" }), "Europe/Berlin").map(({ slot, alternatives }) => [Boolean(slot), alternatives.length])).toEqual([[true, 0], [true, 0], [false, 1], [false, 1], [false, 0]]);
  });

  test("says why: what closes the day by its name, that it is full, or nothing where there are no hours", () => {
    const dates = unfoldSeries(answer, practice, noAnswers, "Europe/Berlin");
    expect(dates.map(({ shut }) => shut?.name ?? shut?.reason)).toEqual([undefined, undefined, "full", "Erster Weihnachtstag", undefined]);
  });

  test("an answer with a row that points nowhere offers nothing", () => {
    const broken = { ...answer, slots: [{ ...answer.slots[0]!, practitioner: 7 }, ...answer.slots.slice(1)] };
    expect(unfoldSeries(broken, practice, said({ insurance: "PKV" }), "Europe/Berlin").every(({ slot, alternatives }) => !slot && alternatives.length === 0)).toBe(true);
  });
});

describe("sift", () => {
  const slots = [slot("2026-11-26T15:45:00Z"), slot("2026-11-26T16:00:00Z", privately), slot("2026-11-26T16:30:00Z", privately), slot("2026-11-27T16:00:00Z", privately)];

  test("a statutory patient never gets a private slot, and reads when and why", () => {
    const { offered, withheld, open } = sift(slots, said({ insurance: "GKV" }));
    expect(offered.map(({ starts }) => starts)).toEqual(["2026-11-26T15:45:00Z"]);
    expect(withheld.map(({ starts, ends, verdict }) => [starts, ends, verdict.kind])).toEqual([
      ["2026-11-26T16:00:00Z", "2026-11-26T16:45:00Z", "refused"],
      ["2026-11-27T16:00:00Z", "2026-11-27T16:15:00Z", "refused"],
    ]);
    expect(open).toEqual([]);
  });

  test("without an answer the slot is withheld and the question is named", () => {
    const { offered, open } = sift(slots, noAnswers);
    expect(offered).toHaveLength(1);
    expect(open).toEqual(["insurance"]);
  });

  test("a long pause makes two stretches", () => {
    const { withheld } = sift([slot("2026-11-26T08:00:00Z", privately), slot("2026-11-26T16:00:00Z", privately)], said({ insurance: "GKV" }));
    expect(withheld).toHaveLength(2);
  });

  test("who may have everything has nothing withheld", () => {
    expect(sift(slots, said({ insurance: "PKV" }))).toMatchObject({ withheld: [], open: [] });
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

test("a week is asked for from Monday to Monday, and from today on", () => {
  expect(weekFrom("2026-11-23", "2026-11-22")).toEqual({ from: "2026-11-23", to: "2026-11-30" });
  expect(weekFrom("2026-11-16", "2026-11-22")).toEqual({ from: "2026-11-22", to: "2026-11-23" });
});

describe("several practitioners", () => {
  test("a time at a place shows once, whoever has it; another place is another slot", () => {
    const elsewhere = place({ ...slot("2026-11-26T09:00:00Z", all, "c"), location: "m" }, "Europe/Berlin");
    const shown = onceEach([slot("2026-11-26T09:00:00Z", all, "a"), slot("2026-11-26T09:00:00Z", privately, "b"), elsewhere]);
    expect(shown.map(({ practitioner, location }) => [practitioner, location])).toEqual([["a", "l"], ["c", "m"]]);
  });

  test("of equal times the one named first stays first", () => {
    const sorted = byStart([slot("2026-11-26T10:00:00Z", all, "a"), slot("2026-11-26T09:00:00Z", all, "b"), slot("2026-11-26T09:00:00Z", all, "c")]);
    expect(sorted.map(({ practitioner }) => practitioner)).toEqual(["b", "c", "a"]);
  });
});

describe("itineraries", () => {
  const practice = { locations: [{ id: "l", zone: "Europe/Berlin" }] } as Practice;
  const row = (starts: string, step: number, condition = 0) => ({ starts, ends: starts, practitioner: 0, location: 0, condition, step });
  const answer: SlotsAnswer = {
    zone: "Europe/Berlin", from: "", to: "", practitioners: ["p"], locations: ["l"], conditions: [all, privately], days: [{ date: "2026-11-26", count: 4 }], closed: [], walk_in: [],
    slots: [row("2026-11-26T08:00:00Z", 0), row("2026-11-26T08:20:00Z", 1), row("2026-11-26T09:00:00Z", 2), row("2026-11-26T10:00:00Z", 2, 1)],
    itineraries: [[0, 1, 2], [0, 2], [0, 1, 3], [0, 9]],
  };

  test("are one slot each, with the later appointments behind the first; one that points outside is none", () => {
    const found = unfold(answer, practice);
    expect(found.map((slot) => stopsOf(slot).map(({ step }) => step))).toEqual([[0, 1, 2], [0, 2], [0, 1, 2]]);
    expect(new Set(found.map(slotKey)).size).toBe(3);
  });

  test("are offered only if every appointment is", () => {
    const { offered, withheld } = sift(unfold(answer, practice), said({ insurance: "GKV" }));
    expect(offered).toHaveLength(2);
    expect(withheld.map(({ starts }) => starts)).toEqual(["2026-11-26T08:00:00Z"]);
  });

  test("without itineraries nothing is offered, whatever single slots there are", () => {
    expect(unfold({ ...answer, itineraries: [] }, practice)).toEqual([]);
  });
});

describe("the overview", () => {
  const conditions = [all, privately, { alternatives: [{ insurance: [], patients: "new" as const }] }];
  const days = [{ date: "2026-11-23", free: 1, conditions: [1] }, { date: "2026-11-24", free: 2, conditions: [1, 2] }, { date: "2026-11-25", free: 9, conditions: [0, 1] }];

  test("a day with nothing but private hours is none for a statutory patient", () => {
    expect(overviewOf({ days, conditions }, said({ insurance: "GKV", known: "known" }))).toEqual({ offered: ["2026-11-25"], open: [], refused: ["2026-11-23", "2026-11-24"], asks: [] });
    expect(overviewOf({ days, conditions }, said({ insurance: "PKV", known: "known" })).offered).toHaveLength(3);
  });

  test("names the days that wait for an answer, and the questions", () => {
    expect(overviewOf({ days, conditions }, noAnswers)).toEqual({ offered: ["2026-11-25"], open: ["2026-11-23", "2026-11-24", "2026-11-25"], refused: [], asks: ["insurance", "known"] });
  });
});

test("an open consultation hour stands on the day of its place, whoever holds it", () => {
  const practice = { locations: [{ id: "l", zone: "Europe/Berlin" }] } as Practice;
  const hour = { starts: "2026-11-26T23:30:00Z", ends: "2026-11-27T01:00:00Z", practitioner: 0, location: 0, name: "Offene Sprechstunde" };
  const answer = { zone: "Europe/Berlin", from: "", to: "", practitioners: ["p"], locations: ["l"], conditions: [], slots: [], days: [], closed: [], walk_in: [hour] };
  expect(walkIns(answer, practice)).toEqual([{ day: "2026-11-27", zone: "Europe/Berlin", starts: hour.starts, ends: hour.ends, practitioner: "p", location: "l", name: "Offene Sprechstunde" }]);
});
