import { expect, test } from "vitest";
import { slugOf } from "./slug.ts";

test.each([
  ["Praxis Dr. Müller", "praxis-dr-mueller"],
  ["  Straße & Söhne  ", "strasse-soehne"],
  ["Café Énorme", "cafe-enorme"],
  ["Праксис", ""],
  ["a--b", "a-b"],
  ["x".repeat(60), "x".repeat(50)],
  [`${"x".repeat(49)} y`, "x".repeat(49)],
])("%s is proposed as %s", (name, slug) => expect(slugOf(name)).toBe(slug));
