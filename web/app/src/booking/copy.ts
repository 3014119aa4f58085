import type { Location, Practice, Service } from "../api/types.ts";
import type { PatientCopy } from "../seal/copy.ts";
import type { Slot } from "./slots.ts";

export const addressLine = ({ street, postal_code, city }: Pick<Location, "street" | "postal_code" | "city">): string =>
  [street, [postal_code, city].filter(Boolean).join("\u00a0")].filter(Boolean).join(", ");

/** copyOf is what only the holder of the booking's link reads: the service above all, which the server forgets. */
export function copyOf(practice: Practice, service: Service, slot: Slot): PatientCopy {
  const location = practice.locations.find(({ id }) => id === slot.location);
  return {
    v: 1,
    practice: practice.name,
    service: service.name,
    service_id: service.id,
    practitioner: practice.practitioners.find(({ id }) => id === slot.practitioner)?.name ?? "",
    location: location ? `${location.name}, ${addressLine(location)}` : "",
    instructions: service.instructions,
  };
}
