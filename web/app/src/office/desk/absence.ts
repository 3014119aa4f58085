/** Somebody falls out: which bookings that concerns, and what to do with each. */
import { choiceOf } from "../../booking/chosen.ts";
import type { Choice as Offered } from "../../booking/offer.ts";
import type { Entry } from "../bookings.ts";
import { bare } from "../booking.ts";
import type { Free } from "./book.ts";

export type Choice = "cancel" | "move" | "hand" | "keep";

/** Bundle is what is decided about together: one visit, or those of a booking that make sense only together. */
export interface Bundle {
  /** In order of time. */
  visits: readonly Entry[];
  /** What each of them is for, the office's ids. */
  services: readonly string[];
  /** How to ask for free times; null where it is sealed what they are for. */
  ask: { service: string } | { service: string; persons: number } | { chain: string } | null;
}

export interface Case extends Bundle {
  /** The first visit, which names the case. */
  entry: Entry;
  choice: Choice;
  /** Where they go, for move and hand: one slot for each visit. */
  to: readonly Free[] | null;
}

const live = new Set(["booked", "pending"]);

/** affected are the bookings of a practitioner that begin or still run in [from, until), in order. Who has come already is not moved about. */
export function affected(entries: readonly Entry[], practitioner: string, from: number, until: number): Entry[] {
  return entries
    .filter((entry) => bare(entry.practitioner) === bare(practitioner) && live.has(entry.status) && entry.starts < until && entry.ends > from)
    .sort((a, b) => a.starts - b.starts);
}

/**
 * bundled puts with each affected visit what goes with it: the other steps of a
 * chain, also those with other practitioners, and those of a family who come on
 * the same day for the same. Of a series each visit stands for itself.
 */
export function bundled(hit: readonly Entry[], all: readonly Entry[], serviceOf: (entry: Entry) => string, choices: readonly Offered[], dayOf: (starts: number) => string): Bundle[] {
  const done = new Set<string>();
  return hit.flatMap((entry) => {
    if (done.has(entry.id)) return [];
    const service = serviceOf(entry);
    const set = !entry.set ? [entry] : all.filter((one) => one.set === entry.set && live.has(one.status)).sort((a, b) => a.starts - b.starts);
    const chain = set.length > 1 && set.every((one) => serviceOf(one) !== "") ? choiceOf(set.map((one) => ({ service: "", service_id: serviceOf(one) })), choices) : undefined;
    const family = set.filter((one) => serviceOf(one) === service && dayOf(one.starts) === dayOf(entry.starts));
    let visits: readonly Entry[] = [entry];
    let ask: Bundle["ask"] = service === "" ? null : { service };
    if (chain) [visits, ask] = [set, { chain: chain.id }];
    else if (family.length > 1 && service !== "") [visits, ask] = [family, { service, persons: family.length }];
    for (const one of visits) done.add(one.id);
    return [{ visits, services: visits.map(serviceOf), ask }];
  });
}

/** keyOf is the same for all that ask for the same times. */
export const keyOf = ({ ask }: Pick<Bundle, "ask">): string => (ask ? new URLSearchParams(Object.entries(ask).map(([name, value]) => [name, String(value)])).toString() : "");

/**
 * fitting are the ways that a bundle can go, from those that are free: one slot
 * for each visit, as long as the visit is, none with the practitioner while
 * they are away, none in each other's way.
 */
export function fitting({ visits }: Pick<Bundle, "visits">, ways: readonly (readonly Free[])[], practitioner: string, from: number, until: number): Free[][] {
  return ways
    .filter((way) => way.length === visits.length)
    .map((way) => way.map((slot, i) => ({ ...slot, ends: Math.max(slot.ends, slot.starts + visits[i]!.ends - visits[i]!.starts) })))
    .filter((way) => way.every((slot, i) => (bare(slot.practitioner) !== bare(practitioner) || slot.starts >= until || slot.ends <= from) && !way.some((other, k) => k < i && clash(other, slot))));
}

type Span = Pick<Free, "practitioner" | "starts" | "ends">;
const clash = (a: Span, b: Span) => a.practitioner === b.practitioner && a.starts < b.ends && b.starts < a.ends;

/** open tells whether a way takes nothing of what is taken. */
export const open = (way: readonly Free[], taken: readonly Span[]): boolean => !way.some((slot) => taken.some((one) => clash(one, slot)));

/**
 * propose gives each booking free times for what it is for, none twice: a
 * single visit with a colleague on the same day, at most an hour and a half
 * off, else with the same practitioner after the absence, else with whoever is
 * free first; several visits together as soon as that goes. What finds none is
 * cancelled.
 */
export function propose(bundles: readonly Bundle[], slots: ReadonlyMap<string, readonly (readonly Free[])[]>, practitioner: string, from: number, until: number): Case[] {
  const taken: Free[] = [];
  return bundles.map((bundle) => {
    const entry = bundle.visits[0]!;
    const usable = fitting(bundle, slots.get(keyOf(bundle)) ?? [], practitioner, from, until).filter((way) => way.every(({ fits }) => fits) && open(way, taken));
    const other = (way: Free[]) => bare(way[0]!.practitioner) !== bare(practitioner);
    const off = (way: Free[]) => Math.abs(way[0]!.starts - entry.starts);
    const single = bundle.visits.length === 1;
    const near = single ? usable.filter((way) => other(way) && off(way) <= 90 * 60_000).sort((a, b) => off(a) - off(b))[0] : undefined;
    const own = single ? usable.find((way) => !other(way) && way[0]!.starts >= until) : undefined;
    const to = near ?? own ?? usable.find((way) => way[0]!.starts >= entry.starts) ?? null;
    if (to) taken.push(...to);
    return { ...bundle, entry, choice: to === null ? "cancel" : single && other(to) ? "hand" : "move", to };
  });
}
