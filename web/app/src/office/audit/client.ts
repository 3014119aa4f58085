/** What the audit trail and the tokens ask of the server. Every call throws a Problem where it does not succeed. */
import { send } from "../../api/http.ts";
import type { Answer, Sent } from "../../api/answers.ts";

const root = "/api/v1";

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
function asked(filter: Filter, more: Record<string, string> = {}): string {
  const fields: Record<string, string> = { ...more };
  if (filter.from) fields.from = new Date(`${filter.from}T00:00:00`).toISOString();
  if (filter.to) {
    const end = new Date(`${filter.to}T00:00:00`);
    end.setDate(end.getDate() + 1);
    fields.to = end.toISOString();
  }
  for (const name of ["act", "kind", "object"] as const) if (filter[name]) fields[name] = filter[name];
  return new URLSearchParams(fields).toString();
}

export const getTrail = (filter: Filter, before = "") => send<Page>(`${root}/audit?${asked(filter, before ? { before } : {})}`);
export const verifyTrail = () => send<Report>(`${root}/audit/verify`);
export const getKept = () => send<Answer<"getAuditSetting">>(`${root}/audit/setting`);
export const putKept = (address: Kept) => send<void>(`${root}/audit/setting`, { method: "PUT", body: { address }, safe: true });
export const getTokens = () => send<Tokens>(`${root}/tokens`);
/** Throws proof_needed, unknown_scope, too_many_tokens. */
export const createToken = (body: Sent<"createToken">) => send<Answer<"createToken">>(`${root}/tokens`, { method: "POST", body });
/** Throws proof_needed. */
export const revokeToken = (id: string) => send<void>(`${root}/tokens/${id}`, { method: "DELETE" });

/** exportTrail fetches the file; that it is one for saving says the caller. Throws proof_needed. */
export async function exportTrail(filter: Filter, format: "csv" | "json"): Promise<Blob> {
  const path = `${root}/audit/export?${asked(filter, { format })}`;
  const response = await fetch(path, { credentials: "same-origin", redirect: "error" });
  if (response.ok) return await response.blob();
  return await send<never>(path); // says the reason
}
