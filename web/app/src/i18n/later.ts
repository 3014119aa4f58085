// The texts of the screens after the first, with the first's beside them. They
// come with the code of those screens: a phone on a slow line waits for no words
// that it does not show yet.

import { catalogue } from "./catalogue.svelte.ts";
import first from "./de.json";
import later from "./later.de.json";

const de = { ...first, ...later };

export const { t, parts, has, german } = catalogue(de, {
  en: () => Promise.all([import("./en.json"), import("./later.en.json")]).then(([first, later]) => ({ default: { ...first.default, ...later.default } })),
});
export type Key = keyof typeof de;
