// An appointment that its patient moves to another time, or books once more.

import { move as moveBooking, view } from "../api/patient.ts";
import type { BookedItem, BookedView, Practice } from "../api/types.ts";
import { choiceOf, type Copied } from "./chosen.ts";
import { copyOf } from "./copy.ts";
import type { Held } from "./held.svelte.ts";
import type { Errand } from "./link.ts";
import type { Choice } from "./offer.ts";
import { bare } from "./plaintext.ts";

export interface Moving {
  readonly secret: string;
  /** The first of what moves stands in it. */
  readonly booking: BookedView;
  /** What moves together: one appointment, or all of a chain. */
  readonly items: readonly BookedItem[];
  /** The rooms of those of them that are by video. */
  readonly rooms: readonly (string | undefined)[];
  /** What it is for. */
  readonly choice: Choice;
}

async function copiesOf(secret: string, items: readonly BookedItem[], practice: Practice): Promise<Copied[]> {
  const { readCopy } = await import("./sealing.ts");
  return Promise.all(items.map(({ booking_id, copy }) => readCopy(secret, bare(practice.tenant), bare(booking_id), copy ?? "")));
}

/**
 * readMoving finds what is to be moved, and what it is for: that stands in the
 * patient's copies alone. undefined where it can no longer be moved by oneself.
 * Throws a Problem.
 */
export async function readMoving({ secret, which }: Errand, practice: Practice, choices: readonly Choice[]): Promise<Moving | undefined> {
  const booking = await view(secret);
  const all = booking.items ?? [booking];
  const items = which === "all" ? all : all.slice(Number(which || 0), Number(which || 0) + 1);
  const [first] = items;
  const ahead = (item: BookedItem) => (item.status ?? booking.status) === "booked" && Date.parse((item as { move_until?: string }).move_until ?? booking.move_until ?? "") > Date.now() && Boolean(item.copy);
  if (!first || (which === "" && all.length > 1) || !items.every(ahead)) return undefined;
  const copies = await copiesOf(secret, items, practice);
  const choice = choiceOf(copies, choices);
  const { starts, ends, practitioner, location } = first;
  return choice ? { secret, booking: { ...booking, starts, ends, practitioner, location, zone: location?.zone || booking.zone }, items, rooms: copies.map(({ video }) => video), choice } : undefined;
}

/** readAgain finds what a booking was for, to book the same once more. Throws a Problem. */
export async function readAgain({ secret }: Errand, practice: Practice, choices: readonly Choice[]): Promise<{ choice: Choice; practitioner: string } | undefined> {
  const booking = await view(secret);
  const items = booking.items ?? [booking];
  const copies = await copiesOf(secret, items.filter(({ copy }) => copy), practice);
  const choice = choiceOf(copies, choices) ?? choiceOf(copies.slice(0, 1), choices);
  return choice && { choice, practitioner: booking.practitioner.id };
}

/** commit moves it into what is held, all or nothing. Throws a Problem. */
export async function commit({ secret, items, rooms }: Moving, held: Held, practice: Practice): Promise<BookedView> {
  const { resealCopy } = await import("./sealing.ts");
  const moves = await Promise.all(
    held.stops.flatMap(({ service, slot }, i) => {
      const item = items[i];
      if (!item) return [];
      const room = rooms[i];
      return [resealCopy(secret, bare(practice.tenant), bare(item.booking_id), { ...copyOf(practice, service, slot), ...(room ? { video: room } : {}) }).then((copy) => ({ booking_id: item.booking_id, copy }))];
    }),
  );
  const [one] = moves;
  if (!one) throw new TypeError("a hold has at least one stop");
  return moveBooking({ secret, hold: held.id, token: held.token, ...(moves.length > 1 ? { items: moves } : one) });
}
