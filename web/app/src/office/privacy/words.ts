/** The texts of the page about data protection. */
import { catalogue } from "../../i18n/catalogue.svelte.ts";
import de from "../../i18n/office.privacy.de.json";

export const { t, has } = catalogue(de, { en: () => import("../../i18n/office.privacy.en.json") });
export const word = (key: string, otherwise = key): string => (has(key) ? t(key) : otherwise);
