import type { Practice } from "../api/types.ts";
import type { Booking } from "../seal/plaintext.ts";
import { codeOf } from "../seal/referral.ts";
import { cleanText, NAME, NOTE } from "../seal/text.ts";
import { addressOf, birthDate, personsOf, phoneNumber, type Form } from "./form.ts";
import type { Stop } from "./held.svelte.ts";
import type { Answers } from "./offer.ts";

const TWO_NAMES = { max: 2 * NAME.max + 1 };

/** bare is the uuid of a prefixed id; keys and envelopes are bound to it. */
export const bare = (id: string): string => id.slice(id.indexOf("_") + 1);

/** needsReferral tells whether an appointment is only for people with a referral. */
export const needsReferral = ({ service, slot }: Pick<Stop, "service" | "slot">): boolean => Boolean(service.referral || slot.condition.referral);

/**
 * plaintextOf gathers a checked form for one appointment. What the practice did
 * not switch on is left out even if the browser knows it: an insurance that only
 * filtered slots stays here. Who books for somebody else gives an own address,
 * so that is the booker's contact and not the patient's; of several persons the
 * first may be the booker.
 */
export function plaintextOf(form: Form, answers: Answers, stop: Stop, practice: Practice, words: { language: string; relation: string }): Booking {
  const { service, slot, bookingID } = stop;
  const named = (list: readonly { id: string; name: string }[], id: string) => ({ id, name: list.find((item) => item.id === id)?.name ?? "" });
  const person = personsOf(form)[stop.person] ?? form;
  const address = addressOf(form);
  const own = form.who === "self" && stop.person === 0;
  const booker = form.who === "self" ? `${form.given.trim()} ${form.family.trim()}` : form.bookerName;
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
      family_name: cleanText(person.family, NAME),
      given_name: cleanText(person.given, NAME),
      birth_date: birthDate(person) ?? "",
      ...(practice.asks.gender && person.gender ? { gender: person.gender } : {}),
      ...(insurance ? { insurance } : {}),
      ...(own && form.channel === "mail" ? { email: address } : {}),
      ...(phone ? { phone } : {}),
    },
    ...(answers.known ? { new_patient: answers.known === "new" } : {}),
    ...(note ? { note } : {}),
    ...(needsReferral(stop) ? { referral: codeOf(form.referral) ?? cleanText(form.referral, NAME) } : {}),
    ...(own ? {} : { booker: { name: cleanText(booker, TWO_NAMES), relation: words.relation, contact: address } }),
    language: words.language,
  };
}
