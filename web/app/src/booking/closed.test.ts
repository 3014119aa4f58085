import { afterEach, describe, expect, test, vi } from "vitest";
import type { ClosedDay, Closure, Practice } from "../api/types.ts";
import { speak } from "../i18n/catalogue.svelte.ts";
import { byDay, place, shutIn, weekOf, withClosed } from "./slots.ts";
import { closureTitle, whyShut } from "./words.ts";

vi.stubGlobal("document", { documentElement: {} }); // whose language changes
afterEach(() => speak("de"));

const christmas: ClosedDay[] = [
  { date: "2026-12-24", reason: "closure", text: "Praxisurlaub" },
  { date: "2026-12-25", reason: "holiday", name: "Erster Weihnachtstag" },
  { date: "2026-12-26", reason: "closure", text: "Praxisurlaub" },
  { date: "2026-12-27", reason: "closure", text: "Praxisurlaub" },
];
const slot = (starts: string) => place({ starts, ends: starts, practitioner: "p", location: "l", condition: { insurance: [], patients: "all" } }, "Europe/Berlin");

describe("shutIn", () => {
  const closed = withClosed(new Map(), { closed: christmas });

  test("puts days with the same reason together and keeps others apart", () => {
    expect(shutIn(weekOf("2026-12-21", new Map()), closed, "2026-12-01").map(({ days, why }) => [days, whyShut(why)])).toEqual([
      [["2026-12-24", "2026-12-26"], "Geschlossen: Praxisurlaub"],
      [["2026-12-25"], "Feiertag: Erster Weihnachtstag"],
    ]);
  });

  test("says nothing of days gone by, and nothing of a day with a free slot", () => {
    expect(shutIn(weekOf("2026-12-21", new Map()), closed, "2026-12-26").map(({ days }) => days)).toEqual([["2026-12-26"]]);
    const days = byDay([slot("2026-12-25T09:00:00Z")]);
    expect(shutIn(weekOf("2026-12-21", days), closed, "2026-12-01").flatMap(({ days }) => days)).not.toContain("2026-12-25");
  });

  test("keeps what earlier answers said", () => {
    const later = withClosed(closed, { closed: [{ date: "2027-01-01", reason: "holiday", name: "Neujahr" }] });
    expect([...later.keys()]).toEqual([...christmas.map(({ date }) => date), "2027-01-01"]);
  });
});

test("a closure without words is still a closure", () => {
  expect(whyShut({ date: "2026-12-28", reason: "closure" })).toBe("Die Praxis ist geschlossen.");
});

describe("closureTitle", () => {
  const practice = {
    locations: [{ id: "l1", name: "Ettlingen" }, { id: "l2", name: "Schöllbronn" }],
    practitioners: [{ id: "p1", name: "Frau Dr. Sommer", role: "" }],
  } as Practice;
  const closure = (rest: Partial<Closure>): Closure => ({ from: "2026-12-24", until: "2027-01-01", text: "", substitute: null, ...rest });
  const plain = (text: string) => text.replaceAll("\u00a0", " ");

  test.each<[string, Partial<Closure>, string, string]>([
    ["days", {}, "Geschlossen vom 24. Dezember bis 1. Januar", "Closed from 24 December to 1 January"],
    ["one day", { until: "2026-12-24" }, "Geschlossen am 24. Dezember", "Closed on 24 December"],
    ["part of a day", { until: "2026-12-24", from_time: "09:30" }, "Geschlossen am 24. Dezember, 9:30 bis 24:00 Uhr", "Closed on 24 December, 09:30 to 24:00"],
    ["from noon on", { from_time: "12:00" }, "Geschlossen vom 24. Dezember um 12:00 Uhr bis 1. Januar", "Closed from 24 December at 12:00 to 1 January"],
    ["one location", { location: "l2" }, "Schöllbronn: geschlossen vom 24. Dezember bis 1. Januar", "Schöllbronn: closed from 24 December to 1 January"],
    ["one practitioner", { practitioner: "p1", until: "2026-12-24" }, "Frau Dr. Sommer ist am 24. Dezember nicht da", "Frau Dr. Sommer is away on 24 December"],
  ])("%s", async (_, rest, german, english) => {
    expect(plain(closureTitle(closure(rest), practice))).toBe(german);
    await speak("en");
    expect(plain(closureTitle(closure(rest), practice))).toBe(english);
  });

  test("where there is one location only, it is the practice", () => {
    expect(plain(closureTitle(closure({ location: "l1" }), { ...practice, locations: practice.locations.slice(0, 1) }))).toBe("Geschlossen vom 24. Dezember bis 1. Januar");
  });
});
