import { describe, expect, test } from "vitest";
import de from "../i18n/office.de.json";
import en from "../i18n/office.en.json";

type Table = Record<string, string | Record<string, string>>;
const tables: Record<string, Table> = { de, en };
const holes = (text: string) => [...text.matchAll(/\{[a-z_0-9]+\}/g)].map(([hole]) => hole).sort();

describe("the office's texts", () => {
  test("say the same things in every language", () => {
    expect(Object.keys(en)).toEqual(Object.keys(de));
  });

  test.each(Object.keys(de))("%s has text, the same gaps and no markup", (key) => {
    const texts = Object.values(tables).map((table) => {
      const entry = table[key]!;
      return typeof entry === "string" ? entry : entry["other"]!;
    });
    for (const text of texts) {
      expect(text.trim()).not.toBe("");
      expect(text).not.toMatch(/[<>]|&\w+;/);
      expect(holes(text)).toEqual(holes(texts[0]!));
    }
  });
});
