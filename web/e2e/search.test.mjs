import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { Search } from "./lib/search.mjs";

const word = "kq7zanovak81x";
const ways = {
  plain: Buffer.from(`before${word}after`),
  wide: Buffer.from(`before${word}after`, "utf16le"),
  "wide, big end first": Buffer.from(`before${word}after`, "utf16le").swap16(),
  hex: Buffer.from(Buffer.from(`before${word}after`).toString("hex")),
  "upper hex": Buffer.from(Buffer.from(`before${word}after`).toString("hex").toUpperCase()),
  "base64 at 0": Buffer.from(Buffer.from(`abc${word}after`).toString("base64")),
  "base64 at 1": Buffer.from(Buffer.from(`abcd${word}after`).toString("base64url")),
  "base64 at 2": Buffer.from(Buffer.from(`abcde${word}after`).toString("base64")),
  JSON: Buffer.from([...word].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`).join("")),
  "JSON in JSON": Buffer.from(JSON.stringify(JSON.stringify({ name: word }))),
};

for (const [way, bytes] of Object.entries(ways)) {
  test(`a word written as ${way} is found`, () => {
    const search = new Search({ word });
    search.in(Buffer.concat([randomBytes(1000), bytes, randomBytes(1000)]), "here");
    assert.deepEqual(search.names, ["word"]);
  });
}

test("what is not there is not found", () => {
  const search = new Search({ word });
  search.in(randomBytes(1 << 22), "noise");
  search.in(Buffer.from(word.slice(0, -2)), "a part");
  assert.deepEqual(search.report(), []);
});
