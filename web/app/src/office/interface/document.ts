/** The description of the interface (OpenAPI 3.1), as far as it is shown. */
import { send } from "../../api/http.ts";

export interface Schema {
  $ref?: string;
  type?: string | string[];
  format?: string;
  description?: string;
  enum?: unknown[];
  items?: Schema;
  /** What may be null: the value, then null. */
  anyOf?: Schema[];
  properties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
  required?: string[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  default?: unknown;
}

interface Content { content?: Record<string, { schema?: Schema }> }

interface Described extends Content {
  operationId: string;
  summary?: string;
  parameters?: { name: string; in: string; required?: boolean; schema?: Schema; description?: string }[];
  requestBody?: Content;
  responses: Record<string, Content>;
  "x-hosts"?: string[];
  "x-roles"?: string[];
  "x-scopes"?: string[];
  "x-proven"?: boolean;
}

export interface Document {
  paths: Record<string, Partial<Record<"get" | "put" | "post" | "delete", Described>>>;
  components: { schemas: Record<string, Schema> };
}

/** Call is one operation, ready to be shown. */
export interface Call {
  id: string;
  method: string;
  path: string;
  summary: string;
  /** Calls of one group begin with the same word of the path. */
  group: string;
  hosts: string[];
  roles: string[];
  scopes: string[];
  proven: boolean;
  parameters: { name: string; where: string; required: boolean; schema: Schema; description: string }[];
  body: Schema | null;
  status: string;
  answer: Schema | null;
}

export const getDocument = () => send<Document>("/api/v1/openapi.json");

const jsonOf = (of: Content | undefined): Schema | null => of?.content?.["application/json"]?.schema ?? null;

/** callsOf lists the operations by path, then method. */
export function callsOf(document: Document): Call[] {
  const calls: Call[] = [];
  for (const [path, item] of Object.entries(document.paths)) {
    for (const [method, one] of Object.entries(item) as [string, Described][]) {
      if (typeof one.operationId !== "string") continue;
      const status = Object.keys(one.responses).find((code) => code.startsWith("2")) ?? "";
      calls.push({
        id: one.operationId, method: method.toUpperCase(), path, summary: one.summary ?? "", group: path.split("/")[3] ?? "",
        hosts: one["x-hosts"] ?? [], roles: one["x-roles"] ?? [], scopes: one["x-scopes"] ?? [], proven: one["x-proven"] === true,
        parameters: (one.parameters ?? []).map((p) => ({ name: p.name, where: p.in, required: p.required === true, schema: p.schema ?? {}, description: p.description ?? p.schema?.description ?? "" })),
        body: jsonOf(one.requestBody), status, answer: jsonOf(one.responses[status]),
      });
    }
  }
  return calls.sort((a, b) => a.path.localeCompare(b.path) || a.method.localeCompare(b.method));
}

/** search keeps calls that have every word in path, name or summary. */
export function search(calls: readonly Call[], asked: string): Call[] {
  const words = asked.toLowerCase().split(/\s+/).filter(Boolean);
  return calls.filter(({ id, path, summary, scopes }) => {
    const text = `${id} ${path} ${summary} ${scopes.join(" ")}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

const name = (ref: string) => ref.slice(ref.lastIndexOf("/") + 1);

/** resolved follows a reference to the schema of a name. */
export function resolved(document: Document, given: Schema): { name: string; schema: Schema } {
  const schema = given.anyOf?.[0] ?? given;
  const found = schema.$ref ? name(schema.$ref) : "";
  return { name: found, schema: found ? (document.components.schemas[found] ?? {}) : schema };
}

/** fieldsOf are the fields of a schema that has some, else null. */
export function fieldsOf(schema: Schema): { name: string; required: boolean; schema: Schema }[] | null {
  if (!schema.properties) return null;
  return Object.entries(schema.properties).filter(([field]) => field !== "$schema").map(([field, one]) => ({ name: field, required: schema.required?.includes(field) ?? false, schema: one }));
}

/** typeOf says in a word what a value is: its type and format, the words it may be, its bounds. */
export function typeOf(schema: Schema): string {
  const type = Array.isArray(schema.type) ? schema.type.join(" | ") : (schema.type ?? "");
  const bounds = [
    schema.minimum !== undefined || schema.maximum !== undefined ? `${schema.minimum ?? ""}…${schema.maximum ?? ""}` : "",
    schema.maxLength !== undefined ? `≤ ${schema.maxLength}` : "",
    schema.default !== undefined ? `= ${JSON.stringify(schema.default)}` : "",
  ];
  const format = schema.format && !/^(int|double|float)/.test(schema.format) ? schema.format : "";
  return [type, format, schema.enum ? schema.enum.filter((one) => one !== "").join(" | ") : "", ...bounds].filter(Boolean).join(", ");
}

/** exampleOf is a request as a shell would make it. */
export function exampleOf(call: Call, base: string, document: Document): string {
  const query = call.parameters.filter(({ where, required }) => where === "query" && required).map((one) => `${one.name}=…`).join("&");
  const lines = [`curl${call.method === "GET" ? "" : ` -X ${call.method}`} '${base}${call.path}${query ? `?${query}` : ""}'`, `-H 'Authorization: Bearer siegel_…'`];
  if (call.parameters.some(({ name: header }) => header === "Idempotency-Key")) lines.push(`-H 'Idempotency-Key: …'`);
  if (call.body) lines.push(`-H 'Content-Type: application/json'`, `-d '${JSON.stringify(sample(document, call.body, 0)) ?? ""}'`);
  return lines.join(" \\\n  ");
}

function sample(document: Document, given: Schema, depth: number): unknown {
  const { schema } = resolved(document, given);
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  if (schema.enum?.length) return schema.enum.find((one) => one !== "") ?? "";
  if (type === "object") return depth > 3 ? {} : Object.fromEntries((fieldsOf(schema) ?? []).filter(({ required }) => required).map((field) => [field.name, sample(document, field.schema, depth + 1)]));
  if (type === "array") return schema.items && depth < 3 ? [sample(document, schema.items, depth + 1)] : [];
  if (type === "integer" || type === "number") return schema.minimum ?? 0;
  if (type === "boolean") return false;
  return schema.format === "date-time" ? "2026-11-23T08:00:00Z" : schema.format === "date" ? "2026-11-23" : "…";
}
