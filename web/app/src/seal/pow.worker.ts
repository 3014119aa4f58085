// Finds a proof of work beside the page.

import { solve } from "./pow.ts";
import { answer } from "./worker.ts";

export interface Question {
  readonly challenge: string;
  readonly salt: string;
  readonly max: number;
}

answer(({ challenge, salt, max }: Question) => solve(challenge, salt, max));
