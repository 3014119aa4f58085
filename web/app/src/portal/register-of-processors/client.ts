/** What the operator's registers ask of the server. Each change answers with how they stand now. */
import type { Answer } from "../../api/answers.ts";
import { call } from "../../api/call.ts";

export type Profile = Registers["profile"];
export type Processor = Registers["processors"][number];
export type Known = Registers["known"][number];
export type Need = Registers["missing"][number];
export type Evidence = Registers["evidence"][number];
export type Disclosure = Registers["disclosures"][number];
export type Breach = Registers["breaches"][number];
export type Registers = Answer<"getRegisters">;
export type Affected = Answer<"getAffected">["affected"][number];

export const get = () => call("GET", "/portal/privacy");
export const putProfile = (body: Profile) => call("PUT", "/portal/privacy/profile", { body });
interface Rows {
  processors: Processor;
  evidence: Evidence;
  disclosures: Disclosure;
}
/** save adds a row, or changes the one that has an id. */
export const save = <R extends keyof Rows>(register: R, { id, ...row }: Rows[R]) => {
  const body = row as Omit<Rows["processors"] & Rows["evidence"] & Rows["disclosures"], "id">; // each register takes rows of its own
  return id ? call("PUT", `/portal/privacy/${register as keyof Rows}/{id}`, { path: { id }, body }) : call("POST", `/portal/privacy/${register as keyof Rows}`, { body });
};
export const remove = (register: "processors" | "evidence", id: string) => call("DELETE", `/portal/privacy/${register}/{id}`, { path: { id } });
export const begin = (body: Breach) => call("POST", "/portal/privacy/breaches", { body });
export const step = (id: string, to: "reported" | "closed") => call("PUT", "/portal/privacy/breaches/{id}", { path: { id }, body: { step: to } });
export const affected = (id: string) => call("GET", "/portal/privacy/breaches/{id}/affected", { path: { id } });
export const visits = () => call("GET", "/portal/privacy/traffic");
