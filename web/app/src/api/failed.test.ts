import { expect, test } from "vitest";
import { browserName, failedOnes, noteFailed } from "./failed.ts";

test("of failed calls the last names are kept, and nothing that is no name", () => {
  for (const one of ["erika@muster.example", "", 5, undefined, "x".repeat(30)]) noteFailed(one);
  expect(failedOnes()).toEqual([]);
  for (let i = 0; i < 8; i++) noteFailed(`abcdefgh${i}`);
  expect(failedOnes()).toEqual([3, 4, 5, 6, 7].map((i) => `abcdefgh${i}`));
});

test("a browser is said by name, first number and system", () => {
  expect(browserName("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.7339.80 Safari/537.36")).toBe("Chrome 140, Linux");
  expect(browserName("Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1")).toBe("Safari 18, iOS");
  expect(browserName("Mozilla/5.0 (Windows NT 10.0; rv:150.0) Gecko/20100101 Firefox/150.0")).toBe("Firefox 150, Windows");
  expect(browserName("erika")).toBe("?, ?");
});
