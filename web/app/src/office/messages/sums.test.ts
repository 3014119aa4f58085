import { expect, test } from "vitest";
import { byDay, nice } from "./sums.ts";

test("every day is there, and what did not arrive counts apart", () => {
  const sum = (day: string, channel: "mail" | "sms", state: string, messages: number) => ({ day, channel, state, messages, kind: "receipt_mail" });
  expect(
    byDay({
      from: "2026-11-20",
      until: "2026-11-22",
      sums: [sum("2026-11-20", "mail", "submitted", 3), sum("2026-11-20", "mail", "failed", 1), sum("2026-11-22", "sms", "delivered", 2), sum("2026-11-22", "sms", "expired", 1), sum("2026-11-22", "mail", "queued", 4), sum("2026-11-19", "mail", "submitted", 9)],
    }),
  ).toEqual([
    { day: "2026-11-20", mail: 3, sms: 0, lost: 1, waiting: 0 },
    { day: "2026-11-21", mail: 0, sms: 0, lost: 0, waiting: 0 },
    { day: "2026-11-22", mail: 0, sms: 2, lost: 1, waiting: 4 },
  ]);
});

test("an axis ends at a number that four lines divide", () => {
  expect([0, 1, 4, 5, 9, 21, 39, 41, 199].map(nice)).toEqual([4, 4, 4, 8, 20, 40, 40, 80, 200]);
});
