// The texts of waiting for a time and of words to the practice. They come with
// the code of these, which few patients need.

import { catalogue } from "./catalogue.svelte.ts";
import first from "./de.json";
import later from "./later.de.json";
import waiting from "./waiting.de.json";

const de = { ...first, ...later, ...waiting };

export const { t, parts, has, german } = catalogue(de, {
  en: () => Promise.all([import("./en.json"), import("./later.en.json"), import("./waiting.en.json")]).then(([first, later, waiting]) => ({ default: { ...first.default, ...later.default, ...waiting.default } })),
});
export type Key = keyof typeof de;
