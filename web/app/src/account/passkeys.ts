/**
 * Passkeys in this browser. What the authenticator's PRF gives opens the member
 * key; it stays in the browser: of what goes to the server, results of
 * extensions are left out.
 */
import { type Bytes, bareId, derive, fromBase64, random, toBase64, utf8, concat } from "../seal/bytes.ts";
import { unwrapMemberKey, wrapMemberKey } from "../seal/member.ts";
import type { Answered, Ceremony, PasskeyBody } from "./server.ts";

/** One input for all: which passkey will answer is not known beforehand. What is derived is made different by each one's salt. */
const input = utf8("siegel|passkey|1");

/** What the browser says when the person or the device does not go through with it. */
export class PasskeyError extends Error {
  constructor(readonly reason: "passkey_cancelled" | "passkey_known" | "passkey_unsupported", cause?: unknown) {
    super(reason, { cause });
    this.name = "PasskeyError";
  }
}

export const supported = (): boolean => typeof PublicKeyCredential === "function" && isSecureContext;

/** An answer of an authenticator: for the server, and what stays here. */
export interface Used {
  answered: Answered;
  /** The passkey's id in base64url. */
  id: string;
  /** The PRF's output; null where the authenticator has none. */
  prf: Bytes | null;
}

/** create makes a new passkey for a challenge. */
export async function create(ceremony: Ceremony): Promise<Used> {
  const given = ceremony.public_key as unknown as {
    challenge: string;
    user: { id: string; name: string; displayName: string };
    excludeCredentials?: { id: string; type: "public-key" }[];
  } & Record<string, unknown>;
  const publicKey = {
    ...given,
    challenge: fromBase64(given.challenge),
    user: { ...given.user, id: fromBase64(given.user.id) },
    excludeCredentials: (given.excludeCredentials ?? []).map((one) => ({ ...one, id: fromBase64(one.id) })),
    extensions: { prf: { eval: { first: input } } },
  } as unknown as PublicKeyCredentialCreationOptions;
  const made = await ask(() => navigator.credentials.create({ publicKey }));
  const response = made.response as AuthenticatorAttestationResponse;
  const credential = {
    ...common(made),
    response: {
      clientDataJSON: encode(response.clientDataJSON),
      attestationObject: encode(response.attestationObject),
      transports: response.getTransports?.() ?? [],
    },
  };
  return { answered: { ticket: ceremony.ticket, credential: JSON.stringify(credential) }, id: made.id, prf: prfOf(made) };
}

/** get asks for a passkey: any of this site, or one of those named. */
export async function get(ceremony: Ceremony, only: readonly string[] = []): Promise<Used> {
  const given = ceremony.public_key as unknown as { challenge: string; rpId: string; timeout?: number };
  const found = await assert(given, only);
  const response = found.response as AuthenticatorAssertionResponse;
  const credential = {
    ...common(found),
    response: {
      clientDataJSON: encode(response.clientDataJSON),
      authenticatorData: encode(response.authenticatorData),
      signature: encode(response.signature),
      userHandle: response.userHandle ? encode(response.userHandle) : undefined,
    },
  };
  return { answered: { ticket: ceremony.ticket, credential: JSON.stringify(credential) }, id: found.id, prf: prfOf(found) };
}

/** open asks one of the named passkeys for its PRF alone. Nobody is told: the challenge is thrown away. */
export async function open<P extends Pick<PasskeyBody, "id">>(passkeys: readonly P[]): Promise<{ passkey: P; prf: Bytes }> {
  const found = await assert({ challenge: toBase64(random(32)), rpId: rpId() }, passkeys.map(({ id }) => id));
  const passkey = passkeys.find(({ id }) => id === found.id);
  const prf = prfOf(found);
  if (!passkey || !prf) throw new PasskeyError("passkey_unsupported");
  return { passkey, prf };
}

/** rpId is what the server uses here: the offices' common parent, or the portal itself. */
export function rpId(host = location.hostname): string {
  const labels = host.split(".");
  return labels[1] === "office" ? labels.slice(1).join(".") : host;
}

/** unlockKey is what a passkey unwraps the member key with. Overwrites the PRF's output. */
export async function unlockKey(prf: Bytes, salt: Bytes): Promise<Bytes> {
  try {
    return await derive(concat(prf, salt), "siegel|passkey-unlock|1");
  } finally {
    prf.fill(0);
  }
}

/** wrapWith wraps a member key for a passkey, from its PRF. */
export async function wrapWith(prf: Bytes, account: string, seed: Bytes): Promise<{ prf_salt: string; wrapped_member_key: string }> {
  const salt = random(32);
  const key = await unlockKey(prf, salt);
  try {
    return { prf_salt: toBase64(salt), wrapped_member_key: await wrapMemberKey(key, bareId("acc", account), seed) };
  } finally {
    key.fill(0);
  }
}

/** seedBy opens the member key with a passkey. The caller overwrites it. */
export async function seedBy(passkey: PasskeyBody, prf: Bytes, account: string): Promise<Bytes> {
  const key = await unlockKey(prf, fromBase64(passkey.prf_salt ?? ""));
  try {
    return await unwrapMemberKey(key, bareId("acc", account), passkey.wrapped_member_key ?? "");
  } finally {
    key.fill(0);
  }
}

async function assert(given: { challenge: string; rpId: string; timeout?: number }, only: readonly string[]): Promise<PublicKeyCredential> {
  const publicKey: PublicKeyCredentialRequestOptions = {
    challenge: fromBase64(given.challenge),
    rpId: given.rpId,
    timeout: given.timeout ?? 120_000,
    userVerification: "required",
    allowCredentials: only.map((id) => ({ type: "public-key", id: fromBase64(id) })),
    extensions: { prf: { eval: { first: input } } },
  };
  return ask(() => navigator.credentials.get({ publicKey }));
}

async function ask(call: () => Promise<Credential | null>): Promise<PublicKeyCredential> {
  if (!supported()) throw new PasskeyError("passkey_unsupported");
  let found: Credential | null;
  try {
    found = await call();
  } catch (cause) {
    const name = cause instanceof DOMException ? cause.name : "";
    throw new PasskeyError(name === "InvalidStateError" ? "passkey_known" : name === "NotSupportedError" || name === "SecurityError" ? "passkey_unsupported" : "passkey_cancelled", cause);
  }
  if (!(found instanceof PublicKeyCredential)) throw new PasskeyError("passkey_cancelled");
  return found;
}

const common = (one: PublicKeyCredential) => ({
  id: one.id,
  rawId: encode(one.rawId),
  type: one.type,
  authenticatorAttachment: one.authenticatorAttachment ?? undefined,
  clientExtensionResults: {},
});

function prfOf(one: PublicKeyCredential): Bytes | null {
  const first = one.getClientExtensionResults().prf?.results?.first;
  if (!first) return null;
  const bytes = first instanceof ArrayBuffer ? new Uint8Array(first) : new Uint8Array(first.buffer as ArrayBuffer, first.byteOffset, first.byteLength);
  return bytes.length === 32 ? (bytes.slice() as Bytes) : null;
}

const encode = (buffer: ArrayBuffer) => toBase64(new Uint8Array(buffer));
