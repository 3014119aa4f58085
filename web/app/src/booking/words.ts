// Sentences put together from the table: what a condition says, what a price is.

import type { Insurance, Service } from "../api/types.ts";
import { t } from "../i18n/index.ts";
import { language } from "../i18n/language.svelte.ts";
import type { Answers, Verdict } from "./offer.ts";
import { clock, longDay, weekdayName, addDays } from "./time.ts";
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
