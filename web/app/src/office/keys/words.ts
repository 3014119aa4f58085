/** The texts of onboarding, people and keys, apart from the desk's so that the day view does not load them. */
import { catalogue } from "../../i18n/catalogue.svelte.ts";
import de from "../../i18n/office.first.de.json";

export const { t, has } = catalogue(de, { en: () => import("../../i18n/office.first.en.json") });
export type Key = keyof typeof de;

/** word is the text of a computed key, or the key where there is none. */
export function word(key: string, params: Record<string, string | number> = {}): string {
  return has(key) ? t(key, params) : key;
}

/** problem is the sentence for a reason. */
export function problem(reason: string): string {
  const key = `problem.${reason}`;
  return has(key) ? t(key) : t("problem.other", { reason });
}
