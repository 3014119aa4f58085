import { expect, test } from "vitest";
import { actorText, actText, detailText, subjects } from "./say.ts";
import { has } from "./words.ts";

test("an act is said in words, an unknown one as it came", () => {
  expect(actText("appointment.cancelled")).toBe("Termin: abgesagt");
  expect(actText("spaceship.land")).toBe("spaceship: land");
});

test("every subject that can be chosen has a word", () => {
  for (const subject of subjects) expect([subject, has(`subject.${subject}`)]).toEqual([subject, true]);
});

test("who acted is a name, or else what they are", () => {
  const entry = { id: "1", at: "2026-11-22T00:00:00Z", act: "a.b", batch: 0 };
  expect(actorText({ ...entry, actor: { kind: "person", name: "Frau Dr. Sonnenberg" } })).toBe("Frau Dr. Sonnenberg");
  expect(actorText({ ...entry, actor: { kind: "patient" } })).toBe("Patient");
  expect(detailText({ ...entry, actor: { kind: "system" }, detail: { by: "practice", kept: "full" } })).toBe("by: practice, kept: full");
});
