import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { leadingZeros, MAX_DIFFICULTY, solve } from "./pow.ts";
import { codeOf } from "./testkit.ts";

test.each([0, 1, 7, 8, 9, 13])("finds a proof of %d bits", (difficulty) => {
  const challenge = `a challenge longer than one block of the hash, so that the prefix counts ${difficulty}`;
  const nonce = solve(challenge, difficulty);
  expect(nonce).toMatch(/^(0|[1-9][0-9]*)$/);
  const hex = createHash("sha256").update(`${challenge}:${nonce}`).digest("hex");
  const bits = BigInt(`0x${hex}`).toString(2).padStart(256, "0");
  expect(bits.slice(0, difficulty)).toBe("0".repeat(difficulty));
});

test("counts zero bits across bytes", () => {
  expect(leadingZeros(new Uint8Array([0x80]))).toBe(0);
  expect(leadingZeros(new Uint8Array([0x01]))).toBe(7);
  expect(leadingZeros(new Uint8Array([0, 0x10]))).toBe(11);
  expect(leadingZeros(new Uint8Array([0, 0]))).toBe(16);
});

test.each([-1, 1.5, Number.NaN, MAX_DIFFICULTY + 1, 255])("does not work for %d bits", async (difficulty) => {
  expect(await codeOf(() => solve("x", difficulty))).toBe("proof_too_hard");
});
