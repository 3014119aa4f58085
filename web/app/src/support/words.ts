/** The texts of asking for help and of reporting a problem, which no first page loads. */
import { catalogue } from "../i18n/catalogue.svelte.ts";
import de from "../i18n/support.de.json";

export const { t, has } = catalogue(de, { en: () => import("../i18n/support.en.json") });
