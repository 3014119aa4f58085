// What the third screen asks, and what is wrong with an answer. Errors are keys
// into the text table, so that this file speaks no language.

import type { Channel, Gender, Insurance, Practice } from "../api/types.ts";
import { SealError } from "../seal/error.ts";
import { codeOf, meansCode } from "../seal/referral.ts";
import { cleanText, NAME, NOTE, type TextRule } from "../seal/text.ts";
import type { Key } from "../i18n/later.ts";

export const relations = ["parent", "child", "partner", "guardian", "carer", "other"] as const;
export type Relation = (typeof relations)[number];

export interface Person {
  given: string;
  family: string;
  day: string;
  month: string;
  year: string;
  gender: Gender | "";
}

/** Form is about one person, or about several who share the contact. */
export interface Form extends Person {
  who: "self" | "other";
  bookerName: string;
  relation: Relation | "";
  /** The second person and those after. */
  more: Person[];
  referral: string;
  channel: Channel | "";
  mail: string;
  mobile: string;
  phone: string;
  insurance: Insurance | "";
  note: string;
}

const emptyPerson = (): Person => ({ given: "", family: "", day: "", month: "", year: "", gender: "" });

/** A form with one channel has nothing to choose: it is chosen already. */
export const emptyForm = (channels: readonly Channel[]): Form => ({
  ...emptyPerson(),
  who: "self",
  bookerName: "",
  relation: "",
  more: [],
  referral: "",
  channel: channels.length === 1 ? (channels[0] ?? "") : channels.includes("mail") ? "mail" : "",
  mail: "",
  mobile: "",
  phone: "",
  insurance: "",
  note: "",
});

/** withPersons makes room for so many. Whom it was filled in for already stays; a family has one name more often than not. */
export const withPersons = (form: Form, count: number): Form => ({ ...form, more: Array.from({ length: count - 1 }, (_, i) => form.more[i] ?? { ...emptyPerson(), family: form.family }) });

/** personsOf are all who come. */
export const personsOf = (form: Form): Person[] => [form, ...form.more];

const personal = ["given", "family", "day", "month", "year"] as const;
type Personal = (typeof personal)[number];
/** The second person's fields are "given-2" and so on. */
export type Field = Personal | `${Personal}-${number}` | "bookerName" | "relation" | "referral" | "channel" | "mail" | "mobile" | "phone" | "note";
export type Errors = Partial<Record<Field, Key>>;

/** fieldOf names a field of the person with this index. */
export const fieldOf = (field: Personal, person: number): Field => (person === 0 ? field : `${field}-${person + 1}`);

/** fieldsOf lists what a form has in the order of the page, so that the first error is the first field to mend. */
export const fieldsOf = (form: Form): Field[] => {
  const booker = ["bookerName", "relation"] as const;
  const first = form.who === "other" ? booker : [];
  const between = form.who === "self" && form.more.length > 0 ? (["relation"] as const) : [];
  return [...first, ...personal, ...between, ...form.more.flatMap((_, i) => personal.map((field) => fieldOf(field, i + 1))), "referral", "channel", "mail", "mobile", "phone", "note"];
};

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

/** birthDate is YYYY-MM-DD, or undefined where the three fields are no day of the calendar. */
export function birthDate({ day, month, year }: Pick<Form, "day" | "month" | "year">): string | undefined {
  if (!/^\d{1,2}$/.test(day.trim()) || !/^\d{1,2}$/.test(month.trim()) || !/^\d{4}$/.test(year.trim())) return undefined;
  const text = `${year.trim()}-${month.trim().padStart(2, "0")}-${day.trim().padStart(2, "0")}`;
  const parsed = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(parsed.getTime()) && parsed.toISOString().startsWith(text) ? text : undefined;
}

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

/**
 * phoneNumber is E.164 ("+497243000120"), or undefined where the text is no
 * number. A number that begins with a single 0 is taken as German.
 */
export function phoneNumber(text: string): string | undefined {
  const bare = text.trim().replace(/\(0\)/, "").replace(/[\s()/.\u00a0\u2010-\u2015-]/g, "");
  const full = bare.startsWith("+") ? bare : bare.startsWith("00") ? `+${bare.slice(2)}` : bare.startsWith("0") ? `+49${bare.slice(1)}` : "";
  return /^\+[1-9]\d{6,14}$/.test(full) ? full : undefined;
}

/** mobileNumber is like [phoneNumber], but refuses a German number that is no mobile one. */
export function mobileNumber(text: string): string | undefined {
  const number = phoneNumber(text);
  return number && (!number.startsWith("+49") || /^\+491[567]\d{7,9}$/.test(number)) ? number : undefined;
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
}

/** check finds everything wrong with a form. today is the local date at the practice. */
export function check(form: Form, practice: Pick<Practice, "asks" | "channels">, today: string, terms?: Terms): Errors {
  const errors: Errors = {};
  const set = (field: Field, error: Key | undefined) => {
    if (error) errors[field] = error;
  };
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
  if (terms?.referral) set("referral", nameError(form.referral, "error.referral_missing") ?? (meansCode(form.referral) && !codeOf(form.referral) ? "error.referral_code" : undefined));
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

/** addressOf is where the confirmation goes, as the server wants it. */
export const addressOf = (form: Form): string => (form.channel === "sms" ? (mobileNumber(form.mobile) ?? "") : form.mail.trim());
