/** What the page about providers asks of the server. */
import { send } from "../../api/http.ts";

const root = "/api/v1";

export interface Processor {
  company: string;
  address: string;
  country: string;
  eea: boolean;
}

export interface Provider {
  id: string;
  kind: string;
  plugin: string;
  version: string;
  name: string;
  position: number;
  enabled: boolean;
  bootstrap: boolean;
  settings: Record<string, unknown>;
  secrets: string[];
  price_micros: number;
  currency: string;
  processor: Processor;
  approval: {
    state: "approved" | "announced" | "asked";
    notice_ends?: string;
    effective?: string;
    emergency?: string;
    objections: number;
    agreements: number;
  };
  health: {
    state: "running" | "pausing" | "idle";
    since?: string;
    resumes?: string;
    restarts: number;
    in_flight: number;
    failure?: string;
    failed?: string;
    leaving: number;
  };
  balance: { micros: number | null; currency: string; low_micros: number; low: boolean; failure?: string; asked: string } | null;
  sends: boolean;
}

/** The part of JSON Schema that settings use. */
export interface Setting {
  type?: string;
  title?: string;
  description?: string;
  enum?: string[];
  default?: unknown;
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  format?: string;
  writeOnly?: boolean;
}

export interface Plugin {
  name: string;
  version?: string;
  processor?: Processor;
  schema?: { properties?: Record<string, Setting>; required?: string[] };
  capabilities?: string[];
  problem?: string;
}

export interface Providers {
  scope: string;
  tenants: number;
  providers: Provider[];
  plugins: Plugin[];
  inherited: string[];
  waiting: number;
  oldest_seconds: number;
  notice_days: number;
}

export interface Swap {
  from: string;
  to: string;
  tenants: number;
  stay: number;
  in_flight: number;
  waiting: number;
  reason?: string;
}

export interface Count {
  day: string;
  provider?: string;
  plugin: string;
  state: "queued" | "submitted" | "delivered" | "failed" | "expired";
  messages: number;
  parts: number;
  cost_micros: number;
  currency: string;
}

export interface Draft {
  name: string;
  settings: Record<string, unknown>;
  price_micros: number;
  currency: string;
  enabled: boolean;
  low_micros?: number;
}

export interface Tested {
  message?: string;
  parts: number;
  cost_micros: number;
  currency: string;
  checked: boolean;
}

/** A practice that does not want a provider. */
export interface Objection {
  tenant: string;
  slug: string;
  by: string;
  at: string;
  reason?: string;
}

/** client speaks for one scope, "platform", "rsl_…" or "ten_…" (empty is the caller's own), and for those who carry messages or serve hosts. */
export function client(scope: string, kind: "sms" | "hosting" = "sms") {
  const of = (path: string, more: Record<string, string> = {}) => {
    const query = new URLSearchParams({ ...(scope ? { scope } : {}), ...more }).toString();
    return `${root}/${path}${query ? `?${query}` : ""}`;
  };
  return {
    list: () => send<Providers>(of("providers", { kind })),
    counts: (days: number) => send<{ from: string; until: string; counts: Count[] }>(of("deliveries", { days: String(days) })),
    add: (plugin: string, draft: Draft) => send<Provider>(of("providers"), { method: "POST", body: { kind, plugin, ...draft } }),
    put: (id: string, draft: Draft) => send<Provider>(of(`providers/${id}`), { method: "PUT", body: draft }),
    remove: (id: string) => send<void>(of(`providers/${id}`), { method: "DELETE" }),
    order: (order: string[]) => send<void>(of("provider-order"), { method: "PUT", body: { kind, order } }),
    preview: (id: string) => send<Swap>(of(`providers/${id}/swap`)),
    swap: (id: string) => send<Providers>(of(`providers/${id}/swap`), { method: "POST", body: {} }),
    test: (id: string, to: string, text: string, dry: boolean) =>
      send<Tested>(of(`providers/${id}/test`), { method: "POST", body: { to, text, dry } }),
    delivery: (message: string) => send<{ state: Count["state"]; reported: boolean; code?: string }>(`${root}/deliveries/${message}`),
    objections: async (id: string) => (await send<{ objections: Objection[] }>(of(`providers/${id}/objections`))).objections,
    emergency: (id: string, reason: string) => send<Providers>(of(`providers/${id}/emergency`), { method: "POST", body: { reason } }),
  };
}

export type Client = ReturnType<typeof client>;
