/** The texts about patients' words, the waiting list and the practice's own site. */
import { catalogue } from "../../i18n/catalogue.svelte.ts";
import de from "../../i18n/office.reach.de.json";

export const { t, has } = catalogue(de, { en: () => import("../../i18n/office.reach.en.json") });
