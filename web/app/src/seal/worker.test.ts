import { expect, test, vi } from "vitest";
import { codeOf } from "./testkit.ts";
import { ask } from "./worker.ts";

// Node has no Web Worker; this has the same four doors.
function workerThat(reply: (question: unknown, worker: Worker) => void): Worker & { terminate: ReturnType<typeof vi.fn> } {
  const worker = {
    onmessage: null, onerror: null, onmessageerror: null,
    terminate: vi.fn(),
    postMessage(question: unknown) {
      queueMicrotask(() => reply(question, worker as unknown as Worker));
    },
  };
  return worker as unknown as Worker & { terminate: ReturnType<typeof vi.fn> };
}

const message = (data: unknown) => ({ data }) as MessageEvent;

test("answers and ends", async () => {
  const worker = workerThat((question, w) => w.onmessage?.(message({ answer: `${question}!` })));
  expect(await ask(worker, "a")).toBe("a!");
  expect(worker.terminate).toHaveBeenCalledOnce();
});

test("throws the code that crossed, and ends", async () => {
  const worker = workerThat((_, w) => w.onmessage?.(message({ code: "kdf_refused" })));
  expect(await codeOf(() => ask(worker, "a"))).toBe("kdf_refused");
  expect(worker.terminate).toHaveBeenCalledOnce();
});

test("a worker that does not start is an error", async () => {
  const worker = workerThat((_, w) => w.onerror?.({} as ErrorEvent));
  expect(await codeOf(() => ask(worker, "a"))).toBe("worker_failed");
});

test("an abort ends the work", async () => {
  const worker = workerThat(() => {});
  const controller = new AbortController();
  const work = codeOf(() => ask(worker, "a", controller.signal));
  controller.abort();
  expect(await work).toBe("aborted");
  expect(worker.terminate).toHaveBeenCalledOnce();
  const late = workerThat((_, w) => w.onmessage?.(message({ answer: 1 })));
  expect(await codeOf(() => ask(late, "a", controller.signal))).toBe("aborted");
});
