import { describe, expect, test } from "vitest";
import { codeOf, meansCode } from "./referral.ts";

describe("the code of a referral", () => {
  test.each([
    ["ABCD-EFGH-JKLM", "ABCD-EFGH-JKLM"],
    [" abcd-efgh-jklm ", "ABCD-EFGH-JKLM"],
    ["ABCDEFGHJKLM", "ABCD-EFGH-JKLM"],
    ["ab3d 5fgh 7klm", "AB3D-5FGH-7KLM"],
    ["123456789012", "1234-5678-9012"],
  ])("%s is one", (typed, printed) => expect(codeOf(typed)).toBe(printed));

  test.each(["", "ABCD-EFGH-JKL", "ABCD-EFGH-JKLMN", "ABCD-EFGH-JKL!", "ÄBCD-EFGH-JKLM", "Kinderklinik", "Praxis Dr. Huber", "Dr. 3 Eichen"])("%s is none", (typed) => expect(codeOf(typed)).toBeUndefined());

  test("what was meant as one and is none is told from who refers", () => {
    for (const typed of ["ABCD-EFGH-JKL", "AB3D EFGH JKLMN", "ABC123", "ab3d-efgh-jkl"]) expect([typed, meansCode(typed)]).toEqual([typed, true]);
    for (const typed of ["Praxis Dr. Huber", "Dr. Maier-Schulze", "Hausarzt", "Huber", "MVZ", "Kinderklinik", "Praxis am Markt 5"]) expect([typed, meansCode(typed)]).toEqual([typed, false]);
  });
});
