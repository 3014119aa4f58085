import { describe, expect, test } from "vitest";
import { ageOn, check, inOrder, mailError, type Terms } from "./check.ts";
import { addressOf, birthDate, emptyForm, mobileNumber, personsOf, phoneNumber, withPersons, type Form } from "./form.ts";

const today = "2026-11-22";
const practice = { channels: ["mail", "sms"] as const, asks: { note: "why" } };
const filled = (change: Partial<Form> = {}): Form => ({ ...emptyForm(["mail", "sms"]), given: "Lena", family: "Beispiel", day: "3", month: "4", year: "1985", mail: "lena@beispiel.example", ...change });
const errors = (change: Partial<Form> = {}, asks: typeof practice.asks | object = practice.asks) => check(filled(change), { channels: [...practice.channels], asks }, today);

test("a filled form has no errors", () => {
  expect(errors()).toEqual({});
  expect(errors({ channel: "sms", mobile: "0151 23456789", mail: "" })).toEqual({});
});

test("an empty form names what is missing, in the order of the page", () => {
  const found = check(emptyForm(["mail"]), { channels: ["mail"], asks: {} }, today);
  expect(inOrder(emptyForm(["mail"]), found)).toEqual(["given", "family", "day", "month", "year", "mail"]);
});

test("a single channel is chosen already", () => {
  expect(emptyForm(["sms"]).channel).toBe("sms");
  expect(errors({ channel: "" })).toEqual({ channel: "error.channel_missing" });
});

test("who books for somebody else says who they are", () => {
  expect(errors({ who: "other" })).toEqual({ bookerName: "error.booker_missing", relation: "error.relation_missing" });
  expect(errors({ who: "other", bookerName: "Maria", relation: "parent" })).toEqual({});
  expect(errors({ who: "self", bookerName: "" })).toEqual({});
});

describe("birth date", () => {
  test.each([
    ["31", "2", "1985", { day: "error.date_unknown" }],
    ["29", "2", "2023", { day: "error.date_unknown" }],
    ["29", "2", "2024", {}],
    ["32", "13", "85", { day: "error.day", month: "error.month", year: "error.year_digits" }],
    ["1", "1", "1890", { year: "error.year_old" }],
    ["23", "11", "2026", { year: "error.date_future" }],
    ["22", "11", "2026", {}],
    [" 03", "04 ", "1985", {}],
    ["x", "4", "1985", { day: "error.day" }],
  ])("%s.%s.%s", (day, month, year, found) => {
    expect(errors({ day, month, year })).toEqual(found);
  });

  test("is written with leading zeros", () => {
    expect(birthDate({ day: "3", month: "4", year: "1985" })).toBe("1985-04-03");
    expect(birthDate({ day: "31", month: "4", year: "1985" })).toBeUndefined();
  });
});

describe("mail", () => {
  test.each([
    ["", "error.mail_missing"],
    ["lena.beispiel.example", "error.mail_at"],
    ["lena@beispiel", "error.mail"],
    ["lena@@beispiel.example", "error.mail"],
    ["le na@beispiel.example", "error.mail"],
    ["lena@beispiel..example", "error.mail"],
    [".lena@beispiel.example", "error.mail"],
    ["lena@beispiel.example,other@b.example", "error.mail"],
    ["lena@beispiel.example\nBcc: x@b.example", "error.mail"],
    [" lena+arzt@post.beispiel.example ", undefined],
    ["lena@bücher.example", undefined],
  ])("%j", (mail, found) => {
    expect(mailError(mail)).toBe(found);
  });
});

describe("phone", () => {
  test.each([
    ["07243 000 120", "+497243000120"],
    ["+49 (0) 7243/000-120", "+497243000120"],
    ["0049 7243 000120", "+497243000120"],
    ["+43 1 234567", "+431234567"],
    ["12345", undefined],
    ["0", undefined],
    ["anrufen", undefined],
  ])("%s", (text, number) => {
    expect(phoneNumber(text)).toBe(number);
  });

  test("a German landline gets no text message", () => {
    expect(mobileNumber("0151 23456789")).toBe("+4915123456789");
    expect(mobileNumber("07243 000120")).toBeUndefined();
    expect(mobileNumber("+43 660 1234567")).toBe("+436601234567");
  });

  test("the phone for questions may stay empty but not be nonsense", () => {
    expect(errors({ phone: "" })).toEqual({});
    expect(errors({ phone: "abc" })).toEqual({ phone: "error.phone" });
  });
});

test("the note is checked only where the practice asks for one", () => {
  expect(errors({ note: "x".repeat(301) })).toEqual({ note: "error.note_long" });
  expect(errors({ note: "x".repeat(301) }, {})).toEqual({});
  expect(errors({ note: "Zeile eins\nZeile zwei" })).toEqual({});
});

test("names may be long in letters but not in tricks", () => {
  expect(errors({ given: "Ḷena-Mărgarethe نور" })).toEqual({});
  expect(errors({ given: "a".repeat(101) })).toEqual({ given: "error.long" });
  expect(errors({ family: "Bei\u202espiel" })).toEqual({ family: "error.characters" });
  expect(errors({ family: "Bei\u0007spiel" })).toEqual({ family: "error.characters" });
});

test("the address is the chosen channel's", () => {
  expect(addressOf(filled({ mail: " lena@beispiel.example " }))).toBe("lena@beispiel.example");
  expect(addressOf(filled({ channel: "sms", mobile: "0151 23456789" }))).toBe("+4915123456789");
});

describe("what the appointment asks of those who come", () => {
  const terms = (rest: Partial<Terms>): Terms => ({ day: "2026-12-01", referral: false, ...rest });
  const found = (change: Partial<Form>, rest: Partial<Terms>) => check(filled(change), { channels: ["mail"], asks: {} }, today, terms(rest));

  test.each([
    ["18 on that day", { day: "1", month: "12", year: "2008" }, { min: 18 }, {}],
    ["18 the day after", { day: "2", month: "12", year: "2008" }, { min: 18 }, { year: "error.age" }],
    ["17 for the last day", { day: "2", month: "12", year: "2008" }, { max: 17 }, {}],
    ["no longer 17", { day: "1", month: "12", year: "2008" }, { max: 17 }, { year: "error.age" }],
    ["a date that is none is only that", { day: "31", month: "2", year: "2020" }, { min: 18 }, { day: "error.date_unknown" }],
  ])("%s", (_, born, limits, wrong) => {
    expect(found(born, limits)).toEqual(wrong);
  });

  test("a referral is asked for only where one is needed", () => {
    expect(found({}, { referral: true })).toEqual({ referral: "error.referral_missing" });
    expect(found({ referral: "ABCD-EFGH-JKLM" }, { referral: true })).toEqual({});
    expect(found({ referral: "ABCD-EFGH-JKL" }, { referral: true })).toEqual({ referral: "error.referral_code" });
    expect(found({ referral: "Praxis Dr. Huber" }, { referral: true })).toEqual({});
    // Only with a code of 116117: neither nothing nor who refers will do.
    expect(found({}, { referral: true, code: true })).toEqual({ referral: "error.code_missing" });
    expect(found({ referral: "Praxis Dr. Huber" }, { referral: true, code: true })).toEqual({ referral: "error.referral_code" });
    expect(found({ referral: "abcd efgh jkl4" }, { referral: true, code: true })).toEqual({});
    expect(found({}, {})).toEqual({});
  });

  test("somebody born on 29 February is a year older on 1 March", () => {
    expect([ageOn("2008-02-29", "2026-02-28"), ageOn("2008-02-29", "2026-03-01"), ageOn("2026-12-01", "2026-12-01")]).toEqual([17, 18, 0]);
  });
});

describe("several persons", () => {
  const family = (change: Partial<Form> = {}) => withPersons(filled({ relation: "parent", ...change }), 3);
  const found = (form: Form) => check(form, { channels: ["mail"], asks: {} }, today);

  test("each says who they are, the contact is asked for once, and errors stand in the order of the page", () => {
    const form = family({ relation: "" });
    expect(personsOf(form).map(({ family }) => family)).toEqual(["Beispiel", "Beispiel", "Beispiel"]);
    expect(inOrder(form, found(form))).toEqual(["relation", ...["given", "day", "month", "year"].map((field) => `${field}-2`), ...["given", "day", "month", "year"].map((field) => `${field}-3`)]);
  });

  test("the booker is one of them, or says a name", () => {
    expect(found({ ...family(), more: [] })).toEqual({});
    expect(found({ ...family(), more: [], who: "other" })).toEqual({ bookerName: "error.booker_missing" });
  });

  test("fewer persons drop the last, and more keep whom it was filled in for", () => {
    const form = family();
    const [second] = form.more;
    if (second) second.given = "Kim";
    expect(withPersons(form, 2).more.map(({ given }) => given)).toEqual(["Kim"]);
    expect(withPersons(withPersons(form, 2), 4).more.map(({ given }) => given)).toEqual(["Kim", "", ""]);
    expect(withPersons(form, 1).more).toEqual([]);
  });
});
