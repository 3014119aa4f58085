// What the third screen asks.

import type { Channel, Gender, Insurance, Service } from "../api/types.ts";

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
  /** Of a service that is held both ways. */
  held: "" | "in_person" | "by_video";
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
  held: "",
});

/** withPersons makes room for so many. Whom it was filled in for already stays; a family has one name more often than not. */
export const withPersons = (form: Form, count: number): Form => ({ ...form, more: Array.from({ length: count - 1 }, (_, i) => form.more[i] ?? { ...emptyPerson(), family: form.family }) });

/** personsOf are all who come. */
export const personsOf = (form: Form): Person[] => [form, ...form.more];

const personal = ["given", "family", "day", "month", "year"] as const;
type Personal = (typeof personal)[number];
/** The second person's fields are "given-2" and so on. */
export type Field = Personal | `${Personal}-${number}` | "held" | "bookerName" | "relation" | "referral" | "channel" | "mail" | "mobile" | "phone" | "note";

/** fieldOf names a field of the person with this index. */
export const fieldOf = (field: Personal, person: number): Field => (person === 0 ? field : `${field}-${person + 1}`);

/** fieldsOf lists what a form has in the order of the page, so that the first error is the first field to mend. */
export const fieldsOf = (form: Form): Field[] => {
  const booker = ["bookerName", "relation"] as const;
  const first = form.who === "other" ? booker : [];
  const between = form.who === "self" && form.more.length > 0 ? (["relation"] as const) : [];
  return ["held", ...first, ...personal, ...between, ...form.more.flatMap((_, i) => personal.map((field) => fieldOf(field, i + 1))), "referral", "channel", "mail", "mobile", "phone", "note"];
};

/** birthDate is YYYY-MM-DD, or undefined where the three fields are no day of the calendar. */
export function birthDate({ day, month, year }: Pick<Form, "day" | "month" | "year">): string | undefined {
  if (!/^\d{1,2}$/.test(day.trim()) || !/^\d{1,2}$/.test(month.trim()) || !/^\d{4}$/.test(year.trim())) return undefined;
  const text = `${year.trim()}-${month.trim().padStart(2, "0")}-${day.trim().padStart(2, "0")}`;
  const parsed = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(parsed.getTime()) && parsed.toISOString().startsWith(text) ? text : undefined;
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

/** byVideo tells whether nobody has to come for an appointment. */
export const byVideo = ({ held }: Pick<Form, "held">, service: Pick<Service, "held">): boolean => service.held === "by_video" || (service.held === "either" && held === "by_video");

/** addressOf is where the confirmation goes, as the server wants it. */
export const addressOf = (form: Form): string => (form.channel === "sms" ? (mobileNumber(form.mobile) ?? "") : form.mail.trim());
