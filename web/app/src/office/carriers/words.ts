/** The texts about those who carry the practice's messages, apart from the desk's. */
import { catalogue } from "../../i18n/catalogue.svelte.ts";
import { language } from "../../i18n/language.svelte.ts";
import de from "../../i18n/office.carriers.de.json";

export const { t, has } = catalogue(de, { en: () => import("../../i18n/office.carriers.en.json") });

const tag = () => (language() === "de" ? "de-DE" : "en-GB");

export const day = (iso: string): string => new Date(iso).toLocaleDateString(tag(), { dateStyle: "long" });

export const country = (code: string): string => new Intl.DisplayNames([tag()], { type: "region" }).of(code) ?? code;
