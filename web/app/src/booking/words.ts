// Sentences put together from the table: what a condition says, what a price is.

import type { ClosedDay, Closure, Insurance, Practice, Service } from "../api/types.ts";
import { t } from "../i18n/index.ts";
import { language } from "../i18n/language.svelte.ts";
import type { Answers, Verdict } from "./offer.ts";
import { addDays, clock, clockOf, longDay, monthDay, weekdayName } from "./time.ts";
import type { Slot } from "./slots.ts";

const tag = () => (language() === "en" ? "en-GB" : language());

export const listed = (items: readonly string[], type: "conjunction" | "disjunction" = "conjunction"): string => new Intl.ListFormat(tag(), { type }).format(items);

const people = (kinds: readonly Insurance[]) => listed(kinds.map((kind) => t(`people.${kind}`)));

/** price is in euro, from cents. */
export const price = (cents: number): string => new Intl.NumberFormat(tag(), { style: "currency", currency: "EUR" }).format(cents / 100);

export const minutes = (service: Service): string => t("what.minutes", { count: service.duration_minutes });

/** refusal says why a service is not for this patient, "" if it is. */
export function refusal(verdict: Verdict): string {
  if (verdict.kind !== "refused") return "";
  return verdict.because === "insurance" ? t("not.insurance", { people: people(verdict.only) }) : t(`not.${verdict.because}`);
}

/** restriction says whom a service is for while the patient has not answered yet. */
export function restriction(service: Service, verdict: Verdict): string {
  if (verdict.kind !== "open") return "";
  const said: string[] = [];
  if (verdict.asks.includes("insurance")) said.push(t("only.insurance", { people: people(service.insurance) }));
  if (verdict.asks.includes("known") && service.patients !== "all") said.push(t(`only.${service.patients}`));
  return said.join(" ");
}

/** reason says why hours are not offered. */
export function reason(verdict: Verdict, answers: Answers): string {
  if (verdict.kind === "open") return t("when.why_open");
  if (verdict.kind === "offered") return "";
  if (verdict.because !== "insurance") return t(`when.why_${verdict.because}`);
  if (answers.insurance === "SEL" || answers.insurance === "") return t("when.why_self", { people: people(verdict.only) });
  return t("when.why_insurance", { people: people(verdict.only), insured: t(`insured.${answers.insurance}`) });
}

/** about is what the answers say of the patient: "gesetzlich versichert, neu in der Praxis". */
export const about = ({ insurance, known }: Answers): string => [insurance && t(`insured.${insurance}`), known && t(`known.${known}`)].filter(Boolean).join(", ");

/** timeOf is the slot's time of day; in a doubled hour it says which of the two. */
export const timeOf = (slot: Pick<Slot, "starts" | "zone">): string => clock(slot.starts, slot.zone, language());

export const turnNote = (slot: Pick<Slot, "turn">): string => (slot.turn ? t(`when.turn_${slot.turn}`) : "");

/** dayOf is "Heute, Montag", "Morgen, Dienstag", or the date. */
export function dayOf(day: string, today: string): string {
  const weekday = weekdayName(day, language());
  if (day === today) return t("when.today_is", { weekday });
  if (day === addDays(today, 1)) return t("when.tomorrow_is", { weekday });
  return longDay(day, language());
}

/** whyShut says what closes a day. */
export function whyShut({ reason, name, text }: ClosedDay): string {
  if (reason === "holiday") return t("when.why_holiday", { name: name ?? "" });
  return text ? t("when.why_closed_for", { text }) : t("when.why_closed");
}

/** closureTitle is "Geschlossen vom 24. Dezember bis 1. Januar", and whose closure it is where it is not all of the practice. */
export function closureTitle(closure: Closure, practice: Pick<Practice, "locations" | "practitioners">): string {
  const { from, until, from_time, until_time } = closure;
  const who = practice.practitioners.find(({ id }) => id === closure.practitioner)?.name;
  const where = practice.locations.length > 1 ? practice.locations.find(({ id }) => id === closure.location)?.name : undefined;
  const kind = who ? "away" : where ? "shut_place" : "shut";
  const time = (wall: string) => t("when.clock", { time: clockOf(wall, language()) });
  const end = (day: string, wall?: string) => (wall ? t("what.shut_time", { day: monthDay(day, language()), time: time(wall) }) : monthDay(day, language()));
  const name = who ?? where ?? "";
  if (from !== until) return t(`what.${kind}`, { name, from: end(from, from_time), until: end(until, until_time) });
  const day = from_time || until_time ? t("what.shut_hours", { day: monthDay(from, language()), from: clockOf(from_time ?? "00:00", language()), until: time(until_time ?? "24:00") }) : monthDay(from, language());
  return t(`what.${kind}_day`, { name, day });
}
