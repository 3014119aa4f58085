/** What the operator's registers ask of the server. Each change answers with how they stand now. */
import { send } from "../../api/http.ts";

const root = "/api/v1/portal/privacy";

export interface Profile { land: string; responsible: string; register: string; vat_id: string; protection_officer: string; privacy_email: string; traffic: boolean }
export interface Processor {
  id?: string; component: string; own: boolean; plugin?: string; seller?: string; company: string; address: string; country: string; purpose: string; contract?: string; secrecy?: string;
}
export interface Known { company: string; address: string; country: string; components: string[]; plugin: string }
export interface Need { component: string; name?: string; outside?: boolean }
export interface Evidence { id?: string; kind: string; title: string; subject: string; auditor: string; country: string; issued: string; until: string; state?: string }
export interface Disclosure { id?: string; received: string; authority: string; legal_basis: string; concerns?: string; decision: string; given: string; forbidden: string; told?: string }
export interface Breach { id?: string; drill: boolean; what: string; begins: string; ends: string; noticed?: string; due?: string; reported?: string; closed?: string }
export interface Registers {
  profile: Profile; lands: string[]; processors: Processor[]; known: Known[]; missing: Need[]; evidence: Evidence[]; disclosures: Disclosure[]; breaches: Breach[];
}
export interface Affected { tenant: string; slug: string; bookings: string[] }

export const get = () => send<Registers>(root);
export const putProfile = (body: Profile) => send<Registers>(`${root}/profile`, { method: "PUT", body });
type Row = { id?: string };
/** save adds a row, or changes the one that has an id. */
export const save = <T extends Row>(register: "processors" | "evidence" | "disclosures", { id, ...body }: T) =>
  send<Registers>(`${root}/${register}${id ? `/${id}` : ""}`, { method: id ? "PUT" : "POST", body });
export const remove = (register: "processors" | "evidence", id: string) => send<Registers>(`${root}/${register}/${id}`, { method: "DELETE" });
export const begin = (body: Breach) => send<Registers>(`${root}/breaches`, { method: "POST", body });
export const step = (id: string, to: "reported" | "closed") => send<Registers>(`${root}/breaches/${id}`, { method: "PUT", body: { step: to } });
export const affected = (id: string) => send<{ affected: Affected[] }>(`${root}/breaches/${id}/affected`);
