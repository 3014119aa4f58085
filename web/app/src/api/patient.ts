import { newKey, send } from "./http.ts";
import type { BookedView, BookingRequest, Challenge, Hold, Pending, PendingView, Practice, SignedDirectory, SlotsAnswer } from "./types.ts";

const root = "/api/v1";

export const getPractice = () => send<Practice>(`${root}/practice`);

/** getKeys fetches the signed key directory. Whether it may be trusted is src/seal's to say. */
export const getKeys = () => send<SignedDirectory>(`${root}/keys`);

/** getSlots asks for [from, to) in local dates, at most 62 days. Throws a Problem. */
export const getSlots = (query: { service: string; practitioner: string; from: string; to: string }, signal?: AbortSignal) =>
  send<SlotsAnswer>(`${root}/slots?${new URLSearchParams(query)}`, signal ? { signal } : {});

export const getChallenge = (hold: string) => send<Challenge>(`${root}/challenge?${new URLSearchParams({ hold })}`);

export interface HoldRequest {
  token: string;
  service: string;
  practitioner: string;
  location: string;
  starts: string;
}

/** Throws slot_taken (with alternatives), slot_not_offered, too_many_holds, holds_unavailable. */
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

/** Throws not_found. */
export const view = (secret: string) => send<BookedView>(`${root}/bookings/view`, { method: "POST", body: { secret }, safe: true });
