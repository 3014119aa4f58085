/** What the office asks of the server about customers, which the server cannot read. */
import { send } from "../../api/http.ts";
import type { EnvelopeJSON } from "../../api/types.ts";

const root = "/api/v1";

export interface Body {
  id: string;
  version: number;
  epoch: number;
  /** Missing where it was deleted. */
  ciphertext?: string;
}

export interface Page {
  cursor: number;
  total: number;
  more: boolean;
  customers: Body[];
}

export interface Setting {
  medical: boolean;
  import: boolean;
}

/** How many go in one request. */
export const together = 200;

export const getCustomers = (after: number, limit = 1000) => send<Page>(`${root}/customers?${new URLSearchParams({ after: String(after), limit: String(limit) })}`);

/** storeCustomers gives back what is stored of those that somebody else has changed. Throws import_off. */
export const storeCustomers = (customers: readonly Body[]) => send<{ current: Body[] }>(`${root}/customers`, { method: "POST", body: { customers } });

export const getSetting = () => send<Setting>(`${root}/customers/settings`);
export const putSetting = (on: boolean) => send<Setting>(`${root}/customers/settings`, { method: "PUT", body: { import: on } });

export const kinds = ["access", "portability", "rectification", "erasure", "restriction", "objection"] as const;
export type Kind = (typeof kinds)[number];

export interface NoteBody {
  version: number;
  epoch: number;
  ciphertext: string;
}

export interface RequestBody {
  id: string;
  kind: Kind;
  source: "patient" | "office";
  status: "open" | "done" | "refused";
  booking_id?: string;
  received: string;
  due: string;
  closed?: string;
  envelope?: EnvelopeJSON;
  note?: NoteBody;
}

export const getRequests = () => send<{ requests: RequestBody[] }>(`${root}/requests`);
export const enterRequest = (body: NoteBody & { request: string; kind: Kind; received: string }) => send<void>(`${root}/requests`, { method: "POST", body });
/** Throws request_changed. */
export const putRequest = (id: string, body: NoteBody & { status: RequestBody["status"] }) => send<void>(`${root}/requests/${id}`, { method: "PUT", body });
/** No messages of this booking any more. */
export const silence = (booking: string) => send<void>(`${root}/bookings/${booking}/silence`, { method: "POST", body: {}, safe: true });
