/** What taking over asks of the server. Every call throws a Problem where it does not succeed. */
import { send } from "../../api/http.ts";

const path = "/api/v1/takeover";

export interface Underway {
  /** Zero: none is under way. */
  version: number;
  epoch?: number;
  ciphertext?: string;
  begun?: string;
  runs: { run: string; made: string; taken: number }[];
}

export interface Row {
  source: string;
  booking_id: string;
  practitioner: string;
  location: string;
  resources?: string[];
  starts: string;
  ends: string;
  overflow?: boolean;
  test?: boolean;
  epoch?: number;
  ciphertext?: string;
}

export interface Outcome {
  outcome: "taken" | "known" | "past" | "conflict";
  /** Appointments that stand in the way, and earlier rows of the same request. */
  against?: string[];
  rows?: number[];
  resource?: string;
  /** What a known row became. */
  booking_id?: string;
}

export const getTakeover = () => send<Underway>(path);
/** Throws takeover_changed. */
export const putTakeover = (body: { version: number; epoch: number; ciphertext: string }) => send<void>(path, { method: "PUT", body });
/** Throws no_takeover. The sources make repeating harmless. */
export const takeOver = (run: string, rows: readonly Row[], tries: boolean) =>
  send<{ rows: Outcome[] }>(`${path}/rows`, { method: "POST", body: { run, rows, ...(tries ? { try: true } : {}) }, safe: true });
export const undoTakeover = (run: string) => send<{ undone: number; kept: number }>(`${path}/undo`, { method: "POST", body: { run }, safe: true });
export const endTakeover = () => send<void>(path, { method: "DELETE" });
