import { expect, test } from "vitest";
import { check } from "./check.ts";
import { byVideo, emptyForm } from "./form.ts";
import { doorOf } from "./video.ts";

const item = { starts: "2026-11-26T08:20:00Z", ends: "2026-11-26T08:35:00Z" };
const at = (time: string) => doorOf(item, Date.parse(`2026-11-26T${time}Z`));

test("the door opens a quarter of an hour before, and closes an hour after", () => {
  expect([at("08:04:59").state, at("08:05:00").state, at("09:34:59").state, at("09:35:00").state]).toEqual(["early", "open", "open", "over"]);
  expect(at("08:04:59")).toEqual({ state: "early", opens: Date.parse("2026-11-26T08:05:00Z"), wait: 1000 });
  expect(at("09:35:00").wait).toBeUndefined();
});

test("however early, the page looks again within what a timer bears, and always later than now", () => {
  for (const day of ["2026-08-01", "2026-11-25"]) expect(doorOf(item, Date.parse(`${day}T00:00:00Z`)).wait).toBe(3_600_000);
  expect(at("08:05:00").wait).toBeGreaterThan(0);
});

test("what is held both ways is asked for, and only then", () => {
  const terms = (either: boolean) => ({ day: "2026-11-26", referral: false, either });
  const practice = { asks: {}, channels: ["mail" as const] };
  const wrong = (held: "" | "in_person" | "by_video", either: boolean) => check({ ...emptyForm(["mail"]), held }, practice, "2026-11-01", terms(either)).held;
  expect([wrong("", true), wrong("by_video", true), wrong("in_person", true), wrong("", false)]).toEqual(["error.held_missing", undefined, undefined, undefined]);
  expect(byVideo({ held: "" }, { held: "by_video" })).toBe(true);
  expect(byVideo({ held: "by_video" }, { held: "either" })).toBe(true);
  expect(byVideo({ held: "in_person" }, { held: "either" })).toBe(false);
  // An answer that was given before another service was chosen says nothing about that one.
  expect(byVideo({ held: "by_video" }, {})).toBe(false);
});
