// What the third screen asks, and what is wrong with an answer. Errors are keys
// into the text table, so that this file speaks no language.

import type { Channel, Gender, Insurance, Practice } from "../api/types.ts";
import { SealError } from "../seal/error.ts";
import { cleanText, NAME, NOTE, type TextRule } from "../seal/text.ts";
import type { Key } from "../i18n/index.ts";

export const relations = ["parent", "child", "partner", "guardian", "carer", "other"] as const;
export type Relation = (typeof relations)[number];

export interface Form {
  who: "self" | "other";
  bookerName: string;
  relation: Relation | "";
  given: string;
  family: string;
  day: string;
  month: string;
  year: string;
  channel: Channel | "";
  mail: string;
  mobile: string;
  phone: string;
  gender: Gender | "";
  insurance: Insurance | "";
  note: string;
}

/** A form with one channel has nothing to choose: it is chosen already. */
export const emptyForm = (channels: readonly Channel[]): Form => ({
  who: "self",
  bookerName: "",
  relation: "",
  given: "",
  family: "",
  day: "",
  month: "",
  year: "",
  channel: channels.length === 1 ? (channels[0] ?? "") : channels.includes("mail") ? "mail" : "",
  mail: "",
  mobile: "",
  phone: "",
  gender: "",
  insurance: "",
  note: "",
});

/** In the order of the page, so that the first error is the first field to mend. */
export const fields = ["bookerName", "relation", "given", "family", "day", "month", "year", "channel", "mail", "mobile", "phone", "note"] as const;
export type Field = (typeof fields)[number];
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

/** birthDate is YYYY-MM-DD, or undefined where the three fields are no day of the calendar. */
export function birthDate({ day, month, year }: Pick<Form, "day" | "month" | "year">): string | undefined {
  if (!/^\d{1,2}$/.test(day.trim()) || !/^\d{1,2}$/.test(month.trim()) || !/^\d{4}$/.test(year.trim())) return undefined;
  const text = `${year.trim()}-${month.trim().padStart(2, "0")}-${day.trim().padStart(2, "0")}`;
  const parsed = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(parsed.getTime()) && parsed.toISOString().startsWith(text) ? text : undefined;
}

const within = (text: string, low: number, high: number) => /^\d{1,2}$/.test(text) && Number(text) >= low && Number(text) <= high;

function dateErrors(form: Form, today: string): Errors {
  const [day, month, year] = [form.day.trim(), form.month.trim(), form.year.trim()];
  const errors: Errors = {};
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

/** check finds everything wrong with a form. today is the local date at the practice. */
export function check(form: Form, practice: Pick<Practice, "asks" | "channels">, today: string): Errors {
  const errors: Errors = {};
  const set = (field: Field, error: Key | undefined) => {
    if (error) errors[field] = error;
  };
  if (form.who === "other") {
    set("bookerName", nameError(form.bookerName, "error.booker_missing"));
    set("relation", form.relation ? undefined : "error.relation_missing");
  }
  set("given", nameError(form.given, "error.given_missing"));
  set("family", nameError(form.family, "error.family_missing"));
  Object.assign(errors, dateErrors(form, today));
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
export const inOrder = (errors: Errors): Field[] => fields.filter((field) => errors[field]);

/** addressOf is where the confirmation goes, as the server wants it. */
export const addressOf = (form: Form): string => (form.channel === "sms" ? (mobileNumber(form.mobile) ?? "") : form.mail.trim());
