/** What an office asks the server about patients' words, the waiting list, and the practice's own site. */
import type { Answer, Sent } from "../../api/answers.ts";
import { call } from "../../api/call.ts";

export type Word = Answer<"listCommunications">["communications"][number];

export const getWords = async (): Promise<Word[]> => (await call("GET", "/desk/communications")).communications;
export const tickWord = (id: string, done: boolean) => call("POST", "/desk/communications/tick", { body: { id, done } });

export type CallBacks = Answer<"getCallBacks">;
export const getCallBacks = () => call("GET", "/desk/call-backs");
/** Throws malformed_topics. */
export const putCallBacks = (body: CallBacks) => call("PUT", "/desk/call-backs", { body });

export type WaitingSettings = Sent<"putWaiting">;
export type Waiting = Answer<"getWaiting">;
export const getWaiting = () => call("GET", "/desk/waiting");
export const putWaiting = ({ off, at_once, minutes }: WaitingSettings) => call("PUT", "/desk/waiting", { body: { off, at_once, minutes } });

/** offerByHand tells to how many the time was offered. Throws slot_taken, slot_not_offered. */
export const offerByHand = async (body: { service: string; practitioner: string; location: string; starts: string; count: number }): Promise<number> =>
  (await call("POST", "/desk/waiting/offers", { body })).offered;

/** For how many hours requests wait for an answer; then they lapse. */
export const getRequestHours = async (): Promise<number> => (await call("GET", "/desk/requests")).hours;
export const putRequestHours = (hours: number) => call("PUT", "/desk/requests", { body: { hours } });

export interface FreeSlot {
  starts: string;
  practitioner: string;
  location: string;
}

/** nextSlots are the next free ones of a service, as staff sees them; what patients may not have is refused when it is offered. */
export async function nextSlots(service: string, from: string, until: string): Promise<FreeSlot[]> {
  const { slots, practitioners, locations } = await call("GET", "/desk/slots", { query: { service, from, to: until } });
  return slots.map(({ starts, practitioner, location }) => ({ starts, practitioner: practitioners[practitioner] ?? "", location: locations[location] ?? "" }));
}

export type Embedding = Answer<"getEmbedding">;
export const getEmbedding = () => call("GET", "/embedding");
/** Throws malformed_site. */
export const putEmbedding = (sites: string[]) => call("PUT", "/embedding", { body: { sites } });
