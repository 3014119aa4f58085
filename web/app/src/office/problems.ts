/** What went wrong, in the words of the person in front of the screen. */
import { has as accountHas, t as account } from "../account/words.ts";
import { has, t } from "./words.ts";

/** problemText is the sentence for a reason; one that has none gets a general sentence with the reason in it. */
export function problemText(reason: string, phone = ""): string {
  const key = `problem.${reason}`;
  if (has(key)) return t(key, { phone });
  return accountHas(key) ? account(key) : t("problem.other", { reason });
}
