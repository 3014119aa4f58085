/** The help, a topic a screen, in each language. Plain texts: paragraphs, and lines that begin with "- ". */
import type { Language } from "../../i18n/language.svelte.ts";
import type { Topic } from "./topic.ts";

export type { Topic };

/** The words of a language come when somebody asks for help. */
export async function topicsIn(language: Language): Promise<Topic[]> {
  return language === "de" ? (await import("./de.ts")).topics : (await import("./en.ts")).topics;
}

const plain = (text: string) => text.toLocaleLowerCase("de").normalize("NFD").replace(/\p{Mn}/gu, "").replaceAll("ß", "ss");

/** search returns the topics that have every word, those with it in the title first. */
export function search(topics: readonly Topic[], asked: string): Topic[] {
  const words = plain(asked).split(/\s+/).filter(Boolean);
  if (words.length === 0) return [...topics];
  const found = topics.filter((one) => words.every((word) => plain(`${one.title} ${one.text}`).includes(word)));
  const rank = (one: Topic) => (words.every((word) => plain(one.title).includes(word)) ? 0 : 1);
  return found.sort((a, b) => rank(a) - rank(b));
}

/** blocks cuts a text into paragraphs and lists. */
export function blocks(text: string): (string | string[])[] {
  return text
    .trim()
    .split(/\n\s*\n/)
    .map((part) => part.split("\n").map((line) => line.trim()))
    .map((lines) => (lines.every((line) => line.startsWith("- ")) ? lines.map((line) => line.slice(2)) : lines.join(" ")));
}

/** The topic of a screen; the first where there is none. */
export const topicOf = (tab: string, place: string): string => (tab === "setup" ? place : tab === "figures" || tab === "absence" ? tab : tab === "inbox" ? "inbox" : "day");
