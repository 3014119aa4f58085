// The slow work of this folder, each in a worker of its own.

import argon2Worker from "./argon2.worker.ts?worker&url";
import type { Question as SplitQuestion } from "./argon2.worker.ts";
import type { Bytes } from "./bytes.ts";
import type { Secrets } from "./password.ts";
import powWorker from "./pow.worker.ts?worker&url";
import type { Question as SolveQuestion } from "./pow.worker.ts";
import { ask } from "./worker.ts";

/** `splitPassword`, in a worker. */
export function splitPasswordInWorker(password: string, kdf: string, salt: Bytes): Promise<Secrets> {
  return ask<SplitQuestion, Secrets>(start(argon2Worker), { password, kdf, salt });
}

/** `solve`, in a worker, which an abort ends. */
export function solveInWorker(challenge: string, salt: string, max: number, signal?: AbortSignal): Promise<number> {
  return ask<SolveQuestion, number>(start(powWorker), { challenge, salt, max }, signal);
}

/** What this needs of Trusted Types, which not every browser has. */
interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): string };
}

// Under `require-trusted-types-for 'script'` a worker's address has to come
// from a policy; the page's header names this one. It lets two addresses pass.
const policy = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes?.createPolicy("siegel-worker", {
  createScriptURL(url) {
    if (url !== argon2Worker && url !== powWorker) throw new TypeError("not a worker of ours");
    return url;
  },
});

function start(url: string): Worker {
  return new Worker(policy?.createScriptURL(url) ?? url, { type: "module" });
}
