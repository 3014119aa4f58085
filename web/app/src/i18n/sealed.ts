// The texts of the page that says what is sealed. Only that page loads them.

import { catalogue } from "./catalogue.svelte.ts";
import de from "./sealed.de.json";

export const { t } = catalogue(de, { en: () => import("./sealed.en.json") });
