/** What an office asks the server about patients' words, the waiting list, and the practice's own site. */
import { send } from "../../api/http.ts";
import type { EnvelopeJSON, SlotsAnswer } from "../../api/types.ts";

const root = "/api/v1";

export interface Word {
  id: string;
  /** Without it: a wish to be called. */
  booking_id?: string;
  received: string;
  done?: string;
  envelope: EnvelopeJSON;
}

export const getWords = async (): Promise<Word[]> => (await send<{ communications: Word[] }>(`${root}/desk/communications`)).communications;
export const tickWord = (id: string, done: boolean) => send<void>(`${root}/desk/communications/tick`, { method: "POST", body: { id, done } });

export interface CallBacks {
  open: boolean;
  topics: string[];
}
export const getCallBacks = () => send<CallBacks>(`${root}/desk/call-backs`);
/** Throws malformed_topics. */
export const putCallBacks = (body: CallBacks) => send<CallBacks>(`${root}/desk/call-backs`, { method: "PUT", body });

export interface WaitingSettings {
  off: string[];
  at_once: number;
  minutes: number;
}
export interface Waiting extends WaitingSettings {
  queues: { service: string; waiting: number; offered: number }[];
}
export const getWaiting = () => send<Waiting>(`${root}/desk/waiting`);
export const putWaiting = ({ off, at_once, minutes }: WaitingSettings) => send<void>(`${root}/desk/waiting`, { method: "PUT", body: { off, at_once, minutes } });

/** offerByHand tells to how many the time was offered. Throws slot_taken, slot_not_offered. */
export const offerByHand = async (body: { service: string; practitioner: string; location: string; starts: string; count: number }): Promise<number> =>
  (await send<{ offered: number }>(`${root}/desk/waiting/offers`, { method: "POST", body })).offered;

/** For how many hours requests wait for an answer; then they lapse. */
export const getRequestHours = async (): Promise<number> => (await send<{ hours: number }>(`${root}/desk/requests`)).hours;
export const putRequestHours = (hours: number) => send<void>(`${root}/desk/requests`, { method: "PUT", body: { hours } });

export interface FreeSlot {
  starts: string;
  practitioner: string;
  location: string;
}

/** nextSlots are the next free ones of a service, as staff sees them; what patients may not have is refused when it is offered. */
export async function nextSlots(service: string, from: string, until: string): Promise<FreeSlot[]> {
  const { slots, practitioners, locations } = await send<SlotsAnswer>(`${root}/desk/slots?${new URLSearchParams({ service, from, to: until })}`);
  return slots.map(({ starts, practitioner, location }) => ({ starts, practitioner: practitioners[practitioner] ?? "", location: locations[location] ?? "" }));
}

export interface Embedding {
  sites: string[];
  host?: string;
}
export const getEmbedding = () => send<Embedding>(`${root}/embedding`);
/** Throws malformed_site. */
export const putEmbedding = (sites: string[]) => send<Embedding>(`${root}/embedding`, { method: "PUT", body: { sites } });
