/**
 * One way to fill in a rule: a list of fields, a draft of what stands in them,
 * and the JSON that it comes from and goes to. A field's key is the JSON's
 * ("release.time" goes one level down); what the form has no field for stays
 * as it was. Labels and hints come from the table of texts by form and key.
 */
import { type Unit, minutesIn, moneyText, readClock, readMoney, spanOf } from "./times.ts";
import { readYearly } from "./holidays.ts";

export interface Option {
  value: string;
  label: string;
}

interface Common {
  key: string;
  /** Behind "Mehr", under this heading. Without it the field is always there. */
  more?: string;
  required?: boolean;
  /** Left out of the JSON where it is blank. Numbers, times and dates always are. */
  optional?: boolean;
  /** Only shown, and only written, where this holds; in rows the second argument counts them. */
  when?: (draft: Draft, at: number) => boolean;
  /** In place of the text that the key has. */
  label?: string;
  /** Takes the whole width. */
  wide?: boolean;
}

export type Field = Common &
  (
    | { kind: "text"; rows?: number; max?: number; input?: "text" | "tel" | "email" | "color" }
    | { kind: "number"; least: number; most: number; unit?: string; placeholder?: string }
    /** Minutes in JSON, a number and its unit on the screen. */
    | { kind: "span"; least: number; most: number; units: Unit[]; placeholder?: string }
    | { kind: "money" }
    | { kind: "time"; latest?: number }
    | { kind: "date" }
    | { kind: "select"; options: Option[]; empty?: string; number?: boolean }
    | { kind: "checks"; options: Option[]; none?: string; number?: boolean; short?: boolean }
    | { kind: "tick" }
    | { kind: "yearly" }
    | { kind: "rows"; fields: Field[]; add: string; ordered?: boolean; least?: number; most: number }
  );

export type Entry = string | boolean | string[] | Draft[];
/** Draft is what stands in the fields, as typed. A span has its unit beside it, under `key|unit`. */
export interface Draft {
  [key: string]: Entry;
}

export type Plain = Record<string, unknown>;

/** A path of the form, "steps.0.service", to the key of a text that says what is wrong there. */
export type Errors = Record<string, { text: string; params?: Record<string, string | number> }>;

const down = (value: Plain, key: string): unknown => key.split(".").reduce<unknown>((at, part) => (typeof at === "object" && at !== null ? (at as Plain)[part] : undefined), value);

function put(value: Plain, key: string, entry: unknown): void {
  const parts = key.split(".");
  const last = parts.pop()!;
  let at = value;
  for (const part of parts) at = (at[part] = { ...(at[part] as Plain | undefined) }) as Plain;
  if (entry === undefined) delete at[last];
  else at[last] = entry;
}

/** read makes the draft of a value. */
export function read(fields: readonly Field[], value: Plain): Draft {
  const draft: Draft = {};
  for (const field of fields) {
    const found = down(value, field.key);
    switch (field.kind) {
      case "tick":
        draft[field.key] = found === true;
        break;
      case "checks":
        draft[field.key] = Array.isArray(found) ? found.map(String) : [];
        break;
      case "rows":
        draft[field.key] = Array.isArray(found) ? found.map((one) => read(field.fields, one as Plain)) : [];
        break;
      case "span": {
        const span = typeof found === "number" ? spanOf(found) : { count: "", unit: field.units[0]! };
        const unit = field.units.includes(span.unit) ? span.unit : field.units[0]!;
        draft[field.key] = typeof found === "number" ? String(found / minutesIn(1, unit)) : "";
        draft[`${field.key}|unit`] = unit;
        break;
      }
      case "money":
        draft[field.key] = typeof found === "number" ? moneyText(found) : "";
        break;
      case "yearly":
        draft[field.key] = typeof found === "string" ? found.replace(/^(\d\d)-(\d\d)$/, "$2.$1.") : "";
        break;
      default:
        draft[field.key] = found === undefined || found === null ? "" : String(found);
    }
  }
  return draft;
}

export interface Written<T> {
  value: T;
  errors: Errors;
}

/** Form is the fields of one kind of rule. */
export interface Form<T extends object = Plain> {
  /** The first part of its texts' keys. */
  name: string;
  fields: Field[];
  /** Objects inside the value that go as a whole when nothing is left in them. */
  drop?: string[];
  /** The value as the fields know it, where that is not the JSON itself, and back. */
  open?: (value: T) => Plain;
  close?: (value: Plain) => T;
  /** Which field shows what the server says of another member of the JSON. */
  alias?: Record<string, string>;
  /** What no field can know alone. */
  check?: (value: T, errors: Errors) => void;
}

export interface Written<T> {
  value: T;
  errors: Errors;
}

/** draftOf is what stands in a form for a value. */
export function draftOf<T extends object>(form: Form<T>, value: T): Draft {
  return read(form.fields, form.open ? form.open(value) : (value as Plain));
}

/** writeForm puts a draft over the value it came from, and says what does not go. */
export function writeForm<T extends object>(form: Form<T>, draft: Draft, over: T): Written<T> {
  const written = write(form.fields, draft, form.open ? form.open(over) : (over as Plain));
  for (const key of form.drop ?? []) {
    const inner = written.value[key] as Plain | undefined;
    if (inner && Object.values(inner).every((one) => one === "" || one === undefined)) delete written.value[key];
  }
  const value = form.close ? form.close(written.value) : (written.value as T);
  form.check?.(value, written.errors);
  return { value, errors: written.errors };
}

/** write is the same for the fields alone. */
export function write(fields: readonly Field[], draft: Draft, over: Plain, at = 0): Written<Plain> {
  const value = structuredClone(over);
  const errors: Errors = {};
  for (const field of fields) {
    if (field.when && !field.when(draft, at)) {
      put(value, field.key, hidden(field));
      continue;
    }
    const { value: entry, wrong, inner = {} } = entryOf(field, draft, down(over, field.key));
    if (wrong) errors[field.key] = wrong;
    for (const [path, one] of Object.entries(inner)) errors[`${field.key}.${path}`] = one;
    put(value, field.key, entry);
  }
  return { value, errors };
}

function hidden(field: Field): unknown {
  if (field.kind === "checks" || field.kind === "rows") return [];
  if (field.kind === "tick") return false;
  return (field.kind === "text" || field.kind === "select") && !field.optional ? "" : undefined;
}

interface Made {
  value: unknown;
  wrong?: Errors[string];
  inner?: Errors;
}

const missing = { text: "error.missing" };

function entryOf(field: Field, draft: Draft, before: unknown): Made {
  const typed = draft[field.key];
  const text = typeof typed === "string" ? typed.trim() : "";
  const blank = field.required ? { value: before, wrong: missing } : { value: undefined };
  switch (field.kind) {
    case "tick":
      return { value: typed === true };
    case "checks": {
      const chosen = Array.isArray(typed) ? (typed as string[]) : [];
      const ordered = field.options.map(({ value }) => value).filter((value) => chosen.includes(value));
      return { value: field.number ? ordered.map(Number) : ordered, ...(field.required && ordered.length === 0 ? { wrong: missing } : {}) };
    }
    case "rows": {
      const rows = (Array.isArray(typed) ? typed : []) as Draft[];
      const inner: Errors = {};
      const value = rows.map((row, at) => {
        const made = write(field.fields, row, {}, at);
        for (const [path, wrong] of Object.entries(made.errors)) inner[`${at}.${path}`] = wrong;
        return made.value;
      });
      if (rows.length < (field.least ?? 0)) return { value, inner, wrong: { text: "error.rows", params: { count: field.least ?? 0 } } };
      return { value, inner };
    }
    case "number": {
      if (text === "") return blank;
      const number = /^-?\d{1,9}$/.test(text) ? Number(text) : NaN;
      if (!(number >= field.least && number <= field.most)) return { value: before, wrong: { text: "error.number", params: { least: field.least, most: field.most } } };
      return { value: number };
    }
    case "span": {
      if (text === "") return blank;
      const unit = draft[`${field.key}|unit`] as Unit;
      const count = /^\d{1,6}$/.test(text) ? Number(text) : NaN;
      const minutes = minutesIn(count, unit);
      if (!(minutes >= field.least && minutes <= field.most)) {
        const per = minutesIn(1, unit);
        return { value: before, wrong: { text: "error.number", params: { least: Math.ceil(field.least / per), most: Math.floor(field.most / per) } } };
      }
      return { value: minutes };
    }
    case "money": {
      if (text === "") return blank;
      const cents = readMoney(text);
      return cents === null ? { value: before, wrong: { text: "error.money" } } : { value: cents };
    }
    case "time": {
      if (text === "") return blank;
      const clock = readClock(text, field.latest ?? 24);
      return clock === null ? { value: before, wrong: { text: field.latest && field.latest > 24 ? "error.time_late" : "error.time" } } : { value: clock };
    }
    case "date":
      if (text === "") return blank;
      return /^\d{4}-\d\d-\d\d$/.test(text) ? { value: text } : { value: before, wrong: { text: "error.date" } };
    case "yearly": {
      const day = readYearly(text) ?? (/^[a-z]+$/.test(text) ? text : null);
      return day === null ? { value: before, wrong: { text: "error.yearly" } } : { value: day };
    }
    case "select":
      if (text === "") return field.required ? { value: before, wrong: missing } : { value: field.optional ? undefined : "" };
      return { value: field.number ? Number(text) : text };
    case "text":
      if (text === "" && field.required) return { value: before, wrong: missing };
      return { value: text === "" && field.optional ? undefined : text };
  }
}

/** added is the draft of one more row. */
export function added(fields: readonly Field[]): Draft {
  const row = read(fields, {});
  for (const field of fields) if (field.kind === "select" && field.required && field.options[0]) row[field.key] = field.options[0].value;
  return row;
}

/** moved swaps a row with the one before or after it. */
export function moved<T>(rows: readonly T[], at: number, by: -1 | 1): T[] {
  const all = [...rows];
  const other = at + by;
  if (other < 0 || other >= all.length) return all;
  [all[at], all[other]] = [all[other]!, all[at]!];
  return all;
}

/** fieldFor is the field that a member of the JSON is filled in by. */
export function fieldFor<T extends object>({ fields, alias = {} }: Form<T>, member: string): Field | undefined {
  const name = alias[member.split(".")[0]!] ?? member;
  return fields.find(({ key }) => name === key || name.startsWith(`${key}.`) || key.startsWith(`${name}.`));
}
