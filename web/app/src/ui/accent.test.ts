import { expect, test } from "vitest";
import { accentRules, contrast, readable } from "./accent.ts";

test("contrast is that of WCAG", () => {
  expect(contrast("#000000", "#ffffff")).toBeCloseTo(21, 5);
  expect(contrast("#777777", "#ffffff")).toBeCloseTo(4.48, 2);
});

test("any accent becomes readable, and one that is stays as it is", () => {
  expect(readable("#0f5e66", "dark", ["#ffffff"])).toBe("#0f5e66");
  for (const accent of ["#ffff00", "#ff8800", "#123456", "#ffffff", "#000000"]) {
    expect(contrast(readable(accent, "dark", ["#fbfaf7", "#ffffff"]), "#fbfaf7")).toBeGreaterThanOrEqual(4.5);
    expect(contrast(readable(accent, "light", ["#11171a", "#1a2226"]), "#1a2226")).toBeGreaterThanOrEqual(4.5);
  }
});

test("what is no colour makes no rule", () => {
  for (const bad of ["", "red", "#12345", "#0f5e66; } body { display: none"]) expect(accentRules(bad)).toBe("");
});
