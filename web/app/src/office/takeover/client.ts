/** What taking over asks of the server. Every call throws a Problem where it does not succeed. */
import type { Answer, Sent } from "../../api/answers.ts";
import { call } from "../../api/call.ts";

export type Underway = Answer<"getTakeover">;

export type Row = Sent<"takeOver">["rows"][number];

export type Outcome = Answer<"takeOver">["rows"][number];

export const getTakeover = () => call("GET", "/takeover");
/** Throws takeover_changed. */
export const putTakeover = (body: { version: number; epoch: number; ciphertext: string }) => call("PUT", "/takeover", { body });
/** Throws no_takeover. The sources make repeating harmless. */
export const takeOver = (run: string, rows: readonly Row[], tries: boolean) =>
  call("POST", "/takeover/rows", { body: { run, rows, ...(tries ? { try: true } : {}) }, safe: true });
export const undoTakeover = (run: string) => call("POST", "/takeover/undo", { body: { run }, safe: true });
export const endTakeover = () => call("DELETE", "/takeover");
