import { expect, test } from "vitest";
import { fromBase64, toBase64 } from "./bytes.ts";
import { formatRecoveryCode, newRecoveryCode, parseRecoveryCode, recoveryKey } from "./recovery.ts";
import { codeOf, readVector } from "./testkit.ts";

interface Vectors {
  codes: { secret: string; code: string; tenant: string; kid: string }[];
  typed: string[];
  mistyped: string[];
}

const v = readVector<Vectors>("recovery.json");

test.each(v.codes)("writes $code and derives its key", async ({ secret, code, tenant, kid }) => {
  expect(await formatRecoveryCode(fromBase64(secret))).toBe(code);
  expect((await recoveryKey(code, tenant)).kid).toBe(kid);
});

test.each(v.typed)("reads %j", async (typed) => {
  expect(toBase64(await parseRecoveryCode(typed))).toBe(v.codes[0]!.secret);
});

test.each(v.mistyped)("finds the mistake in %j", async (typed) => {
  expect(await codeOf(() => parseRecoveryCode(typed))).toBe("recovery_code_mistyped");
});

test("a new code is eight groups of four, and new", async () => {
  const code = await newRecoveryCode();
  expect(code).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){7}[0-9A-HJKMNP-TV-Z]{4}$/);
  expect(await newRecoveryCode()).not.toBe(code);
  expect(await formatRecoveryCode(await parseRecoveryCode(code))).toBe(code);
});
