// Proof of work by ALTCHA's protocol, version 1: what a machine that asks for
// thousands of messages pays, and a person need neither see nor move anything.

import { sha256 } from "@noble/hashes/sha2.js";
import { utf8 } from "./bytes.ts";
import { SealError } from "./error.ts";

/** Above this a phone would work for minutes; no honest server asks for it. */
export const MAX_NUMBER = 2 ** 26;

/**
 * Finds the number up to `max` for which SHA-256(salt + number) is the challenge,
 * in hex. Blocks: pages use `solveInWorker`. Throws `proof_too_hard`, also where
 * there is no such number.
 */
export function solve(challenge: string, salt: string, max: number): number {
  if (!Number.isInteger(max) || max < 0 || max > MAX_NUMBER || !/^[0-9a-f]{64}$/.test(challenge)) throw new SealError("proof_too_hard");
  const wanted = Uint8Array.from(challenge.match(/../g) ?? [], (hex) => Number.parseInt(hex, 16));
  // One state and one buffer for all tries: allocating them takes longer than hashing.
  const prefix = sha256.create().update(utf8(salt));
  const state = sha256.create();
  const hash = new Uint8Array(32);
  const digits = new Uint8Array(16);
  for (let number = 0; number <= max; number++) {
    const text = String(number);
    for (let i = 0; i < text.length; i++) digits[i] = text.charCodeAt(i);
    prefix._cloneInto(state).update(digits.subarray(0, text.length)).digestInto(hash);
    if (hash[0] === wanted[0] && hash[1] === wanted[1] && hash.every((byte, i) => byte === wanted[i])) return number;
  }
  throw new SealError("proof_too_hard");
}
