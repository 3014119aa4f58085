/** The texts of customers, apart from the desk's so that the calendar does not load them. */
import { catalogue } from "../../i18n/catalogue.svelte.ts";
import de from "../../i18n/office.customers.de.json";

export const { t, has, parts } = catalogue(de, { en: () => import("../../i18n/office.customers.en.json") });
export type Key = keyof typeof de;

/** word is the text of a computed key; `other` where there is none. */
export const word = (key: string, other: Key, params: Record<string, string | number> = {}): string => (has(key) ? t(key, params) : t(other, params));
