/** What the page about data protection asks of the server. */
import { send } from "../../api/http.ts";

const root = "/api/v1/privacy";

export interface Privacy {
  setting: { email: string; traffic: boolean };
  retention: { subject: string; days: number; least: number; most: number }[];
  proofs: { at: string; counts: Record<string, number> }[];
  versions: { number: number; made: string; changed: string[] }[];
  evidence: { id: string; kind: string; title: string; subject: string; auditor: string; until: string; state: string }[];
  missing: { component: string }[];
}
export interface Visit { hour: string; field: string; value: string; visits: number }

export const get = () => send<Privacy>(root);
export const putSetting = (body: Privacy["setting"]) => send<Privacy>(`${root}/setting`, { method: "PUT", body });
/** Throws retention_out_of_bounds. */
export const putRetention = (days: Record<string, number>) => send<Privacy>(`${root}/retention`, { method: "PUT", body: { days } });
export const visits = () => send<{ visits: Visit[] }>(`${root}/traffic`);
