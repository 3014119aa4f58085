// Sentences about times: when a slot is, why another is not offered.

import type { ClosedDay } from "../api/types.ts";
import { t } from "../i18n/later.ts";
import { language } from "../i18n/language.svelte.ts";
import { ageOf, type Answers, type Choice, type Verdict } from "./offer.ts";
import { stopsOf, type Slot } from "./slots.ts";
import { addDays, clock, dayIn, longDay, minutesIn, monthDay, weekdayName } from "./time.ts";
import { forAges, people } from "./words.ts";

/** reason says why hours are not offered. */
export function reason(verdict: Verdict, answers: Answers): string {
  if (verdict.kind === "open") return t("when.why_open");
  if (verdict.kind === "offered") return "";
  if (verdict.because === "age") return t("when.why_age", { ages: forAges(verdict) });
  if (verdict.because !== "insurance") return t(`when.why_${verdict.because}`);
  if (answers.insurance === "SEL" || answers.insurance === "") return t("when.why_self", { people: people(verdict.only) });
  return t("when.why_insurance", { people: people(verdict.only), insured: t(`insured.${answers.insurance}`) });
}

/** about is what the answers say of the patient: "gesetzlich versichert, neu in der Praxis, 34 Jahre". */
export function about(answers: Answers): string {
  const age = ageOf(answers);
  return [answers.insurance && t(`insured.${answers.insurance}`), answers.known && t(`known.${answers.known}`), age !== undefined && t("preview.years", { count: age })].filter(Boolean).join(", ");
}

/** timeOf is the slot's time of day; in a doubled hour it says which of the two. */
export const timeOf = (slot: Pick<Slot, "starts" | "zone">): string => clock(slot.starts, slot.zone, language());

/** overDays tells whether several appointments that are booked as one lie on several days. */
export const overDays = (slot: Slot): boolean => slot.then.some(({ day }) => day !== slot.day);

/** spanOf is the time of one appointment, and from when to when several of a day take: "8:00 bis 9:15 Uhr". */
export const spanOf = (slot: Slot): string => (slot.then.length > 0 && !overDays(slot) ? t("when.span", { from: timeOf(slot), to: clock(lastEnd(slot), slot.zone, language()) }) : timeOf(slot));

const lastEnd = (slot: Slot): string => stopsOf(slot).reduce((end, { ends }) => (ends > end ? ends : end), slot.ends);

export const turnNote = (slot: Pick<Slot, "turn">): string => (slot.turn ? t(`when.turn_${slot.turn}`) : "");

/** costOf is what all appointments of a slot cost, in cents; undefined where the patient pays nothing. */
export function costOf(slot: Slot, choice: Choice | undefined): number | undefined {
  const cents = stopsOf(slot).map((stop) => stop.condition.price_cents ?? (choice?.services[stop.step] ?? choice?.services[0])?.price_cents);
  return cents.some((some) => some !== undefined) ? cents.reduce<number>((sum, some) => sum + (some ?? 0), 0) : undefined;
}

/** dayOf is "Heute, Montag", "Morgen, Dienstag", or the date. */
export function dayOf(day: string, today: string): string {
  const weekday = weekdayName(day, language());
  if (day === today) return t("when.today_is", { weekday });
  if (day === addDays(today, 1)) return t("when.tomorrow_is", { weekday });
  return longDay(day, language());
}

/** opensAt is from when a day can be booked: "heute, 7:30 Uhr", or the bare date where it begins with the day. */
export function opensAt(opens: string, zone: string, today: string): string {
  const [day, time] = [dayIn(opens, zone), clock(opens, zone, language())];
  if (day === today) return t("when.opens_today", { time });
  if (day === addDays(today, 1)) return t("when.opens_tomorrow", { time });
  return minutesIn(opens, zone) === 0 ? monthDay(day, language()) : t("when.opens_at", { day: monthDay(day, language()), time });
}

/** whyShut says why a day has nothing. */
export function whyShut({ reason, name, text, opens }: ClosedDay, zone: string, today: string): string {
  switch (reason) {
    case "holiday":
      return t("when.why_holiday", { name: name ?? "" });
    case "full":
      return t("when.why_taken");
    case "quota":
      return t("when.why_quota_day");
    case "later":
      return opens ? t("when.why_later", { opens: opensAt(opens, zone, today) }) : t("when.why_taken");
    default:
      return text ? t("when.why_closed_for", { text }) : t("when.why_closed");
  }
}

/** span is a length of time as people say it: "24 Stunden", "zwei Tage". */
export function span(minutes: number): string {
  if (minutes > 24 * 60 && minutes % (24 * 60) === 0) return t("when.days", { count: minutes / (24 * 60) });
  return minutes % 60 === 0 ? t("when.hours", { count: minutes / 60 }) : t("when.minutes", { count: minutes });
}

/** instant is "Mittwoch, 25. November, 8:20 Uhr". */
export const instant = (at: string | number, zone: string): string => t("booked.until", { day: longDay(dayIn(at, zone), language()), time: clock(at, zone, language()) });
