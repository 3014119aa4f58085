/** What the setup asks of the server. Every call throws a Problem where it does not succeed. */
import { call } from "../../api/call.ts";
import type { Kind, Outside, ValueOf } from "./types.ts";

/** Whether appointments that would lie outside are asked about, or kept knowingly. */
export type OnOutside = "ask" | "keep";

export interface Saved {
  version: number;
  outside?: Outside[];
}

export const getRules = () => call("GET", "/rules");

/** Throws rules_changed, appointments_outside (with `outside`; nothing is saved then), capacity_in_use. */
export const putRule = <K extends Kind>(kind: K, id: string, version: number, value: ValueOf<K>, outside: OnOutside) =>
  // Each kind has a path of its own; which value belongs to it, ValueOf says.
  call("PUT", `/rules/${kind}/{id}` as "/rules/locations/{id}", { path: { id }, body: { version, outside, value: value as ValueOf<"locations"> } });

/** Throws the same, and in_use. */
export const deleteRule = (kind: Kind, id: string, version: number, outside: OnOutside) =>
  call("DELETE", `/rules/${kind}/{id}` as "/rules/locations/{id}", { path: { id }, query: { version, outside } });

/** From a Monday, seven days. */
export const getWeek = (service: string, practitioner: string, from: string, signal?: AbortSignal) =>
  call("GET", "/rules/week", { query: { service, practitioner, from }, signal });

export interface CalendarRequest {
  version: number;
  name: string;
  kind: "school_holidays" | "busy";
  resource?: string;
  format: "ics" | "openholidays";
  content: string;
  outside?: OnOutside;
}

/** Throws appointments_outside, as an edit of the rules does. */
export const putCalendar = (id: string, body: CalendarRequest) =>
  call("PUT", "/calendars/{id}", { path: { id }, body });

/** Throws the same. */
export const deleteCalendar = (id: string, version: number, outside: OnOutside) =>
  call("DELETE", "/calendars/{id}", { path: { id }, query: { version: version, outside } });
