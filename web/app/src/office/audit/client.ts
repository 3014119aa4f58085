/** What the audit trail and the tokens ask of the server. Every call throws a Problem where it does not succeed. */
import type { Answer, Query, Sent } from "../../api/answers.ts";
import { addressOf, call } from "../../api/call.ts";
import { fetchFile } from "../../api/file.ts";

export type Page = Answer<"listAudit">;
export type Entry = Page["entries"][number];
export type Report = Answer<"verifyAudit">;
export type Tokens = Answer<"listTokens">;
export type Token = Tokens["tokens"][number];
export type Kept = Answer<"getAuditSetting">["address"];

export interface Filter {
  from: string;
  to: string;
  act: string;
  kind: string;
  object: string;
}

/** Only what is filled in is asked for. Days are those of this device. */
function asked(filter: Filter): Omit<Query<"listAudit">, "before" | "limit"> {
  const fields: Record<string, string> = {};
  if (filter.from) fields.from = new Date(`${filter.from}T00:00:00`).toISOString();
  if (filter.to) {
    const end = new Date(`${filter.to}T00:00:00`);
    end.setDate(end.getDate() + 1);
    fields.to = end.toISOString();
  }
  for (const name of ["act", "kind", "object"] as const) if (filter[name]) fields[name] = filter[name];
  return fields;
}

export const getTrail = (filter: Filter, before = "") => call("GET", "/audit", { query: { ...asked(filter), ...(before ? { before } : {}) } });
export const verifyTrail = () => call("GET", "/audit/verify");
export const getKept = () => call("GET", "/audit/setting");
export const putKept = (address: Kept) => call("PUT", "/audit/setting", { body: { address }, safe: true });
export const getTokens = () => call("GET", "/tokens");
/** Throws proof_needed, unknown_scope, too_many_tokens. */
export const createToken = (body: Sent<"createToken">) => call("POST", "/tokens", { body });
/** Throws proof_needed. */
export const revokeToken = (id: string) => call("DELETE", "/tokens/{id}", { path: { id } });

/** exportTrail fetches the file; that it is one for saving says the caller. Throws proof_needed. */
export const exportTrail = (filter: Filter, format: "csv" | "json"): Promise<Blob> => fetchFile(addressOf("/audit/export", { query: { ...asked(filter), format } }));
