/** Somebody falls out: which bookings that concerns, and what to do with each. */
import type { Entry } from "../bookings.ts";
import { bare } from "../booking.ts";
import type { Free } from "./book.ts";

export type Choice = "cancel" | "move" | "hand" | "keep";

export interface Case {
  entry: Entry;
  service: string;
  choice: Choice;
  /** Where it goes, for move and hand. */
  to: Free | null;
}

const live = new Set(["booked", "pending"]);

/** affected are the bookings of a practitioner that begin or still run in [from, until), in order. Who has come already is not moved about. */
export function affected(entries: readonly Entry[], practitioner: string, from: number, until: number): Entry[] {
  return entries
    .filter((entry) => bare(entry.practitioner) === bare(practitioner) && live.has(entry.status) && entry.starts < until && entry.ends > from)
    .sort((a, b) => a.starts - b.starts);
}

/**
 * propose gives each booking a free slot of its service, no slot twice: with a
 * colleague on the same day, at most an hour and a half off, else with the same
 * practitioner after the absence, else with whoever is free first. Without any
 * it is cancelled.
 */
export function propose(entries: readonly Entry[], serviceOf: (entry: Entry) => string, slots: ReadonlyMap<string, readonly Free[]>, practitioner: string, from: number, until: number): Case[] {
  const taken: { practitioner: string; starts: number; ends: number }[] = [];
  const open = (slot: Free) => !taken.some((one) => one.practitioner === slot.practitioner && one.starts < slot.ends && slot.starts < one.ends);
  return entries.map((entry) => {
    const service = serviceOf(entry);
    const lasts = entry.ends - entry.starts;
    // While the practitioner is away, only others' slots count; the length is the booking's own.
    const usable = (slots.get(service) ?? [])
      .map((slot) => ({ ...slot, ends: Math.max(slot.ends, slot.starts + lasts) }))
      .filter((slot) => slot.fits && (bare(slot.practitioner) !== bare(practitioner) || slot.starts >= until || slot.ends <= from) && open(slot));
    const near = usable
      .filter((slot) => bare(slot.practitioner) !== bare(practitioner) && Math.abs(slot.starts - entry.starts) <= 90 * 60_000)
      .sort((a, b) => Math.abs(a.starts - entry.starts) - Math.abs(b.starts - entry.starts))[0];
    const own = usable.find((slot) => bare(slot.practitioner) === bare(practitioner) && slot.starts >= until);
    const to = near ?? own ?? usable.find((slot) => slot.starts >= entry.starts) ?? null;
    if (to) taken.push(to);
    return { entry, service, choice: to === null ? "cancel" : bare(to.practitioner) === bare(practitioner) ? "move" : "hand", to };
  });
}
