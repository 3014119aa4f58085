import { expect, test } from "vitest";
import { generate, rate } from "./strength.ts";
import { words } from "./wordlist.ts";

test("the words are plain, different, and enough for six of them", () => {
  expect(new Set(words).size).toBe(words.length);
  for (const word of words) expect(word).toMatch(/^[a-z]{3,13}$/);
  expect(6 * Math.log2(words.length)).toBeGreaterThan(55);
});

test("a generated password has six words of the list, another each time, and is strong enough", async () => {
  const made = new Set(Array.from({ length: 50 }, generate));
  expect(made.size).toBe(50);
  for (const one of made) expect(one.split(" ").every((word) => words.includes(word))).toBe(true);
  expect((await rate([...made][0]!, [])).enough).toBe(true);
});

test.each(["password123", "passwort1", "sommer2026!", "qwertzuiop", "iloveyou", "Berlin1987", "ErikaMusterfrau1", "letmein123456"])("%s is refused", async (password) => {
  expect((await rate(password, ["erika", "musterfrau"])).enough).toBe(false);
});

test("a password that was breached is called so", async () => {
  expect((await rate("password123", [])).breached).toBe(true);
  expect((await rate("iloveyou", [])).breached).toBe(true);
  expect((await rate("k7#Tq9!vLz2$mWp4", [])).breached).toBe(false);
});

test("long and random is enough", async () => {
  expect((await rate("k7#Tq9!vLz2$mWp4", [])).enough).toBe(true);
});
