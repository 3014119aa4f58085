// HPKE (RFC 9180) in base mode with the one suite there is: X-Wing
// (ML-KEM-768 and X25519), HKDF-SHA256, AES-256-GCM.

import { Aes256Gcm, CipherSuite, HkdfSha256 } from "@hpke/core";
import { XWing } from "@hpke/hybridkem-x-wing";
import { type Bytes, kidOf, random, utf8 } from "./bytes.ts";
import { SealError } from "./error.ts";
import { PUBLIC_KEY_SIZE, SEED_SIZE } from "./sizes.ts";

/** A private key and the public part's name and bytes. */
export interface PrivateKey {
  readonly kid: string;
  readonly publicKey: Bytes;
  readonly key: CryptoKey;
}

export interface Sealed {
  readonly enc: Bytes;
  readonly ct: Bytes;
}

function suite(): { kem: XWing; suite: CipherSuite } {
  const kem = new XWing();
  return { kem, suite: new CipherSuite({ kem, kdf: new HkdfSha256(), aead: new Aes256Gcm() }) };
}

/** The key of a 32-byte seed. */
export async function privateKey(seed: Bytes): Promise<PrivateKey> {
  if (seed.length !== SEED_SIZE) throw new SealError("malformed_key");
  const { kem } = suite();
  // The library keeps the bytes it is given.
  const pair = await kem.generateKeyPairDerand(seed.slice());
  const publicKey = new Uint8Array(await kem.serializePublicKey(pair.publicKey));
  return { kid: await kidOf(publicKey), publicKey, key: pair.privateKey };
}

/** A fresh key, and the seed that it is wrapped by. */
export async function generateKey(): Promise<{ seed: Bytes; key: PrivateKey }> {
  const seed = random(SEED_SIZE);
  return { seed, key: await privateKey(seed) };
}

export async function hpkeSeal(publicKey: Bytes, info: string, aad: string, plaintext: Bytes): Promise<Sealed> {
  if (publicKey.length !== PUBLIC_KEY_SIZE) throw new SealError("malformed_key");
  const hpke = suite();
  let sender;
  try {
    const recipientPublicKey = await hpke.kem.deserializePublicKey(publicKey);
    sender = await hpke.suite.createSenderContext({ recipientPublicKey, info: utf8(info) });
  } catch (cause) {
    throw new SealError("malformed_key", { cause });
  }
  const ct = new Uint8Array(await sender.seal(plaintext, utf8(aad)));
  return { enc: new Uint8Array(sender.enc), ct };
}

/** Throws `tampered` where it does not open under info and aad. */
export async function hpkeOpen(key: PrivateKey, info: string, aad: string, sealed: Sealed): Promise<Bytes> {
  try {
    const recipient = await suite().suite.createRecipientContext({
      recipientKey: key.key,
      enc: sealed.enc,
      info: utf8(info),
    });
    return new Uint8Array(await recipient.open(sealed.ct, utf8(aad)));
  } catch (cause) {
    throw new SealError("tampered", { cause });
  }
}
