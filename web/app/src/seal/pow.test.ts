import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { MAX_NUMBER, solve } from "./pow.ts";
import { codeOf } from "./testkit.ts";

interface Vector {
  name: string;
  max_number: number;
  payload: { challenge: string; number: number; salt: string };
  good: boolean;
}
const { vectors } = JSON.parse(readFileSync(new URL("../../../../tenants/booking/testdata/altcha.json", import.meta.url), "utf8")) as { vectors: Vector[] };

test.each(vectors.filter(({ good }) => good))("solves what ALTCHA's own library made: $name", ({ max_number, payload }) => {
  expect(solve(payload.challenge, payload.salt, max_number)).toBe(payload.number);
});

test("says so where there is no solution", async () => {
  expect(await codeOf(() => solve("0".repeat(64), "salt&", 100))).toBe("proof_too_hard");
});

test.each([-1, 1.5, Number.NaN, MAX_NUMBER + 1])("does not work up to %d", async (max) => {
  expect(await codeOf(() => solve("0".repeat(64), "x", max))).toBe("proof_too_hard");
});

test("does not work for what is no hash", async () => {
  expect(await codeOf(() => solve("xyz", "x", 10))).toBe("proof_too_hard");
});
