import { describe, expect, test } from "vitest";
import { addDays, clock, dayIn, longDay, minutesIn, mondayOf, turnOf, weekdayOf, zoneDiffers } from "./time.ts";

const berlin = "Europe/Berlin";

test("a day is the location's, not UTC's", () => {
  expect(dayIn("2026-11-25T23:30:00Z", berlin)).toBe("2026-11-26");
  expect(minutesIn("2026-11-25T23:30:00Z", berlin)).toBe(30);
  expect(dayIn("2026-11-26T03:30:00Z", "America/New_York")).toBe("2026-11-25");
});

test("midnight is minute 0, not 1440", () => {
  expect(minutesIn("2026-11-25T23:00:00Z", berlin)).toBe(0);
});

describe("the autumn hour that comes twice", () => {
  test.each([
    ["the hour before", "2026-10-24T23:30:00Z", ""],
    ["2:30 in summer time", "2026-10-25T00:30:00Z", "first"],
    ["2:30 in winter time", "2026-10-25T01:30:00Z", "second"],
    ["the hour after", "2026-10-25T02:30:00Z", ""],
    ["an ordinary day", "2026-10-26T01:30:00Z", ""],
    ["the spring change has no double", "2026-03-29T00:30:00Z", ""],
  ])("%s", (_, instant, turn) => {
    expect(turnOf(instant, berlin)).toBe(turn);
  });

  test("shows the same clock both times", () => {
    expect(clock("2026-10-25T00:30:00Z", berlin, "de")).toBe("2:30");
    expect(clock("2026-10-25T01:30:00Z", berlin, "de")).toBe("2:30");
  });

  test("a change of half an hour is told apart as well", () => {
    expect(turnOf("2026-04-04T14:45:00Z", "Australia/Lord_Howe")).toBe("first");
    expect(turnOf("2026-04-04T15:15:00Z", "Australia/Lord_Howe")).toBe("second");
  });
});

test("days count across a clock change and a year's end", () => {
  expect(addDays("2026-10-24", 2)).toBe("2026-10-26");
  expect(addDays("2026-12-31", 1)).toBe("2027-01-01");
});

test("a week begins on Monday", () => {
  expect(weekdayOf("2026-11-22")).toBe(7);
  expect(mondayOf("2026-11-22")).toBe("2026-11-16");
  expect(mondayOf("2026-11-23")).toBe("2026-11-23");
});

test("German writes hours without a leading zero, and keeps day and month together", () => {
  expect(clock("2026-11-26T07:05:00Z", berlin, "de")).toBe("8:05");
  expect(longDay("2026-11-26", "de")).toBe("Donnerstag, 26.\u00a0November");
});

test("a zone differs only where the clocks do", () => {
  const slot = ["2026-11-26T08:20:00Z"];
  expect(zoneDiffers(slot, berlin, "Europe/Vienna")).toBe(false);
  expect(zoneDiffers(slot, berlin, "Europe/London")).toBe(true);
  expect(zoneDiffers([], berlin, "Europe/London")).toBe(false);
});
