/** What asking for help needs of the server. Every call throws a Problem where it does not succeed. */
import type { Answer, Sent } from "../api/answers.ts";
import { send } from "../api/http.ts";

export type Support = Answer<"getSupport">;
export type Announcement = Support["announcements"][number];
export type Report = Sent<"reportProblem">;

/** getSupport is for offices, whose pages need no session for it. */
export const getSupport = () => send<Support>("/api/v1/support");
/** Throws too_many_reports, malformed_report. */
export const reportProblem = (body: Report) => send<void>("/api/v1/problems", { method: "POST", body });
