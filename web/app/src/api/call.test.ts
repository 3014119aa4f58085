import { readdirSync, readFileSync } from "node:fs";
import { afterEach, describe, expect, test, vi } from "vitest";
import { addressOf, call } from "./call.ts";

afterEach(() => vi.unstubAllGlobals());

/** asked is what the server would be sent. */
async function asked(act: () => Promise<unknown>): Promise<[string, RequestInit]> {
  const fetched = vi.fn((_: string, __: RequestInit) => Promise.resolve(new Response(null, { status: 204 })));
  vi.stubGlobal("fetch", fetched);
  await act();
  const found = fetched.mock.calls[0];
  if (!found) throw new Error("nothing was asked");
  return found;
}

describe("a call", () => {
  test("fills in the path and asks for what is given", async () => {
    const [address, { method, body }] = await asked(() => call("DELETE", "/rules/closures/{id}", { path: { id: "cls_a/b?c" }, query: { version: 3, outside: "ask" } }));
    expect([address, method, body]).toEqual(["/api/v1/rules/closures/cls_a%2Fb%3Fc?version=3&outside=ask", "DELETE", undefined]);
  });

  test("leaves out what is undefined", () => {
    expect(addressOf("/slots", { query: { from: "2026-11-23", to: "2026-11-24", seed: undefined } })).toBe("/api/v1/slots?from=2026-11-23&to=2026-11-24");
  });

  test("that changes something sends JSON, if only an empty object", async () => {
    expect((await asked(() => call("POST", "/session/seen")))[1]).toMatchObject({ method: "POST", body: "{}", headers: { "Content-Type": "application/json" } });
    expect((await asked(() => call("PUT", "/desk/settings", { body: { lock_minutes: 5 } })))[1].body).toBe('{"lock_minutes":5}');
  });

  // What is below does not run: svelte-check proves that each line is an error.
  test("that the interface does not have does not compile", () => {
    const wrong = () => {
      // @ts-expect-error no such path
      void call("GET", "/practices");
      // @ts-expect-error no such method there
      void call("DELETE", "/practice");
      // @ts-expect-error the path has a parameter
      void call("GET", "/portal/tenants/{id}");
      // @ts-expect-error a parameter of another name
      void call("GET", "/portal/tenants/{id}", { path: { tenant: "" } });
      // @ts-expect-error the query has to say until when
      void call("GET", "/slots", { query: { from: "" } });
      // @ts-expect-error a field that it does not have
      void call("PUT", "/desk/settings", { body: { lock_minutes: 5, lock_hours: 1 } });
      // @ts-expect-error a field of another type
      void call("PUT", "/desk/settings", { body: { lock_minutes: "5" } });
      // @ts-expect-error a word that is none of it
      void call("PUT", "/connectors/mode", { body: { mode: "both" } });
      // @ts-expect-error an answer without such a field
      void call("GET", "/practice").then(({ title }) => title);
      // @ts-expect-error it may be null
      void call("GET", "/probe").then(({ envelope }) => envelope.ct);
    };
    expect(wrong).toBeTypeOf("function");
  });
});

test("only call asks by a path: every other file goes through it", () => {
  const root = new URL("../", import.meta.url);
  // The document's own page, streams, and a picture are no operations.
  const free = new Set(["api/http.ts", "api/call.ts", "office/interface/document.ts"]);
  const asking = (readdirSync(root, { recursive: true }) as string[])
    .filter((name) => /\.(ts|svelte)$/.test(name) && !name.endsWith(".test.ts") && !free.has(name))
    .filter((name) => /import \{[^}]*\bsend\b[^}]*\} from "[./]*api\/http\.ts"/.test(readFileSync(new URL(name, root), "utf8")));
  expect(asking).toEqual([]);
});
