/** The texts of the portal, which no practice and no patient loads. */
import { catalogue, language } from "../i18n/catalogue.svelte.ts";
import de from "../i18n/portal.de.json";
import { reasonOf } from "../api/problem.ts";

export const { t, has } = catalogue(de, { en: () => import("../i18n/portal.en.json") });
export type Key = keyof typeof de;

/** word is the text of a computed key, or the key where there is none. */
export const word = (key: string, params: Record<string, string | number> = {}): string => (has(key) ? t(key, params) : key);

/** problem says in words why something did not go. */
export function problem(thrown: unknown): string {
  const reason = typeof thrown === "string" ? thrown : reasonOf(thrown);
  return has(`problem.${reason}`) ? t(`problem.${reason}` as Key) : t("problem.unexpected");
}

export const day = (text: string) => new Intl.DateTimeFormat(language(), { dateStyle: "medium", timeZone: "Europe/Berlin" }).format(new Date(text));
export const number = (n: number) => new Intl.NumberFormat(language()).format(n);
/** money is an amount in cents. */
export const money = (cents: number) => new Intl.NumberFormat(language(), { style: "currency", currency: "EUR" }).format(cents / 100);
/** micros is an amount in millionths. */
export const micros = (n: number) => new Intl.NumberFormat(language(), { style: "currency", currency: "EUR", maximumFractionDigits: 4 }).format(n / 1_000_000);
export const monthName = (month: string) => new Intl.DateTimeFormat(language(), { month: "long", year: "numeric", timeZone: "UTC" }).format(new Date(`${month}-15T12:00:00Z`));
