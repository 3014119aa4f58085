import { describe, expect, test } from "vitest";
import { age, dayOf, minuteOf, plus, startOf, week } from "./zone.ts";

const at = (text: string) => Date.parse(text);
const hour = 3_600_000;

describe("days in a zone", () => {
  test.each([
    ["2026-11-24T22:59:59Z", "Europe/Berlin", "2026-11-24"],
    ["2026-11-24T23:00:00Z", "Europe/Berlin", "2026-11-25"],
    ["2026-07-24T22:00:00Z", "Europe/Berlin", "2026-07-25"],
    ["2026-11-24T23:00:00Z", "UTC", "2026-11-24"],
    ["2026-11-24T10:00:00Z", "Pacific/Kiritimati", "2026-11-25"],
  ])("%s in %s is %s", (instant, zone, day) => {
    expect(dayOf(at(instant), zone)).toBe(day);
  });

  test.each([
    ["2026-11-24", "Europe/Berlin", "2026-11-23T23:00:00Z"],
    ["2026-07-24", "Europe/Berlin", "2026-07-23T22:00:00Z"],
    ["2026-11-24", "America/New_York", "2026-11-24T05:00:00Z"],
    ["2026-11-24", "Asia/Kolkata", "2026-11-23T18:30:00Z"],
  ])("%s in %s begins at %s", (day, zone, instant) => {
    expect(new Date(startOf(day, zone)).toISOString()).toBe(new Date(instant).toISOString());
  });

  test("a day is 23 hours long in spring, 25 in autumn, and no instant falls between two days", () => {
    expect(startOf("2026-03-30", "Europe/Berlin") - startOf("2026-03-29", "Europe/Berlin")).toBe(23 * hour);
    expect(startOf("2026-10-26", "Europe/Berlin") - startOf("2026-10-25", "Europe/Berlin")).toBe(25 * hour);
    for (let day = "2026-01-01"; day < "2027-01-01"; day = plus(day, 1)) {
      const start = startOf(day, "Europe/Berlin");
      expect(dayOf(start, "Europe/Berlin")).toBe(day);
      expect(dayOf(start - 1, "Europe/Berlin")).toBe(plus(day, -1));
    }
  });

  test("a day whose midnight the clocks skip begins at its first instant", () => {
    const start = startOf("2026-09-06", "America/Santiago"); // 00:00 became 01:00
    expect(dayOf(start, "America/Santiago")).toBe("2026-09-06");
    expect(dayOf(start - 1, "America/Santiago")).toBe("2026-09-05");
  });

  test("minutes are those of the clock on the wall", () => {
    expect(minuteOf(at("2026-11-24T09:42:59Z"), "Europe/Berlin")).toBe(10 * 60 + 42);
    expect(minuteOf(at("2026-10-25T00:30:00Z"), "Europe/Berlin")).toBe(150);
    expect(minuteOf(at("2026-10-25T01:30:00Z"), "Europe/Berlin")).toBe(150);
  });
});

test.each([
  ["2026-11-24", 48],
  ["2026-01-01", 1],
  ["2027-01-01", 53],
  ["2024-12-30", 1],
  ["2026-12-31", 53],
])("%s lies in ISO week %i", (day, number) => {
  expect(week(day)).toBe(number);
});

test.each([
  ["1984-06-30", "2026-06-29", 41],
  ["1984-06-30", "2026-06-30", 42],
  ["2024-02-29", "2026-02-28", 1],
  ["2024-02-29", "2026-03-01", 2],
  ["2026-11-24", "2026-11-24", 0],
  ["2027-01-01", "2026-11-24", null],
  ["1850-01-01", "2026-11-24", null],
  ["nonsense", "2026-11-24", null],
])("someone born %s is %s: %s years", (birth, on, years) => {
  expect(age(birth, on)).toBe(years);
});
