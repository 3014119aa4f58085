import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

/** The modules and packages that a module loads before it runs. */
function loadedBy(module: string, seen = new Set<string>()): Set<string> {
  if (seen.has(module)) return seen;
  seen.add(module);
  if (!module.startsWith("./")) return seen;
  const source = readFileSync(new URL(module, import.meta.url), "utf8");
  for (const [, clause, from] of source.matchAll(/^import\s+([^;]*?)\s*from\s*"([^"]+)"/gm)) {
    const types = clause!.startsWith("type ");
    if (!types) loadedBy(from!, seen);
  }
  return seen;
}

test("a patient does not load what unlocks a practice", () => {
  const loaded = ["./directory.ts", "./envelope.ts", "./copy.ts"].flatMap((module) => [...loadedBy(module)]);
  expect(loaded).toContain("@hpke/hybridkem-x-wing");
  for (const module of ["./keyring.ts", "./password.ts", "./recovery.ts", "./wrap.ts", "./card.ts", "./vouch.ts"]) {
    expect(loaded).not.toContain(module);
  }
  expect(loaded.filter((name) => name.startsWith("@noble/"))).toEqual([]);
});

test("the pages of a booked appointment load no cipher but the browser's", () => {
  const packages = [...loadedBy("./copy.ts")].filter((name) => !name.startsWith("./"));
  expect(packages).toEqual([]);
});

test("the form loads nothing but the text rules", () => {
  expect([...loadedBy("./text.ts")]).toEqual(["./text.ts", "./error.ts"]);
});
