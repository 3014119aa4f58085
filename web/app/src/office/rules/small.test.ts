import { expect, test } from "vitest";
import { within } from "./booked.ts";
import { limitsOf, marksOf, quotaText, weekdaysText, whenText, whomText } from "./describe.ts";
import { rules } from "./example.ts";
import { legId, newId } from "./ids.ts";
import { previewAddress } from "./preview.ts";
import { closedBy } from "./reasons.ts";
import { clockOf, minutesOf, moneyText, readClock, readMoney, spanOf } from "./times.ts";
import { formatOf, timesOnly } from "./upload.ts";

test("times of day are read as people type them", () => {
  expect(["8", "8:30", "08.30", "0830", "8 Uhr", "8 Uhr 30", "24:00"].map((text) => readClock(text))).toEqual(["08:00", "08:30", "08:30", "08:30", "08:00", "08:30", "24:00"]);
  expect(["24:01", "8:60", "x", "", "12345"].map((text) => readClock(text))).toEqual([null, null, null, null, null]);
  expect(readClock("47:45", 48)).toBe("47:45");
  expect([minutesOf("26:15"), clockOf(1575)]).toEqual([1575, "26:15"]);
});

test("spans take the largest unit that holds them", () => {
  expect([0, 45, 90, 120, 1440, 1500].map(spanOf)).toEqual([
    { count: 0, unit: "minutes" },
    { count: 45, unit: "minutes" },
    { count: 90, unit: "minutes" },
    { count: 2, unit: "hours" },
    { count: 1, unit: "days" },
    { count: 25, unit: "hours" },
  ]);
});

test("money is cents inside and euros outside", () => {
  expect(["48", "48,5", "48.05", "0,99 €", "1e3", "-1"].map(readMoney)).toEqual([4800, 4850, 4805, 99, null, null]);
  expect([4800, 5, 123456].map(moneyText)).toEqual(["48,00", "0,05", "1234,56"]);
});

test("ids are version 7 and sort by time", () => {
  const [first, second] = [newId("windows", 1_790_000_000_000), newId("windows", 1_790_000_000_001)];
  expect(first).toMatch(/^win_[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(first < second).toBe(true);
  expect(legId("loc_b", "loc_a")).toBe("loc_a.loc_b");
});

test("a window in words", () => {
  const [first, second] = rules().windows;
  expect([[1, 2, 4], [1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 6, 7], [2], [5, 1, 3, 2]].map(weekdaysText)).toEqual(["Mo, Di, Do", "Mo–Fr", "täglich", "Di", "Mo–Mi, Fr"]);
  expect(whomText(first!.insurance, first!.patients)).toBe("GKV, neue");
  expect(whomText([], "all")).toBe("alle");
  expect(marksOf(first!)).toEqual(["alle 2 Wochen", "01.11.2026 bis 31.12.2026", "frei am selben Tag ab 07:30", "am selben Tag für alle", "nicht in den Schulferien", "nur mit Überweisung", "2 zugleich", "höchstens 14 Tage voraus"]);
  expect(marksOf(second!)).toEqual([]);
  expect(quotaText(rules().quotas[0]!)).toBe("4 GKV, neue / Woche");
  expect(quotaText({ ...rules().quotas[0]!, insurance: [], patients: "all" })).toBe("4 / Woche");
});

test("which limits count something of a window", () => {
  const all = rules();
  const [window, quota] = [all.windows[0]!, all.quotas[0]!];
  const meets = (change: object) => limitsOf(window, [{ ...quota, ...change }]).length === 1;
  expect([meets({}), meets({ windows: [] }), meets({ windows: ["win_2"] }), meets({ windows: [], practitioners: ["prc_2"] }), meets({ windows: [], services: ["svc_2"] }), meets({ windows: [], services: [], practitioners: [] })]).toEqual([true, true, false, false, false, true]);
  expect(limitsOf({ ...window, audience: "staff" }, [quota])).toEqual([]);
});

test("a closure in words", () => {
  const closure = rules().closures[0]!;
  expect(whenText(closure)).toBe("24.12.2026, 12:00–18:00");
  expect(whenText({ ...closure, from_time: "00:00", until_time: "24:00" })).toBe("24.12.2026");
  expect(whenText({ ...closure, until: "2027-01-01", from_time: "00:00", until_time: "24:00" })).toBe("24.12.2026 bis 01.01.2027");
});

test("who is booked in an absence", () => {
  const closure = rules().closures[0]!;
  const at = (starts: string, minutes: number, practitioner = "prc_1", location = "loc_1") => ({ starts: Date.parse(starts), ends: Date.parse(starts) + minutes * 60_000, practitioner, location });
  const before = at("2026-12-24T10:45:00Z", 15); // until 12:00 in Berlin
  const over = at("2026-12-24T10:45:00Z", 16);
  const last = at("2026-12-24T16:59:00Z", 15);
  const after = at("2026-12-24T17:00:00Z", 15);
  const other = at("2026-12-24T12:00:00Z", 15, "prc_2");
  expect(within(closure, [after, last, other, over, before], "Europe/Berlin")).toEqual([over, last]);
  const { practitioner: _, ...whole } = closure;
  expect(within(whole, [other], "Europe/Berlin")).toEqual([other]);
  expect(within({ ...whole, location: "loc_2" }, [other], "Europe/Berlin")).toEqual([]);
  expect(within({ ...whole, resource: "res_2" }, [other], "Europe/Berlin")).toEqual([]);
});

test("what closes a time is named: absence, holiday of the place, own day off", () => {
  const all = rules();
  const at = (day: string, from: number) => ({ day, from, to: from + 15 });
  expect(closedBy(at("2026-12-24", 720), "prc_1", "loc_1", all)).toBe("Urlaub");
  expect(closedBy(at("2026-12-24", 600), "prc_1", "loc_1", all)).toBe("Heiligabend");
  expect(closedBy(at("2026-12-24", 720), "prc_2", "loc_1", all)).toBe("Heiligabend");
  expect(closedBy(at("2026-08-08", 600), "prc_1", "loc_2", all)).toBe("Augsburger Hohes Friedensfest");
  expect(closedBy(at("2026-08-08", 600), "prc_1", "loc_1", all)).toBe("");
  expect(closedBy(at("2027-02-08", 600), "prc_1", "loc_1", all)).toBe("Rosenmontag");
});

test("the preview is the patients' page, and who looks stands behind the #", () => {
  const someone = { insurance: "GKV", patients: "new", age: 34 } as const;
  expect(previewAddress({ protocol: "http:", host: "praxis.office.localhost:8080" }, someone)).toBe("http://praxis.localhost:8080/#as=GKV,new,34");
});

test("files are told by what is in them", () => {
  expect(formatOf("\ufeffBEGIN:VCALENDAR\r\nEND:VCALENDAR")).toBe("ics");
  expect(formatOf('[{"startDate":"2026-12-23","endDate":"2027-01-09"}]')).toBe("openholidays");
  for (const text of ["", "[]", "{}", "[1", "<html>", '[{"date":"2026"}]']) expect(formatOf(text)).toBeNull();
});

test("of a person's calendar only the times leave the browser", () => {
  const ics = [
    "\ufeffBEGIN:VCALENDAR", "PRODID:-//Elsewhere//EN", "VERSION:2.0", "X-WR-CALNAME:Dr. Sommer privat", "BEGIN:VEVENT", "UID:abc@sommer.example", "DTSTART;TZID=Europe/Berlin:20261201T090000",
    "DTEND;TZID=Europe/Berlin:20261201T100000", "SUMMARY:Gespräch mit Frau Müll", " er: wichtig", "ATTENDEE;CN=Mueller:mailto:m@example.org", "RRULE:FREQ=WEEKLY", "BEGIN:VALARM", "TRIGGER:-PT15M",
    "DESCRIPTION:Mueller", "END:VALARM", "END:VEVENT", "BEGIN:VEVENT", "UID:abc@sommer.example", "RECURRENCE-ID:20261208T080000Z", "DTSTART:20261208T090000Z", "LOCATION:bei Mueller", "END:VEVENT",
    "BEGIN:VTODO", "SUMMARY:Mueller", "DUE:20261201T090000Z", "END:VTODO", "END:VCALENDAR", "",
  ].join("\r\n");
  expect(timesOnly(ics).trimEnd().split("\r\n")).toEqual([
    "BEGIN:VCALENDAR", "PRODID:-//Siegel//times only//DE", "VERSION:2.0", "BEGIN:VEVENT", "UID:1", "DTSTART;TZID=Europe/Berlin:20261201T090000", "DTEND;TZID=Europe/Berlin:20261201T100000",
    "RRULE:FREQ=WEEKLY", "END:VEVENT", "BEGIN:VEVENT", "UID:1", "RECURRENCE-ID:20261208T080000Z", "DTSTART:20261208T090000Z", "END:VEVENT", "END:VCALENDAR",
  ]);
});
