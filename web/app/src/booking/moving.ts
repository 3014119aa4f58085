// An appointment that its patient moves to another time.

import { move as moveBooking, view } from "../api/patient.ts";
import type { BookedView, Practice } from "../api/types.ts";
import { copyOf } from "./copy.ts";
import type { Held } from "./held.svelte.ts";
import type { Choice } from "./offer.ts";
import { bare } from "./plaintext.ts";

export interface Moving {
  readonly secret: string;
  readonly booking: BookedView;
  /** What it is for. */
  readonly choice: Choice;
}

/**
 * readMoving finds the booking behind a secret, and what it is for: that stands
 * in the patient's copy alone. undefined where it can no longer be moved by
 * oneself. Throws a Problem.
 */
export async function readMoving(secret: string, practice: Practice, choices: readonly Choice[]): Promise<Moving | undefined> {
  const booking = await view(secret);
  const one = booking.items?.[0] ?? booking;
  if (booking.status !== "booked" || (booking.items?.length ?? 1) > 1 || !(Date.parse(booking.move_until ?? "") > Date.now()) || !one.copy) return undefined;
  const { readCopy } = await import("./sealing.ts");
  const { service, service_id } = await readCopy(secret, bare(practice.tenant), bare(booking.booking_id), one.copy);
  const choice = choices.find(({ id, chain, name }) => !chain && (service_id ? id === service_id : name === service));
  return choice ? { secret, booking, choice } : undefined;
}

/** commit moves it into what is held, both or neither. Throws a Problem. */
export async function commit({ secret, booking }: Moving, held: Held, practice: Practice): Promise<BookedView> {
  const [stop] = held.stops;
  if (!stop) throw new TypeError("a hold has at least one stop");
  const { resealCopy } = await import("./sealing.ts");
  const copy = await resealCopy(secret, bare(practice.tenant), bare(booking.booking_id), copyOf(practice, stop.service, stop.slot));
  return moveBooking({ secret, hold: held.id, token: held.token, copy });
}
