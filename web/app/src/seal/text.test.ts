import { describe, expect, test } from "vitest";
import { cleanText, countGraphemes, NAME, NOTE, unsafe } from "./text.ts";
import { codeOf } from "./testkit.ts";

describe("names as people have them", () => {
  test.each([
    "Meier", "O’Neill", "d'Ávila", "Łuczak-Żółć", "Þóra Sigríðardóttir", "Müller von der Höhe", "Nguyễn Thị Ánh",
    "李小龍", "محمد بن سلمان", "דוד בן־גוריון", "สมชาย", "अमिताभ", "Ἀριστοτέλης", "می‌خواهم", "X Æ A-12", "\u200fأحمد\u200e",
  ])("%s stays as it is", (name) => {
    expect(cleanText(name, NAME)).toBe(name.normalize("NFC").trim());
  });

  test("space around goes, letters are composed", () => {
    expect(cleanText("  Mu\u0308ller\u00a0 ", NAME)).toBe("Müller");
  });
});

describe("what is refused", () => {
  test.each<[string, string, string]>([
    ["NUL", "a\u0000b", "text_control"],
    ["a line break", "a\nb", "text_control"],
    ["a tab", "a\tb", "text_control"],
    ["delete", "a\u007fb", "text_control"],
    ["a C1 control", "a\u0085b", "text_control"],
    ["a line separator", "a\u2028b", "text_control"],
    ["an override", "a\u202egnp.exe", "text_bidi"],
    ["an embedding", "a\u202ab", "text_bidi"],
    ["a pop", "a\u202cb", "text_bidi"],
    ["an isolate", "a\u2066b", "text_bidi"],
    ["a pop of isolates", "a\u2069b", "text_bidi"],
    ["unassigned", "a\u0378b", "text_unassigned"],
    ["a noncharacter", "a\uffffb", "text_unassigned"],
    ["a noncharacter of a plane", "a\u{1fffe}b", "text_unassigned"],
    ["private use", "a\ue000b", "text_private"],
    ["private use of a plane", "a\u{10fffd}b", "text_private"],
    ["the first half of a pair", "a\ud83d", "text_surrogate"],
    ["the second half of a pair", "\ude00a", "text_surrogate"],
    ["nothing", "", "text_empty"],
    ["spaces", " \u00a0 ", "text_empty"],
    ["101 letters", "a".repeat(101), "text_too_long"],
    ["accents without end", `a${"\u0301".repeat(500)}`, "text_too_long"],
  ])("%s", async (_, text, code) => {
    expect(await codeOf(() => cleanText(text, NAME))).toBe(code);
  });
});

describe("length", () => {
  test("is counted as people count", () => {
    expect(countGraphemes("👩‍👩‍👧‍👦")).toBe(1);
    expect(countGraphemes("🇩🇪🇫🇷")).toBe(2);
    expect(countGraphemes("e\u0301a")).toBe(2);
    expect(cleanText("Ż".repeat(100), NAME)).toHaveLength(100);
    expect(cleanText("👍🏽".repeat(100), NAME)).toHaveLength(400);
  });
});

describe("a note", () => {
  test("may be empty and have lines", () => {
    expect(cleanText("", NOTE)).toBe("");
    expect(cleanText("a\r\nb\rc\n", NOTE)).toBe("a\nb\nc");
  });

  test("has 300 letters at most, and no other control", async () => {
    expect(await codeOf(() => cleanText("a".repeat(301), NOTE))).toBe("text_too_long");
    expect(await codeOf(() => cleanText("a\u000bb", NOTE))).toBe("text_control");
  });
});

test("what is clean is safe", () => {
  for (const text of ["Þóra", "می‌خواهم", "a 🙏"]) expect(unsafe(cleanText(text, NAME), false)).toBeUndefined();
});
