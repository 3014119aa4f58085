import { expect, test } from "vitest";
import { hoursOf } from "./hours.ts";
import { pinned, readLink } from "./link.ts";
import { noAnswers } from "./offer.ts";
import { previewed } from "./preview.ts";

const part = "AAAAAAAAAAAAAAAAAAAAAA";

test("a link is a secret, with or without a code, and nothing else", () => {
  expect(readLink(`#${part}.${part}`)).toEqual({ secret: part, code: part });
  expect(readLink(`#${part}`)).toEqual({ secret: part, code: "" });
  for (const broken of ["", "#", `#${part.slice(1)}`, `#${part}.${part.slice(1)}`, `#${part}.${part}.x`, `#${part}=`]) expect(readLink(broken)).toBeUndefined();
});

test("a pin is whatever follows #key=, a mangled one too", () => {
  expect(pinned("")).toBeUndefined();
  expect(pinned("#inhalt")).toBeUndefined();
  expect(pinned("#key=abc")).toBe("abc");
  expect(pinned("#key=")).toBe("nothing");
});

test("hours in words part before their first digit", () => {
  expect(hoursOf("Mo, Di 8–12, 15–18 Uhr\nMi: 8–12 Uhr; nach Vereinbarung")).toEqual([
    { days: "Mo, Di", hours: "8–12, 15–18 Uhr" },
    { days: "Mi", hours: "8–12 Uhr" },
    { days: "", hours: "nach Vereinbarung" },
  ]);
});

test("a preview answers what it says, in whatever order, and nothing else", () => {
  expect(previewed("#as=GKV,new,34")).toEqual({ ...noAnswers, insurance: "GKV", known: "new", age: "34" });
  expect(previewed("#as=7,known")).toEqual({ ...noAnswers, known: "known", age: "7" });
  expect(previewed("#as=")).toEqual(noAnswers);
  expect(previewed("#as=gkv,999,<b>")).toEqual(noAnswers);
  expect(previewed("")).toBeUndefined();
  expect(previewed("#key=abc")).toBeUndefined();
});
