/** What asking for help needs of the server. Every call throws a Problem where it does not succeed. */
import type { Answer, Sent } from "../api/answers.ts";
import { call } from "../api/call.ts";

export type Support = Answer<"getSupport">;
export type Announcement = Support["announcements"][number];
export type Report = Sent<"reportProblem">;

/** getSupport is for offices, whose pages need no session for it. */
export const getSupport = () => call("GET", "/support");
/** Throws too_many_reports, malformed_report. */
export const reportProblem = (body: Report) => call("POST", "/problems", { body });
