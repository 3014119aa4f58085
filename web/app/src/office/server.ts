/** What the office asks of the server: bodies and calls of /api/v1 on the office's host. */
import type { SessionBody as AnySession } from "../account/server.ts";
import { send } from "../api/http.ts";
import type { EnvelopeJSON, Practice, SlotsAnswer } from "../api/types.ts";
import type { HeldKeyring } from "./keys/client.ts";

const root = "/api/v1";

export const eventsPath = `${root}/events`;

/** A session in an office. */
export type SessionBody = AnySession & Required<Pick<AnySession, "tenant" | "practice">>;

export interface AppointmentBody {
  id: string;
  booking_id: string;
  status: string;
  source: string;
  practitioner: string;
  location: string;
  starts: string;
  ends: string;
  received?: string;
  /** When the patient first booked it for, where it was moved since. */
  first_starts?: string;
  cancelled_by?: "patient" | "practice" | "lapsed";
  /** Of a request: then it lapses. */
  answer_until?: string;
  /** A lapsed request whose patient has yet to hear of it. */
  untold?: boolean;
  cancel_reason?: string;
  excused?: boolean;
  /** Why staff set rules aside. */
  overridden?: string;
  /** Of nobody: counted nowhere, and nothing is sent. */
  test?: boolean;
  /** Rooms and devices, beside the practitioner. */
  takes?: string[];
  envelope: EnvelopeJSON | null;
  card: { version: number; epoch: number; ciphertext: string } | null;
}

export interface CardRequest {
  appointment: string;
  envelope: string;
  version: number;
  epoch: number;
  ciphertext: string;
}

/** Which way of making a password into keys the account uses, and its salt. An unknown address gets an answer too. */
export const startSession = (email: string) =>
  send<{ kdf: string; salt: string }>(`${root}/session/start`, { method: "POST", body: { email } });

/** Throws signed_out. */
export const getSession = () => send<SessionBody>(`${root}/session`);

/** Somebody is there: the session does not idle out. Reading alone, which the page does by itself, keeps nobody signed in. */
export const seen = () => send<void>(`${root}/session/seen`, { method: "POST", body: {}, safe: true });

export const signOut = () => send<void>(`${root}/session`, { method: "DELETE" });

/** The practice's keys, wrapped for this member. Throws not_found. */
export const getKeyring = () => send<HeldKeyring>(`${root}/keyring`);

export const getPractice = () => send<Practice>(`${root}/practice`);

/** The appointments that start in [from, to). */
export const getAppointments = (from: number, to: number) =>
  send<{ cursor: number; appointments: AppointmentBody[] }>(
    `${root}/appointments?${new URLSearchParams({ from: stamp(from), to: stamp(to) })}`,
  );

/** putCard stores an opened booking as a card; the server then deletes its envelope. Throws card_exists. */
export const putCard = (body: CardRequest) => send<void>(`${root}/cards`, { method: "POST", body });

/** decide answers a booking that waits for the practice. Throws not_found where somebody else was faster. */
export const decide = (appointment: string, how: "accept" | "decline") =>
  send<{ status: string }>(`${root}/appointments/${appointment}/${how}`, { method: "POST", body: {}, safe: true });

const stamp = (instant: number) => new Date(instant).toISOString().replace(/\.\d+Z$/, "Z");

/** What staff wants: a slot, and which rules it sets aside for it. */
export interface DeskTime {
  service: string;
  practitioner: string;
  location: string;
  starts: string;
  /** Without it as long as the service takes. */
  ends?: string;
  quotas?: string[];
  override?: Override;
  overflow?: boolean;
  over_hold?: boolean;
}

/** Why staff sets rules aside. */
export const overrides = ["urgent", "agreed", "other"] as const;
export type Override = (typeof overrides)[number];

/** Why a practice cancels. */
export const cancelReasons = ["ill", "absent", "asked", "double", "other"] as const;
export type CancelReason = (typeof cancelReasons)[number];

export interface DeskBooking extends DeskTime {
  booking_id: string;
  epoch: number;
  ciphertext: string;
  /** Both or neither: they give the patient a link. */
  secret_hash?: string;
  copy?: string;
  /** Of nobody; without a link. */
  test?: boolean;
}

export interface StatusChange {
  status: "booked" | "arrived" | "checked-in" | "fulfilled" | "noshow" | "cancelled" | "entered-in-error";
  excused?: boolean;
  reason?: CancelReason;
}

export interface Chapter {
  appointment: string;
  status: string;
  source: string;
  practitioner: string;
  location: string;
  starts: string;
  ends: string;
  made: string;
  cancelled_by?: "patient" | "practice" | "moved" | "lapsed";
  cancel_reason?: string;
  overridden?: string;
}

/** Free slots as staff sees them, on local days [from, to), at most 62. */
export const getDeskSlots = (service: string, practitioner: string, from: string, to: string, signal?: AbortSignal) =>
  send<SlotsAnswer>(`${root}/desk/slots?${new URLSearchParams({ service, practitioner, from, to })}`, signal ? { signal } : {});

/** Throws slot_taken, slot_held, slot_not_offered, quota_full (all with `against`). The booking's id makes repeating harmless. */
export const bookAtDesk = (body: DeskBooking) => send<{ appointment: string }>(`${root}/appointments`, { method: "POST", body, safe: true });

/** Throws the same, wrong_status and not_found. */
export const moveAtDesk = (appointment: string, body: DeskTime, keepalive = false) =>
  send<{ appointment: string }>(`${root}/appointments/${appointment}/move`, { method: "POST", body, keepalive });

/** Throws wrong_status where it cannot follow on what it is now. */
export const setStatus = (appointment: string, body: StatusChange, keepalive = false) =>
  send<{ status: string }>(`${root}/appointments/${appointment}/status`, { method: "POST", body, safe: true, keepalive });

/** tellPatient sends how the appointment stands to an address out of the opened booking, or by the other way where the first fails. Throws invalid_address, too_many_messages; with once also already_told. */
export const tellPatient = (appointment: string, body: { channel: "mail" | "sms"; address: string; other?: string; language: "de" | "en"; once?: boolean }, keepalive = false) =>
  send<{ message: string }>(`${root}/appointments/${appointment}/tell`, { method: "POST", body, keepalive });

/** sendRecall asks somebody, who has agreed to it, to come again. Throws invalid_address, too_many_messages. */
export const sendRecall = (body: { channel: "mail" | "sms"; address: string; other?: string; language: "de" | "en" }) =>
  send<{ message: string }>(`${root}/recalls`, { method: "POST", body });

/** proposeTimes answers a request with other times. Throws slot_taken, slot_held, slot_not_offered, quota_full (all with `against`), wrong_status. */
export const proposeTimes = (appointment: string, body: { times: DeskTime[]; hours: number }) =>
  send<{ status: string }>(`${root}/appointments/${appointment}/propose`, { method: "POST", body, safe: true });

export interface ProposalBody {
  number: number;
  practitioner: { id: string; name: string };
  starts: string;
  ends: string;
  expires: string;
  free: boolean;
}

export const getProposals = (appointment: string) => send<{ proposals: ProposalBody[] }>(`${root}/appointments/${appointment}/proposals`);

export const getHistory = (booking: string) => send<{ history: Chapter[] }>(`${root}/bookings/${booking}/history`);

export interface DeskSettings {
  lock_minutes: number;
}

export const getSettings = () => send<DeskSettings>(`${root}/desk/settings`);
export const putSettings = (body: DeskSettings) => send<DeskSettings>(`${root}/desk/settings`, { method: "PUT", body, safe: true });

export interface Overflow {
  practitioner: string;
  places: number;
}

/** How many staff may book beyond each practitioner's capacity; who is missing has none. */
export const getOverflow = () => send<{ overflow: Overflow[] }>(`${root}/desk/overflow`);
export const putOverflow = (body: Overflow) => send<void>(`${root}/desk/overflow`, { method: "PUT", body, safe: true });

/** The sealed word of the day, which is no booking; null where none waits to be opened. */
export interface Probe {
  envelope: EnvelopeJSON | null;
  due: string | null;
  /** Nobody of the practice has opened it in time. */
  late: boolean;
}

export const getProbe = () => send<Probe>(`${root}/probe`);
/** Says what was sealed in it. Throws probe_unopened for anything else. */
export const answerProbe = (envelope: string, probe: string) => send<void>(`${root}/probe`, { method: "POST", body: { envelope, probe }, safe: true });
