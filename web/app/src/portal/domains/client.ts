/** What the page about a practice's own domains asks of the server. */
import { send } from "../../api/http.ts";
import type { Plugin } from "../providers/client.ts";

export type StepName = "ownership" | "records" | "propagation" | "certificate" | "request";

export interface DnsRecord {
  type: string;
  name: string;
  value: string;
  present: boolean;
}

export interface Domain {
  host: string;
  provider: string;
  state: "working" | "stopped" | "up" | "removing";
  steps: { name: StepName; state: "ahead" | "current" | "done" }[];
  problem?: string;
  stopped: boolean;
  records: DnsRecord[];
  started: string;
  since: string;
  next: string;
}

/** An account with a hosting provider. */
export interface Hosting {
  id: string;
  name: string;
  plugin: string;
  manual: boolean;
  proxy: boolean;
  proves: boolean;
}

export interface Change {
  action: "set_record" | "remove_record" | "ask_for_record" | "create_proxy" | "request_certificate";
  record?: DnsRecord;
}

export interface Plan {
  host: string;
  changes: Change[];
  manual: boolean;
  proxy: boolean;
  proves: boolean;
  replace: boolean;
}

/** client speaks for one tenant, "ten_…". */
export function client(tenant: string) {
  const root = `/api/v1/portal/tenants/${tenant}/domains`;
  const one = (host: string) => `${root}/${encodeURIComponent(host)}`;
  const scope = new URLSearchParams({ scope: tenant, kind: "hosting" }).toString();
  return {
    list: () => send<{ domains: Domain[]; providers: Hosting[] }>(root),
    plan: (name: string, provider: string) => send<Plan>(`${root}/plan`, { method: "POST", body: { name, provider } }),
    start: (name: string, provider: string, replace: boolean) => send<Domain>(root, { method: "POST", body: { name, provider, replace } }),
    retry: (host: string, replace: boolean) => send<Domain>(`${one(host)}/retry`, { method: "POST", body: { replace } }),
    remove: (host: string) => send<Domain>(one(host), { method: "DELETE" }),
    plugins: () => send<{ plugins: Plugin[] }>(`/api/v1/providers?${scope}`),
    account: (plugin: string, name: string, settings: Record<string, unknown>) =>
      send<{ id: string }>(`/api/v1/providers?${scope}`, {
        method: "POST",
        body: { kind: "hosting", plugin, name, settings, price_micros: 0, currency: "EUR", enabled: true },
      }),
  };
}

export type Client = ReturnType<typeof client>;
