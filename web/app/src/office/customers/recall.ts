/**
 * Asking people to come again. Who is due is found here, in memory: the server
 * gets one address at a time and learns neither whose it is nor why.
 */
import type { AppointmentBody } from "../server.ts";
import { bare } from "../booking.ts";
import type { Consent, Customer } from "./model.ts";
import type { Held } from "./store.ts";

/** The ids of notes that say that somebody was asked begin so. */
export const mark = "recall-";

/** Days for which nobody is asked again. */
export const pause = 60;

export interface Due {
  held: Held;
  channel: "mail" | "sms";
  address: string;
  /** Where it goes where the first way fails; empty: nowhere. */
  other: string;
}

export interface Wanted {
  /** Empty: whoever. */
  tag: string;
  /** Bare ids of bookings of late, and of those ahead. */
  visited: ReadonlySet<string>;
  now: number;
}

const day = 86_400_000;

/** due are those who fit, may be asked and can be; silent counts who fits and has not agreed, or has no address for it. */
export function due(all: readonly Held[], { tag, visited, now }: Wanted): { ready: Due[]; silent: number } {
  const ready: Due[] = [];
  let silent = 0;
  for (const held of all) {
    const c = held.customer;
    if (c.restricted || c.objected || (tag && !c.tags.includes(tag)) || c.bookings.some((one) => visited.has(one))) continue;
    if (c.notes.some(({ id, at }) => id.startsWith(mark) && Date.parse(at) > now - pause * day)) continue;
    const [first, second] = ways(c);
    if (first) ready.push({ held, ...first, other: second?.address ?? "" });
    else silent++;
  }
  return { ready, silent };
}

/** ways are the channels that somebody has agreed to and has an address for. */
function ways(c: Customer): { channel: "mail" | "sms"; address: string }[] {
  const agreed = (channel: Consent["channel"]) => c.consents.some((one) => one.kind === "recall" && one.channel === channel && !one.withdrawn);
  return [
    ...(c.email && agreed("mail") ? [{ channel: "mail" as const, address: c.email }] : []),
    ...((c.phone || c.phone2) && agreed("sms") ? [{ channel: "sms" as const, address: c.phone || c.phone2 }] : []),
  ];
}

/** Who was not here. */
const absent = new Set(["cancelled", "noshow", "entered-in-error"]);

/** visited are the bare ids of bookings since so many months, and of those ahead. */
export async function visits(fetch: (from: number, to: number) => Promise<{ appointments: AppointmentBody[] }>, months: number, now: number): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  const until = now + 365 * day;
  // Not more than a year at a time, which is what the server takes.
  for (let from = now - Math.round(months * 30.44) * day; from < until; from += 365 * day) {
    const { appointments } = await fetch(from, Math.min(from + 365 * day, until));
    for (const { booking_id, status } of appointments) if (!absent.has(status)) found.add(bare(booking_id));
  }
  return found;
}
