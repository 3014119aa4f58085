import type { Sent } from "./answers.ts";
import { call } from "./call.ts";
import { newKey } from "./http.ts";
import type { BookedView, BookingRequest, EnvelopeJSON, PendingView, Proof, Wish } from "./types.ts";

export const getPractice = () => call("GET", "/practice");

/** getKeys fetches the signed key directory. Whether it may be trusted is src/seal's to say. */
export const getKeys = () => call("GET", "/keys");

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

/** getSlots asks for [from, to) in local dates, at most 62 days. Throws a Problem. */
export const getSlots = (wanted: Wanted & { from: string; to: string; persons?: number; series?: string; first?: string }, asking: Asking = {}) =>
  call("GET", "/slots", { query: wanted, ...asking });

/** getDays asks which days have a slot, from a local date up to the horizon. */
export const getDays = (wanted: Wanted & { from: string }, asking: Asking = {}) => call("GET", "/slots/days", { query: wanted, ...asking });

/** getNext asks for the first n slots of each condition. */
export const getNext = (wanted: Wanted & { n: number }, asking: Asking = {}) => call("GET", "/slots/next", { query: wanted, ...asking });

export const getChallenge = (hold: string) => call("GET", "/challenge", { query: { hold } });

/** getWordChallenge is the work before a word to the practice. */
export const getWordChallenge = () => call("GET", "/challenge", { query: { for: "word" } });

/** getWays says what there is where no time fits. */
export const getWays = () => call("GET", "/practice/ways");

/** viewPlace changes nothing. */
export const viewPlace = (secret: string) => call("POST", "/waiting/view", { body: { secret }, safe: true });

/** joinWaiting waits for an earlier time than that of a booking. Throws waiting_closed, too_late, move_by_staff, invalid_address. */
export const joinWaiting = (body: Wish & { secret: string; booking_id?: string }) => call("POST", "/waiting", { body });

/** askForPlace is for who has no booking; a message asks to confirm it. Throws proof_required, invalid_address, too_many_messages. */
export const askForPlace = (body: Wish & { secret?: string; secret_hash: string; proof: Proof }) => call("POST", "/waiting/ask", { body });

/** Throws link_expired, wrong_code (with tries_left). */
export const confirmPlace = (body: { secret: string; code: string }) => call("POST", "/waiting/confirm", { body });

export const leaveWaiting = (secret: string) => call("POST", "/waiting/leave", { body: { secret } });

export const declineOffer = (secret: string, offer: string) => call("POST", "/waiting/decline", { body: { secret, offer } });

/** askForCall leaves a sealed wish to be called. Throws proof_required, call_back_closed, too_many_words, key_changed. */
export const askForCall = (body: { envelope: EnvelopeJSON; proof: Proof }) => call("POST", "/call-backs", { body });

/** writeLine leaves a sealed line about a booking. Throws too_many_words, key_changed. */
export const writeLine = (body: { secret: string; booking_id?: string; envelope: EnvelopeJSON }) => call("POST", "/bookings/line", { body });

/** One slot to hold, with the quotas of the alternative that the patient fits. */
export type HoldItem = Required<Omit<Held, "quotas">> & Pick<Held, "quotas">;
type Held = NonNullable<Sent<"holdSlot">["items"]>[number];

/** Several are held all or none. */
export type HoldRequest = { token: string; proof?: Proof } & (HoldItem | { items: HoldItem[] });

/** Throws slot_taken (with alternatives), slot_not_offered, quota_full, too_many_holds, holds_unavailable. */
export const hold = (body: HoldRequest) => call("POST", "/holds", { body, key: newKey() });

/** Throws no_extension_left, hold_expired. */
export const extendHold = (token: string) => call("POST", "/holds/extend", { body: { token } });

/** releaseHold gives the slot back. It outlives the page and its failure is of no interest: the hold ends by itself. */
export const releaseHold = (token: string) =>
  call("POST", "/holds/release", { body: { token }, keepalive: true }).catch(() => undefined);

/** Throws key_changed, hold_expired, too_many_messages, invalid_address, channel_not_offered, proof_required. */
export const book = (body: BookingRequest) => call("POST", "/bookings", { body, key: newKey() });

/** Which fields of a booking are there, its status says. */
const booked = (answer: Promise<unknown>) => answer as Promise<BookedView>;

/** peek changes nothing. Throws link_expired. */
export const peek = (body: { secret: string; code?: string }) => call("POST", "/bookings/peek", { body, safe: true }) as Promise<PendingView | BookedView>;

/** confirm makes the appointment; only a person's press calls it. Throws link_expired, slot_taken, wrong_code (with tries_left). */
export const confirm = (body: { secret: string; code: string }) =>
  booked(call("POST", "/bookings/confirm", { body, key: newKey() }));

/** cancel ends a booking, or one visit of it. Throws too_late, wrong_status, not_found. */
export const cancel = (body: { secret: string; booking_id?: string }) => booked(call("POST", "/bookings/cancel", { body }));

/** A time that the practice offers instead of the one that was asked for; it is not held. */
export type Proposal = Awaited<ReturnType<typeof getProposals>>["proposals"][number];

export const getProposals = (secret: string) => call("POST", "/bookings/proposals", { body: { secret }, safe: true });
/** takeProposal takes one; the booking counts at once. Throws proposal_gone, slot_taken. */
export const takeProposal = (body: { secret: string; number: number; starts: string; copy: string }) =>
  booked(call("POST", "/bookings/proposals/take", { body, safe: true }));

/** move puts a booking into a slot that is held. Throws too_late, wrong_status, move_by_staff, slot_taken (with alternatives), hold_expired. */
export const move = (body: { secret: string; hold: string; token: string } & ({ booking_id?: string; copy: string } | { items: { booking_id: string; copy: string }[] })) =>
  booked(call("POST", "/bookings/move", { body }));

/** getReminders changes nothing. Throws not_found. */
export const getReminders = (secret: string) => call("POST", "/bookings/reminders/view", { body: { secret }, safe: true });

/** askForReminders is the patient's consent. Throws invalid_address, no_reminder_ahead, day_keys_unavailable. */
export const askForReminders = (body: Sent<"askForReminders">) =>
  call("POST", "/bookings/reminders", { body });

/** askOfData asks the practice something of one's data. Objecting and deleting act at once where nobody has to be asked. Throws too_many_requests. */
export const askOfData = (body: Sent<"askOfData">) => call("POST", "/bookings/requests", { body, safe: true });

export const stopReminders = (secret: string) => call("POST", "/bookings/reminders/stop", { body: { secret } });

/** Throws not_found. */
export const view = (secret: string) => booked(call("POST", "/bookings/view", { body: { secret }, safe: true }));
