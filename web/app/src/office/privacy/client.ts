/** What the page about data protection asks of the server. */
import type { Answer } from "../../api/answers.ts";
import { call } from "../../api/call.ts";

export type Privacy = Answer<"getPrivacy">;

export const get = () => call("GET", "/privacy");
export const putSetting = (body: Privacy["setting"]) => call("PUT", "/privacy/setting", { body });
/** Throws retention_out_of_bounds. */
export const putRetention = (days: Record<string, number>) => call("PUT", "/privacy/retention", { body: { days } });
export const visits = () => call("GET", "/privacy/traffic");
