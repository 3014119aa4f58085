// What is wrong with an answer of the third screen. Errors are keys into the
// text table, so that this file speaks no language.

import type { Practice } from "../api/types.ts";
import type { Key } from "../i18n/later.ts";
import { SealError } from "../seal/error.ts";
import { codeOf, meansCode } from "../seal/referral.ts";
import { cleanText, NAME, NOTE, type TextRule } from "../seal/text.ts";
import { birthDate, fieldOf, fieldsOf, mobileNumber, personsOf, phoneNumber, type Field, type Form, type Person } from "./form.ts";

export type Errors = Partial<Record<Field, Key>>;

/** What seals the booking also says what a text may contain; here it becomes words. */
function textError(text: string, rule: TextRule, missing: Key, long: Key): Key | undefined {
  try {
    cleanText(text, rule);
    return undefined;
  } catch (thrown) {
    const code = thrown instanceof SealError ? thrown.code : undefined;
    return code === "text_empty" ? missing : code === "text_too_long" ? long : "error.characters";
  }
}

const nameError = (text: string, missing: Key) => textError(text, NAME, missing, "error.long");

const within = (text: string, low: number, high: number) => /^\d{1,2}$/.test(text) && Number(text) >= low && Number(text) <= high;

type DateErrors = { day?: Key; month?: Key; year?: Key };

function dateErrors(form: Person, today: string): DateErrors {
  const [day, month, year] = [form.day.trim(), form.month.trim(), form.year.trim()];
  const errors: DateErrors = {};
  if (!within(day, 1, 31)) errors.day = day ? "error.day" : "error.day_missing";
  if (!within(month, 1, 12)) errors.month = month ? "error.month" : "error.month_missing";
  if (!/^\d{4}$/.test(year)) errors.year = year ? "error.year_digits" : "error.year_missing";
  if (errors.day || errors.month || errors.year) return errors;
  const date = birthDate(form);
  if (!date) return { day: "error.date_unknown" };
  if (date > today) return { year: "error.date_future" };
  return Number(year) < Number(today.slice(0, 4)) - 130 ? { year: "error.year_old" } : {};
}

/** mailError says the first thing wrong with an address, as plainly as it can be said. The mail itself is the real test. */
export function mailError(text: string): Key | undefined {
  const mail = text.trim();
  if (mail === "") return "error.mail_missing";
  if (!mail.includes("@")) return "error.mail_at";
  const valid = /^[^\s@"(),:;<>[\]\\]+@[^\s@.,]+(\.[^\s@.,]+)*\.[^\s@.,\d][^\s@.,]+$/.test(mail) && !/^\.|\.\.|\.@/.test(mail) && mail.length <= 254;
  return valid ? undefined : "error.mail";
}

/** ageOn is how old somebody is on a day, in full years. */
export function ageOn(birth: string, day: string): number {
  return Number(day.slice(0, 4)) - Number(birth.slice(0, 4)) - (day.slice(5) < birth.slice(5) ? 1 : 0);
}

/** What the appointment asks of those who come. */
export interface Terms {
  /** Its local date. */
  day: string;
  min?: number;
  max?: number;
  referral: boolean;
  /** Only a referral's code will do. */
  code?: boolean;
  /** Patients may come or speak by video. */
  either?: boolean;
}

/** check finds everything wrong with a form. today is the local date at the practice. */
export function check(form: Form, practice: Pick<Practice, "asks" | "channels">, today: string, terms?: Terms): Errors {
  const errors: Errors = {};
  const set = (field: Field, error: Key | undefined) => {
    if (error) errors[field] = error;
  };
  if (terms?.either) set("held", form.held ? undefined : "error.held_missing");
  if (form.who === "other") set("bookerName", nameError(form.bookerName, "error.booker_missing"));
  if (form.who === "other" || form.more.length > 0) set("relation", form.relation ? undefined : "error.relation_missing");
  personsOf(form).forEach((person, i) => {
    set(fieldOf("given", i), nameError(person.given, "error.given_missing"));
    set(fieldOf("family", i), nameError(person.family, "error.family_missing"));
    const wrong = dateErrors(person, today);
    for (const part of ["day", "month", "year"] as const) set(fieldOf(part, i), wrong[part]);
    const birth = birthDate(person);
    if (!terms || !birth || wrong.day || wrong.month || wrong.year) return;
    const age = ageOn(birth, terms.day);
    if (age < (terms.min ?? 0) || age > (terms.max ?? 200)) set(fieldOf("year", i), "error.age");
  });
  if (terms?.referral) set("referral", nameError(form.referral, terms.code ? "error.code_missing" : "error.referral_missing") ?? ((terms.code || meansCode(form.referral)) && !codeOf(form.referral) ? "error.referral_code" : undefined));
  if (!form.channel || !practice.channels.includes(form.channel)) set("channel", "error.channel_missing");
  if (form.channel === "mail") {
    set("mail", mailError(form.mail));
    if (form.phone.trim()) set("phone", phoneNumber(form.phone) ? undefined : "error.phone");
  }
  if (form.channel === "sms") set("mobile", form.mobile.trim() === "" ? "error.mobile_missing" : mobileNumber(form.mobile) ? undefined : "error.mobile");
  if (practice.asks.note) set("note", textError(form.note, NOTE, "error.characters", "error.note_long"));
  return errors;
}

/** inOrder lists the fields with errors as they stand on the page. */
export const inOrder = (form: Form, errors: Errors): Field[] => fieldsOf(form).filter((field) => errors[field]);
