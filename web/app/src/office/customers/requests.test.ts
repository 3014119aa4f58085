import { expect, test } from "vitest";
import { utf8 } from "../../seal/bytes.ts";
import { Unreadable } from "./model.ts";
import { daysLeft, mustTell, nothing, openRequest, readAsked, readNote, sealNote, writeAsked, writeNote } from "./requests.ts";
import { keys } from "./testkit.ts";

const id = "req_0197a000-0000-7000-8000-00000000cafe";
const note = { ...nothing, who: "Müller, Jörg", words: "Bitte\nlöschen", changes: { phone: "0721 1" }, told: [{ name: "Labor", contact: "a@b.example", at: "" }], log: [{ at: "2026-11-22T10:00:00Z", by: "Sabine", text: "angerufen" }] };
const body = { id, kind: "erasure", source: "office", status: "open", received: "2026-11-01T00:00:00Z", due: "2026-12-01T00:00:00Z" } as const;

test("what is written about a request opens again, under its own id and version only", async () => {
  const mine = await keys();
  const sealed = await sealNote(mine, id, 2, note);
  expect((await openRequest(mine, { ...body, note: sealed })).note).toEqual(note);
  expect((await openRequest(mine, { ...body, note: { ...sealed, version: 3 } })).note).toBeNull();
  expect((await openRequest(mine, { ...body, id: "req_0197a000-0000-7000-8000-00000000beef", note: sealed })).note).toBeNull();
  expect((await openRequest(mine, body)).note).toBeNull();
});

test("what a page of patients sealed is read, and no more than it may say", () => {
  expect(readAsked(writeAsked({ words: "a", changes: { city: "Ulm" } }))).toEqual({ words: "a", changes: { city: "Ulm" } });
  expect(readAsked(utf8(`{"v":1,"words":"a","changes":{"restricted":"","city":"Ulm"},"log":[{}]}`))).toEqual({ words: "a", changes: { city: "Ulm" } });
  for (const text of ["", "[]", `{"v":2}`, `{"v":1,"words":3}`, `{"v":1,"changes":{"city":"\\u202ex"}}`, `{"v":1,"words":"${"x".repeat(5000)}"}`]) expect(() => readAsked(utf8(text)), text).toThrow(Unreadable);
  expect(readNote(writeNote(note))).toEqual(note);
});

test("days are counted down to the day an answer is owed", () => {
  const at = (text: string) => daysLeft(body.due, Date.parse(text));
  expect([at("2026-11-01T00:00:00Z"), at("2026-11-30T12:00:00Z"), at("2026-12-01T12:00:00Z")]).toEqual([30, 0, -1]);
});

test("recipients hear of corrections, deletions and restrictions", () => {
  expect((["access", "portability", "rectification", "erasure", "restriction", "objection"] as const).filter(mustTell)).toEqual(["rectification", "erasure", "restriction"]);
});
