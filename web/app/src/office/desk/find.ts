/**
 * Finding people among the opened bookings, in memory and nowhere else. The
 * index holds what was opened and goes with it.
 */
import type { Booking, Patient } from "../../seal/plaintext.ts";
import { unknownBirth } from "../booking.ts";
import type { Entry } from "../bookings.ts";

export interface Known {
  /** Name and birth date: who has both in common is taken for one. */
  key: string;
  patient: Patient;
  /** The latest booking, to begin the next one with; null where only their record is known. */
  latest: Booking | null;
  /** In order of time. */
  entries: Entry[];
  words: readonly string[];
  digits: readonly string[];
}

/** plain is text as it is compared: without case, accents, and ß and ø for what they are typed as. */
export function plain(text: string): string {
  return text.normalize("NFKD").replace(/\p{M}+/gu, "").toLowerCase().replaceAll("ß", "ss").replaceAll("ø", "o").replaceAll("ł", "l").replaceAll("æ", "ae");
}

/** people gathers those whose bookings are open. */
export function people(entries: readonly Entry[]): Known[] {
  const found = new Map<string, Known>();
  for (const entry of [...entries].sort((a, b) => a.starts - b.starts)) {
    if (entry.reading.state !== "open") continue;
    const { booking } = entry.reading;
    const { family_name, given_name, birth_date } = booking.patient;
    const key = `${plain(family_name)}|${plain(given_name)}|${birth_date}`;
    let one = found.get(key);
    if (!one) {
      one = { key, patient: booking.patient, latest: booking, entries: [], words: [], digits: [] };
      found.set(key, one);
    }
    one.entries.push(entry);
    one.latest = booking;
    one.patient = { ...one.patient, ...Object.fromEntries(Object.entries(booking.patient).filter(([, value]) => value !== undefined && value !== "")) } as Patient;
  }
  for (const one of found.values()) {
    const { family_name, given_name, birth_date, phone, email } = one.patient;
    const [year = "", month = "", day = ""] = birth_date === unknownBirth ? [] : birth_date.split("-");
    one.words = [...plain(`${family_name} ${given_name}`).split(/[^\p{L}\p{N}]+/u), plain(email ?? "")].filter(Boolean);
    one.digits = [`${day}${month}${year}`, `${day}${month}${year.slice(2)}`, `${year}${month}${day}`, ...(phone ? [phone.replace(/\D/g, "").replace(/^0+/, "")] : [])];
  }
  return [...found.values()];
}

/** find lists who fits every word of a query: the beginning of a name or of a birthday, a part of a number. Who has a date next comes first. */
export function find(all: readonly Known[], query: string, now: number, limit = 8): Known[] {
  const dates = query.replace(/(\d{1,2})[./](\d{1,2})(?:[./](\d{2,4}))?\.?/g, (_, day: string, month: string, year = "") => `${day.padStart(2, "0")}${month.padStart(2, "0")}${year}`);
  const asked = plain(dates).split(/[\s,;]+/).filter(Boolean);
  if (asked.length === 0) return [];
  const fits = all.filter(({ words, digits }) =>
    asked.every((part) => {
      if (!/^\+?[\d/-]+$/.test(part)) return words.some((word) => word.startsWith(part));
      const number = part.replace(/\D/g, "");
      const bare = number.replace(/^0/, "") || number; // the trunk prefix
      return digits.some((text, at) => text.startsWith(number) || (at >= 3 && bare.length >= 3 && text.includes(bare)));
    }),
  );
  const next = ({ entries }: Known) => entries.find(({ ends }) => ends > now)?.starts ?? Number.POSITIVE_INFINITY;
  return fits.sort((a, b) => next(a) - next(b) || (a.key < b.key ? -1 : 1)).slice(0, limit);
}
