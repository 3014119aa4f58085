/**
 * What another calendar hands out, as a table: CSV, what was copied out of a
 * list, or iCalendar (RFC 5545). Everything here is somebody else's text: it is
 * kept as text, in bounds, and nothing in it means anything yet.
 */

/** Bounds of what is read. */
export const limits = { bytes: 8 << 20, rows: 5000, columns: 60, cell: 2000 };

export interface Table {
  /** Names of the columns; invented where the first row is none. */
  columns: string[];
  rows: string[][];
  /** Where each row began, counted as people count lines. */
  lines: number[];
  /** Of iCalendar: columns have fixed meanings, see [icsColumns]. */
  kind: "csv" | "ics";
  /** What was left out, and how often. */
  left: { why: "cancelled" | "repeats" | "all_day" | "unreadable"; lines: number[] }[];
}

export class Unreadable extends Error {
  constructor(readonly why: "too_large" | "too_many" | "empty" | "no_table") {
    super(why);
  }
}

/** textOf decodes a file: UTF-8, UTF-16 with its mark, and where it is neither, Windows-1252 as practice software writes it. */
export function textOf(bytes: Uint8Array): string {
  if (bytes.length > limits.bytes) throw new Unreadable("too_large");
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder("utf-16le").decode(bytes);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder("utf-16be").decode(bytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

/** tableOf reads a file or what was pasted. Throws [Unreadable]. */
export function tableOf(text: string): Table {
  if (text.length > limits.bytes) throw new Unreadable("too_large");
  const content = text.replace(/^\ufeff/, "");
  if (content.trim() === "") throw new Unreadable("empty");
  return /^\s*BEGIN:VCALENDAR\b/i.test(content) ? fromIcs(content) : fromCsv(content);
}

/** A cell as it is kept: one line, without what no screen can show. */
const cell = (text: string) => text.normalize("NFC").replace(/[\p{Cc}\u2028\u2029]+/gu, " ").replace(/[\u202a-\u202e\u2066-\u2069\p{Co}\p{Cs}]/gu, "").trim().slice(0, limits.cell);

/** Which character parts the cells: the one that stands most often, and as often in each of the first lines. */
export function delimiterOf(text: string): string {
  const first: string[] = [];
  let line = "";
  let quoted = false;
  for (let i = 0; i < text.length && first.length < 10 && i < 100_000; i++) {
    const c = text[i]!;
    if (c === '"') quoted = !quoted;
    if (!quoted && (c === "\n" || c === "\r")) {
      if (line.trim() !== "") first.push(line);
      line = "";
    } else if (!quoted) line += c;
  }
  if (line.trim() !== "") first.push(line);
  let best = { sign: ";", score: 0 };
  for (const sign of ["\t", ";", ",", "|"]) {
    const counts = first.map((one) => one.split(sign).length - 1);
    const least = Math.min(...counts);
    const score = least * 10 + (counts.every((n) => n === counts[0]) ? 5 : 0);
    if (least > 0 && score > best.score) best = { sign, score };
  }
  return best.sign;
}

/** cells takes a CSV apart as RFC 4180 says; a quote inside of a cell that does not begin with one is a character. */
export function cells(text: string, sign: string): { cells: string[]; line: number }[] {
  const rows: { cells: string[]; line: number }[] = [];
  let row: string[] = [];
  let value = "";
  let quoted = false;
  let line = 1;
  let began = 1;
  const endCell = () => {
    if (row.length < limits.columns) row.push(cell(value));
    value = "";
  };
  const endRow = () => {
    endCell();
    if (row.some((one) => one !== "")) {
      if (rows.length > limits.rows) throw new Unreadable("too_many");
      rows.push({ cells: row, line: began });
    }
    row = [];
    began = line;
  };
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (c === "\n" || (c === "\r" && text[i + 1] !== "\n")) line++;
    if (quoted) {
      if (c !== '"') value += c;
      else if (text[i + 1] === '"') (value += '"'), i++;
      else quoted = false;
    } else if (c === '"' && value.trim() === "") (quoted = true), (value = "");
    else if (c === sign) endCell();
    else if (c === "\n" || c === "\r") {
      if (c === "\r" && text[i + 1] === "\n") (i++, line++);
      endRow();
    } else value += c;
  }
  if (value !== "" || row.length > 0) endRow();
  return rows;
}

function fromCsv(text: string): Table {
  // Excel says in a first line of its own what parts the cells.
  const said = /^sep=(.)\r?\n/i.exec(text);
  const rows = cells(said ? text.slice(said[0].length) : text, said ? said[1]! : delimiterOf(text));
  const width = Math.max(...rows.map(({ cells }) => cells.length));
  if (rows.length === 0 || width < 2) throw new Unreadable("no_table");
  const [first, ...rest] = rows;
  // A head says no times and no dates, and names each column.
  const head = rest.length > 0 && first!.cells.every((one) => !/\d{1,2}[.:/]\d{2}|\d{4}-\d{2}/.test(one)) && first!.cells.filter(Boolean).length > width / 2;
  const body = head ? rest : rows;
  const columns: string[] = [];
  for (let n = 0; n < width; n++) {
    const name = (head ? first!.cells[n] : "") || String(n + 1);
    columns.push(columns.includes(name) ? `${name} (${n + 1})` : name);
  }
  return { columns, rows: body.map(({ cells }) => Array.from({ length: width }, (_, n) => cells[n] ?? "")), lines: body.map(({ line }) => line + (said ? 1 : 0)), kind: "csv", left: [] };
}

/** What each column of an iCalendar is. */
export const icsColumns = ["starts", "ends", "title", "type", "room", "doctor", "note", "id"] as const;

interface Property {
  name: string;
  parameters: Map<string, string>;
  value: string;
}

function property(line: string): Property | null {
  const found = /^([A-Za-z0-9-]{1,60})((?:;[A-Za-z0-9-]+=(?:"[^"]*"|[^";:]*))*):(.*)$/su.exec(line);
  if (!found) return null;
  const parameters = new Map<string, string>();
  for (const [, name, value] of found[2]!.matchAll(/;([A-Za-z0-9-]+)=("[^"]*"|[^";:]*)/g)) parameters.set(name!.toUpperCase(), value!.replace(/^"|"$/g, ""));
  return { name: found[1]!.toUpperCase(), parameters, value: found[3]! };
}

const unescape = (text: string) => text.replace(/\\([nN,;\\])/g, (_, c: string) => (c === "n" || c === "N" ? "\n" : c));

/** A time as RFC 5545 writes it, as this module writes it for [readTime]: with Z, with a zone behind it, or floating. */
function icsTime({ value, parameters }: Property): string | null {
  const found = /^(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})(\d{2})(Z?))?$/.exec(value.trim());
  if (!found) return null;
  const [, y, m, d, h, min, , z] = found;
  if (h === undefined) return `${y}-${m}-${d}`;
  const zone = parameters.get("TZID") ?? "";
  return `${y}-${m}-${d} ${h}:${min}${z ? "Z" : zone ? ` [${zone}]` : ""}`;
}

/** Minutes of a duration, or null. */
function icsDuration(text: string): number | null {
  const found = /^\+?P(?:(\d{1,3})D)?(?:T(?:(\d{1,3})H)?(?:(\d{1,4})M)?(?:\d{1,5}S)?)?$/.exec(text.trim());
  if (!found) return null;
  return Number(found[1] ?? 0) * 1440 + Number(found[2] ?? 0) * 60 + Number(found[3] ?? 0);
}

function fromIcs(text: string): Table {
  const lines: { text: string; line: number }[] = [];
  text.split(/\r\n|\n|\r/).forEach((one, n) => {
    const last = lines.at(-1);
    if (/^[ \t]/.test(one) && last) last.text = (last.text + one.slice(1)).slice(0, 4 * limits.cell);
    else lines.push({ text: one, line: n + 1 });
  });
  const table: Table = { columns: [...icsColumns], rows: [], lines: [], kind: "ics", left: [] };
  const leave = (why: Table["left"][number]["why"], line: number) => {
    const found = table.left.find((one) => one.why === why);
    if (found) found.lines.push(line);
    else table.left.push({ why, lines: [line] });
  };
  let calendar = "";
  let event: Map<string, Property> | null = null;
  let from = 0;
  const inside: string[] = [];
  for (const { text, line } of lines) {
    const found = property(text);
    if (!found) continue;
    const part = found.value.trim().toUpperCase();
    if (found.name === "BEGIN") {
      inside.push(part);
      if (part === "VEVENT" && event === null) (event = new Map()), (from = line);
    } else if (found.name === "END") {
      inside.pop();
      if (part !== "VEVENT" || event === null) continue;
      const done = event;
      event = null;
      if (table.rows.length >= limits.rows) throw new Unreadable("too_many");
      const value = (name: string) => cell(unescape(done.get(name)?.value ?? ""));
      if (value("STATUS").toUpperCase() === "CANCELLED") {
        leave("cancelled", from);
        continue;
      }
      if (done.has("RRULE") || done.has("RDATE")) {
        leave("repeats", from);
        continue;
      }
      const starts = done.has("DTSTART") ? icsTime(done.get("DTSTART")!) : null;
      if (starts === null || !starts.includes(" ")) {
        leave(starts === null ? "unreadable" : "all_day", from);
        continue;
      }
      const minutes = done.has("DURATION") ? icsDuration(done.get("DURATION")!.value) : null;
      const ends = done.has("DTEND") ? (icsTime(done.get("DTEND")!) ?? "") : minutes === null ? "" : `+${minutes}`;
      const organizer = done.get("ORGANIZER");
      const doctor = cell(organizer?.parameters.get("CN") ?? organizer?.value.replace(/^mailto:/i, "") ?? "") || calendar;
      // One of a series that was changed is one of its own.
      const id = [value("UID"), value("RECURRENCE-ID")].filter(Boolean).join(" ");
      table.rows.push([starts, ends, value("SUMMARY"), value("CATEGORIES"), value("LOCATION"), doctor, value("DESCRIPTION"), id]);
      table.lines.push(from);
    } else if (event && inside.at(-1) === "VEVENT") {
      if (!event.has(found.name)) event.set(found.name, found);
    } else if (found.name === "X-WR-CALNAME" && inside.length === 1) calendar = cell(unescape(found.value));
  }
  if (table.rows.length === 0 && table.left.length === 0) throw new Unreadable("empty");
  return table;
}
