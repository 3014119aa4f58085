/** What an owner asks the server about those who carry the practice's messages. */
import type { Answer, Sent } from "../../api/answers.ts";
import { call } from "../../api/call.ts";

export type Carrier = Answer<"listCarriers">["carriers"][number];
export type Stance = Sent<"putCarrierStance">["stance"];

export const list = async (): Promise<Carrier[]> => (await call("GET", "/carriers")).carriers;

/** say records what the practice says of a provider; the server wants a fresh proof for it. */
export const say = async (plugin: string, stance: Stance, reason = ""): Promise<Carrier[]> =>
  (await call("PUT", "/carriers/{plugin}/stance", { path: { plugin }, body: { stance, ...(reason ? { reason } : {}) } })).carriers;

/** mayObject: its notice still runs. */
export const mayObject = (one: Carrier, now = Date.now()): boolean => Date.parse(one.notice_ends) > now;

/** isNews: something that the practice may still object to, and has not answered. */
export const isNews = (one: Carrier, now = Date.now()): boolean => one.stance === "" && mayObject(one, now);
