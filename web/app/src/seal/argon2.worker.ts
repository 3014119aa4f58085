// Splits a password beside the page, so that the page stays alive meanwhile.

import type { Bytes } from "./bytes.ts";
import { splitPassword } from "./password.ts";
import { answer } from "./worker.ts";

export interface Question {
  readonly password: string;
  readonly kdf: string;
  readonly salt: Bytes;
}

answer(({ password, kdf, salt }: Question) => splitPassword(password, kdf, salt));
