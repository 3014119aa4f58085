/** The texts of the page about a practice's own domains. */
import { reasonOf, Problem } from "../../api/problem.ts";
import { catalogue } from "../../i18n/catalogue.svelte.ts";
import { language } from "../../i18n/language.svelte.ts";
import de from "../../i18n/portal.domains.de.json";

export const { t, has } = catalogue(de, { en: () => import("../../i18n/portal.domains.en.json") });

/** word is the text of a computed key, or what stands for it where there is none. */
export const word = (key: string, otherwise: string): string => (has(key) ? t(key) : otherwise);

/** problemText is a sentence for what went wrong; what a provider's plugin says stands behind it. */
export function problemText(thrown: unknown): string {
  const reason = reasonOf(thrown);
  const detail = thrown instanceof Problem && typeof thrown.body.detail === "string" ? thrown.body.detail : "";
  return word(`problem.${reason}`, t("problem.other", { reason })) + (detail ? ` (${detail})` : "");
}

const tag = () => (language() === "de" ? "de-DE" : "en-GB");

export const moment = (iso: string) => new Intl.DateTimeFormat(tag(), { dateStyle: "short", timeStyle: "short" }).format(new Date(iso));
