/** Milliseconds before the end when the page warns. */
export const warnFrom = 120_000;

/** left is the time to the end of a hold in milliseconds, never negative. */
export const left = (expires: string, now: number): number => Math.max(0, Date.parse(expires) - now);

/** minutesAndSeconds rounds up, so that 0:00 means over: "8:40". */
export function minutesAndSeconds(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

export type Phase = "running" | "ending" | "over";

export const phaseOf = (ms: number): Phase => (ms === 0 ? "over" : ms <= warnFrom ? "ending" : "running");

/**
 * announcement says what a screen reader should hear when the time left went
 * from before to after: once at five minutes, at the warning, at one minute and
 * at the end. A clock that ticks aloud every second would drown the form.
 */
export function announcement(before: number, after: number): { minutes: number } | "over" | undefined {
  if (before > 0 && after === 0) return "over";
  const crossed = [1, 2, 5].find((minutes) => before > minutes * 60_000 && after <= minutes * 60_000 && after > 0);
  return crossed === undefined ? undefined : { minutes: crossed };
}
