/** Times of day and spans as people type them and as rules keep them. */

/**
 * readClock reads a time of day as "HH:MM" from "8", "8:30", "8.30", "830" or
 * "8 Uhr 30"; up to `latest` (in hours). Null for what is none.
 */
export function readClock(text: string, latest = 24): string | null {
  const line = text.trim().replace(/\s*uhr\s*/i, ":").replace(/:$/, "");
  const found = /^(\d{1,2})(?:[:.](\d{2}))?$/.exec(line) ?? /^(\d{1,2})(\d{2})$/.exec(line);
  if (!found) return null;
  const [hours, minutes] = [Number(found[1]), Number(found[2] ?? 0)];
  if (minutes > 59 || hours * 60 + minutes > latest * 60) return null;
  return `${String(hours).padStart(2, "0")}:${String(minutes).padStart(2, "0")}`;
}

/** minutesOf is how many minutes "HH:MM" is past midnight. */
export function minutesOf(clock: string): number {
  const [hours = 0, minutes = 0] = clock.split(":").map(Number);
  return hours * 60 + minutes;
}

/** clockOf is "HH:MM" for minutes past midnight. */
export function clockOf(minutes: number): string {
  return `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
}

export type Unit = "minutes" | "hours" | "days";
const perUnit: Record<Unit, number> = { minutes: 1, hours: 60, days: 1440 };

/** spanOf cuts minutes into the largest unit that holds them whole. */
export function spanOf(minutes: number): { count: number; unit: Unit } {
  const unit: Unit = minutes > 0 && minutes % 1440 === 0 ? "days" : minutes > 0 && minutes % 60 === 0 ? "hours" : "minutes";
  return { count: minutes / perUnit[unit], unit };
}

export function minutesIn(count: number, unit: Unit): number {
  return count * perUnit[unit];
}

/** readMoney reads euros ("48", "48,50") into cents; null for what is none. */
export function readMoney(text: string): number | null {
  const found = /^(\d{1,6})(?:[.,](\d{1,2}))?\s*€?$/.exec(text.trim());
  return found ? Number(found[1]) * 100 + Number((found[2] ?? "0").padEnd(2, "0")) : null;
}

export function moneyText(cents: number): string {
  return `${Math.floor(cents / 100)},${String(cents % 100).padStart(2, "0")}`;
}
