// Fingerprints as words that two people compare by eye or by telephone.
//
// A word is three open syllables of a consonant and a vowel that German tells
// apart when spoken (no c, q, v, x, y; no closing consonants, which harden; no
// e, which fades): 18 bits. Six of them are 108.

import { type Bytes, concat, fromBase64, requireUuids, sha256, utf8 } from "./bytes.ts";
import { KDF, SALT_SIZE, type Secrets, splitPassword } from "./password.ts";

const CONSONANTS = "bdfghjklmnprstwz";
const VOWELS = "aiou";
const COUNT = 6;
const SYLLABLES = 3;

/** The six words of a practice's identity, from its directory's fingerprint. */
export function practiceWords(fingerprint: string): string[] {
  return spell(fromBase64(fingerprint));
}

/**
 * The six words that a new member's browser and an owner's show: alike only if
 * both have the same identity of the practice and the same key of the member.
 * Stretched, since whoever stands between may choose on both sides. `split`
 * is splitPassword, or the same in a worker.
 */
export async function joiningWords(
  of: { tenant: string; account: string; fingerprint: string; publicKey: Bytes },
  split: (password: string, kdf: string, salt: Bytes) => Promise<Secrets> = splitPassword,
): Promise<string[]> {
  requireUuids(of.tenant, of.account);
  const salt = (await sha256(utf8(`siegel|words|1|${of.tenant}|${of.account}`))).slice(0, SALT_SIZE);
  const both = await sha256(concat(utf8(`siegel|words|1|${of.fingerprint}|`), of.publicKey));
  const hex = Array.from(both, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const { signIn } = await split(hex, KDF, salt);
  return spell(signIn);
}

function spell(bytes: Uint8Array): string[] {
  let bits = 0n;
  for (const byte of bytes.subarray(0, 14)) bits = (bits << 8n) | BigInt(byte);
  bits >>= 4n; // 14 bytes are 112 bits
  const words: string[] = [];
  for (let i = 0; i < COUNT; i++) {
    let word = "";
    for (let j = 0; j < SYLLABLES; j++) {
      const six = Number((bits >> BigInt(6 * (COUNT * SYLLABLES - 1 - i * SYLLABLES - j))) & 63n);
      word += CONSONANTS[six >> 2]! + VOWELS[six & 3]!;
    }
    words.push(word);
  }
  return words;
}
