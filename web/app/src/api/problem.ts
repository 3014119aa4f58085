/** What a server says went wrong (RFC 9457), or what kept it from being asked. */
export interface ProblemBody {
  title?: string;
  status: number;
  /** Stable, for programs: "slot_taken". "unreachable" when no answer came, "unreadable" when the answer was none of ours. */
  reason: string;
  request_id?: string;
  errors?: unknown[];
  [extension: string]: unknown;
}

/** Problem is thrown by every call that did not succeed. `body` carries the answer's own fields, such as `alternatives`. */
export class Problem extends Error {
  readonly reason: string;
  readonly status: number;
  readonly body: ProblemBody;

  constructor(body: ProblemBody) {
    super(`${body.status} ${body.reason}`);
    this.name = "Problem";
    this.reason = body.reason;
    this.status = body.status;
    this.body = body;
  }
}

/** reasonOf is the stable reason of anything thrown; "unexpected" for what is no [Problem]. */
export const reasonOf = (thrown: unknown): string => (thrown instanceof Problem ? thrown.reason : "unexpected");
