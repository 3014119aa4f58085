/** The texts of the page about providers. */
import { reasonOf, Problem } from "../../api/problem.ts";
import { catalogue } from "../../i18n/catalogue.svelte.ts";
import { language } from "../../i18n/language.svelte.ts";
import de from "../../i18n/portal.providers.de.json";

export const { t, has } = catalogue(de, { en: () => import("../../i18n/portal.providers.en.json") });
export type Key = keyof typeof de;

/** word is the text of a computed key, or what stands for it where there is none. */
export function word(key: string, otherwise: string): string {
  return has(key) ? t(key) : otherwise;
}

/** problemText is a sentence for what went wrong; what a plugin says of settings stands behind it. */
export function problemText(thrown: unknown): string {
  const reason = reasonOf(thrown);
  const detail = thrown instanceof Problem && typeof thrown.body.detail === "string" ? thrown.body.detail : "";
  const key = `problem.${reason}`;
  return (has(key) ? t(key) : t("problem.other", { reason })) + (detail ? ` (${detail})` : "");
}

const tag = () => (language() === "de" ? "de-DE" : "en-GB");

/** money is an amount in millionths; small ones, such as the price of a part, with more digits. */
export const money = (micros: number, currency: string) =>
  new Intl.NumberFormat(tag(), { style: "currency", currency, maximumFractionDigits: micros !== 0 && Math.abs(micros) < 1_000_000 ? 4 : 2 }).format(micros / 1e6);

export const number = (n: number) => new Intl.NumberFormat(tag()).format(n);

export const percent = (share: number) => new Intl.NumberFormat(tag(), { style: "percent", maximumFractionDigits: 1 }).format(share);

export const day = (iso: string) => new Intl.DateTimeFormat(tag(), { day: "numeric", month: "numeric", timeZone: "UTC" }).format(new Date(`${iso.slice(0, 10)}T12:00:00Z`));

export const date = (iso: string) => new Intl.DateTimeFormat(tag(), { dateStyle: "medium" }).format(new Date(iso));

export const moment = (iso: string) => new Intl.DateTimeFormat(tag(), { dateStyle: "short", timeStyle: "short" }).format(new Date(iso));

/** country is the name of a country by its code. */
export const country = (code: string) => new Intl.DisplayNames([tag()], { type: "region" }).of(code) ?? code;

/** micros reads an amount as people write it, "6,1" or "6.1", in units of a hundred-thousandth of the given one; NaN for anything else. */
export function micros(text: string, unit: number): number {
  const plain = text.trim().replace(",", ".");
  return /^\d{1,7}(\.\d{1,4})?$/.test(plain) ? Math.round(Number(plain) * unit) : Number.NaN;
}
