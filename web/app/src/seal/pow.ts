// Proof of work: what a machine that asks for thousands of messages pays.

import { sha256 } from "@noble/hashes/sha2.js";
import { utf8 } from "./bytes.ts";
import { SealError } from "./error.ts";

/** Above this a phone would work for minutes; no honest server asks for it. */
export const MAX_DIFFICULTY = 26;

/**
 * Finds the smallest nonce, in decimal, for which SHA-256(challenge:nonce)
 * begins with that many zero bits. Blocks: pages use `solveInWorker`. Throws
 * `proof_too_hard`.
 */
export function solve(challenge: string, difficulty: number): string {
  if (!Number.isInteger(difficulty) || difficulty < 0 || difficulty > MAX_DIFFICULTY) {
    throw new SealError("proof_too_hard");
  }
  // One state and one buffer for all tries: allocating them takes longer than hashing.
  const prefix = sha256.create().update(utf8(`${challenge}:`));
  const state = sha256.create();
  const hash = new Uint8Array(32);
  const digits = new Uint8Array(16);
  for (let nonce = 0; ; nonce++) {
    const text = String(nonce);
    for (let i = 0; i < text.length; i++) digits[i] = text.charCodeAt(i);
    prefix._cloneInto(state).update(digits.subarray(0, text.length)).digestInto(hash);
    if (leadingZeros(hash) >= difficulty) return text;
  }
}

export function leadingZeros(hash: Uint8Array): number {
  let bits = 0;
  for (const byte of hash) {
    if (byte !== 0) return bits + Math.clz32(byte) - 24;
    bits += 8;
  }
  return bits;
}
