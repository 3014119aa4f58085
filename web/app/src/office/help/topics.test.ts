import { expect, test } from "vitest";
import { topics as de } from "./de.ts";
import { topics as en } from "./en.ts";
import { blocks, search, topicOf } from "./topics.ts";

test("both languages have the same topics, none is empty", () => {
  expect(en.map(({ id }) => id)).toEqual(de.map(({ id }) => id));
  for (const { id, title, text } of [...de, ...en]) expect([id, title !== "" && text.trim().length > 40 && !/[<>]/.test(text)]).toEqual([id, true]);
});

test("every screen has its topic", () => {
  const places = ["first", "people", "windows", "closures", "services", "quotas", "chains", "places", "calendars", "practice", "hosts", "connector", "systems", "carriers", "contract", "audit"];
  for (const place of places) expect(de.some(({ id }) => id === topicOf("setup", place)), place).toBe(true);
  for (const tab of ["day", "coming", "inbox", "figures", "absence"]) expect(de.some(({ id }) => id === topicOf(tab, "windows")), tab).toBe(true);
});

test("the search finds words without their accents, in any order, titles first", () => {
  expect(search(de, "kontingente")[0]?.id).toBe("quotas");
  expect(search(de, "SCHLUESSEL").length).toBe(0);
  expect(search(de, "schlussel personen")[0]?.id).toBe("people");
  expect(search(de, "notfallcode vergessen").map(({ id }) => id)).toEqual(["lock"]);
  expect(search(en, "chain audit")[0]?.id).toBe("audit");
  expect(search(de, " ")).toHaveLength(de.length);
  expect(search(de, "raumschiff")).toEqual([]);
});

test("a text is paragraphs and lists", () => {
  expect(blocks("\nEin Satz,\nder weitergeht.\n\n- eins\n- zwei\n")).toEqual(["Ein Satz, der weitergeht.", ["eins", "zwei"]]);
});
