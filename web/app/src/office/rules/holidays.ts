/**
 * The public holidays of the sixteen Länder, for showing a year before it is
 * saved. The server decides with a table of its own, which names the law; a
 * test holds the two against each other for 2018 to 2035.
 */
import { type Day, plus } from "../zone.ts";

export const lands = ["BW", "BY", "BE", "BB", "HB", "HH", "HE", "MV", "NI", "NW", "RP", "SL", "SN", "ST", "SH", "TH"].map((code) => `DE-${code}`);

/** municipalitiesOf are the rules that hold in some municipalities of a Land only. */
export function municipalitiesOf(land: string): string[] {
  return { "DE-BY": ["catholic", "augsburg"], "DE-SN": ["catholic"], "DE-TH": ["catholic"] }[land] ?? [];
}

export interface Holiday {
  day: Day;
  name: string;
}

/** easter is Easter Sunday of a Gregorian year (the anonymous algorithm). */
export function easter(year: number): Day {
  const a = year % 19;
  const [b, c] = [Math.floor(year / 100), year % 100];
  const h = (19 * a + b - Math.floor(b / 4) - Math.floor((8 * b + 13) / 25) + 15) % 30;
  const i = Math.floor(c / 4);
  const l = (32 + 2 * (b % 4) + 2 * i - h - (c % 4)) % 7;
  const m = Math.floor((a + 11 * h + 19 * l) / 433);
  const month = Math.floor((h + l - 7 * m + 90) / 25);
  return date(year, month, (h + l - 7 * m + 33 * month + 19) % 32);
}

const date = (year: number, month: number, day: number): Day => `${year}-${String(month).padStart(2, "0")}-${String(day).padStart(2, "0")}`;

interface Feast {
  name: string;
  /** "10-31", a number of days after Easter Sunday, or the Wednesday before 23 November. */
  on: string | number;
  lands?: string;
  since?: number;
  until?: number;
  /** Only where the municipality is one of these. */
  only?: Record<string, string[]>;
}

const feasts: Feast[] = [
  { name: "Neujahr", on: "01-01" },
  { name: "Heilige Drei Könige", on: "01-06", lands: "BW BY ST" },
  { name: "Internationaler Frauentag", on: "03-08", lands: "BE", since: 2019 },
  { name: "Internationaler Frauentag", on: "03-08", lands: "MV", since: 2023 },
  { name: "Karfreitag", on: -2 },
  { name: "Ostersonntag", on: 0, lands: "BB" },
  { name: "Ostermontag", on: 1 },
  { name: "Tag der Arbeit", on: "05-01" },
  { name: "75. Jahrestag der Befreiung vom Nationalsozialismus", on: "05-08", lands: "BE", since: 2020, until: 2020 },
  { name: "80. Jahrestag der Befreiung vom Nationalsozialismus", on: "05-08", lands: "BE", since: 2025, until: 2025 },
  { name: "75. Jahrestag des Aufstandes vom 17. Juni 1953", on: "06-17", lands: "BE", since: 2028, until: 2028 },
  { name: "Christi Himmelfahrt", on: 39 },
  { name: "Pfingstsonntag", on: 49, lands: "BB" },
  { name: "Pfingstmontag", on: 50 },
  { name: "Fronleichnam", on: 60, lands: "BW BY HE NW RP SL SN TH", only: { SN: ["catholic"], TH: ["catholic"] } },
  { name: "Augsburger Hohes Friedensfest", on: "08-08", lands: "BY", only: { BY: ["augsburg"] } },
  { name: "Mariä Himmelfahrt", on: "08-15", lands: "BY SL", only: { BY: ["catholic", "augsburg"] } },
  { name: "Weltkindertag", on: "09-20", lands: "TH", since: 2019 },
  { name: "Tag der Deutschen Einheit", on: "10-03" },
  { name: "Reformationstag", on: "10-31", lands: "BB HB HH MV NI SN ST SH TH" },
  { name: "Allerheiligen", on: "11-01", lands: "BW BY NW RP SL" },
  { name: "Buß- und Bettag", on: "repentance", lands: "SN" },
  { name: "Erster Weihnachtstag", on: "12-25" },
  { name: "Zweiter Weihnachtstag", on: "12-26" },
];

/** holidays are those of a year, in order; a land that is none has none. It promises the law for 2018 and later. */
export function holidays(land: string, municipality: string, year: number): Holiday[] {
  if (!lands.includes(land)) return [];
  const short = land.slice(3);
  return feasts
    .filter(({ lands: where, since = 0, until = 9999, only }) => {
      if (where && !where.split(" ").includes(short)) return false;
      return year >= since && year <= until && (!only?.[short] || only[short].includes(municipality));
    })
    .map(({ name, on }) => ({ day: dayOfFeast(on, year), name }))
    .sort((a, b) => (a.day < b.day ? -1 : 1));
}

function dayOfFeast(on: string | number, year: number): Day {
  if (typeof on === "number") return plus(easter(year), on);
  if (on !== "repentance") return `${year}-${on}`;
  const last = date(year, 11, 22);
  return plus(last, -((new Date(`${last}T12:00:00Z`).getUTCDay() - 3 + 7) % 7));
}

/** movable are the yearly closed days that go with Easter, in days after Easter Sunday. */
export const movable: Record<string, number> = { weiberfastnacht: -52, rosenmontag: -48, fastnachtsdienstag: -47 };

/** yearlyIn is a yearly closed day ("12-24", "rosenmontag") in a year; null where the year does not have it. */
export function yearlyIn(day: string, year: number): Day | null {
  const after = movable[day];
  if (after !== undefined) return plus(easter(year), after);
  const found = `${year}-${day}`;
  return /^\d{4}-\d\d-\d\d$/.test(found) && !Number.isNaN(Date.parse(`${found}T00:00:00Z`)) && new Date(`${found}T00:00:00Z`).toISOString().startsWith(found) ? found : null;
}

/** readYearly reads "24.12." (or 12-24) into "12-24"; null for what is no day of a year. */
export function readYearly(text: string): string | null {
  const found = /^\s*(\d{1,2})\.\s*(\d{1,2})\.?\s*$/.exec(text) ?? /^\s*(?:(?<m>\d{1,2})-(?<d>\d{1,2}))\s*$/.exec(text);
  if (!found) return null;
  const [day, month] = found.groups?.["m"] ? [found.groups["d"]!, found.groups["m"]] : [found[1]!, found[2]!];
  const yearly = `${month.padStart(2, "0")}-${day.padStart(2, "0")}`;
  return yearlyIn(yearly, 2024) ? yearly : null;
}
