// Finds a proof of work beside the page.

import { solve } from "./pow.ts";
import { answer } from "./worker.ts";

export interface Question {
  readonly challenge: string;
  readonly difficulty: number;
}

answer(({ challenge, difficulty }: Question) => solve(challenge, difficulty));
