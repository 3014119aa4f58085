/** The desk's texts: booking by telephone, moving, statuses, absences, figures. */
import { catalogue } from "../../i18n/catalogue.svelte.ts";
import de from "../../i18n/office.desk.de.json";

export const { t, has, parts } = catalogue(de, { en: () => import("../../i18n/office.desk.en.json") });
export type Key = keyof typeof de;

/** word is the text of a computed key; `other` where there is none. */
export const word = (key: string, other: Key, params: Record<string, string | number> = {}): string => (has(key) ? t(key, params) : t(other, params));
