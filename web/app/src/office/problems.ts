/** What went wrong, in the words of the person in front of the screen. */
import { has, t } from "./words.ts";

/** problemText is the sentence for a reason; one that has none gets a general sentence with the reason in it. */
export function problemText(reason: string, phone = ""): string {
  const key = `problem.${reason}`;
  return has(key) ? t(key, { phone }) : t("problem.other", { reason });
}
