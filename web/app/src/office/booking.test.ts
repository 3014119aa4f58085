import { expect, test } from "vitest";
import { aBooking, slotOf } from "./example.ts";
import { bare, differences } from "./booking.ts";

test("a booking that says what the calendar says has no differences", () => {
  expect(differences(aBooking(), slotOf(aBooking()))).toEqual([]);
});

test.each([
  ["time", { starts: Date.parse("2026-11-24T11:00:00Z") }],
  ["time", { ends: Date.parse("2026-11-24T11:00:00Z") }],
  ["practitioner", { practitioner: "prc_other" }],
  ["location", { location: "loc_other" }],
])("another %s is a difference", (what, change) => {
  expect(differences(aBooking(), { ...slotOf(aBooking()), ...change })).toEqual([what]);
});

test("bare drops the prefix", () => {
  expect(bare("bkg_0190-ab")).toBe("0190-ab");
  expect(bare("0190-ab")).toBe("0190-ab");
});
