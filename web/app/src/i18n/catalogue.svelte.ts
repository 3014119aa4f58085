import { becomeLanguage, language, languages, pickLanguage, type Language } from "./language.svelte.ts";

/**
 * Forms of one text by its count: first an exact number ("2"), then the names
 * of Intl.PluralRules. "other" is always there.
 */
export type Forms = { [exact: `${number}`]: string; zero?: string; one?: string; two?: string; few?: string; many?: string; other: string };
export type Table = Record<string, string | Forms>;
export type Params = Record<string, string | number>;

/** A text cut at its placeholders, for texts that carry a link or a button in their middle. */
export type Part = { text: string } | { slot: string };

const placeholder = /\{([a-z_0-9]+)\}/g;

/** fill puts params into a text: "{count} frei". A placeholder without a param stays visible, so that it is noticed. */
export function fill(text: string, params: Params): string {
  return text.replace(placeholder, (whole, name: string) => (name in params ? String(params[name]) : whole));
}

/** choose picks the form for params.count; a text without forms is itself. */
export function choose(entry: string | Forms, params: Params, tag: string): string {
  if (typeof entry === "string") return entry;
  const count = Number(params.count ?? 0);
  return entry[`${count}`] ?? entry[new Intl.PluralRules(tag).select(count)] ?? entry.other;
}

/** cut splits a text at the placeholders that params do not fill. What is filled in is text, even if it looks like a placeholder. */
export function cut(text: string, params: Params): Part[] {
  const parts: Part[] = [];
  const say = (words: string) => {
    const last = parts.at(-1);
    if (words === "") return;
    if (last && "text" in last) last.text += words;
    else parts.push({ text: words });
  };
  let from = 0;
  for (const match of text.matchAll(placeholder)) {
    const name = match[1] ?? "";
    say(text.slice(from, match.index));
    if (name in params) say(String(params[name]));
    else parts.push({ slot: name });
    from = match.index + match[0].length;
  }
  say(text.slice(from));
  return parts;
}

type Source<T> = () => Promise<{ default: Record<keyof T, string | Forms> }>;
const loads: ((next: Language) => Promise<void>)[] = [];

/**
 * catalogue makes `t` for a set of tables. The German one comes with the
 * script and types the keys; the others are fetched when spoken.
 */
export function catalogue<T extends object>(german: T, others: Record<Exclude<Language, "de">, Source<T>>) {
  type Key = keyof T & string;
  const tables: Partial<Record<Language, Record<keyof T, string | Forms>>> = { de: german as Record<keyof T, string | Forms> };

  loads.push(async (next) => {
    if (next !== "de") tables[next] ??= (await others[next]()).default;
  });

  const entry = (key: Key, params: Params): string => {
    const spoken = tables[language()] ? language() : "de";
    const found = tables[spoken]?.[key] ?? (german as Record<string, string | Forms>)[key];
    return found === undefined ? key : choose(found, params, spoken);
  };

  return {
    /** t is the text for key, with params filled in; `count` also chooses the plural form. Reactive to the language. */
    t: (key: Key, params: Params = {}): string => fill(entry(key, params), params),
    /** parts is the same text cut at the placeholders that params leave open. */
    parts: (key: Key, params: Params = {}): Part[] => cut(entry(key, params), params),
    /** german is the text as German has it, for what the practice reads. */
    german: (key: Key): string => choose((german as Record<string, string | Forms>)[key] ?? key, {}, "de"),
    /** has tells whether a computed key exists, e.g. a text for a server's reason. */
    has: (key: string): key is Key => Object.hasOwn(german, key),
  };
}

/** speak changes the language of every catalogue at once, after their texts have come. It stays with the old one if they do not. */
export async function speak(next: Language): Promise<void> {
  await Promise.all(loads.map((load) => load(next)));
  becomeLanguage(next);
}

/** speakPreferred begins with the language of the address or the browser; German shows if its texts do not come. */
export async function speakPreferred(): Promise<void> {
  const wanted = pickLanguage(location.search, navigator.languages);
  try {
    await speak(wanted);
  } catch {
    becomeLanguage("de");
  }
}

export { language, languages };
