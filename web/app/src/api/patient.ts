import { newKey, send } from "./http.ts";
import type { BookedView, BookingRequest, Challenge, DaysAnswer, Hold, Pending, PendingView, Practice, Reminding, SignedDirectory, SlotsAnswer } from "./types.ts";

const root = "/api/v1";

export const getPractice = () => send<Practice>(`${root}/practice`);

/** getKeys fetches the signed key directory. Whether it may be trusted is src/seal's to say. */
export const getKeys = () => send<SignedDirectory>(`${root}/keys`);

/** What slots are asked for. Nothing of it says anything about the patient. */
export interface Wanted {
  service?: string;
  chain?: string;
  practitioner: string;
  /** Keeps "any" practitioner the same one for as long as it is the same. */
  seed?: string;
}

interface Asking {
  signal?: AbortSignal;
  /** Past every cache on the way. */
  fresh?: boolean;
}

const query = (path: string, fields: object) => `${root}/${path}?${new URLSearchParams(fields as Record<string, string>)}`;

/** getSlots asks for [from, to) in local dates, at most 62 days. Throws a Problem. */
export const getSlots = (wanted: Wanted & { from: string; to: string; persons?: string; series?: string; first?: string }, asking: Asking = {}) =>
  send<SlotsAnswer>(query("slots", wanted), asking);

/** getDays asks which days have a slot, from a local date up to the horizon. */
export const getDays = (wanted: Wanted & { from: string }, asking: Asking = {}) => send<DaysAnswer>(query("slots/days", wanted), asking);

/** getNext asks for the first n slots of each condition. */
export const getNext = (wanted: Wanted & { n: string }, asking: Asking = {}) => send<SlotsAnswer>(query("slots/next", wanted), asking);

export const getChallenge = (hold: string) => send<Challenge>(`${root}/challenge?${new URLSearchParams({ hold })}`);

/** One slot to hold, with the quotas of the alternative that the patient fits. */
export interface HoldItem {
  service: string;
  practitioner: string;
  location: string;
  starts: string;
  quotas?: string[];
}

/** Several are held all or none. */
export type HoldRequest = { token: string } & (HoldItem | { items: HoldItem[] });

/** Throws slot_taken (with alternatives), slot_not_offered, quota_full, too_many_holds, holds_unavailable. */
export const hold = (body: HoldRequest) => send<Hold>(`${root}/holds`, { method: "POST", body, key: newKey() });

/** Throws no_extension_left, hold_expired. */
export const extendHold = (token: string) => send<Hold>(`${root}/holds/extend`, { method: "POST", body: { token } });

/** releaseHold gives the slot back. It outlives the page and its failure is of no interest: the hold ends by itself. */
export const releaseHold = (token: string) =>
  send<void>(`${root}/holds/release`, { method: "POST", body: { token }, keepalive: true }).catch(() => undefined);

/** Throws key_changed, hold_expired, too_many_messages, invalid_address, channel_not_offered, proof_required. */
export const book = (body: BookingRequest) => send<Pending>(`${root}/bookings`, { method: "POST", body, key: newKey() });

/** peek changes nothing. Throws link_expired. */
export const peek = (body: { secret: string; code?: string }) => send<PendingView | BookedView>(`${root}/bookings/peek`, { method: "POST", body, safe: true });

/** confirm makes the appointment; only a person's press calls it. Throws link_expired, slot_taken, wrong_code (with tries_left). */
export const confirm = (body: { secret: string; code: string }) =>
  send<BookedView>(`${root}/bookings/confirm`, { method: "POST", body, key: newKey() });

/** cancel ends a booking, or one visit of it. Throws too_late, wrong_status, not_found. */
export const cancel = (body: { secret: string; booking_id?: string }) => send<BookedView>(`${root}/bookings/cancel`, { method: "POST", body });

/** move puts a booking into a slot that is held. Throws too_late, wrong_status, move_by_staff, slot_taken (with alternatives), hold_expired. */
export const move = (body: { secret: string; booking_id?: string; hold: string; token: string; copy: string }) =>
  send<BookedView>(`${root}/bookings/move`, { method: "POST", body });

/** getReminders changes nothing. Throws not_found. */
export const getReminders = (secret: string) => send<Reminding>(`${root}/bookings/reminders/view`, { method: "POST", body: { secret }, safe: true });

/** askForReminders is the patient's consent. Throws invalid_address, no_reminder_ahead, day_keys_unavailable. */
export const askForReminders = (body: { secret: string; channel: string; address: string; language: string; version: string }) =>
  send<Reminding>(`${root}/bookings/reminders`, { method: "POST", body });

export const stopReminders = (secret: string) => send<Reminding>(`${root}/bookings/reminders/stop`, { method: "POST", body: { secret } });

/** Throws not_found. */
export const view = (secret: string) => send<BookedView>(`${root}/bookings/view`, { method: "POST", body: { secret }, safe: true });
