/** The texts of the operator's registers. */
import { catalogue } from "../../i18n/catalogue.svelte.ts";
import de from "../../i18n/portal.privacy.de.json";

export const { t, has } = catalogue(de, { en: () => import("../../i18n/portal.privacy.en.json") });
export const word = (key: string): string => (has(key) ? t(key) : key);
