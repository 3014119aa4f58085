/** Examples for tests; nothing of the product imports this. */
import type { Booking } from "../seal/plaintext.ts";
import type { Slot } from "./booking.ts";

export const uuid = (n: number) => `019a0000-0000-7000-8000-${n.toString(16).padStart(12, "0")}`;

export const tenant = uuid(1);
export const account = uuid(2);

export function aBooking(n = 100, change: Partial<Booking> = {}): Booking {
  return {
    v: 1,
    booking_id: uuid(1000 + n),
    tenant,
    service: { id: `svc_${uuid(40)}`, name: "Sprechstunde" },
    practitioner: { id: `prc_${uuid(20)}`, name: "Dr. Sommer" },
    location: { id: `loc_${uuid(60)}`, name: "Sonnenallee" },
    starts: "2026-11-24T10:00:00Z",
    ends: "2026-11-24T10:15:00Z",
    zone: "Europe/Berlin",
    patient: { family_name: "Novák", given_name: "Lukáš", birth_date: "1984-06-30", email: "l.n@example.org" },
    language: "de",
    ...change,
  };
}

export function slotOf(booking: Booking): Slot {
  return {
    bookingId: `bkg_${booking.booking_id}`,
    practitioner: booking.practitioner.id,
    location: booking.location.id,
    starts: Date.parse(booking.starts),
    ends: Date.parse(booking.ends),
  };
}
