import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { callsOf, exampleOf, fieldsOf, resolved, search, typeOf, type Document } from "./document.ts";

const document = JSON.parse(readFileSync(new URL("../../../../api/openapi.json", import.meta.url), "utf8")) as Document;
const calls = callsOf(document);
const call = (id: string) => {
  const found = calls.find((one) => one.id === id);
  if (!found) throw new Error(`no call ${id}`);
  return found;
};

describe("the interface's description", () => {
  test("has every operation once, with who may", () => {
    const count = Object.values(document.paths).reduce((sum, item) => sum + Object.keys(item).length, 0);
    expect(calls.length).toBe(count);
    expect(new Set(calls.map(({ id }) => id)).size).toBe(count);
    expect(call("listAudit")).toMatchObject({ method: "GET", path: "/api/v1/audit", group: "audit", scopes: ["audit.read"], roles: ["owner"], status: "200" });
    expect(call("createToken").proven).toBe(true);
  });

  test("finds calls by path, name and what they do", () => {
    expect(search(calls, "AUDIT verify").map(({ id }) => id)).toContain("verifyAudit");
    expect(search(calls, "audit gibtesnicht")).toEqual([]);
    expect(search(calls, " ")).toHaveLength(calls.length);
  });

  test("follows every reference to fields or a type", () => {
    for (const { id, body, answer } of calls) {
      for (const schema of [body, answer]) {
        if (schema === null) continue;
        const { schema: found } = resolved(document, schema);
        expect(fieldsOf(found) ?? typeOf(found), id).not.toEqual("");
      }
    }
  });

  test("writes requests whose bodies have all that is required", () => {
    const example = exampleOf(call("putClosure"), "https://praxis.office.example.org", document);
    expect(example).toContain("curl -X PUT 'https://praxis.office.example.org/api/v1/");
    expect(example).toContain("Authorization: Bearer siegel_…");
    const body = JSON.parse(/-d '(.*)'$/s.exec(example)?.[1] ?? "") as Record<string, unknown>;
    const { schema } = resolved(document, call("putClosure").body ?? {});
    expect(Object.keys(body).sort()).toEqual([...(schema.required ?? [])].filter((name) => name !== "$schema").sort());
  });
});
