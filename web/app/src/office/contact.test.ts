import { describe, expect, test } from "vitest";
import { mailLink, phoneLink, shown, shownLines } from "./contact.ts";

describe("shown", () => {
  test.each([
    ["Novák  Lukáš ", "Novák Lukáš"],
    ["e\u0301", "\u00e9"],
    ["a\u202eb\u2066c", "a b c"],
    ["a\u200bb\ufeffc", "a b c"],
    ["a\nb\u0000c\u2028d", "a b c d"],
    ["نام\u200cها", "نام\u200cها"],
    ["<b>x</b>", "<b>x</b>"],
  ])("%j becomes %j", (text, line) => {
    expect(shown(text)).toBe(line);
  });

  test("a long text ends with an ellipsis and is never cut inside a character", () => {
    expect(shown("😀".repeat(20), 5)).toBe("😀😀😀😀…");
  });

  test("a note keeps its line breaks, but not many of them", () => {
    expect(shownLines("eins\n\n\n\n\nzwei\u202e\n")).toBe("eins\n\nzwei");
  });
});

describe("links", () => {
  test.each([
    ["+49 30 1234-5678", "tel:+493012345678"],
    ["030 / 12.34.56", "tel:030123456"],
    ["+49 (0)30 123456", "tel:+4930123456"],
    ["112", null],
    ["*#06#", null],
    ["030 1234;ext=99", null],
    ["javascript:alert(1)", null],
    ["call me", null],
    ["1".repeat(18), null],
  ])("the number %j dials %s", (text, link) => {
    expect(phoneLink(text)).toBe(link);
  });

  test.each([
    ["s.t@example.org", "mailto:s.t@example.org"],
    ["s.t+arzt@example.org", "mailto:s.t%2Barzt@example.org"],
    ["o'neil%x@example.org", "mailto:o'neil%25x@example.org"],
    ["a@b.de?cc=c@d.de", null],
    ["a@b.de&bcc=c@d.de", null],
    ["a@b.de,c@d.de", null],
    ["a@b.de\r\nBcc: c@d.de", null],
    ["a@b", null],
    ["javascript:alert(1)@b.de", null],
    ["<a@b.de>", null],
  ])("the address %j writes to %s", (text, link) => {
    expect(mailLink(text)).toBe(link);
  });
});
