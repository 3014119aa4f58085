/** What the office asks of the server about customers, which the server cannot read. */
import type { Answer, Shape } from "../../api/answers.ts";
import { call } from "../../api/call.ts";

export type Body = Shape<"CustomerBody">;

export type Page = Answer<"listCustomers">;

export type Setting = Answer<"getCustomerSettings">;

/** How many go in one request. */
export const together = 200;

export const getCustomers = (after: number, limit = 1000) => call("GET", "/customers", { query: { after: after, limit: limit } });

/** storeCustomers gives back what is stored of those that somebody else has changed. Throws import_off. */
export const storeCustomers = (customers: readonly Body[]) => call("POST", "/customers", { body: { customers } });

export const getSetting = () => call("GET", "/customers/settings");
export const putSetting = (on: boolean) => call("PUT", "/customers/settings", { body: { import: on } });

export const kinds = ["access", "portability", "rectification", "erasure", "restriction", "objection"] as const;
export type Kind = (typeof kinds)[number];

export type NoteBody = Shape<"PrivacyNote">;

export type RequestBody = Answer<"listDataRequests">["requests"][number];

export const getRequests = () => call("GET", "/requests");
export const enterRequest = (body: NoteBody & { request: string; kind: Kind; received: string }) => call("POST", "/requests", { body });
/** Throws request_changed. */
export const putRequest = (id: string, body: NoteBody & { status: RequestBody["status"] }) => call("PUT", "/requests/{id}", { path: { id }, body });
/** No messages of this booking any more. */
export const silence = (booking: string) => call("POST", "/bookings/{id}/silence", { path: { id: booking }, safe: true });

const file = (id: string) => ({ file: `fil_${id}` });
/** Throws files_off, files_full, unknown_customer. */
export const addFile = (id: string, customer: string, sealed: { epoch: number; ciphertext: string }) => call("POST", "/files", { body: { id: `fil_${id}`, customer: `cus_${customer}`, ...sealed }, safe: true });
/** Throws unknown_file. */
export const getFile = (id: string) => call("GET", "/files/{file}", { path: file(id) });
export const removeFile = (id: string) => call("DELETE", "/files/{file}", { path: file(id) });
export const moveFiles = (ids: readonly string[], to: string) => call("PUT", "/files", { body: { to: `cus_${to}`, files: ids.map((id) => `fil_${id}`) } });
