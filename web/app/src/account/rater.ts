/** The dictionaries behind strength.ts, a chunk of their own: half a megabyte that only who chooses a password needs. */
import { ZxcvbnFactory } from "@zxcvbn-ts/core";
import * as common from "@zxcvbn-ts/language-common";
import * as german from "@zxcvbn-ts/language-de";
import { type Strength, WANTED } from "./rating.ts";

export function rater(): (password: string, own: string[]) => Strength {
  const zxcvbn = new ZxcvbnFactory({ dictionary: { ...common.dictionary, ...german.dictionary }, graphs: common.adjacencyGraphs, maxLength: 200 });
  return (password, own) => {
    const result = zxcvbn.check(password.normalize("NFC"), own.filter((one) => one.length > 2));
    const listed = result.sequence.some((part) => "dictionaryName" in part && part.dictionaryName === "passwords-common" && part.token.length * 2 > password.length);
    return { guesses: result.guessesLog10, enough: result.guessesLog10 >= WANTED, breached: listed && result.guessesLog10 < WANTED };
  };
}
