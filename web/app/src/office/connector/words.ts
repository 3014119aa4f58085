/** The texts about the practice's own systems, apart from the desk's. */
import { catalogue } from "../../i18n/catalogue.svelte.ts";
import { language } from "../../i18n/language.svelte.ts";
import de from "../../i18n/office.connector.de.json";

export const { t, has } = catalogue(de, { en: () => import("../../i18n/office.connector.en.json") });

const tag = () => (language() === "de" ? "de-DE" : "en-GB");

export const clock = (iso: string): string => new Date(iso).toLocaleTimeString(tag(), { timeStyle: "short" });
export const moment = (iso: string): string => new Date(iso).toLocaleString(tag(), { dateStyle: "medium", timeStyle: "short" });

/** What each mode makes of a function: a text of its own where there is one, else yes or no. */
export const matrix = [
  ["names", true, false],
  ["search", true, false],
  ["phone", true, true],
  ["move", true, true],
  ["tell", true, false],
  ["remind", true, true],
  ["print", true, false],
  ["export", true, false],
  ["customers", true, false],
  ["figures", true, true],
  ["outlets", true, true],
  ["left", true, true],
] as const;
