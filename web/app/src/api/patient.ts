import { newKey, send } from "./http.ts";
import type { BookedView, BookingRequest, Challenge, DaysAnswer, EnvelopeJSON, Hold, Location, Pending, PendingView, PlaceView, Practice, Proof, Reminding, SignedDirectory, SlotsAnswer, Ways, Wish } from "./types.ts";

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

/** getWordChallenge is the work before a word to the practice. */
export const getWordChallenge = () => send<Challenge>(`${root}/challenge?for=word`);

/** getWays says what there is where no time fits. */
export const getWays = () => send<Ways>(`${root}/practice/ways`);

/** viewPlace changes nothing. */
export const viewPlace = (secret: string) => send<PlaceView>(`${root}/waiting/view`, { method: "POST", body: { secret }, safe: true });

/** joinWaiting waits for an earlier time than that of a booking. Throws waiting_closed, too_late, move_by_staff, invalid_address. */
export const joinWaiting = (body: Wish & { secret: string; booking_id?: string }) => send<PlaceView>(`${root}/waiting`, { method: "POST", body });

/** askForPlace is for who has no booking; a message asks to confirm it. Throws proof_required, invalid_address, too_many_messages. */
export const askForPlace = (body: Wish & { secret?: string; secret_hash: string; proof: Proof }) => send<{ expires: string }>(`${root}/waiting/ask`, { method: "POST", body });

/** Throws link_expired, wrong_code (with tries_left). */
export const confirmPlace = (body: { secret: string; code: string }) => send<PlaceView>(`${root}/waiting/confirm`, { method: "POST", body });

export const leaveWaiting = (secret: string) => send<PlaceView>(`${root}/waiting/leave`, { method: "POST", body: { secret } });

export const declineOffer = (secret: string, offer: string) => send<PlaceView>(`${root}/waiting/decline`, { method: "POST", body: { secret, offer } });

/** askForCall leaves a sealed wish to be called. Throws proof_required, call_back_closed, too_many_words, key_changed. */
export const askForCall = (body: { envelope: EnvelopeJSON; proof: Proof }) => send<void>(`${root}/call-backs`, { method: "POST", body });

/** writeLine leaves a sealed line about a booking. Throws too_many_words, key_changed. */
export const writeLine = (body: { secret: string; booking_id?: string; envelope: EnvelopeJSON }) => send<void>(`${root}/bookings/line`, { method: "POST", body });

/** One slot to hold, with the quotas of the alternative that the patient fits. */
export interface HoldItem {
  service: string;
  practitioner: string;
  location: string;
  starts: string;
  quotas?: string[];
}

/** Several are held all or none. */
export type HoldRequest = { token: string; proof?: Proof } & (HoldItem | { items: HoldItem[] });

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

/** A time that the practice offers instead of the one that was asked for; it is not held. */
export interface Proposal {
  number: number;
  practitioner: { id: string; name: string };
  location: Location | null;
  starts: string;
  ends: string;
  expires: string;
  free: boolean;
}

export const getProposals = (secret: string) => send<{ proposals: Proposal[] }>(`${root}/bookings/proposals`, { method: "POST", body: { secret }, safe: true });
/** takeProposal takes one; the booking counts at once. Throws proposal_gone, slot_taken. */
export const takeProposal = (body: { secret: string; number: number; starts: string; copy: string }) =>
  send<BookedView>(`${root}/bookings/proposals/take`, { method: "POST", body, safe: true });

/** move puts a booking into a slot that is held. Throws too_late, wrong_status, move_by_staff, slot_taken (with alternatives), hold_expired. */
export const move = (body: { secret: string; hold: string; token: string } & ({ booking_id?: string; copy: string } | { items: { booking_id: string; copy: string }[] })) =>
  send<BookedView>(`${root}/bookings/move`, { method: "POST", body });

/** getReminders changes nothing. Throws not_found. */
export const getReminders = (secret: string) => send<Reminding>(`${root}/bookings/reminders/view`, { method: "POST", body: { secret }, safe: true });

/** askForReminders is the patient's consent. Throws invalid_address, no_reminder_ahead, day_keys_unavailable. */
export const askForReminders = (body: { secret: string; channel: string; address: string; other?: string; language: string; version: string }) =>
  send<Reminding>(`${root}/bookings/reminders`, { method: "POST", body });

/** askOfData asks the practice something of one's data. Objecting and deleting act at once where nobody has to be asked. Throws too_many_requests. */
export const askOfData = (body: { secret: string; request: string; kind: string; envelope: EnvelopeJSON }) => send<void>(`${root}/bookings/requests`, { method: "POST", body, safe: true });

export const stopReminders = (secret: string) => send<Reminding>(`${root}/bookings/reminders/stop`, { method: "POST", body: { secret } });

/** Throws not_found. */
export const view = (secret: string) => send<BookedView>(`${root}/bookings/view`, { method: "POST", body: { secret }, safe: true });
