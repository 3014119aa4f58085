/** What the help asks of the server. Every call throws a Problem where it does not succeed. */
import { send } from "../../api/http.ts";
import type { Answer, Sent } from "../../api/answers.ts";

export type Support = Answer<"getSupport">;
export type Announcement = Support["announcements"][number];
export type Report = Sent<"reportProblem">;

export const getSupport = () => send<Support>("/api/v1/support");
/** Throws too_many_reports, malformed_report. */
export const reportProblem = (body: Report) => send<void>("/api/v1/problems", { method: "POST", body });
