/**
 * What somebody else changed in the meantime, and one's own changes on top of
 * theirs. Rules are plain JSON; two are the same when their JSON is.
 */
import type { Kind, ListKind, Rules } from "./types.ts";
import { legId } from "./ids.ts";

export interface Change {
  kind: Kind;
  id: string;
  how: "added" | "removed" | "changed";
  /** What it is called, after the change where there is one. */
  name: string;
  /** The names of the fields that differ. */
  fields: string[];
  /** As it is now, or was. */
  value: object;
}

const listKinds: ListKind[] = ["locations", "resources", "practitioners", "services", "windows", "closures", "quotas", "chains", "calendars", "legs"];

type Plain = Record<string, unknown>;

export function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [x, y] = [a as Plain, b as Plain];
  const keys = new Set([...Object.keys(x), ...Object.keys(y)]);
  return [...keys].every((key) => equal(x[key], y[key]));
}

const idOf = (one: Plain): string => (typeof one["id"] === "string" ? one["id"] : legId(String(one["a"]), String(one["b"])));
const nameOf = (one: Plain): string => String(one["name"] || one["reason"] || one["text"] || "");

function fieldsIn(a: Plain, b: Plain): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((key) => !equal(a[key], b[key]));
}

/** changes lists what is different in `after`, in the order of the kinds. */
export function changes(before: Rules, after: Rules): Change[] {
  const found: Change[] = [];
  const fields = fieldsIn(before.practice as unknown as Plain, after.practice as unknown as Plain);
  if (fields.length > 0) found.push({ kind: "practice", id: "practice", how: "changed", name: after.practice.name, fields, value: after.practice });
  for (const kind of listKinds) {
    const old = new Map((before[kind] as unknown as Plain[]).map((one) => [idOf(one), one]));
    for (const one of after[kind] as unknown as Plain[]) {
      const id = idOf(one);
      const was = old.get(id);
      old.delete(id);
      if (!was) found.push({ kind, id, how: "added", name: nameOf(one), fields: [], value: one });
      else if (!equal(was, one)) found.push({ kind, id, how: "changed", name: nameOf(one), fields: fieldsIn(was, one), value: one });
    }
    for (const [id, one] of old) found.push({ kind, id, how: "removed", name: nameOf(one), fields: [], value: one });
  }
  return found;
}

export interface Rebased<T> {
  value: T;
  /** Fields that both changed, each to something else. `value` keeps one's own there. */
  conflicts: string[];
}

/** rebase puts the changes that made `mine` out of `base` on top of `theirs`, field by field. */
export function rebase<T extends object>(base: T, mine: T, theirs: T): Rebased<T> {
  const [b, m, h] = [base as Plain, mine as Plain, theirs as Plain];
  const value: Plain = { ...h };
  const conflicts: string[] = [];
  for (const key of fieldsIn(b, m)) {
    if (!equal(b[key], h[key]) && !equal(m[key], h[key])) conflicts.push(key);
    if (m[key] === undefined) delete value[key];
    else value[key] = m[key];
  }
  return { value: value as T, conflicts };
}
