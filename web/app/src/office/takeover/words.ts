/** The texts of taking over, apart from the desk's. */
import { catalogue } from "../../i18n/catalogue.svelte.ts";
import de from "../../i18n/office.takeover.de.json";

export const { t, has } = catalogue(de, { en: () => import("../../i18n/office.takeover.en.json") });

/** word is the text of a computed key, or what stands for it. */
export const word = (key: string, otherwise = key): string => (has(key) ? t(key) : otherwise);
