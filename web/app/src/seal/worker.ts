// One question to one worker, which ends with its answer.

import { SealError, type SealErrorCode } from "./error.ts";

type Answer<A> = { readonly answer: A } | { readonly code: SealErrorCode };

/** Throws what the worker threw, `worker_failed` where it did not even start, or `aborted`. */
export function ask<Q, A>(worker: Worker, question: Q, signal?: AbortSignal): Promise<A> {
  return new Promise<A>((resolve, reject) => {
    const end = (): void => {
      worker.terminate();
      signal?.removeEventListener("abort", abort);
    };
    const fail = (code: SealErrorCode): void => {
      end();
      reject(new SealError(code));
    };
    const abort = (): void => fail("aborted");
    worker.onerror = () => fail("worker_failed");
    worker.onmessageerror = () => fail("worker_failed");
    worker.onmessage = (event: MessageEvent<Answer<A>>) => {
      if ("code" in event.data) return fail(event.data.code);
      end();
      resolve(event.data.answer);
    };
    if (signal?.aborted) return abort();
    signal?.addEventListener("abort", abort);
    worker.postMessage(question);
  });
}

/** The worker's side: an error crosses as its code alone. */
export function answer<Q, A>(work: (question: Q) => A | Promise<A>): void {
  addEventListener("message", async (event: MessageEvent<Q>) => {
    let reply: Answer<A>;
    try {
      reply = { answer: await work(event.data) };
    } catch (error) {
      reply = { code: error instanceof SealError ? error.code : "worker_failed" };
    }
    postMessage(reply);
  });
}
