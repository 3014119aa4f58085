// The texts of the patient's pages and of what all pages share. The office has
// a catalogue of its own beside this one (office.de.json, office.en.json), so
// that patients do not load its words.
//
// Tables are flat JSON, key to text or to plural forms, and hold no markup. Go
// reads the same files for mail and SMS.

import { catalogue } from "./catalogue.svelte.ts";
import de from "./de.json";

export const { t, parts, has, german } = catalogue(de, { en: () => import("./en.json") });
export type Key = keyof typeof de;
