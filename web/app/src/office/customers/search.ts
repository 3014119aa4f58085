/**
 * Finding people among thousands, in memory and nowhere else: by every word of a
 * query, in any order. Umlauts are found however they are typed. One pass over
 * short texts is fast enough for 20,000 that nothing cleverer is needed.
 */
import type { Customer } from "./model.ts";

/**
 * fold is text as it is compared: without case and accents, ß as ss, and ä, ae
 * and a alike, so that Müller, Mueller and Muller are one.
 */
export function fold(text: string): string {
  if (/^[\x00-\x7f]*$/.test(text)) return text.toLowerCase().replace(/([aou])e/g, "$1");
  return text
    .normalize("NFKD")
    .replace(/\p{M}+/gu, "")
    .toLowerCase()
    .replaceAll("ß", "ss")
    .replaceAll("ø", "o")
    .replaceAll("ł", "l")
    .replaceAll("đ", "d")
    .replaceAll("æ", "a")
    .replaceAll("œ", "o")
    .replace(/([aou])e/g, "$1");
}

/** number is a telephone number as it is compared: its digits behind country and trunk prefix. */
export const number = (phone: string): string => {
  const digits = phone.replace(/\(0\)/, "").replace(/\D/g, "");
  return (/^\s*(\+|00)49/.test(phone) ? digits.replace(/^(00)?49/, "") : digits).replace(/^0+/, "");
};

/** names are the words of a name, without titles, in an order that does not depend on how they were given. */
export const names = (...parts: string[]): string => wordsOf(fold(parts.join(" ")));

const wordsOf = (folded: string): string =>
  folded
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== "" && !/^(dr|prof|med|dent|frau|herr|von|van|de|zu)$/.test(word))
    .sort()
    .join(" ");

/** Terms is what a record is found by. */
export interface Terms {
  /** Folded words, each behind a line break. */
  words: string;
  /** Birthdays in the ways they are typed, and numbers, each behind a line break. */
  digits: string;
  /** By which lists are ordered. */
  order: string;
  names: string;
  phones: readonly string[];
  mail: string;
}

export function termsOf(c: Customer): Terms {
  const [year = "", month = "", day = ""] = c.birth_date.split("-");
  const [family, given] = [fold(c.family_name), fold(c.given_name)];
  const parts = `${family} ${given} ${fold(`${c.title} ${c.city} ${c.insurer} ${Object.values(c.fields).join(" ")}`)}`.split(/[^\p{L}\p{N}]+/u);
  const tags = c.tags.map((tag) => `#${fold(tag).replace(/\s+/g, "-")}`);
  const phones = [c.phone, c.phone2].map(number).filter((digits) => digits.length >= 3);
  const mail = c.email.toLowerCase();
  const born = day === "" ? [] : [`${day}${month}${year}`, `${day}${month}${year.slice(2)}`, `${year}${month}${day}`, year];
  return {
    words: `\n${[...parts, ...tags, ...tags.map((tag) => tag.slice(1)), mail].filter(Boolean).join("\n")}`,
    digits: `\n${[...born, c.postal_code].join("\n")}\r${phones.join("\r")}`,
    order: `${family}\u0000${given}\u0000${c.birth_date}`,
    names: wordsOf(`${family} ${given}`),
    phones,
    mail,
  };
}

export interface Found {
  readonly id: string;
  readonly customer: Customer;
  readonly terms: Terms;
}

/** asked takes a query apart; dates become the digits they are found by. */
export function asked(query: string): string[] {
  const dates = query.replace(/(\d{1,2})[./](\d{1,2})(?:[./](\d{2,4}))?\.?/g, (_, day: string, month: string, year = "") => `${day.padStart(2, "0")}${month.padStart(2, "0")}${year}`).replace(/(\d{4})-(\d{2})-(\d{2})/g, "$1$2$3");
  // A number that was typed in groups is one.
  return dates.replace(/([\d+)(/-])\s+(?=[\d(])/g, "$1").trim().split(/[\s,;]+/).filter(Boolean);
}

/** search keeps the order of what it is given. */
export function search<T extends Found>(all: readonly T[], query: string): readonly T[] {
  // A part without a letter or digit, as while a bracket is typed, asks for nothing.
  const parts = asked(query).filter((part) => /[\p{L}\p{N}]/u.test(part) && !/^[+(]?0+$/.test(part));
  const tests = parts.map((part): ((t: Terms) => boolean) => {
    if (/^[+(]?[\d()/-]+$/.test(part)) {
      const bare = number(part);
      const [start, inside] = [`\n${part.replace(/\D/g, "")}`, bare.length >= 3 ? bare : `\r${bare}`];
      return ({ digits: all }) => all.includes(start) || all.includes(inside, all.indexOf("\r"));
    }
    const word = `\n${part.startsWith("#") ? `#${fold(part.slice(1))}` : part.includes("@") ? part.toLowerCase() : fold(part).replace(/[^\p{L}\p{N}#]+/gu, "\n")}`;
    return ({ words }) => words.includes(word) || (word.includes("\n", 1) && word.slice(1).split("\n").every((one) => words.includes(`\n${one}`)));
  });
  if (tests.length === 0) return all;
  return all.filter(({ terms }) => tests.every((fits) => fits(terms)));
}

export interface Person {
  family_name: string;
  given_name: string;
  birth_date: string;
  phone?: string | undefined;
  email?: string | undefined;
}

/** How sure it is that two are one: the same name and birthday; or two of name, birthday and contact. */
export type Match = "same" | "likely";

/**
 * Known tells who among all is a person, also where names are the other way
 * round. It is built once and asked often.
 */
export class Known<T extends Found> {
  private readonly byName = new Map<string, T[]>();
  private readonly byContact = new Map<string, T[]>();

  constructor(all: Iterable<T>) {
    for (const one of all) this.add(one);
  }

  add(one: T): void {
    const put = (map: Map<string, T[]>, key: string) => (map.get(key)?.push(one) ?? map.set(key, [one]));
    if (one.terms.names) put(this.byName, one.terms.names);
    for (const key of [...one.terms.phones, one.terms.mail]) if (key) put(this.byContact, key);
  }

  /** The surest first. */
  of(person: Person): { one: T; match: Match }[] {
    const name = names(person.family_name, person.given_name);
    const contacts = [number(person.phone ?? ""), (person.email ?? "").toLowerCase()].filter((key) => key.length >= 3);
    const found = new Map<string, { one: T; match: Match }>();
    const touched = contacts.flatMap((key) => this.byContact.get(key) ?? []);
    for (const one of [...(this.byName.get(name) ?? []), ...touched]) {
      if (found.has(one.id)) continue;
      const born = person.birth_date !== "" && one.customer.birth_date === person.birth_date;
      const unknown = person.birth_date === "" || one.customer.birth_date === "";
      const called = one.terms.names === name;
      if (called && born) found.set(one.id, { one, match: "same" });
      else if (touched.includes(one) && (born || (called && unknown))) found.set(one.id, { one, match: "likely" });
    }
    return [...found.values()].sort((a, b) => (a.match === b.match ? 0 : a.match === "same" ? -1 : 1));
  }
}

/** duplicates are pairs of records that may be one person's, the surest first. */
export function duplicates<T extends Found>(all: readonly T[]): { a: T; b: T; match: Match }[] {
  const known = new Known(all);
  const pairs = new Map<string, { a: T; b: T; match: Match }>();
  for (const a of all) {
    for (const { one: b, match } of known.of(a.customer)) {
      if (a.id === b.id) continue;
      const key = a.id < b.id ? `${a.id} ${b.id}` : `${b.id} ${a.id}`;
      if (!pairs.has(key)) pairs.set(key, { a, b, match });
    }
  }
  return [...pairs.values()].sort((x, y) => (x.match === y.match ? (x.a.terms.order < y.a.terms.order ? -1 : 1) : x.match === "same" ? -1 : 1));
}
