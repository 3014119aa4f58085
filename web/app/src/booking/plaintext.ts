import type { Practice, Service } from "../api/types.ts";
import type { Booking } from "../seal/plaintext.ts";
import { cleanText, NAME, NOTE } from "../seal/text.ts";
import type { Answers } from "./offer.ts";
import { addressOf, birthDate, phoneNumber, type Form } from "./form.ts";
import type { Slot } from "./slots.ts";

export interface Chosen {
  bookingID: string;
  service: Service;
  slot: Slot;
}

/** bare is the uuid of a prefixed id; keys and envelopes are bound to it. */
export const bare = (id: string): string => id.slice(id.indexOf("_") + 1);

/**
 * plaintextOf gathers a checked form. What the practice did not switch on is
 * left out even if the browser knows it: an insurance that only filtered slots
 * stays here. Who books for somebody else gives an own address, so that is the
 * booker's contact and not the patient's.
 */
export function plaintextOf(form: Form, answers: Answers, chosen: Chosen, practice: Practice, words: { language: string; relation: string }): Booking {
  const { service, slot, bookingID } = chosen;
  const named = (list: readonly { id: string; name: string }[], id: string) => ({ id, name: list.find((item) => item.id === id)?.name ?? "" });
  const address = addressOf(form);
  const own = form.who === "self";
  const insurance = practice.asks.insurance ? answers.insurance || form.insurance : "";
  const phone = form.channel === "sms" ? (own ? address : "") : (phoneNumber(form.phone) ?? "");
  const note = practice.asks.note ? cleanText(form.note, NOTE) : "";
  return {
    v: 1,
    booking_id: bare(bookingID),
    tenant: bare(practice.tenant),
    service: { id: service.id, name: service.name },
    practitioner: named(practice.practitioners, slot.practitioner),
    location: named(practice.locations, slot.location),
    starts: slot.starts,
    ends: slot.ends,
    zone: slot.zone,
    patient: {
      family_name: cleanText(form.family, NAME),
      given_name: cleanText(form.given, NAME),
      birth_date: birthDate(form) ?? "",
      ...(practice.asks.gender && form.gender ? { gender: form.gender } : {}),
      ...(insurance ? { insurance } : {}),
      ...(own && form.channel === "mail" ? { email: address } : {}),
      ...(phone ? { phone } : {}),
    },
    ...(answers.known ? { new_patient: answers.known === "new" } : {}),
    ...(note ? { note } : {}),
    ...(own ? {} : { booker: { name: cleanText(form.bookerName, NAME), relation: words.relation, contact: address } }),
    language: words.language,
  };
}
