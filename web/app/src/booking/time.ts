// Days and times as people at a location's place see them. An instant is UTC
// ("2026-11-26T08:20:00Z"), a day is a local date ("2026-11-26"); only an IANA
// zone turns one into the other. Nothing here reads the device's own zone,
// except zoneDiffers, which compares with it.

const hour = 3_600_000;
const tags: Record<string, string> = { de: "de-DE", en: "en-GB" };
const formats = new Map<string, Intl.DateTimeFormat>();

function format(language: string, zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const id = `${language}|${zone}|${JSON.stringify(options)}`;
  let made = formats.get(id);
  if (!made) {
    made = new Intl.DateTimeFormat(tags[language] ?? language, { ...options, timeZone: zone });
    formats.set(id, made);
  }
  return made;
}

interface Wall {
  day: string;
  minutes: number;
}

function wall(instant: number, zone: string): Wall {
  const parts: Record<string, string> = {};
  const options = { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23", calendar: "gregory", numberingSystem: "latn" } as const;
  for (const { type, value } of format("en-GB", zone, options).formatToParts(instant)) parts[type] = value;
  return { day: `${parts.year}-${parts.month}-${parts.day}`, minutes: Number(parts.hour) * 60 + Number(parts.minute) };
}

/** dayIn is the local date of an instant in a zone. */
export const dayIn = (instant: string | number, zone: string): string => wall(new Date(instant).getTime(), zone).day;

/** minutesIn counts wall-clock minutes since midnight, 0 to 1439. */
export const minutesIn = (instant: string | number, zone: string): number => wall(new Date(instant).getTime(), zone).minutes;

/** addDays counts calendar days, which have no zone and no clock change. */
export const addDays = (day: string, count: number): string => new Date(Date.parse(`${day}T00:00:00Z`) + count * 24 * hour).toISOString().slice(0, 10);

/** weekdayOf is 1 for Monday to 7 for Sunday (ISO 8601). */
export const weekdayOf = (day: string): number => new Date(`${day}T00:00:00Z`).getUTCDay() || 7;

export const mondayOf = (day: string): string => addDays(day, 1 - weekdayOf(day));

/**
 * turnOf tells the two passes of a doubled hour apart, as in autumn when 2:30
 * comes twice. It is "" for the times that come once.
 */
export function turnOf(instant: string, zone: string): "" | "first" | "second" {
  const at = Date.parse(instant);
  const here = wall(at, zone);
  for (const shift of [hour, hour / 2, 2 * hour]) {
    const same = (other: Wall) => other.day === here.day && other.minutes === here.minutes;
    if (same(wall(at + shift, zone))) return "first";
    if (same(wall(at - shift, zone))) return "second";
  }
  return "";
}

/** clock is the time of day as the language writes it, without a leading zero in German. */
export function clock(instant: string | number, zone: string, language: string): string {
  const text = format(language, zone, { hour: "numeric", minute: "2-digit", hourCycle: "h23" }).format(new Date(instant));
  return clockOf(text, language);
}

const inUTC = (day: string) => new Date(`${day}T12:00:00Z`);

/** longDay is "Donnerstag, 26. November", with the year if wanted. No-break spaces keep day and month together. */
export function longDay(day: string, language: string, year = false): string {
  const options: Intl.DateTimeFormatOptions = { weekday: "long", day: "numeric", month: "long", ...(year ? { year: "numeric" } : {}) };
  return format(language, "UTC", options).format(inUTC(day)).replace(/(\d+\.?) (?=\p{L})/u, "$1\u00a0");
}

/** monthDay is "26. November". */
export const monthDay = (day: string, language: string): string =>
  format(language, "UTC", { day: "numeric", month: "long" }).format(inUTC(day)).replace(/ /g, "\u00a0");

/** dayAndMonth is "Mo. 30.11." */
export const dayAndMonth = (day: string, language: string): string =>
  new Intl.DateTimeFormat(language === "en" ? "en-GB" : language, { weekday: "short", day: "2-digit", month: "2-digit", timeZone: "UTC" }).format(Date.parse(`${day}T00:00:00Z`));

/** clockOf writes a wall time "08:05" as the language does. */
export const clockOf = (time: string, language: string): string => (language === "de" ? time.replace(/^0(\d)/, "$1") : time);

export const weekdayName = (day: string, language: string, width: "long" | "short" = "long"): string =>
  format(language, "UTC", { weekday: width }).format(inUTC(day)).replace(/\.$/, "");

/** dayNumber is "26." in German and "26" in English. */
export const dayNumber = (day: string, language: string): string => `${Number(day.slice(8))}${language === "de" ? "." : ""}`;

/** dayRange is "23.–28. November": both ends, shared parts once. */
export const dayRange = (from: string, to: string, language: string): string =>
  format(language, "UTC", { day: "numeric", month: "long" }).formatRange(inUTC(from), inUTC(to));

/** zoneName is what people call a zone: "Mitteleuropäische Zeit". */
export function zoneName(zone: string, language: string): string {
  const parts = format(language, zone, { timeZoneName: "longGeneric" }).formatToParts(new Date());
  return parts.find((part) => part.type === "timeZoneName")?.value ?? zone;
}

/** zoneDiffers tells whether a visitor's clock shows another time than the location's at any of these instants. */
export function zoneDiffers(instants: readonly string[], zone: string, own = Intl.DateTimeFormat().resolvedOptions().timeZone): boolean {
  return own !== zone && instants.some((instant) => {
    const [here, there] = [wall(Date.parse(instant), own), wall(Date.parse(instant), zone)];
    return here.day !== there.day || here.minutes !== there.minutes;
  });
}
