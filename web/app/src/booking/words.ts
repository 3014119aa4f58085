// Sentences put together from the table: what a condition says, what a price is.

import type { Closure, Insurance, Practice } from "../api/types.ts";
import { t } from "../i18n/index.ts";
import { language } from "../i18n/language.svelte.ts";
import { ageOf, ages, minutesOf, type Answers, type Choice, type Verdict } from "./offer.ts";
import { clockOf, monthDay } from "./time.ts";

const tag = () => (language() === "en" ? "en-GB" : language());

export const listed = (items: readonly string[], type: "conjunction" | "disjunction" = "conjunction"): string => new Intl.ListFormat(tag(), { type }).format(items);

export const people = (kinds: readonly Insurance[]) => listed(kinds.map((kind) => t(`people.${kind}`)));

/** forAges is "für Menschen ab 18 Jahren"; at least one end is given. */
export function forAges({ min, max }: { min?: number; max?: number }): string {
  if (max === undefined) return t("ages.min", { min: min ?? 0 });
  return min ? t("ages.between", { min, max }) : t("ages.max", { max });
}

/** price is in euro, from cents. */
export const price = (cents: number): string => new Intl.NumberFormat(tag(), { style: "currency", currency: "EUR" }).format(cents / 100);

/** minutes is how long a choice takes; where it takes everybody another time, from the shortest to the longest. */
export function minutes(choice: Choice, practitioner = "any"): string {
  const { least, most } = minutesOf(choice, practitioner);
  const said = least === most ? t("what.minutes", { count: least }) : t("what.minutes_range", { least, most });
  if (choice.series) return t("what.minutes_series", { count: choice.series.count, minutes: said });
  return choice.chain ? t("what.minutes_chain", { minutes: said }) : said;
}

/** rhythm is how often the appointments of a series are: "jede Woche", "alle 10 Tage". */
export function rhythm({ every }: { every: number }): string {
  if (every === 7) return t("what.weekly");
  return every % 7 === 0 ? t("what.every_weeks", { count: every / 7 }) : t("what.every_days", { count: every });
}

/** steps are the services of a chain, in order: "Blutabnahme, EKG (wenn nötig), Besprechung". */
export const steps = ({ services, chain }: Choice): string =>
  services.map(({ name }, i) => (chain?.steps[i]?.optional ? t("what.step_optional", { step: name }) : name)).join(", ");

/** refusal says why something is not for this patient, "" if it is. */
export function refusal(verdict: Verdict): string {
  if (verdict.kind !== "refused") return "";
  if (verdict.because === "insurance") return t("not.insurance", { people: people(verdict.only) });
  if (verdict.because === "age") return t("not.age", { ages: forAges(verdict) });
  return t(`not.${verdict.because}`);
}

/** restriction says whom a choice is for while the patient has not answered yet, and what it needs in any case. */
export function restriction({ services, conditions }: Choice, verdict: Verdict): string {
  const said = new Set<string>();
  const asks = verdict.kind === "open" ? verdict.asks : [];
  for (const { alternatives, ...limits } of conditions) {
    for (const { insurance, patients } of alternatives) {
      if (asks.includes("insurance") && insurance.length > 0) said.add(t("only.insurance", { people: people(insurance) }));
      if (asks.includes("known") && patients !== "all") said.add(t(`only.${patients}`));
    }
    if (asks.includes("age") && (limits.min_age !== undefined || limits.max_age !== undefined)) said.add(t("only.age", { ages: forAges(ages(limits)) }));
  }
  for (const { referral, confirmation, seats = 1 } of services) {
    if (referral) said.add(t("only.referral"));
    if (seats > 1) said.add(t("what.group", { count: seats }));
    if (confirmation === "by_staff") said.add(t("what.by_staff"));
  }
  return [...said].join(" ");
}

/** previewOf says as whom somebody looks: "GKV, neu, 34 Jahre". */
export const previewOf = (answers: Answers): string => {
  const age = ageOf(answers);
  const said = [answers.insurance, answers.known && t(`preview.${answers.known}`), age !== undefined && t("preview.years", { count: age })];
  return said.filter(Boolean).join(", ") || t("preview.anyone");
};

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
