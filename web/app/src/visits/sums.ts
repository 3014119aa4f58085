/** What hourly sums of page views come to. Each field was counted for itself: nothing tells which values came together. */
export interface Visit { hour: string; field: string; value: string; visits: number }

export const fields = ["page", "referrer", "browser", "system", "language", "status"] as const;
export type Field = (typeof fields)[number];

export interface Sums {
  total: number;
  bytes: number;
  /** The days from the first that was asked for to today, each with its views. */
  days: { day: string; views: number }[];
  tables: { field: Field; rows: { value: string; views: number }[]; more: number }[];
}

/** most is how many rows a table has; the rest is one number. */
const most = 10;

const key = (at: Date): string => `${at.getFullYear()}-${String(at.getMonth() + 1).padStart(2, "0")}-${String(at.getDate()).padStart(2, "0")}`;

/** sums adds up the days back from now, in the zone of whoever looks. */
export function sums(visits: Visit[], now: Date, back = 31): Sums {
  const days = new Map<string, number>();
  for (let i = back - 1; i >= 0; i--) days.set(key(new Date(now.getFullYear(), now.getMonth(), now.getDate() - i)), 0);
  const by = new Map<string, Map<string, number>>();
  let [total, bytes] = [0, 0];
  for (const { hour, field, value, visits: n } of visits) {
    if (field === "bytes") {
      bytes += n;
      continue;
    }
    const values = by.get(field) ?? new Map<string, number>();
    by.set(field, values.set(value, (values.get(value) ?? 0) + n));
    if (field !== "page") continue;
    total += n;
    const day = key(new Date(hour));
    if (days.has(day)) days.set(day, (days.get(day) ?? 0) + n);
  }
  return {
    total, bytes,
    days: [...days].map(([day, views]) => ({ day, views })),
    tables: fields.flatMap((field) => {
      const all = [...(by.get(field) ?? [])].map(([value, views]) => ({ value, views })).sort((a, b) => b.views - a.views || (a.value < b.value ? -1 : 1));
      return all.length === 0 ? [] : [{ field, rows: all.slice(0, most), more: all.slice(most).reduce((sum, one) => sum + one.views, 0) }];
    }),
  };
}
