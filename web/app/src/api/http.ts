import { noteFailed } from "./failed.ts";
import { Problem, type ProblemBody } from "./problem.ts";

export interface Request {
  method?: "GET" | "POST" | "PUT" | "DELETE";
  body?: unknown;
  /** Sent as Idempotency-Key. The same intent keeps its key, however often it is sent. */
  key?: string;
  /** Changes nothing however often it is sent, though it is no GET. */
  safe?: boolean;
  /** The request outlives the page, for a last word on leaving it. */
  keepalive?: boolean;
  signal?: AbortSignal | undefined;
  /** Asks the server anew, past every cache on the way. */
  fresh?: boolean;
}

/** newKey is a fresh Idempotency-Key: 128 random bits in 32 hex digits. */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** How many seconds somebody who waits for a page is kept waiting. */
const moment = 3;

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/**
 * send asks the server and returns the answer's JSON (undefined for an empty one). It
 * throws a [Problem] for every other outcome. When no answer came at all, or the
 * server says that it can answer in a moment, it asks once more, with the same
 * key, unless the request could have done something twice: that is one that
 * writes and has no key.
 */
export async function send<T>(path: string, request: Request = {}): Promise<T> {
  const { method = "GET", body, key, safe = false, keepalive = false, signal, fresh = false } = request;
  const headers: Record<string, string> = {};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (key) headers["Idempotency-Key"] = key;
  const init: RequestInit = { method, headers, credentials: "same-origin", redirect: "error", keepalive };
  if (body !== undefined) init.body = JSON.stringify(body);
  if (signal) init.signal = signal;
  if (fresh) init.cache = "reload";

  const repeatable = method === "GET" || safe || key !== undefined;
  for (let attempt = 1; ; attempt++) {
    let answer: Response | undefined;
    try {
      answer = await fetch(path, init);
      return await read<T>(answer);
    } catch (thrown) {
      if (signal?.aborted) throw thrown;
      const again = repeatable && attempt === 1;
      if (thrown instanceof Problem) {
        const after = Number(answer?.headers.get("Retry-After") ?? Number.NaN); // seconds; of a date, nothing
        if (!again || thrown.status !== 503 || !(after <= moment)) throw thrown;
        await pause(after * 1000);
      } else {
        if (!again) throw new Problem({ status: 0, reason: "unreachable" });
        await pause(400);
      }
    }
  }
}

async function read<T>(response: Response): Promise<T> {
  heedClock(response.headers.get("Date"));
  if (response.status === 204) return undefined as T;
  const text = await response.text(); // a broken connection throws here, and counts as no answer
  if (response.ok && text === "") return undefined as T;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Problem({ status: response.status, reason: response.ok ? "unreadable" : reasonFor(response.status) });
  }
  if (response.ok) return json as T;
  const given = json as Partial<ProblemBody>;
  noteFailed(given.request_id);
  throw new Problem({ ...given, status: response.status, reason: typeof given.reason === "string" ? given.reason : reasonFor(response.status) });
}

let ahead = 0; // milliseconds that the server's clock is ahead of this device's

/** A phone's clock may be minutes off, and a hold lives for ten. The Date header has whole seconds, so small differences are noise. */
function heedClock(header: string | null): void {
  const said = header ? Date.parse(header) : Number.NaN;
  if (Number.isNaN(said)) return;
  const difference = said - Date.now();
  ahead = Math.abs(difference) > 3000 ? difference : 0;
}

/** serverNow is the server's time in milliseconds, as far as its answers told. */
export const serverNow = (): number => Date.now() + ahead;

/** A proxy in between answers without our reason; its status still says what to do. */
const reasonFor = (status: number) => (status === 429 ? "too_many_requests" : status >= 502 && status <= 504 ? "unreachable" : "unreadable");
