/**
 * How good a password has to be: it opens keys whose wrapping the server holds,
 * so somebody who has that may guess without being slowed. Hence 10^14 guesses
 * by zxcvbn, whose dictionaries are what is shipped of known passwords: the
 * common ones of past breaches (@zxcvbn-ts/language-common), first names,
 * surnames and words of German and English. Nothing is asked of any server.
 */
import type { Strength } from "./rating.ts";
import { words } from "./wordlist.ts";

let rater: Promise<(password: string, own: string[]) => Strength> | undefined;

/** rate judges a password; `own` are words of the person's, such as name and address. Loads its dictionaries at the first call. */
export async function rate(password: string, own: string[]): Promise<Strength> {
  rater ??= import("./rater.ts").then((module) => module.rater());
  try {
    return (await rater)(password, own);
  } catch (thrown) {
    rater = undefined; // the next try loads them again
    throw thrown;
  }
}

/** generate makes a password of six words: at least fifty-five random bits. */
export function generate(): string {
  return Array.from({ length: 6 }, () => words[below(words.length)]!).join(" ");
}

/** below is a random number under limit, each as likely. */
function below(limit: number): number {
  const top = Math.floor(2 ** 32 / limit) * limit;
  for (;;) {
    const [drawn] = crypto.getRandomValues(new Uint32Array(1));
    if (drawn! < top) return drawn! % limit;
  }
}
