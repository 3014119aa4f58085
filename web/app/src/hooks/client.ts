/** What the page about systems elsewhere asks of the server. Every call throws a Problem where it does not succeed. */
import { call } from "../api/call.ts";
import type { Answer, Sent } from "../api/answers.ts";

export type Webhooks = Answer<"listWebhooks">;
export type Webhook = Webhooks["webhooks"][number];
export type Delivery = Answer<"listSent">["sent"][number];
export type Feed = Answer<"listFeeds">["feeds"][number];

export const getWebhooks = () => call("GET", "/webhooks");
/** Throws proof_needed, webhook_name, webhook_address, webhook_events, too_many_webhooks; so do the others, as far as they can. */
export const createWebhook = (body: Sent<"createWebhook">) => call("POST", "/webhooks", { body });
export const putWebhook = (id: string, body: Sent<"putWebhook">) => call("PUT", "/webhooks/{id}", { path: { id }, body, safe: true });
export const removeWebhook = (id: string) => call("DELETE", "/webhooks/{id}", { path: { id } });
export const rotateWebhook = (id: string) => call("POST", "/webhooks/{id}/secret", { path: { id } });
export const getSent = (id: string) => call("GET", "/webhooks/{id}/sent", { path: { id } });
/** Throws webhook_off. */
export const testWebhook = (id: string) => call("POST", "/webhooks/{id}/test", { path: { id } });
export const replaySent = (id: string, delivery: string) => call("POST", "/webhooks/{id}/sent/{sent}/replay", { path: { id, sent: delivery } });

export const getFeeds = () => call("GET", "/feeds");
/** Throws proof_needed. */
export const makeFeed = (practitioner: string) => call("POST", "/feeds/{practitioner}", { path: { practitioner } });
export const revokeFeed = (practitioner: string) => call("DELETE", "/feeds/{practitioner}", { path: { practitioner } });
