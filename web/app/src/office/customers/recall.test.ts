import { expect, test } from "vitest";
import type { AppointmentBody } from "../server.ts";
import type { Consent, Customer } from "./model.ts";
import { due, mark, pause, visits } from "./recall.ts";
import type { Held } from "./store.ts";
import { person } from "./testkit.ts";

const now = Date.parse("2026-11-22T10:00:00Z");
const agreed = (channel: Consent["channel"], change: Partial<Consent> = {}): Consent => ({ id: channel, kind: "recall", channel, given: "2026-01-01", how: "", by: "", withdrawn: "", ...change });
const held = (id: string, change: Partial<Customer>): Held => ({ id, version: 1, customer: person({ email: "a@b.example", phone: "0151 1", consents: [agreed("mail")], ...change }) }) as Held;
const daysAgo = (days: number) => new Date(now - days * 86_400_000).toISOString();

test("only those are asked who agreed, may be asked, have not been here, and were not asked lately", () => {
  const all = [
    held("due", {}),
    held("tagged", { tags: ["Vorsorge"] }),
    held("here", { bookings: ["b1"] }),
    held("long ago", { bookings: ["b0"] }),
    held("no consent", { consents: [] }),
    held("withdrawn", { consents: [agreed("mail", { withdrawn: "2026-02-01" })] }),
    held("for something else", { consents: [agreed("mail", { kind: "news" })] }),
    held("no address", { email: "" }),
    held("objected", { objected: "2026-02-01" }),
    held("restricted", { restricted: "2026-02-01" }),
    held("asked lately", { notes: [{ id: `${mark}1`, at: daysAgo(pause - 1), by: "", text: "" }] }),
    held("asked long ago", { notes: [{ id: `${mark}1`, at: daysAgo(pause + 1), by: "", text: "" }] }),
  ];
  const visited = new Set(["b1"]);
  const found = due(all, { tag: "", visited, now });
  expect(found.ready.map((one) => one.held.id)).toEqual(["due", "tagged", "long ago", "asked long ago"]);
  expect(found.silent).toBe(4);
  expect(due(all, { tag: "Vorsorge", visited, now }).ready.map((one) => one.held.id)).toEqual(["tagged"]);
});

test("the way is one that they agreed to, and another only where they agreed to that too", () => {
  const way = (change: Partial<Customer>) => due([held("x", change)], { tag: "", visited: new Set(), now }).ready.map(({ channel, address, other }) => [channel, address, other])[0];
  expect(way({})).toEqual(["mail", "a@b.example", ""]);
  expect(way({ consents: [agreed("sms")] })).toEqual(["sms", "0151 1", ""]);
  expect(way({ consents: [agreed("sms"), agreed("mail")] })).toEqual(["mail", "a@b.example", "0151 1"]);
  expect(way({ consents: [agreed("sms")], phone: "" })).toBeUndefined();
  expect(way({ consents: [agreed("letter"), agreed("phone")] })).toBeUndefined();
});

test("who was here is asked for a year at a time, and those who did not come were not", async () => {
  const spans: number[] = [];
  const appointment = (booking_id: string, status: string) => ({ booking_id, status }) as AppointmentBody;
  const found = await visits(
    (from, to) => {
      spans.push(from, to);
      return Promise.resolve({ appointments: [appointment("bkg_0197a000-0000-7000-8000-00000000beef", "fulfilled"), appointment("bkg_0197a000-0000-7000-8000-00000000cafe", "noshow"), appointment("bkg_0197a000-0000-7000-8000-00000000dead", "cancelled")] });
    },
    24,
    now,
  );
  expect([...found]).toEqual(["0197a000-0000-7000-8000-00000000beef"]);
  expect(spans[0]).toBeLessThan(now - 729 * 86_400_000);
  expect(spans.at(-1)).toBe(now + 365 * 86_400_000);
  for (let i = 0; i < spans.length; i += 2) {
    expect(spans[i + 1]! - spans[i]!).toBeLessThanOrEqual(366 * 86_400_000);
    if (i > 0) expect(spans[i]).toBe(spans[i - 1]);
  }
});
