// Sizes that several formats share, in bytes. Apart from hpke.ts, so that who
// needs a number does not load a cipher.

export const SUITE = 2;
export const ENC_SIZE = 1120;
export const TAG_SIZE = 16;
export const PUBLIC_KEY_SIZE = 1216;
export const SEED_SIZE = 32;
/** A nonce, a P-256 scalar and a tag. */
export const SIGNER_KEY_SIZE = 12 + 32 + TAG_SIZE;
