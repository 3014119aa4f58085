/** What the page about a practice's own domains asks of the server. */
import type { Answer } from "../../api/answers.ts";
import { call } from "../../api/call.ts";
import type { Providers } from "../providers/client.ts";

export type Domain = Answer<"listDomains">["domains"][number];
export type StepName = Domain["steps"][number]["name"];
export type DnsRecord = Domain["records"][number];
/** An account with a hosting provider. */
export type Hosting = Answer<"listDomains">["providers"][number];
export type Plan = Answer<"planDomain">;
export type Change = Plan["changes"][number];

/** client speaks for one tenant, "ten_…". */
export function client(tenant: string) {
  const path = { id: tenant };
  const query = { scope: tenant };
  return {
    list: () => call("GET", "/portal/tenants/{id}/domains", { path }),
    plan: (name: string, provider: string) => call("POST", "/portal/tenants/{id}/domains/plan", { path, body: { name, provider } }),
    start: (name: string, provider: string, replace: boolean) => call("POST", "/portal/tenants/{id}/domains", { path, body: { name, provider, replace } }),
    retry: (host: string, replace: boolean) => call("POST", "/portal/tenants/{id}/domains/{name}/retry", { path: { ...path, name: host }, body: { replace } }),
    remove: (host: string) => call("DELETE", "/portal/tenants/{id}/domains/{name}", { path: { ...path, name: host } }),
    plugins: () => call("GET", "/providers", { query: { ...query, kind: "hosting" } }) as Promise<Pick<Providers, "plugins">>,
    account: (plugin: string, name: string, settings: Record<string, unknown>) =>
      call("POST", "/providers", { query, body: { kind: "hosting", plugin, name, settings, price_micros: 0, currency: "EUR", enabled: true } }),
  };
}

export type Client = ReturnType<typeof client>;
