/** Dates and times as people of a language write them. Days are plain dates, instants are shown in a zone. */
import { unknownBirth } from "./booking.ts";
import { type Day, noon } from "./zone.ts";

const kept = new Map<string, Intl.DateTimeFormat>();

function format(language: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = language + JSON.stringify(options);
  let found = kept.get(key);
  if (!found) kept.set(key, (found = new Intl.DateTimeFormat(language === "en" ? "en-GB" : language, options)));
  return found;
}

/** clock is 08:05, in every language on 24 hours: an office runs on them. */
export function clock(instant: number, zone: string): string {
  return format("en", { timeZone: zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(instant);
}

/** dayName is "Dienstag, 24. November"; with the year where it is not the year of `today`. */
export function dayName(day: Day, today: Day, language: string): string {
  const year = day.slice(0, 4) === today.slice(0, 4) ? {} : ({ year: "numeric" } as const);
  return format(language, { timeZone: "UTC", weekday: "long", day: "numeric", month: "long", ...year }).format(noon(day));
}

/** dayShort is "Di., 24. Nov." */
export function dayShort(day: Day, language: string): string {
  return format(language, { timeZone: "UTC", weekday: "short", day: "numeric", month: "short" }).format(noon(day));
}

/** date is "30.06.1984". */
export function date(day: Day, language: string): string {
  return format(language, { timeZone: "UTC", day: "2-digit", month: "2-digit", year: "numeric" }).format(noon(day));
}

/** birthday is a date of birth; nothing where it is not known. */
export const birthday = (birth: Day, language: string): string => (birth === unknownBirth ? "" : date(birth, language));

/** moment is "19.11., 20:14". */
export function moment(instant: number, zone: string, language: string): string {
  return format(language, {
    timeZone: zone,
    day: "2-digit",
    month: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  }).format(instant);
}

/** languageName is "Deutsch" for "de", the tag itself where it is none. */
export function languageName(tag: string, language: string): string {
  try {
    return new Intl.DisplayNames(language, { type: "language" }).of(tag) ?? tag;
  } catch {
    return tag;
  }
}
