/** The texts about the practice's messages, apart from the desk's. */
import { catalogue } from "../../i18n/catalogue.svelte.ts";
import { language } from "../../i18n/language.svelte.ts";
import de from "../../i18n/office.messages.de.json";

export const { t, has } = catalogue(de, { en: () => import("../../i18n/office.messages.en.json") });

const tag = () => (language() === "de" ? "de-DE" : "en-GB");

export const day = (iso: string): string => new Date(`${iso}T12:00:00Z`).toLocaleDateString(tag(), { day: "numeric", month: "numeric" });

export const moment = (iso: string): string => new Date(iso).toLocaleString(tag(), { dateStyle: "short", timeStyle: "short" });

export const money = (micros: number, currency: string): string =>
  new Intl.NumberFormat(tag(), { style: "currency", currency, minimumFractionDigits: 2, maximumFractionDigits: 3 }).format(micros / 1_000_000);
