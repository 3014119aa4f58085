/** A booking that staff makes: its slots, its card, and what a refusal means. */
import type { Insurance, Location, Practice, Service, SlotsAnswer } from "../../api/types.ts";
import { Problem } from "../../api/problem.ts";
import { type Answers, judge, quotasFor } from "../../booking/offer.ts";
import { addressLine } from "../../booking/copy.ts";
import { bareId, toBase64 } from "../../seal/bytes.ts";
import { hashSecret, newSecret, sealCopy } from "../../seal/copy.ts";
import type { Booking } from "../../seal/plaintext.ts";
import { cleanText, NAME, NOTE } from "../../seal/text.ts";
import { newRoom } from "../../seal/video.ts";
import type { DeskBooking, DeskTime } from "../server.ts";
import type { Caller } from "./caller.ts";

/** Free is a slot as staff sees it. */
export interface Free {
  starts: number;
  ends: number;
  practitioner: string;
  location: string;
  quotas: string[];
  /** Whether it is for such a patient; staff may still give it away. */
  fits: boolean;
}

/** free unfolds the server's answer for one patient, in order of time; one that is past is none. */
export const free = (answer: SlotsAnswer, answers: Answers, now: number): Free[] =>
  slotsOf(answer, answers, now)
    .flatMap((slot) => slot ?? [])
    .sort((a, b) => a.starts - b.starts || Number(b.fits) - Number(a.fits));

/** ways unfolds the answer for a chain or several persons: each is one slot for each visit. */
export function ways(answer: SlotsAnswer, answers: Answers, now: number): Free[][] {
  const slots = slotsOf(answer, answers, now);
  return (answer.itineraries ?? []).flatMap((way) => {
    const stops = way.flatMap((at) => slots[at] ?? []);
    return stops.length === way.length ? [stops] : [];
  });
}

/** What the answer says of each slot, in its order; nothing of what is past or unclear. */
function slotsOf(answer: SlotsAnswer, answers: Answers, now: number): (Free | null)[] {
  return answer.slots.map((slot) => {
    const condition = answer.conditions[slot.condition];
    const [practitioner, location] = [answer.practitioners[slot.practitioner], answer.locations[slot.location]];
    const starts = Date.parse(slot.starts);
    if (!condition || !practitioner || !location || starts < now) return null;
    const fits = judge(condition, answers).kind !== "refused";
    const quotas = fits ? quotasFor(condition, answers) : [...(condition.alternatives[0]?.quotas ?? [])];
    return { starts, ends: Date.parse(slot.ends), practitioner, location, quotas, fits };
  });
}

/** newBookingId makes a uuid v7, prefixed. */
export function newBookingId(now: number, random: Uint8Array = crypto.getRandomValues(new Uint8Array(10))): string {
  const bytes = new Uint8Array(16);
  let left = now;
  for (let i = 5; i >= 0; i--) {
    bytes[i] = left % 256;
    left = Math.floor(left / 256);
  }
  bytes.set(random.subarray(0, 10), 6);
  bytes[6] = (bytes[6]! & 0x0f) | 0x70;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `bkg_${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

export const stamp = (instant: number): string => new Date(instant).toISOString().replace(/\.\d+Z$/, "Z");

export interface Wanted {
  caller: Caller;
  isNew: boolean | null;
  note: string;
  service: Service;
  practitioner: string;
  location: string;
  starts: number;
  ends: number;
  /** Nobody comes: it is by video. */
  video?: boolean;
  language: string;
}

/** plaintextOf is what is sealed. Throws a SealError `text_…` for what no screen can show. */
export function plaintextOf(w: Wanted, practice: Practice, tenant: string, bookingId: string): Booking {
  const { caller, service } = w;
  const named = (list: readonly { id: string; name: string }[], id: string) => ({ id, name: list.find((one) => one.id === id)?.name || "–" });
  const note = cleanText(w.note, NOTE);
  return {
    v: 1,
    booking_id: bareId("bkg", bookingId),
    tenant: bareId("ten", tenant),
    service: { id: service.id, name: service.name },
    practitioner: named(practice.practitioners, w.practitioner),
    location: named(practice.locations, w.location),
    starts: stamp(w.starts),
    ends: stamp(w.ends),
    zone: practice.locations.find(({ id }) => id === w.location)?.zone ?? practice.zone,
    patient: {
      family_name: cleanText(caller.family, NAME),
      given_name: cleanText(caller.given, NAME),
      birth_date: caller.birth,
      ...(caller.insurance ? { insurance: caller.insurance as Insurance } : {}),
      ...(caller.email ? { email: caller.email } : {}),
      ...(caller.phone ? { phone: caller.phone } : {}),
    },
    ...(w.isNew === null ? {} : { new_patient: w.isNew }),
    ...(note ? { note } : {}),
    ...(w.video ? { video: newRoom() } : {}),
    language: w.language,
  };
}

/** link makes the patient's link: what the server may know of it, and the secret for the address. */
export async function link(booking: Booking, practice: Practice, service: Service): Promise<{ sent: Pick<DeskBooking, "secret_hash" | "copy">; secret: string }> {
  const secret = newSecret();
  const place: Location | undefined = practice.locations.find(({ id }) => id === booking.location.id);
  const copy = await sealCopy(secret, booking.tenant, booking.booking_id, {
    v: 1,
    practice: practice.name,
    service: service.name,
    practitioner: booking.practitioner.name,
    location: place ? `${place.name}, ${addressLine(place)}` : "",
    instructions: service.instructions,
    ...(booking.video ? { video: booking.video } : {}),
  });
  return { sent: { secret_hash: toBase64(await hashSecret(secret)), copy }, secret: toBase64(secret) };
}

/** patientHost is the patients' host of an office's: sonnenberg.office.example and sonnenberg.example. */
export const patientOrigin = (origin: string): string => origin.replace(/^(https?:\/\/[^.]+)\.office\./, "$1.");

/** What staff can do about a refusal. */
export type Way = "over_hold" | "overflow" | "override" | null;

/** wayAround reads a refusal: in what words it is said, and how to go on all the same. */
export function wayAround(thrown: unknown): { words: string; way: Way } {
  if (!(thrown instanceof Problem)) return { words: "unexpected", way: null };
  const against = typeof thrown.body.against === "string" ? thrown.body.against : "";
  switch (thrown.reason) {
    case "slot_held":
      return { words: "held", way: "over_hold" };
    case "slot_taken":
      // Without a word somebody was quicker between looking and booking, or a rule was set aside first.
      return { words: against || "busy", way: ["", "busy", "group_full"].includes(against) ? "overflow" : null };
    case "quota_full":
      return { words: "quota", way: "override" };
    case "slot_not_offered":
      return { words: against || "no_window", way: against === "clock_gap" || against === "" ? null : "override" };
    default:
      return { words: thrown.reason, way: null };
  }
}

/** at puts a time and what is set aside for it together. */
export const wanted = (service: string, slot: Pick<Free, "practitioner" | "location" | "starts"> & { ends?: number; quotas?: string[] }, ways: Partial<Pick<DeskTime, "override" | "overflow" | "over_hold">> = {}): DeskTime => ({
  service,
  practitioner: slot.practitioner,
  location: slot.location,
  starts: stamp(slot.starts),
  ...(slot.ends === undefined ? {} : { ends: stamp(slot.ends) }),
  ...(slot.quotas && slot.quotas.length > 0 ? { quotas: slot.quotas } : {}),
  ...ways,
});
