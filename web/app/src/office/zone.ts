/**
 * Days and clock times in the practice's own zone, whatever the zone of the
 * computer that shows them. A day is written YYYY-MM-DD; an instant is a number
 * of milliseconds since 1970. Days begin at local midnight and may be 23 or 25
 * hours long.
 */

/** Day is a local date, YYYY-MM-DD. */
export type Day = string;

const readers = new Map<string, Intl.DateTimeFormat>();

function reader(zone: string): Intl.DateTimeFormat {
  let found = readers.get(zone);
  if (!found) {
    found = new Intl.DateTimeFormat("en-GB", {
      timeZone: zone,
      calendar: "gregory",
      numberingSystem: "latn",
      hourCycle: "h23",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
    });
    readers.set(zone, found);
  }
  return found;
}

interface Wall {
  day: Day;
  /** Milliseconds since midnight by the clock on the wall. */
  ms: number;
}

function wall(instant: number, zone: string): Wall {
  const part: Record<string, string> = {};
  for (const { type, value } of reader(zone).formatToParts(instant)) part[type] = value;
  const { year = "", month = "", day = "", hour = "0", minute = "0", second = "0" } = part;
  return {
    day: `${year.padStart(4, "0")}-${month}-${day}`,
    ms: ((Number(hour) * 60 + Number(minute)) * 60 + Number(second)) * 1000,
  };
}

/** dayOf is the local date at an instant. */
export function dayOf(instant: number, zone: string): Day {
  return wall(instant, zone).day;
}

/** minuteOf is how many minutes the clock on the wall is past midnight. */
export function minuteOf(instant: number, zone: string): number {
  return Math.floor(wall(instant, zone).ms / 60_000);
}

/** startOf is the instant at which a local day begins. */
export function startOf(day: Day, zone: string): number {
  const wanted = Date.parse(`${day}T00:00:00Z`);
  let guess = wanted;
  // Two steps settle every real offset; a third is for days without a midnight.
  for (let i = 0; i < 3; i++) {
    const shown = wall(guess, zone);
    const off = Date.parse(`${shown.day}T00:00:00Z`) + shown.ms - wanted;
    if (off === 0) return guess;
    guess -= off;
  }
  // No midnight on that day (clocks went forward over it): its first instant.
  while (dayOf(guess, zone) < day) guess += 15 * 60_000;
  return guess;
}

/** plus is the date some days later (or earlier, when negative). */
export function plus(day: Day, days: number): Day {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
}

/** instantOf is when the clock on the wall shows a minute of a day; the first such instant where it shows it twice. */
export function instantOf(day: Day, minute: number, zone: string): number {
  const wanted = Date.parse(`${day}T00:00:00Z`) + minute * 60_000;
  let guess = startOf(day, zone) + minute * 60_000;
  for (let i = 0; i < 2; i++) {
    const shown = wall(guess, zone);
    guess -= Date.parse(`${shown.day}T00:00:00Z`) + shown.ms - wanted;
  }
  return guess;
}

/** mondayOf is the Monday of a date's week. */
export function mondayOf(day: Day): Day {
  return plus(day, 1 - (new Date(noon(day)).getUTCDay() || 7));
}

/** noon is an instant by which a date can be formatted in UTC without slipping. */
export function noon(day: Day): number {
  return Date.parse(`${day}T12:00:00Z`);
}

/** week is the ISO 8601 week number of a date. */
export function week(day: Day): number {
  const date = new Date(noon(day));
  const thursday = plus(day, 4 - (date.getUTCDay() || 7));
  const first = Date.parse(`${thursday.slice(0, 4)}-01-01T12:00:00Z`);
  return Math.floor((noon(thursday) - first) / (7 * 86_400_000)) + 1;
}

/** age is the number of completed years on a day, or null where that makes no sense. */
export function age(birth: string, on: Day): number | null {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(birth) || birth > on) return null;
  const years = Number(on.slice(0, 4)) - Number(birth.slice(0, 4));
  const done = on.slice(5) >= birth.slice(5) ? years : years - 1;
  return done <= 130 ? done : null;
}
