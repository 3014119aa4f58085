import { describe, expect, test } from "vitest";
import { announcement, left, minutesAndSeconds, phaseOf } from "./countdown.ts";

const minute = 60_000;

test("time left is never negative", () => {
  expect(left("2026-11-26T08:20:00Z", Date.parse("2026-11-26T08:19:00Z"))).toBe(minute);
  expect(left("2026-11-26T08:20:00Z", Date.parse("2026-11-26T08:21:00Z"))).toBe(0);
});

test("0:00 is shown only when it is over", () => {
  expect(minutesAndSeconds(520_000)).toBe("8:40");
  expect(minutesAndSeconds(1)).toBe("0:01");
  expect(minutesAndSeconds(0)).toBe("0:00");
});

test("the warning begins two minutes before the end", () => {
  expect([phaseOf(120_001), phaseOf(120_000), phaseOf(1), phaseOf(0)]).toEqual(["running", "ending", "ending", "over"]);
});

describe("announcements", () => {
  test.each([
    ["nothing between the marks", 4 * minute, 3 * minute, undefined],
    ["five minutes", 5 * minute + 1, 5 * minute, { minutes: 5 }],
    ["two minutes", 2 * minute + 500, 2 * minute - 500, { minutes: 2 }],
    ["a device that slept says only what holds now", 9 * minute, 50_000, { minutes: 1 }],
    ["the end", 500, 0, "over"],
    ["the end is said once", 0, 0, undefined],
    ["more time is no announcement", minute, 10 * minute, undefined],
  ])("%s", (_, before, after, said) => {
    expect(announcement(before, after)).toEqual(said);
  });

  test("ten minutes by the second say four things", () => {
    const said = [];
    for (let ms = 10 * minute; ms > 0; ms -= 1000) said.push(announcement(ms, ms - 1000));
    expect(said.filter(Boolean)).toEqual([{ minutes: 5 }, { minutes: 2 }, { minutes: 1 }, "over"]);
  });
});
