import { catalogue } from "../../i18n/catalogue.svelte.ts";
import de from "../../i18n/register.de.json";

export const { t, has } = catalogue(de, { en: () => import("../../i18n/register.en.json") });

/** word is the text of a computed key, or the key where there is none. */
export function word(key: string, params: Record<string, string | number> = {}): string {
  return has(key) ? t(key, params) : key;
}

/** problem is the sentence for a reason. */
export function problem(reason: string): string {
  const key = `problem.${reason}`;
  return has(key) ? t(key) : t("problem.other", { reason });
}
