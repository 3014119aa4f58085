/** What a calendar's file looks like, told from its content. The server reads it for good. */
export type Format = "ics" | "openholidays";

/** The largest file that is sent, in bytes. */
export const largest = 2 << 20;

/** formatOf tells an iCalendar (RFC 5545) from OpenHolidays JSON; null for what is neither. */
export function formatOf(content: string): Format | null {
  const text = content.replace(/^\ufeff/, "").trimStart();
  if (/^BEGIN:VCALENDAR\b/i.test(text)) return "ics";
  if (!text.startsWith("[") && !text.startsWith("{")) return null;
  try {
    const json: unknown = JSON.parse(text);
    const list = Array.isArray(json) ? json : [json];
    return list.length > 0 && list.every((one) => typeof one === "object" && one !== null && "startDate" in one && "endDate" in one) ? "openholidays" : null;
  } catch {
    return null;
  }
}

/** What of an event says when it is. Everything else (subject, place, people, notes) stays here. */
const timely = new Set([
  "BEGIN", "END", "VERSION", "CALSCALE", "UID", "SEQUENCE", "DTSTAMP", "DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID", "TRANSP", "STATUS",
  "TZID", "TZOFFSETFROM", "TZOFFSETTO", "X-WR-TIMEZONE", "X-MICROSOFT-CDO-BUSYSTATUS", "FREEBUSY",
]);
const parts = new Set(["VCALENDAR", "VEVENT", "VFREEBUSY", "VTIMEZONE", "STANDARD", "DAYLIGHT"]);

/**
 * timesOnly leaves of an iCalendar what says when somebody is busy, so that no
 * subject and no name leaves the browser. Events keep apart by a number in
 * place of their UID, which often holds an address.
 */
export function timesOnly(ics: string): string {
  const kept = ["PRODID:-//Siegel//times only//DE"];
  const numbers = new Map<string, number>();
  let skipping: string | null = null;
  for (const line of ics.replace(/^\ufeff/, "").replace(/\r?\n[ \t]/g, "").split(/\r?\n/)) {
    const [, name = "", value = ""] = /^([A-Za-z0-9-]+)[^:]*:(.*)$/.exec(line) ?? [];
    const property = name.toUpperCase();
    const part = value.trim().toUpperCase();
    if (skipping !== null) {
      if (property === "END" && part === skipping) skipping = null;
    } else if (property === "BEGIN" && !parts.has(part)) skipping = part;
    else if (property === "UID") {
      if (!numbers.has(value)) numbers.set(value, numbers.size + 1);
      kept.push(`UID:${numbers.get(value)}`);
    } else if (timely.has(property)) kept.push(line);
  }
  // The calendar begins before what it was made with.
  [kept[0], kept[1]] = [kept[1] ?? "", kept[0]!];
  return `${kept.join("\r\n")}\r\n`;
}
