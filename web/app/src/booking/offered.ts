// A time that was offered to somebody on the waiting list who has no booking yet.

import { getSlots, viewPlace } from "../api/patient.ts";
import type { Practice } from "../api/types.ts";
import { judge, noAnswers, type Choice } from "./offer.ts";
import { unfold, type Slot } from "./slots.ts";
import { addDays, dayIn } from "./time.ts";

export interface OfferedSlot {
  choice: Choice;
  practitioner: string;
  /** undefined where it is taken, or where the patient has to answer something first. */
  slot: Slot | undefined;
}

/** readOffer finds what stands open for a place. undefined where nothing does. Throws a Problem. */
export async function readOffer(secret: string, practice: Practice, choices: readonly Choice[]): Promise<OfferedSlot | undefined> {
  const { offer } = await viewPlace(secret);
  const choice = choices.find(({ id, chain }) => !chain && id === offer?.service);
  if (!offer || !choice) return undefined;
  const from = dayIn(Date.parse(offer.starts), offer.zone);
  const list = await getSlots({ service: offer.service, practitioner: offer.practitioner.id, from, to: addDays(from, 1) }, { fresh: true });
  const slot = unfold(list, practice).find((one) => one.starts === offer.starts && one.location === offer.location);
  return { choice, practitioner: offer.practitioner.id, slot: slot && judge(slot.condition, noAnswers).kind === "offered" ? slot : undefined };
}
