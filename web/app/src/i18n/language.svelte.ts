// Which language the page speaks. It is kept in memory and in the address
// (?lang=en) only: choosing a language leaves nothing behind on the device.

export const languages = ["de", "en"] as const;
export type Language = (typeof languages)[number];

/** How a language calls itself; shown in its own tongue in every language. */
export const languageNames: Record<Language, string> = { de: "Deutsch", en: "English" };

const rightToLeft = new Set(["ar", "fa", "he", "ur"]);

export const directionOf = (language: string): "ltr" | "rtl" => (rightToLeft.has(language.split("-")[0] ?? "") ? "rtl" : "ltr");

const known = (tag: string): Language | undefined => {
  const primary = tag.toLowerCase().split("-")[0];
  return languages.find((language) => language === primary);
};

/** pickLanguage takes the address first (?lang=en), then what the browser prefers, then German. */
export function pickLanguage(search: string, preferred: readonly string[]): Language {
  const asked = known(new URLSearchParams(search).get("lang") ?? "");
  if (asked) return asked;
  for (const tag of preferred) {
    const language = known(tag);
    if (language) return language;
  }
  return "de";
}

let current = $state<Language>("de");

export const language = (): Language => current;

/** Set by [speak] in catalogue.ts once the texts are there; nothing else calls it. */
export function becomeLanguage(next: Language): void {
  current = next;
  document.documentElement.lang = next;
  document.documentElement.dir = directionOf(next);
}
