import { describe, expect, test } from "vitest";
import { duplicates, fold, Known, names, number, search, termsOf } from "./search.ts";
import type { Customer } from "./model.ts";
import { person } from "./testkit.ts";

const held = (id: string, change: Partial<Customer>) => {
  const customer = person(change);
  return { id, customer, terms: termsOf(customer) };
};
const all = [
  held("mueller", { family_name: "Müller", given_name: "Jörg", birth_date: "1984-06-30", phone: "+49 721 555019", tags: ["Recall Mai"] }),
  held("muller", { family_name: "Muller", given_name: "Anna", birth_date: "1990-01-02", email: "Anna.Muller@Example.org", phone2: "0151 23 45 67 8" }),
  held("gross", { family_name: "Groß-Gerau", given_name: "Zoë", birth_date: "2001-12-24", postal_code: "76133", city: "Karlsruhe" }),
  held("yilmaz", { family_name: "Yılmaz", given_name: "Çağla", birth_date: "", tags: ["VIP"] }),
];
const find = (query: string) => search(all, query).map(({ id }) => id);

describe("searching", () => {
  test.each([
    ["müll", ["mueller", "muller"]],
    ["Mueller", ["mueller", "muller"]],
    ["MULLER", ["mueller", "muller"]],
    ["mue", ["mueller", "muller"]],
    ["jörg müller", ["mueller"]],
    ["Müller, Jörg", ["mueller"]],
    ["joerg", ["mueller"]],
    ["gross", ["gross"]],
    ["groß-ger", ["gross"]],
    ["gerau", ["gross"]],
    ["zoe", ["gross"]],
    ["cagla", ["yilmaz"]],
    ["30.6.1984", ["mueller"]],
    ["30.06.84", ["mueller"]],
    ["30061984", ["mueller"]],
    ["1984-06-30", ["mueller"]],
    ["3006", ["mueller"]],
    ["1990 anna", ["muller"]],
    ["0721 555", ["mueller"]],
    ["(0721) 555019", ["mueller"]],
    ["+49721555", ["mueller"]],
    ["0151 2345", ["muller"]],
    ["345678", ["muller"]],
    ["anna.muller@ex", ["muller"]],
    ["76133", ["gross"]],
    ["karlsr", ["gross"]],
    ["#recall", ["mueller"]],
    ["vip", ["yilmaz"]],
    ["müller zoe", []],
    ["99", []],
    ["(", ["mueller", "muller", "gross", "yilmaz"]],
    ["\\", ["mueller", "muller", "gross", "yilmaz"]],
    ["", ["mueller", "muller", "gross", "yilmaz"]],
  ])("%s", (query, expected) => expect(find(query)).toEqual(expected));

  test("whatever is typed finds who is meant while it is typed", () => {
    for (const query of ["Müller Jörg 30.06.1984", "Jörg Müller", "0721 555019"]) {
      for (let n = 1; n <= query.length; n++) {
        const part = query.slice(0, n);
        if (/[.\s]$/.test(part) || /\d+\.\d*$/.test(part.split(" ").at(-1)!)) continue; // half a date
        expect([part, find(part).includes("mueller")]).toEqual([part, true]);
      }
    }
  });
});

test("numbers are compared behind country and trunk prefix", () => {
  expect(["+49 721 555019", "0049 (0)721 555 019", "0721/555019", "(0721) 555-019"].map(number)).toEqual(Array(4).fill("721555019"));
  expect(number("+43 1 5550")).toBe("4315550");
});

test("a name is the same in either order, with and without title, however umlauts are typed", () => {
  expect(new Set([names("Müller", "Jörg"), names("Joerg", "Mueller"), names("MULLER", "Dr. Jörg"), names("Mu\u0308ller", "Jörg")]).size).toBe(1);
  expect(names("Müller", "Jörg")).not.toBe(names("Möller", "Jörg"));
  expect(fold("Übelhör")).toBe(fold("Uebelhoer"));
});

describe("who is known", () => {
  const known = new Known(all);
  const who = (change: object) => known.of({ family_name: "Müller", given_name: "Jörg", birth_date: "1984-06-30", ...change }).map(({ one, match }) => `${one.id} ${match}`);

  test("by name and birthday, also the other way round", () => {
    expect(who({})).toEqual(["mueller same"]);
    expect(who({ family_name: "Joerg", given_name: "Mueller" })).toEqual(["mueller same"]);
  });
  test("likely by a contact with birthday, where the name has changed", () => expect(who({ family_name: "Weber", phone: "0721 555019" })).toEqual(["mueller likely"]));
  test("likely by a contact with the name, where a birthday is missing", () => expect(who({ birth_date: "", phone: "0721555019" })).toEqual(["mueller likely"]));
  test("not by a name alone, a birthday alone, or a family's number", () => {
    expect(who({ birth_date: "1984-07-30" })).toEqual([]);
    expect(who({ given_name: "Peter" })).toEqual([]);
    expect(who({ given_name: "Lisa", birth_date: "2015-01-01", phone: "0721 555019" })).toEqual([]);
    expect(who({ birth_date: "" })).toEqual([]);
  });
});

test("duplicates are found once each, the surest first", () => {
  const pairs = duplicates([...all, held("again", { family_name: "Joerg", given_name: "Mueller", birth_date: "1984-06-30" }), held("wed", { family_name: "Schmidt", given_name: "Anna", birth_date: "1990-01-02", email: "anna.muller@example.org" })]);
  expect(pairs.map(({ a, b, match }) => [[a.id, b.id].sort().join(" "), match])).toEqual([["again mueller", "same"], ["muller wed", "likely"]]);
});
