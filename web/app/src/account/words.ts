/** The texts of signing in and of the own account, for the office and the portal. */
import { catalogue } from "../i18n/catalogue.svelte.ts";
import { Problem } from "../api/problem.ts";
import de from "../i18n/account.de.json";
import { SealError } from "../seal/error.ts";
import { PasskeyError } from "./passkeys.ts";

export const { t, has } = catalogue(de, { en: () => import("../i18n/account.en.json") });
export type Key = keyof typeof de;

/** word is the text of a computed key, or nothing. */
export const word = (key: string): string => (has(key) ? t(key) : "");

/** reason is the stable word for anything thrown. */
export function reason(thrown: unknown): string {
  if (thrown instanceof Problem) return thrown.reason;
  if (thrown instanceof SealError) return thrown.code;
  return thrown instanceof PasskeyError ? thrown.reason : "unexpected";
}

/** problem is the sentence for a reason. */
export function problem(reason: string): string {
  const key = `problem.${reason}`;
  return has(key) ? t(key) : t("problem.other", { reason });
}

/** moment is an instant as people say it, in their own zone. */
export function moment(text: string, language: string): string {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(new Date(text));
}
