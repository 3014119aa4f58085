// When the door to a visit by video stands open.

const minute = 60_000;
/** How long before the start, and how long after the end. */
const [before, after] = [15 * minute, 60 * minute];

export interface Door {
  state: "early" | "open" | "over";
  /** When it opens, in milliseconds. */
  opens: number;
  /** In how many milliseconds to look again; undefined once nothing changes any more. */
  wait?: number;
}

/** doorOf is at most an hour of waiting at a time, which timers bear and a sleeping phone forgives. */
export function doorOf({ starts, ends }: { starts: string; ends: string }, now: number): Door {
  const [opens, closes] = [Date.parse(starts) - before, Date.parse(ends) + after];
  const look = (at: number) => Math.min(at - now, 60 * minute);
  if (now < opens) return { state: "early", opens, wait: look(opens) };
  return now < closes ? { state: "open", opens, wait: look(closes) } : { state: "over", opens };
}
