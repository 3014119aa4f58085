/** What the setup asks of the server. Every call throws a Problem where it does not succeed. */
import { send } from "../../api/http.ts";
import type { Kind, Outside, Rules, ValueOf, WeekBody } from "./types.ts";

const root = "/api/v1";

/** Whether appointments that would lie outside are asked about, or kept knowingly. */
export type OnOutside = "ask" | "keep";

export interface Saved {
  version: number;
  outside?: Outside[];
}

export const getRules = () => send<Rules>(`${root}/rules`);

/** Throws rules_changed, appointments_outside (with `outside`; nothing is saved then), capacity_in_use. */
export const putRule = <K extends Kind>(kind: K, id: string, version: number, value: ValueOf<K>, outside: OnOutside) =>
  send<Saved>(`${root}/rules/${kind}/${id}`, { method: "PUT", body: { version, outside, value } });

/** Throws the same, and in_use. */
export const deleteRule = (kind: Kind, id: string, version: number, outside: OnOutside) =>
  send<Saved>(`${root}/rules/${kind}/${id}?${new URLSearchParams({ version: String(version), outside })}`, { method: "DELETE" });

/** From a Monday, seven days. */
export const getWeek = (service: string, practitioner: string, from: string, signal?: AbortSignal) =>
  send<WeekBody>(`${root}/rules/week?${new URLSearchParams({ service, practitioner, from })}`, signal ? { signal } : {});

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
  send<{ version: number; entries: number }>(`${root}/calendars/${id}`, { method: "PUT", body });

/** Throws the same. */
export const deleteCalendar = (id: string, version: number, outside: OnOutside) =>
  send<Saved>(`${root}/calendars/${id}?${new URLSearchParams({ version: String(version), outside })}`, { method: "DELETE" });
