import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { choose, cut, fill, type Forms } from "./catalogue.svelte.ts";
import { directionOf, pickLanguage } from "./language.svelte.ts";

const folder = new URL(".", import.meta.url);
const table = (name: string) => JSON.parse(readFileSync(new URL(name, folder), "utf8")) as Record<string, string | Forms>;
const german = readdirSync(folder).filter((name) => /(^|\.)de\.json$/.test(name));
const texts = (entry: string | Forms | undefined) => (entry === undefined ? [] : typeof entry === "string" ? [entry] : Object.values(entry));
const slots = (entry: string | Forms | undefined) => [...new Set(texts(entry).flatMap((text) => [...text.matchAll(/\{([a-z_0-9]+)\}/g)].map((match) => match[1])))].sort();

describe.each(german)("%s and its translations", (name) => {
  const de = table(name);
  test.each(["en"])("%s has every text, with the same placeholders", (language) => {
    const other = table(name.replace(/de\.json$/, `${language}.json`));
    expect(Object.keys(other).sort()).toEqual(Object.keys(de).sort());
    for (const key of Object.keys(de)) {
      const wanted = slots(de[key]).filter((slot) => slot !== "count");
      expect([key, slots(other[key]).filter((slot) => slot !== "count")]).toEqual([key, wanted]);
    }
  });
  test("no text is empty or carries markup", () => {
    for (const [key, entry] of Object.entries(de)) for (const text of texts(entry)) expect(text.trim() !== "" && !/[<>]/.test(text), key).toBe(true);
  });
  test("every text with forms has the one that fits any count", () => {
    for (const [key, entry] of Object.entries(de)) if (typeof entry !== "string") expect(entry.other, key).toBeTypeOf("string");
  });
});

test("plural forms follow the language, an exact number comes first", () => {
  const forms: Forms = { one: "ein Termin", "2": "zwei Termine", other: "{count} Termine" };
  expect([0, 1, 2, 5].map((count) => fill(choose(forms, { count }, "de"), { count }))).toEqual(["0 Termine", "ein Termin", "zwei Termine", "5 Termine"]);
  expect(choose({ one: "a", few: "b", other: "c" }, { count: 3 }, "pl")).toBe("b");
});

test("a text is cut where a link goes, and what is filled in is no placeholder", () => {
  expect(cut("Bei Gefahr {112}, {name}.", { name: "{x}" })).toEqual([{ text: "Bei Gefahr " }, { slot: "112" }, { text: ", {x}." }]);
});

test("the address decides the language, then the browser, then German", () => {
  expect(pickLanguage("?lang=en", ["de"])).toBe("en");
  expect(pickLanguage("?lang=xx", ["fr-FR", "en-US"])).toBe("en");
  expect(pickLanguage("", ["fr"])).toBe("de");
});

test("Arabic runs from right to left", () => {
  expect([directionOf("ar"), directionOf("de")]).toEqual(["rtl", "ltr"]);
});
