/**
 * Lists as files. What patients typed is escaped for each format: a table
 * program takes nothing for a formula, a calendar takes nothing for a property.
 */
import type { Practice } from "../../api/types.ts";
import { bare, unknownBirth } from "../booking.ts";
import type { Entry } from "../bookings.ts";
import { shown, shownLines } from "../contact.ts";
import { lineOf } from "../lines.ts";
import { dayOf } from "../zone.ts";
import { clock } from "../format.ts";

/**
 * csvField quotes a field (RFC 4180) and puts an apostrophe before what a table
 * program could take for a formula, also behind spaces. Line breaks become
 * spaces: some programs begin a row at them even in quotes.
 */
export function csvField(text: string): string {
  const line = shown(text, 2000);
  const formula = /^[\s'"]*[=+\-@\uff1d\uff0b\uff0d\uff20|%]/u.test(line);
  return `"${(formula ? `'${line}` : line).replaceAll('"', '""')}"`;
}

/** Headers are the column names, in the order of the columns. */
export type Headers = readonly [date: string, from: string, until: string, name: string, born: string, service: string, insurance: string, phone: string, email: string, practitioner: string, location: string, status: string, note: string];

/** csv is a table with semicolons, as German table programs expect them, and a byte order mark so that they read UTF-8. */
export function csv(entries: readonly Entry[], practice: Practice | null, zone: string, headers: Headers, status: (entry: Entry) => string): string {
  const rows: string[][] = [[...headers]];
  for (const entry of [...entries].sort((a, b) => a.starts - b.starts)) {
    const line = lineOf(entry, practice);
    const booking = entry.reading.state === "open" ? entry.reading.booking : null;
    rows.push([
      dayOf(entry.starts, zone), clock(entry.starts, zone), clock(entry.ends, zone), line.name, booking && booking.patient.birth_date !== unknownBirth ? booking.patient.birth_date : "", line.service, line.insurance,
      booking?.patient.phone ?? "", booking?.patient.email ?? "", line.practitioner, line.location, status(entry), booking?.note ?? "",
    ]);
  }
  return `\ufeff${rows.map((row) => row.map(csvField).join(";")).join("\r\n")}\r\n`;
}

/** icsText escapes a TEXT value (RFC 5545 3.3.11). */
export function icsText(text: string): string {
  return shownLines(text).replaceAll("\\", "\\\\").replaceAll(";", "\\;").replaceAll(",", "\\,").replaceAll("\n", "\\n");
}

/** fold breaks a content line after at most 75 octets (RFC 5545 3.1), between characters. */
export function fold(line: string): string {
  const encoder = new TextEncoder();
  const lines: string[] = [];
  let now = "";
  let size = 0;
  for (const sign of line) {
    const bytes = encoder.encode(sign).length;
    if (size + bytes > (lines.length === 0 ? 75 : 74)) {
      lines.push(now);
      now = "";
      size = 0;
    }
    now += sign;
    size += bytes;
  }
  lines.push(now);
  return lines.join("\r\n ");
}

const stamp = (instant: number) => `${new Date(instant).toISOString().slice(0, 19).replace(/[-:]/g, "")}Z`;

/** ics is a calendar of the opened and unopened appointments; an unopened one has no name. */
export function ics(entries: readonly Entry[], practice: Practice | null, now: number, locked: string): string {
  const lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Siegel//Desk//EN", "CALSCALE:GREGORIAN"];
  for (const entry of [...entries].sort((a, b) => a.starts - b.starts)) {
    const line = lineOf(entry, practice);
    const booking = entry.reading.state === "open" ? entry.reading.booking : null;
    const about = [line.service, booking?.patient.phone ?? "", booking?.note ?? ""].filter(Boolean).join("\n");
    lines.push(
      "BEGIN:VEVENT",
      `UID:${bare(entry.bookingId).replace(/[^0-9a-f-]/g, "")}@siegel`,
      `DTSTAMP:${stamp(now)}`,
      `DTSTART:${stamp(entry.starts)}`,
      `DTEND:${stamp(entry.ends)}`,
      `SUMMARY:${icsText(line.name || locked)}`,
      `LOCATION:${icsText([line.practitioner, line.location].filter(Boolean).join(", "))}`,
      ...(about ? [`DESCRIPTION:${icsText(about)}`] : []),
      `STATUS:${entry.status === "pending" ? "TENTATIVE" : "CONFIRMED"}`,
      "CLASS:PRIVATE",
      "END:VEVENT",
    );
  }
  lines.push("END:VCALENDAR");
  return `${lines.map(fold).join("\r\n")}\r\n`;
}

/** save hands a text to the browser as a download. */
export function save(name: string, type: string, text: string): void {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}
