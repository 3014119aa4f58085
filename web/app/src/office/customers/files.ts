/**
 * Records as files, and files as records. What comes in is text of anybody: it
 * is read into fields, cleaned, shown before it counts, and never run. What goes
 * out is escaped for its format: a table program takes nothing for a formula, a
 * card takes nothing for a property.
 */
import { cleanText } from "../../seal/text.ts";
import { birthOf } from "../desk/caller.ts";
import { csvField, fold, icsText } from "../desk/export.ts";
import { type Customer, edited, type EditedField, empty, fromPlain, most, nameOf, type OwnField, toPlain } from "./model.ts";

/** A table as it was found: a row of names, and rows of texts. */
export interface Table {
  header: string[];
  rows: string[][];
}

/** The most rows that are read. */
export const mostRows = 50_000;

/** decode reads UTF-8, UTF-16 with its mark, and what older programs write on Windows. */
export function decode(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder("utf-16le").decode(bytes);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder("utf-16be").decode(bytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

/** readCSV reads RFC 4180 with commas, semicolons or tabs, whichever the first line has most of. */
export function readCSV(text: string): Table {
  const clean = text.replace(/^\ufeff/, "");
  const first = clean.slice(0, Math.max(0, clean.search(/\r|\n|$/)));
  const outside = first.replace(/"[^"]*"/g, "");
  const comma = [";", ",", "\t"].map((sign) => ({ sign, n: outside.split(sign).length })).sort((a, b) => b.n - a.n)[0]!.sign;
  const rows: string[][] = [];
  let row: string[] = [];
  let field = "";
  let quoted = false;
  const end = () => {
    row.push(field);
    field = "";
    if (row.some((one) => one.trim() !== "")) rows.push(row);
    row = [];
  };
  for (let i = 0; i < clean.length; i++) {
    const sign = clean[i]!;
    if (quoted) {
      if (sign !== '"') field += sign;
      else if (clean[i + 1] === '"') (field += '"'), i++;
      else quoted = false;
    } else if (sign === '"' && field.trim() === "") (quoted = true), (field = "");
    else if (sign === comma) row.push(field), (field = "");
    else if (sign === "\n" || sign === "\r") {
      if (sign === "\r" && clean[i + 1] === "\n") i++;
      end();
      if (rows.length > mostRows) break;
    } else field += sign;
  }
  if (field !== "" || row.length > 0) end();
  return { header: (rows.shift() ?? []).map((name) => name.trim()), rows: rows.slice(0, mostRows) };
}

/** What a column may become. */
export type Target = EditedField | "tags" | "note" | "name" | "";
export const targets: readonly Target[] = ["", "family_name", "given_name", "name", "title", "birth_date", "gender", "insurance", "insurer", "phone", "phone2", "email", "street", "postal_code", "city", "language", "tags", "note"];

const called: readonly [RegExp, Target][] = [
  [/^(nachname|familienname|name2|last ?name|surname|family ?name)$/i, "family_name"],
  [/^(vorname|rufname|first ?name|given ?name)$/i, "given_name"],
  [/^(name|vollst.*name|full ?name|patient|kunde|ansprechpartner)$/i, "name"],
  [/^(titel|title|akad.*titel)$/i, "title"],
  [/^(geb.*|birth.*|dob|date of birth)$/i, "birth_date"],
  [/^(geschlecht|gender|sex|anrede|salutation)$/i, "gender"],
  [/^(versicherungsart|versicherung|insurance|versichertenart)$/i, "insurance"],
  [/^(krankenkasse|kasse|kostentr.*|insurer)$/i, "insurer"],
  [/^(mobil.*|handy.*|cell.*|telefon ?2|phone ?2)$/i, "phone2"],
  [/^(tel.*|phone.*|rufnummer|festnetz)$/i, "phone"],
  [/^(e-?mail.*|mail.*)$/i, "email"],
  [/^(stra(ß|ss)e.*|street.*|adresse|address|anschrift)$/i, "street"],
  [/^(plz|postleitzahl|post ?code|zip.*|postal.*)$/i, "postal_code"],
  [/^(ort|stadt|wohnort|city|town)$/i, "city"],
  [/^(sprache|language)$/i, "language"],
  [/^(tags?|schlagw.*|kategorien?|categories|gruppen?|merkmale)$/i, "tags"],
  [/^(notiz.*|bemerkung.*|kommentar|notes?|comment.*)$/i, "note"],
];

/** guess tells for each column what it most likely is; each thing once. */
export function guess(header: readonly string[]): Target[] {
  const taken = new Set<Target>();
  return header.map((name) => {
    const found = called.find(([pattern, target]) => !taken.has(target) && pattern.test(name.trim()))?.[1] ?? "";
    if (found) taken.add(found);
    return found;
  });
}

/** A record as a file has it, and what of it could not be taken. */
export interface Read {
  customer: Customer;
  problems: ("nameless" | "birth" | "phone" | "email" | "text")[];
}

/** Texts of files have tabs, breaks and marks that no field of ours has. */
function line(text: string, longest: number = most.line, several = false): string | null {
  const soft = several ? text : text.replace(/[\s\u2028\u2029]+/gu, " ");
  try {
    return cleanText([...soft.replace(/[\u200b\ufeff]/gu, "")].slice(0, longest).join(""), { max: longest, lines: several, optional: true });
  } catch {
    return null;
  }
}

const kinds: readonly [RegExp, Customer["insurance"]][] = [
  [/^(gkv|gesetzlich.*|kasse|statutory)$/i, "GKV"],
  [/^(pkv|privat.*|private)$/i, "PKV"],
  [/^(bei|beihilfe.*)$/i, "BEI"],
  [/^(bg|berufsgen.*)$/i, "BG"],
  [/^(sel|selbst.*|self.*)$/i, "SEL"],
  [/^(soz|sozial.*)$/i, "SOZ"],
];
const genders: readonly [RegExp, Customer["gender"]][] = [
  [/^(w|f|weiblich|female|frau|ms\.?|mrs\.?)$/i, "female"],
  [/^(m|männlich|maennlich|male|herr|mr\.?)$/i, "male"],
  [/^(d|x|divers|other)$/i, "other"],
  [/^(u|unbestimmt|unknown)$/i, "unknown"],
];

/** An apostrophe before a sign is how tables keep formulas from running: it is no part of the text. */
const unguarded = (text: string) => text.replace(/^'(?=[\s'"]*[=+\-@|%])/, "");

/** toCustomer makes a record of texts, and says what it left out. */
export function toCustomer(texts: readonly (readonly [Target, string])[], today: string, by: string, id: () => string): Read {
  const customer = empty();
  const problems = new Set<Read["problems"][number]>();
  for (const [target, raw] of texts) {
    const several = target === "note";
    const text = line(unguarded(raw), several ? most.note : most.line, several);
    if (text === null) {
      problems.add("text");
      continue;
    }
    if (text === "" || target === "") continue;
    switch (target) {
      case "name": {
        const [family = "", given] = text.includes(",") ? text.split(/,(.*)/) : [text.slice(text.lastIndexOf(" ") + 1), text.slice(0, Math.max(0, text.lastIndexOf(" ")))];
        customer.family_name ||= family.trim();
        customer.given_name ||= (given ?? "").trim();
        break;
      }
      case "birth_date": {
        customer.birth_date = birthOf(text.replace(/T.*$|\s\d{1,2}:.*$/, ""), today);
        if (customer.birth_date === "") problems.add("birth");
        break;
      }
      case "gender":
        customer.gender = genders.find(([pattern]) => pattern.test(text))?.[1] ?? "";
        break;
      case "insurance":
        customer.insurance = kinds.find(([pattern]) => pattern.test(text))?.[1] ?? "";
        if (customer.insurance === "") customer.insurer ||= text;
        break;
      case "phone":
      case "phone2":
        if (/^\+?[\d\s().\/-]{4,40}$/.test(text)) customer[target] = text;
        else problems.add("phone");
        break;
      case "email":
        if (/^[^\s@"<>(),:;[\]\\]{1,64}@[\p{L}\p{N}.-]{1,180}$/u.test(text)) customer.email = text;
        else problems.add("email");
        break;
      case "tags":
        customer.tags = [...new Set([...customer.tags, ...text.split(/[,;|]/).map((tag) => line(tag.replace(/^\s*#/, ""), most.tag) ?? "").filter(Boolean)])].slice(0, most.tags);
        break;
      case "note":
        customer.notes = [...customer.notes, { id: id(), at: `${today}T00:00:00Z`, by, text }].slice(0, most.notes);
        break;
      default:
        customer[target] = text;
    }
  }
  if (customer.family_name === "" && customer.given_name === "") problems.add("nameless");
  return { customer, problems: [...problems] };
}

/** readVCard reads vCard 2.1 to 4.0 (RFC 6350) as columns: one row a card. Photos and what is not asked for are passed over. */
export function readVCard(text: string): (readonly [Target, string])[][] {
  const unfolded = text.replace(/^\ufeff/, "").replace(/=\r?\n(?=[^\r\n]*)/g, (soft, at: number, all: string) => (/QUOTED-PRINTABLE/i.test(all.slice(all.lastIndexOf("\n", at - 1) + 1, at)) ? "" : soft)).replace(/\r?\n[ \t]/g, "");
  const cards: (readonly [Target, string])[][] = [];
  let card: (readonly [Target, string])[] | null = null;
  for (const row of unfolded.split(/\r\n|\r|\n/)) {
    const found = /^(?:[\w-]+\.)?([\w-]+)((?:;(?:"[^"]*"|[^":])*)?):(.*)$/.exec(row);
    if (!found) continue;
    const [, name = "", parameters = "", raw = ""] = found;
    const value = /QUOTED-PRINTABLE/i.test(parameters) ? printable(raw) : raw;
    const plain = (part = "") => part.replace(/\\n/gi, "\n").replace(/\\([\\,;:])/g, "$1");
    const parts = split(value, ";").map(plain);
    switch (name.toUpperCase()) {
      case "BEGIN":
        card = [];
        break;
      case "END":
        if (card) cards.push(card);
        card = null;
        if (cards.length >= mostRows) return cards;
        break;
      case "N":
        card?.push(["family_name", parts[0] ?? ""], ["given_name", [parts[1], parts[2]].filter(Boolean).join(" ")], ["title", parts[3] ?? ""]);
        break;
      case "FN":
        if (!card?.some(([target, text]) => target === "family_name" && text !== "")) card?.push(["name", plain(value)]);
        break;
      case "BDAY":
        card?.push(["birth_date", value.replace(/^(\d{4})(\d{2})(\d{2})$/, "$1-$2-$3")]);
        break;
      case "GENDER":
        card?.push(["gender", parts[0] ?? ""]);
        break;
      case "TEL":
        card?.push([card.some(([target]) => target === "phone") ? "phone2" : "phone", plain(value).replace(/^tel:/i, "")]);
        break;
      case "EMAIL":
        if (!card?.some(([target]) => target === "email")) card?.push(["email", plain(value)]);
        break;
      case "ADR":
        if (!card?.some(([target]) => target === "street")) card?.push(["street", [parts[2], parts[1]].filter(Boolean).join(" ")], ["postal_code", parts[5] ?? ""], ["city", parts[3] ?? ""]);
        break;
      case "CATEGORIES":
        card?.push(["tags", split(value, ",").map(plain).join(";")]);
        break;
      case "NOTE":
        card?.push(["note", plain(value)]);
        break;
      case "LANG":
        card?.push(["language", plain(value)]);
        break;
    }
  }
  return cards;
}

/** Cuts at signs that no backslash protects. */
function split(text: string, sign: string): string[] {
  const parts: string[] = [];
  let part = "";
  for (let i = 0; i < text.length; i++) {
    if (text[i] === "\\" && i + 1 < text.length) part += text[i]! + text[++i]!;
    else if (text[i] === sign) parts.push(part), (part = "");
    else part += text[i];
  }
  return [...parts, part];
}

function printable(text: string): string {
  const bytes: number[] = [];
  for (let i = 0; i < text.length; i++) {
    const hex = text[i] === "=" ? /^[0-9A-F]{2}/i.exec(text.slice(i + 1)) : null;
    if (hex) bytes.push(parseInt(hex[0], 16)), (i += 2);
    else bytes.push(...new TextEncoder().encode(text[i]));
  }
  return decode(new Uint8Array(bytes));
}

/** readJSON reads what [toJSON] wrote. Null for anything else. */
export function readJSON(text: string, today: string): Read[] | null {
  try {
    const whole = JSON.parse(text) as { format?: unknown; persons?: unknown };
    if (whole.format !== "siegel-persons" || !Array.isArray(whole.persons)) return null;
    return whole.persons.slice(0, mostRows).map((one: unknown): Read => {
      try {
        const customer = fromPlain(one as Record<string, unknown>);
        // What belonged to another place does not come along.
        return { customer: { ...customer, bookings: [], household: "", fields: {}, made: today, source: "import" }, problems: nameOf(customer) === "" ? ["nameless"] : [] };
      } catch {
        return { customer: empty(), problems: ["text", "nameless"] };
      }
    });
  } catch {
    return null;
  }
}

/** Restricted records are stored and nothing else (Art. 18 GDPR): they go into no file of many. */
export const exportable = <T extends { customer: Customer }>(all: readonly T[]): T[] => all.filter(({ customer }) => customer.restricted === "");

/** toCSV is a table with semicolons and a byte order mark, as German table programs expect it. */
export function toCSV(all: readonly Customer[], fields: readonly OwnField[], header: (field: EditedField | "tags" | "note") => string): string {
  const columns = [...edited, "tags" as const, "note" as const];
  const rows = [
    [...columns.map(header), ...fields.map(({ name }) => name)],
    ...all.map((c) => [...edited.map((field) => c[field]), c.tags.join(", "), c.notes.map(({ text }) => text).join(" | "), ...fields.map(({ id }) => c.fields[id] ?? "")]),
  ];
  return `\ufeff${rows.map((row) => row.map(csvField).join(";")).join("\r\n")}\r\n`;
}

/** toVCard is vCard 4.0 (RFC 6350). */
export function toVCard(all: readonly Customer[]): string {
  const uri = (text: string) => text.replace(/[^+\d]/g, "");
  const lines = all.flatMap((c) => [
    "BEGIN:VCARD",
    "VERSION:4.0",
    `N:${[c.family_name, c.given_name, "", c.title, ""].map(icsText).join(";")}`,
    `FN:${icsText([c.title, c.given_name, c.family_name].filter(Boolean).join(" ") || "–")}`,
    ...(c.birth_date ? [`BDAY:${c.birth_date.replace(/[^\d]/g, "")}`] : []),
    ...(c.gender ? [`GENDER:${{ female: "F", male: "M", other: "O", unknown: "U" }[c.gender]}`] : []),
    ...[c.phone, c.phone2].filter(Boolean).map((phone) => `TEL;VALUE=uri:tel:${uri(phone)}`),
    ...(c.email ? [`EMAIL:${icsText(c.email)}`] : []),
    ...(c.street || c.city || c.postal_code ? [`ADR:;;${icsText(c.street)};${icsText(c.city)};;${icsText(c.postal_code)};`] : []),
    ...(c.tags.length > 0 ? [`CATEGORIES:${c.tags.map(icsText).join(",")}`] : []),
    "END:VCARD",
  ]);
  return `${lines.map(fold).join("\r\n")}\r\n`;
}

export function toJSON(all: readonly Customer[], fields: readonly OwnField[], exported: string): string {
  return JSON.stringify({ format: "siegel-persons", version: 1, exported, own_fields: fields, persons: all.map(toPlain) }, null, 2);
}
