import { describe, expect, test } from "vitest";
import { bareId, concat, equal, fromBase64, isUuid, random, toBase64 } from "./bytes.ts";
import { codeOf, TENANT_A } from "./testkit.ts";

describe("base64url", () => {
  test("reads what it writes, at every length", () => {
    for (let n = 0; n < 70; n++) {
      const bytes = random(n);
      expect(equal(fromBase64(toBase64(bytes)), bytes)).toBe(true);
      expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString("base64url"));
    }
  });

  test.each(["A", "AB", "AAB", "AA==", "AA=", "A A", "AA\n", "\r\nAA", "+/8", "Ä", "AAAAA"])("refuses %j", async (text) => {
    expect(await codeOf(() => fromBase64(text))).toBe("malformed_base64");
  });
});

test("only a bare lower-case uuid is a uuid", () => {
  expect(isUuid(TENANT_A)).toBe(true);
  for (const no of [TENANT_A.toUpperCase(), `ten_${TENANT_A}`, `${TENANT_A}\n`, TENANT_A.replaceAll("-", ""), ""]) {
    expect(isUuid(no), no).toBe(false);
  }
});

test("an id of another kind has no bare form", async () => {
  expect(bareId("ten", `ten_${TENANT_A}`)).toBe(TENANT_A);
  expect(await codeOf(() => bareId("acc", `ten_${TENANT_A}`))).toBe("malformed_id");
  expect(await codeOf(() => bareId("ten", TENANT_A))).toBe("malformed_id");
});

test("equal compares length and every byte", () => {
  const a = concat(random(31), new Uint8Array([1]));
  expect(equal(a, a.slice())).toBe(true);
  expect(equal(a, a.subarray(1))).toBe(false);
  const b = a.slice();
  b[31] = 2;
  expect(equal(a, b)).toBe(false);
});
