/** The texts about contract, data and own addresses, apart from the desk's. */
import { catalogue } from "../../i18n/catalogue.svelte.ts";
import de from "../../i18n/office.contract.de.json";

export const { t, has } = catalogue(de, { en: () => import("../../i18n/office.contract.en.json") });

/** problem is the sentence for a reason. */
export function problem(reason: string): string {
  const key = `problem.${reason}`;
  return has(key) ? t(key) : t("problem.other", { reason });
}
