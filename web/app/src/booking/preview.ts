import type { Insurance } from "../api/types.ts";
import { ageOf, noAnswers, type Answers } from "./offer.ts";

/**
 * previewed reads as whom the practice looks at its page: "#as=GKV,new,34".
 * What it does not say, or not in these words, is not answered. undefined where
 * it is no preview.
 */
export function previewed(hash: string): Answers | undefined {
  if (!hash.startsWith("#as=")) return undefined;
  const answers = { ...noAnswers };
  for (const word of hash.slice("#as=".length).split(",")) {
    if (/^(GKV|PKV|BEI|BG|SEL|SOZ)$/.test(word)) answers.insurance = word as Insurance;
    else if (word === "new" || word === "known") answers.known = word;
    else if (ageOf({ age: word }) !== undefined) answers.age = word;
  }
  return answers;
}
