/** The few words by which a list names a booking. Patients' text is cleaned here, once, for every list. */
import type { Practice } from "../api/types.ts";
import { bare } from "./booking.ts";
import type { Entry } from "./bookings.ts";
import { shown } from "./contact.ts";

export interface Line {
  /** Empty while sealed or unreadable. */
  name: string;
  service: string;
  insurance: string;
  fresh: "new" | "known" | null;
  /** Which of four colours the service has, 0 to 3. */
  hue: number;
  practitioner: string;
  location: string;
  warned: boolean;
  /** Nobody comes: it is by video. */
  video: boolean;
}

const limit = 120;

export function lineOf(entry: Entry, practice: Practice | null): Line {
  const practitioner = practice?.practitioners.find(({ id }) => bare(id) === bare(entry.practitioner))?.name ?? "";
  const location = practice?.locations.find(({ id }) => bare(id) === bare(entry.location))?.name ?? "";
  const { reading } = entry;
  if (reading.state !== "open") {
    return { name: "", service: "", insurance: "", fresh: null, hue: 0, practitioner, location, warned: reading.state === "failed", video: false };
  }
  const { booking, differences } = reading;
  const known = practice?.services.findIndex(({ id }) => bare(id) === bare(booking.service.id)) ?? -1;
  return {
    name: shown(`${booking.patient.family_name}, ${booking.patient.given_name}`, limit),
    service: shown(practice?.services[known]?.name ?? booking.service.name, limit),
    insurance: booking.patient.insurance ?? "",
    fresh: booking.new_patient === undefined ? null : booking.new_patient ? "new" : "known",
    hue: Math.max(0, known) % 4,
    practitioner: practitioner || shown(booking.practitioner.name, limit),
    location: location || shown(booking.location.name, limit),
    warned: differences.length > 0,
    video: booking.video !== undefined,
  };
}
