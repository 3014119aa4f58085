/** An opened booking held against the appointment that it came with. */
import type { Booking } from "../seal/plaintext.ts";

/** Difference is a field in which the sealed booking and the appointment part. */
export type Difference = "time" | "practitioner" | "location";

/** Slot is what the server says about an appointment and a booking repeats. */
export interface Slot {
  bookingId: string;
  practitioner: string;
  location: string;
  /** Milliseconds since 1970, [starts, ends). */
  starts: number;
  ends: number;
  /** When it was first booked for, where it was moved since. */
  firstStarts?: number | null;
}

/** The birthday on the card of somebody whose birthday was not known where the booking came from. */
export const unknownBirth = "0001-01-01";

/** bare drops the prefix of an id: bkg_0190… and 0190… name the same. */
export function bare(id: string): string {
  return id.slice(id.lastIndexOf("_") + 1);
}

/**
 * differences lists in what the patient saw something else than the calendar
 * says. Of a moved one the patient saw what it was first booked for: only that
 * is compared, and practitioner and place may have changed with the time.
 */
export function differences(booking: Booking, slot: Slot): Difference[] {
  if (slot.firstStarts) return Date.parse(booking.starts) === slot.firstStarts ? [] : ["time"];
  const found: Difference[] = [];
  if (Date.parse(booking.starts) !== slot.starts || Date.parse(booking.ends) !== slot.ends) found.push("time");
  if (booking.practitioner.id !== slot.practitioner) found.push("practitioner");
  if (booking.location.id !== slot.location) found.push("location");
  return found;
}
