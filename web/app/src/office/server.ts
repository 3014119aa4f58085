/** What the office asks of the server: bodies and calls of /api/v1 on the office's host. */
import { send } from "../api/http.ts";
import type { EnvelopeJSON, Practice } from "../api/types.ts";
import type { ServedKeyring } from "../seal/keyring.ts";

const root = "/api/v1";

export const eventsPath = `${root}/events`;

export interface SessionBody {
  account: string;
  name: string;
  email: string;
  role: string;
  tenant: string;
  practice: { name: string; zone: string; phone: string };
  language: string;
}

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

/** Throws sign_in_failed, too_many_attempts. */
export const signIn = (email: string, signInSecret: string) =>
  send<SessionBody>(`${root}/session`, { method: "POST", body: { email, sign_in_secret: signInSecret } });

/** Throws signed_out. */
export const getSession = () => send<SessionBody>(`${root}/session`);

/** Somebody is there: the session does not idle out. Reading alone, which the page does by itself, keeps nobody signed in. */
export const seen = () => send<void>(`${root}/session/seen`, { method: "POST", body: {}, safe: true });

export const signOut = () => send<void>(`${root}/session`, { method: "DELETE" });

/** The practice's keys, wrapped for this member. Throws not_found. */
export const getKeyring = () => send<ServedKeyring>(`${root}/keyring`);

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
