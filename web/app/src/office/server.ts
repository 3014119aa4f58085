/** What the office asks of the server: bodies and calls of /api/v1 on the office's host. */
import type { SessionBody as AnySession } from "../account/server.ts";
import type { Answer, Sent, Shape } from "../api/answers.ts";
import { call } from "../api/call.ts";

export const eventsPath = "/api/v1/events";

/** A session in an office. */
export type SessionBody = AnySession & Required<Pick<AnySession, "tenant" | "practice">>;

export type AppointmentBody = Answer<"listAppointments">["appointments"][number];

export type CardRequest = Sent<"storeCard">;

/** Which way of making a password into keys the account uses, and its salt. An unknown address gets an answer too. */
export const startSession = (email: string) =>
  call("POST", "/session/start", { body: { email }, safe: true });

/** Throws signed_out. */
export const getSession = () => call("GET", "/session") as Promise<SessionBody>;

/** Somebody is there: the session does not idle out. Reading alone, which the page does by itself, keeps nobody signed in. */
export const seen = () => call("POST", "/session/seen", { safe: true });

export const signOut = () => call("DELETE", "/session");

/** The practice's keys, wrapped for this member. Throws not_found. */
export const getKeyring = () => call("GET", "/keyring");

export const getPractice = () => call("GET", "/practice");

/** The appointments that start in [from, to). */
export const getAppointments = (from: number, to: number) =>
  call("GET", "/appointments", { query: { from: stamp(from), to: stamp(to) } });

/** putCard stores an opened booking as a card; the server then deletes its envelope. Throws card_exists. */
export const putCard = (body: CardRequest) => call("POST", "/cards", { body });

/** decide answers a booking that waits for the practice. Throws not_found where somebody else was faster. */
export const decide = (appointment: string, how: "accept" | "decline") =>
  call("POST", `/appointments/{id}/${how}`, { path: { id: appointment }, safe: true });

const stamp = (instant: number) => new Date(instant).toISOString().replace(/\.\d+Z$/, "Z");

/** What staff wants: a slot, and which rules it sets aside for it. */
export type DeskTime = Shape<"DeskTime">;

/** Why staff sets rules aside. */
export const overrides = ["urgent", "agreed", "other"] as const;
export type Override = (typeof overrides)[number];

/** Why a practice cancels. */
export const cancelReasons = ["ill", "absent", "asked", "double", "other"] as const;
export type CancelReason = (typeof cancelReasons)[number];

export type DeskBooking = Sent<"bookAtDesk">;

export type StatusChange = Sent<"setAppointmentStatus">;

export type Chapter = Answer<"getBookingHistory">["history"][number];

/** Free slots as staff sees them, on local days [from, to), at most 62. */
export const getDeskSlots = (service: string, practitioner: string, from: string, to: string, signal?: AbortSignal) =>
  call("GET", "/desk/slots", { query: { service, practitioner, from, to }, signal });

/** The same for a chain, or for several persons who come together: its itineraries. */
export const getDeskWays = (ask: { chain: string } | { service: string; persons: number }, from: string, to: string) =>
  call("GET", "/desk/slots", { query: { ...ask, from, to } });

/** Throws slot_taken, slot_held, slot_not_offered, quota_full (all with `against`). The booking's id makes repeating harmless. */
export const bookAtDesk = (body: DeskBooking) => call("POST", "/appointments", { body, safe: true });

/** Throws the same, wrong_status and not_found. */
export const moveAtDesk = (appointment: string, body: DeskTime, keepalive = false) =>
  call("POST", "/appointments/{id}/move", { path: { id: appointment }, body, keepalive });

/** All of them, or none. Throws the same. */
export const moveSeveralAtDesk = (moves: ({ appointment: string } & DeskTime)[], keepalive = false) =>
  call("POST", "/appointments/move", { body: { moves }, keepalive });

/** Throws wrong_status where it cannot follow on what it is now. */
export const setStatus = (appointment: string, body: StatusChange, keepalive = false) =>
  call("POST", "/appointments/{id}/status", { path: { id: appointment }, body, safe: true, keepalive });

/** tellPatient sends how the appointment stands to an address out of the opened booking, or by the other way where the first fails. Throws invalid_address, too_many_messages; with once also already_told. */
export const tellPatient = (appointment: string, body: { channel: "mail" | "sms"; address: string; other?: string; language: "de" | "en"; once?: boolean }, keepalive = false) =>
  call("POST", "/appointments/{id}/tell", { path: { id: appointment }, body, keepalive });

/** sendRecall asks somebody, who has agreed to it, to come again. Throws invalid_address, too_many_messages. */
export const sendRecall = (body: { channel: "mail" | "sms"; address: string; other?: string; language: "de" | "en" }) =>
  call("POST", "/recalls", { body });

/** proposeTimes answers a request with other times. Throws slot_taken, slot_held, slot_not_offered, quota_full (all with `against`), wrong_status. */
export const proposeTimes = (appointment: string, body: { times: DeskTime[]; hours: number }) =>
  call("POST", "/appointments/{id}/propose", { path: { id: appointment }, body, safe: true });

export type ProposalBody = Answer<"listProposals">["proposals"][number];

export const getProposals = (appointment: string) => call("GET", "/appointments/{id}/proposals", { path: { id: appointment } });

export const getHistory = (booking: string) => call("GET", "/bookings/{id}/history", { path: { id: booking } });

export type DeskSettings = Answer<"getDeskSettings">;

export const getSettings = () => call("GET", "/desk/settings");
export const putSettings = (body: DeskSettings) => call("PUT", "/desk/settings", { body, safe: true });

export type Overflow = Answer<"getDeskOverflow">["overflow"][number];

/** How many staff may book beyond each practitioner's capacity; who is missing has none. */
export const getOverflow = () => call("GET", "/desk/overflow");
/** Throws overflow_in_use. */
export const putOverflow = (body: Omit<Overflow, "used">) => call("PUT", "/desk/overflow", { body, safe: true });

/** The sealed word of the day, which is no booking; null where none waits to be opened. */
export type Probe = Answer<"getProbe">;

export const getProbe = () => call("GET", "/probe");
/** Says what was sealed in it. Throws probe_unopened for anything else. */
export const answerProbe = (envelope: string, probe: string) => call("POST", "/probe", { body: { envelope, probe }, safe: true });
