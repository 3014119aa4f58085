import { describe, expect, test } from "vitest";
import { utf8 } from "../../seal/bytes.ts";
import { clinical, decide, read, resolve, Unreadable, write } from "./model.ts";
import { person } from "./testkit.ts";

const note = (id: string, text = id) => ({ id, at: `2026-11-0${id.slice(1)}T08:00:00Z`, by: "Sabine", text });

test("a record reads back as it was written, without room for what is empty", () => {
  const c = person({ tags: ["a"], notes: [note("n1")], fields: { f: "x" }, bookings: ["b"], restricted: "2026-11-22" });
  expect(read(write(c))).toEqual(c);
  expect(write(person()).length).toBeLessThan(120);
});

describe("what is no record is refused", () => {
  test.each([["nothing", ""], ["no JSON", "{"], ["a list", "[]"], ["another version", `{"v":2}`], ["a number for a name", `{"v":1,"family_name":3}`], ["a list of tags that are none", `{"v":1,"tags":[{}]}`], ["a turned text", `{"v":1,"given_name":"\\u202egnp.exe"}`], ["a control character", `{"v":1,"city":"\\u0007"}`], ["endless text", `{"v":1,"city":"${"x".repeat(900)}"}`]])("%s", (_, text) =>
    expect(() => read(utf8(text))).toThrow(Unreadable));
});

describe("two changes of one record", () => {
  const base = person({ phone: "1", city: "Ulm", tags: ["a", "b"], notes: [note("n1"), note("n2")] });

  test("of different fields are both kept, without a question", () => {
    const { merged, open } = resolve(base, { ...base, phone: "2" }, { ...base, city: "Bonn" });
    expect([merged.phone, merged.city, open]).toEqual(["2", "Bonn", []]);
  });

  test("of the same field are a question, and the answer is what is stored", () => {
    const { merged, open } = resolve(base, { ...base, phone: "2", fields: { f: "x" } }, { ...base, phone: "3", fields: { f: "y" } });
    expect(open).toEqual([{ field: "phone", mine: "2", theirs: "3" }, { field: "field:f", mine: "x", theirs: "y" }]);
    const c = decide(merged, [{ field: "phone", value: "2" }, { field: "field:f", value: "y" }]);
    expect([c.phone, c.fields]).toEqual(["2", { f: "y" }]);
  });

  test("keep every note and tag that somebody added, and drop those that somebody removed", () => {
    const mine = { ...base, tags: ["b", "c"], notes: [note("n1"), note("n2", "changed"), note("n3")] };
    const theirs = { ...base, tags: ["a", "b", "d"], notes: [note("n2"), note("n4")] };
    const { merged } = resolve(base, mine, theirs);
    expect(merged.tags.sort()).toEqual(["b", "c", "d"]);
    expect(merged.notes.map(({ text }) => text)).toEqual(["changed", "n3", "n4"]);
  });

  test("never lose a restriction or an objection", () => {
    expect(resolve(base, { ...base, phone: "2" }, { ...base, restricted: "2026-11-01", objected: "2026-11-02" }).merged).toMatchObject({ restricted: "2026-11-01", objected: "2026-11-02", phone: "2" });
    expect(resolve(null, { ...base, restricted: "2026-11-01" }, base).merged.restricted).toBe("2026-11-01");
    expect(resolve({ ...base, restricted: "2026-11-01" }, base, { ...base, restricted: "2026-11-01" }).merged.restricted).toBe("");
  });

  test("of two records, everything in which they differ is a question, and what only one knows is kept", () => {
    const { merged, open } = resolve(null, person({ phone: "1", email: "a@b.example" }), person({ family_name: "Mueller", phone: "1", city: "Ulm" }));
    expect(open.map(({ field }) => field)).toEqual(["family_name"]);
    expect(merged).toMatchObject({ phone: "1", email: "a@b.example", city: "Ulm" });
  });
});

test("a field that belongs into the patient record is known by its name", () => {
  expect(["Diagnose", "Befunde", "Medikamente", "Blutgruppe", "Impfstatus", "Allergien", "Diagnosis"].map(clinical)).toEqual(Array(7).fill(true));
  expect(["Kundennummer", "Verein", "Hausarzt", "Angehörige", "Lieblingsfarbe"].map(clinical)).toEqual(Array(5).fill(false));
});
