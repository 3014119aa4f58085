import { expect, test } from "vitest";
import { type Carrier, isNews } from "./client.ts";

const now = Date.parse("2026-11-22T12:00:00Z");
const carrier = (change: Partial<Carrier>): Carrier => ({
  plugin: "twilio", processor: { company: "Twilio Inc.", address: "USA", country: "US", eea: false }, state: "announced",
  announced: "2026-11-20T12:00:00Z", notice_ends: "2026-12-20T12:00:00Z", effective: "2026-12-20T12:00:00Z", stance: "", sends: 0, ...change,
});

test("news is what can still be objected to and has no answer, also after an emergency", () => {
  expect(isNews(carrier({}), now)).toBe(true);
  expect(isNews(carrier({ state: "approved", emergency: "Ausfall", effective: "2026-11-21T12:00:00Z" }), now)).toBe(true);
  expect(isNews(carrier({ stance: "objected" }), now)).toBe(false);
  expect(isNews(carrier({ stance: "agreed" }), now)).toBe(false);
  expect(isNews(carrier({ notice_ends: "2026-11-22T11:59:59Z" }), now)).toBe(false);
});
