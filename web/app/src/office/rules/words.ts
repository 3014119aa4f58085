/** The texts of the setup, apart from the desk's so that the day view does not load them. */
import { catalogue } from "../../i18n/catalogue.svelte.ts";
import de from "../../i18n/office.rules.de.json";

export const { t, has } = catalogue(de, { en: () => import("../../i18n/office.rules.en.json") });
export type Key = keyof typeof de;

/** word is the text of a computed key, or the key where there is none. */
export function word(key: string, params: Record<string, string | number> = {}): string {
  return has(key) ? t(key, params) : key;
}

/** maybe is the text of a computed key, or nothing. */
export function maybe(key: string): string | undefined {
  return has(key) ? t(key) : undefined;
}
