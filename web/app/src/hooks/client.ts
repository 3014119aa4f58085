/** What the page about systems elsewhere asks of the server. Every call throws a Problem where it does not succeed. */
import { send } from "../api/http.ts";
import type { Answer, Sent } from "../api/answers.ts";

const root = "/api/v1";

export type Webhooks = Answer<"listWebhooks">;
export type Webhook = Webhooks["webhooks"][number];
export type Delivery = Answer<"listSent">["sent"][number];
export type Feed = Answer<"listFeeds">["feeds"][number];
type Secret = Answer<"createWebhook">;

export const getWebhooks = () => send<Webhooks>(`${root}/webhooks`);
/** Throws proof_needed, webhook_name, webhook_address, webhook_events, too_many_webhooks; so do the others, as far as they can. */
export const createWebhook = (body: Sent<"createWebhook">) => send<Secret>(`${root}/webhooks`, { method: "POST", body });
export const putWebhook = (id: string, body: Sent<"putWebhook">) => send<Webhook>(`${root}/webhooks/${id}`, { method: "PUT", body, safe: true });
export const removeWebhook = (id: string) => send<void>(`${root}/webhooks/${id}`, { method: "DELETE" });
export const rotateWebhook = (id: string) => send<Secret>(`${root}/webhooks/${id}/secret`, { method: "POST", body: {} });
export const getSent = (id: string) => send<Answer<"listSent">>(`${root}/webhooks/${id}/sent`);
/** Throws webhook_off. */
export const testWebhook = (id: string) => send<Delivery>(`${root}/webhooks/${id}/test`, { method: "POST", body: {} });
export const replaySent = (id: string, delivery: string) => send<Delivery>(`${root}/webhooks/${id}/sent/${delivery}/replay`, { method: "POST", body: {} });

export const getFeeds = () => send<Answer<"listFeeds">>(`${root}/feeds`);
/** Throws proof_needed. */
export const makeFeed = (practitioner: string) => send<Answer<"makeFeed">>(`${root}/feeds/${practitioner}`, { method: "POST", body: {} });
export const revokeFeed = (practitioner: string) => send<void>(`${root}/feeds/${practitioner}`, { method: "DELETE" });
