// What somebody asks of their data, sealed to the practice. Loads late.

import type { SignedDirectory } from "../api/types.ts";
import { utf8 } from "../seal/bytes.ts";
import { checkDirectory, openDirectory } from "../seal/directory.ts";
import { type Envelope, sealEnvelope } from "../seal/envelope.ts";

/** sealAsked binds the envelope to the request's own id. Throws a SealError (directory_…) before anything is sealed. */
export async function sealAsked(signed: SignedDirectory, tenant: string, request: string, asked: { words: string; changes: Record<string, string> }, now: Date): Promise<Envelope> {
  const target = checkDirectory(await openDirectory(signed), { tenant, now });
  return sealEnvelope(target, crypto.randomUUID(), request, utf8(JSON.stringify({ v: 1, ...asked })));
}
