// The product's own tables: tests read the screens through them, so that a
// better wording breaks none.

import { readFileSync } from "node:fs";

const read = (name) => JSON.parse(readFileSync(new URL(`../../app/src/i18n/${name}.json`, import.meta.url), "utf8"));

/** The tables by what shows them, each in both languages. */
const table = (...prefixes) => Object.fromEntries(["de", "en"].map((language) => [language, Object.assign({}, ...prefixes.map((prefix) => read(`${prefix}${language}`)))]));
export const tables = { patient: table("", "later."), office: table("office."), sealed: table("sealed."), setup: table("office.rules."), first: table("office.first."), desk: table("office.desk."), takeover: table("office.takeover."), customers: table("office.customers."), account: table("account."), carriers: table("office.carriers."), messages: table("office.messages."), providers: table("portal.providers."), domains: table("portal.domains."), waiting: table("waiting."), reach: table("office.reach.") };

const speaker = (table, tag) => (key, params = {}) => {
  const entry = table[key];
  if (entry === undefined) throw new Error(`no text ${key}`);
  const count = params.count ?? 0;
  const text = typeof entry === "string" ? entry : (entry[String(count)] ?? entry[new Intl.PluralRules(tag).select(count)] ?? entry.other);
  return text.replace(/\{([a-z_0-9]+)\}/g, (whole, name) => (name in params ? String(params[name]) : whole));
};

export const de = speaker(tables.patient.de, "de");
export const en = speaker(tables.patient.en, "en");
export const office = speaker(tables.office.de, "de");
export const sealed = speaker(tables.sealed.de, "de");
export const setup = speaker(tables.setup.de, "de");
export const first = speaker(tables.first.de, "de");
export const desk = speaker(tables.desk.de, "de");
export const takeover = speaker(tables.takeover.de, "de");
export const customers = speaker(tables.customers.de, "de");
export const account = speaker(tables.account.de, "de");
export const carriers = speaker(tables.carriers.de, "de");
export const messages = speaker(tables.messages.de, "de");
export const providers = speaker(tables.providers.de, "de");
export const domains = speaker(tables.domains.de, "de");
export const waiting = speaker(tables.waiting.de, "de");
export const reach = speaker(tables.reach.de, "de");
