// What is said where several appointments are one booking.

import type { BookedItem, BookedView } from "../api/types.ts";
import { t } from "../i18n/later.ts";
import type { Held } from "./held.svelte.ts";

export interface StopShown {
  starts: string;
  zone: string;
  /** What it is, and with whom. */
  title: string;
  detail: string;
}

/** stopsShown lists the appointments of a hold; nothing for a single one, which needs no list. */
export function stopsShown({ stops, choice }: Held, flow: { practitionerName: (id: string) => string }): StopShown[] {
  if (stops.length < 2) return [];
  return stops.map(({ service, slot, person }) => ({
    starts: slot.starts,
    zone: slot.zone,
    title: choice.chain ? service.name : choice.series ? "" : t("who.person", { number: person + 1 }),
    detail: flow.practitionerName(slot.practitioner),
  }));
}

/** stopsBooked lists the appointments of a booking at the server. What they are for stands in the copies, if these could be opened. */
export function stopsBooked(items: readonly BookedItem[], zone: string, services: readonly (string | undefined)[] = []): StopShown[] {
  if (items.length < 2) return [];
  return items.map(({ starts, practitioner, location }, i) => ({ starts, zone: location?.zone || zone, title: services[i] ?? "", detail: practitioner.name }));
}

type Standing = Pick<BookedView, "status" | "items" | "lapsed">;

/** isRequested tells whether somebody of the practice still has to accept it, or a part of it. */
export const isRequested = ({ status, items = [] }: Standing): boolean => status === "requested" || items.some((item) => item.status === "requested");

/** live are the appointments of a booking that take place. */
export const live = (booking: BookedView): BookedItem[] => (booking.items ?? [booking]).filter(({ status }) => status !== "cancelled");

/** bookedTitle says what became of a booking. */
export function bookedTitle(booking: Standing): string {
  if (booking.status === "cancelled" && (booking.items ?? []).every(({ status }) => status === "cancelled")) return t(booking.lapsed ? "lapsed.title" : "cancelled.title");
  if (booking.status === "proposed") return t("proposed.title");
  if (isRequested(booking)) return t("requested.title");
  const count = booking.items?.filter(({ status }) => status !== "cancelled").length ?? 1;
  return count > 1 ? t("booked.title_many", { count }) : t("booked.title");
}
