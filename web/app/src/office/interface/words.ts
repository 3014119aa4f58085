/** The texts of the interface's description. */
import { catalogue } from "../../i18n/catalogue.svelte.ts";
import de from "../../i18n/office.interface.de.json";

export const { t } = catalogue(de, { en: () => import("../../i18n/office.interface.en.json") });
