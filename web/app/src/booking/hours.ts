/**
 * hoursOf parts opening hours in words into lines of days and times: "Mo, Di
 * 8–12 Uhr" parts before its first digit. Lines end at a line break or a
 * semicolon. A line without both stays whole.
 */
export function hoursOf(text: string): { days: string; hours: string }[] {
  return text
    .split(/[\n;]/)
    .map((line) => line.trim())
    .filter(Boolean)
    .map((line) => {
      const match = /^(\D+?)[\s:]+(\d.*)$/.exec(line);
      return match ? { days: match[1] ?? "", hours: match[2] ?? "" } : { days: "", hours: line };
    });
}
