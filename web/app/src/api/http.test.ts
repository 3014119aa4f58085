import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { newKey, send } from "./http.ts";
import { Problem, reasonOf } from "./problem.ts";

type Answer = (request: IncomingMessage, response: ServerResponse) => void;
const closing: (() => void)[] = [];
afterEach(() => closing.splice(0).forEach((close) => close()));

/** A server that gives one answer after another, and notes the key of each request. */
async function server(...answers: Answer[]): Promise<{ url: string; keys: (string | undefined)[] }> {
  const keys: (string | undefined)[] = [];
  const listening = createServer((request, response) => {
    keys.push(request.headers["idempotency-key"] as string | undefined);
    request.resume().on("end", () => answers[Math.min(keys.length, answers.length) - 1]?.(request, response));
  });
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  closing.push(() => listening.close());
  return { url: `http://127.0.0.1:${(listening.address() as AddressInfo).port}/`, keys };
}

const json = (status: number, body: unknown): Answer => (_, response) => response.writeHead(status, { "Content-Type": "application/json", Connection: "close" }).end(JSON.stringify(body));
const hangUp: Answer = (request) => request.socket.destroy();
const caught = (promise: Promise<unknown>) => promise.then(() => undefined, (thrown: unknown) => thrown);

test("a lost answer is asked for once more, with the same key", async () => {
  const { url, keys } = await server(hangUp, json(201, { hold: "hld_1" }));
  expect(await send(url, { method: "POST", body: {}, key: "k".repeat(16) })).toEqual({ hold: "hld_1" });
  expect(keys).toEqual(["k".repeat(16), "k".repeat(16)]);
});

test("two lost answers are enough", async () => {
  const { url, keys } = await server(hangUp);
  expect(reasonOf(await caught(send(url)))).toBe("unreachable");
  expect(keys).toHaveLength(2);
});

test("what could happen twice is not asked twice", async () => {
  const { url, keys } = await server(hangUp, json(200, {}));
  expect(reasonOf(await caught(send(url, { method: "POST", body: {} })))).toBe("unreachable");
  expect(keys).toHaveLength(1);
});

describe("a server that can answer in a moment", () => {
  const busy = (after: string): Answer => (_, response) =>
    response.writeHead(503, { "Content-Type": "application/problem+json", "Retry-After": after, Connection: "close" }).end(JSON.stringify({ status: 503, reason: "holds_unavailable" }));

  test("is asked once more, with the same key", async () => {
    const { url, keys } = await server(busy("0"), json(200, { status: "booked" }));
    expect(await send(url, { method: "POST", body: {}, key: "k".repeat(16) })).toEqual({ status: "booked" });
    expect(keys).toEqual(["k".repeat(16), "k".repeat(16)]);
  });

  test("and not a third time", async () => {
    const { url, keys } = await server(busy("0"));
    expect(reasonOf(await caught(send(url)))).toBe("holds_unavailable");
    expect(keys).toHaveLength(2);
  });

  test.each(["60", "Sun, 22 Nov 2026 16:00:00 GMT"])("nobody waits for %s", async (after) => {
    const { url, keys } = await server(busy(after), json(200, {}));
    expect(reasonOf(await caught(send(url)))).toBe("holds_unavailable");
    expect(keys).toHaveLength(1);
  });

  test("is not asked again for what could happen twice", async () => {
    const { url, keys } = await server(busy("0"), json(200, {}));
    expect(reasonOf(await caught(send(url, { method: "POST", body: {} })))).toBe("holds_unavailable");
    expect(keys).toHaveLength(1);
  });
});

describe("problems", () => {
  test("carry the server's reason and what comes with it, and are not retried", async () => {
    const { url, keys } = await server(json(409, { status: 409, reason: "slot_taken", alternatives: [1] }));
    const thrown = await caught(send(url));
    expect(thrown).toBeInstanceOf(Problem);
    expect(thrown).toMatchObject({ reason: "slot_taken", status: 409, body: { alternatives: [1] } });
    expect(keys).toHaveLength(1);
  });

  test.each([
    [502, "unreachable"],
    [429, "too_many_requests"],
    [404, "unreadable"],
    [200, "unreadable"],
  ])("a page of a proxy with status %i reads as %s", async (status, reason) => {
    const { url } = await server((_, response) => response.writeHead(status, { Connection: "close" }).end("<html>"));
    expect(reasonOf(await caught(send(url)))).toBe(reason);
  });
});

test("204 is an answer without a body", async () => {
  const { url } = await server((_, response) => response.writeHead(204, { Connection: "close" }).end());
  expect(await send(url, { method: "POST", body: {} })).toBeUndefined();
});

test("keys are fresh and fit the header", () => {
  expect(newKey()).toMatch(/^[0-9a-f]{32}$/);
  expect(newKey()).not.toBe(newKey());
});
