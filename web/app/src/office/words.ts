/** The office's texts, apart from the patients' so that those do not load them. */
import { catalogue } from "../i18n/catalogue.svelte.ts";
import de from "../i18n/office.de.json";

export const { t, has } = catalogue(de, { en: () => import("../i18n/office.en.json") });
export type Key = keyof typeof de;
