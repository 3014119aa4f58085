import { afterEach, describe, expect, test, vi } from "vitest";
import type { ClosedDay, Closure, Practice } from "../api/types.ts";
import { speak } from "../i18n/catalogue.svelte.ts";
import { byDay, place, shutIn, weekOf, withClosed } from "./slots.ts";
import { whyShut } from "./slotwords.ts";
import { closureTitle } from "./words.ts";

vi.stubGlobal("document", { documentElement: {} }); // whose language changes
afterEach(() => speak("de"));

const christmas: ClosedDay[] = [
  { date: "2026-12-24", reason: "closure", text: "Praxisurlaub" },
  { date: "2026-12-25", reason: "holiday", name: "Erster Weihnachtstag" },
  { date: "2026-12-26", reason: "closure", text: "Praxisurlaub" },
  { date: "2026-12-27", reason: "closure", text: "Praxisurlaub" },
];
const slot = (starts: string) => place({ starts, ends: starts, practitioner: "p", location: "l", condition: { alternatives: [{ insurance: [], patients: "all" }] } }, "Europe/Berlin");

describe("shutIn", () => {
  const closed = withClosed(new Map(), { closed: christmas });

  test("puts days with the same reason together and keeps others apart", () => {
    expect(shutIn(weekOf("2026-12-21", new Map()), closed, "2026-12-01").map(({ days, why }) => [days, whyShut(why, "Europe/Berlin", "2026-12-01")])).toEqual([
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

describe("whyShut", () => {
  const today = "2026-11-22";
  const plain = (text: string) => text.replaceAll("\u00a0", " ");
  test.each<[string, Partial<ClosedDay>, string, string]>([
    ["a closure without words is still a closure", { reason: "closure" }, "Die Praxis ist geschlossen.", "The practice is closed."],
    ["all taken", { reason: "full" }, "Alles vergeben. Wird ein Termin frei, erscheint er hier.", "All taken. If an appointment becomes free, it appears here."],
    ["a quota", { reason: "quota" }, "Das Kontingent für diesen Tag ist erschöpft.", "All places for this day are taken."],
    ["in sale later today", { reason: "later", opens: "2026-11-22T06:30:00Z" }, "Buchbar ab heute, 7:30 Uhr.", "Bookable from today, 7:30."],
    ["in sale tomorrow", { reason: "later", opens: "2026-11-23T06:30:00Z" }, "Buchbar ab morgen, 7:30 Uhr.", "Bookable from tomorrow, 7:30."],
    ["in sale from the beginning of a day", { reason: "later", opens: "2027-02-28T23:00:00Z" }, "Buchbar ab 1. März.", "Bookable from 1 March."],
    ["in sale from a time of a day", { reason: "later", opens: "2027-03-01T07:00:00Z" }, "Buchbar ab 1. März, 8:00 Uhr.", "Bookable from 1 March, 8:00."],
  ])("%s", async (_, day, german, english) => {
    const closed: ClosedDay = { date: "2026-12-28", reason: "closure", ...day };
    expect(plain(whyShut(closed, "Europe/Berlin", today))).toBe(german);
    await speak("en");
    expect(plain(whyShut(closed, "Europe/Berlin", today))).toBe(english);
  });
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
