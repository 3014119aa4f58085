/** The texts about page views. */
import { catalogue } from "../i18n/catalogue.svelte.ts";
import de from "../i18n/visits.de.json";

export const { t, has } = catalogue(de, { en: () => import("../i18n/visits.en.json") });
export const word = (key: string): string => (has(key) ? t(key) : key);
