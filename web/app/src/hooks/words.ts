/** The texts about systems elsewhere, for the office and the portal. */
import { catalogue, language } from "../i18n/catalogue.svelte.ts";
import de from "../i18n/hooks.de.json";

export const { t, has } = catalogue(de, { en: () => import("../i18n/hooks.en.json") });

/** word is the text of a computed key, or what stands for it. */
export const word = (key: string, otherwise = key): string => (has(key) ? t(key) : otherwise);

const tag = () => (language() === "de" ? "de-DE" : "en-GB");
export const moment = (iso: string): string => new Date(iso).toLocaleString(tag(), { dateStyle: "medium", timeStyle: "medium" });
/** minute is a moment as people say it: without its seconds, which only a list of attempts needs. */
export const minute = (iso: string): string => new Date(iso).toLocaleString(tag(), { dateStyle: "medium", timeStyle: "short" });
export const day = (iso: string): string => new Date(iso).toLocaleDateString(tag(), { dateStyle: "medium" });
