/** What the page about providers asks of the server. */
import type { Answer, Sent, Shape } from "../../api/answers.ts";
import { call } from "../../api/call.ts";

export type Providers = Omit<Answer<"listMessageProviders">, "plugins"> & { plugins: Plugin[] };
export type Provider = Providers["providers"][number];
export type Processor = Provider["processor"];
export type Swap = Answer<"previewMessageSwap">;
export type Count = Answer<"countDeliveries">["counts"][number];
export type Draft = Sent<"putMessageProvider">;
export type Tested = Answer<"testMessageProvider">;
/** A practice that does not want a provider. */
export type Objection = Answer<"listProviderObjections">["objections"][number];

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

/** A plugin whose settings are described by a JSON Schema of its own. */
export type Plugin = Omit<Shape<"PluginBody">, "schema"> & { schema?: { properties?: Record<string, Setting>; required?: string[] } };

/** client speaks for one scope, "platform", "rsl_…" or "ten_…" (empty is the caller's own), and for those who carry messages or serve hosts. */
export function client(scope: string, kind: "sms" | "hosting" = "sms") {
  const query = scope ? { scope } : {};
  return {
    list: () => call("GET", "/providers", { query: { ...query, kind } }) as Promise<Providers>,
    counts: (days: number) => call("GET", "/deliveries", { query: { ...query, days } }),
    add: (plugin: string, draft: Draft) => call("POST", "/providers", { query, body: { kind, plugin, ...draft } }),
    put: (id: string, draft: Draft) => call("PUT", "/providers/{id}", { path: { id }, query, body: draft }),
    remove: (id: string) => call("DELETE", "/providers/{id}", { path: { id }, query }),
    order: (order: string[]) => call("PUT", "/provider-order", { query, body: { kind, order } }),
    preview: (id: string) => call("GET", "/providers/{id}/swap", { path: { id }, query }),
    swap: (id: string) => call("POST", "/providers/{id}/swap", { path: { id }, query }) as Promise<Providers>,
    test: (id: string, to: string, text: string, dry: boolean) => call("POST", "/providers/{id}/test", { path: { id }, query, body: { to, text, dry } }),
    delivery: (message: string) => call("GET", "/deliveries/{message}", { path: { message } }),
    objections: async (id: string) => (await call("GET", "/providers/{id}/objections", { path: { id }, query })).objections,
    emergency: (id: string, reason: string) => call("POST", "/providers/{id}/emergency", { path: { id }, query, body: { reason } }) as Promise<Providers>,
  };
}

export type Client = ReturnType<typeof client>;
