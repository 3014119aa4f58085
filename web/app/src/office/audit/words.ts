/** The texts of the trail, the tokens and the help, apart from the desk's. */
import { catalogue } from "../../i18n/catalogue.svelte.ts";
import de from "../../i18n/office.audit.de.json";

export const { t, has } = catalogue(de, { en: () => import("../../i18n/office.audit.en.json") });

/** word is the text of a computed key, or what stands for it. */
export const word = (key: string, otherwise = key): string => (has(key) ? t(key) : otherwise);
