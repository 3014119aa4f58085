import { expect, test } from "vitest";
import { utf8 } from "./bytes.ts";
import { Reader } from "./read.ts";
import { codeOf } from "./testkit.ts";

const read = new Reader("malformed_copy");

test.each([
  [`{"a":1,"a":1}`],
  [`{"a":{"b":1,"b":2}}`],
  [`[{"a":1,"\\u0061":2}]`],
  [`{"a":1 , "a" : 2}`],
  [`{"a":1.0}`],
  [`{"a":1e3}`],
  [`{"a":1E3}`],
  [`\ufeff{}`],
  [`{}{}`],
  [``],
])("refuses %s", async (text) => {
  expect(await codeOf(() => read.json(utf8(text)))).toBe("malformed_copy");
});

test("refuses what is not utf-8", async () => {
  expect(await codeOf(() => read.json(new Uint8Array([0x22, 0xff, 0x22])))).toBe("malformed_copy");
});

test.each([
  [{ a: 1, b: { a: [1, { a: "a" }] } }],
  [{ 'a":': 'b":', "\\": "\\\":", "c\n": '\\"' }],
  [[{ a: 1 }, { a: 1 }, "1.5 and 2e7", '"a":', "{", null, true]],
])("reads %j", (value) => {
  expect(read.json(utf8(JSON.stringify(value)))).toEqual(value);
  expect(read.json(utf8(JSON.stringify(value, null, 2)))).toEqual(value);
});

test("an inherited property is no field", async () => {
  expect(await codeOf(() => read.object({}, ["toString"]))).toBe("malformed_copy");
  expect(await codeOf(() => read.object(JSON.parse(`{"a":1,"__proto__":{"b":2}}`), ["a"]))).toBe("malformed_copy");
});
