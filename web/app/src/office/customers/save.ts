/** Storing a change of one record so that nothing of another desk's is lost. */
import { reasonOf } from "../../api/problem.ts";
import { SealError } from "../../seal/error.ts";
import { type Customer, type Resolved, resolve, Unreadable } from "./model.ts";
import type { Customers, Held } from "./store.ts";
import { t, word } from "./words.ts";

/** How a save ended: with the record; with a question, as another desk changed the same; or with another desk's deletion. */
export type Outcome = { saved: Held } | { ask: Resolved; theirs: Held } | { deleted: true };

/**
 * save stores a change of `base`. Where another desk has changed other fields
 * meanwhile, both changes are kept; where it changed the same, it is asked.
 */
export async function save(store: Customers, id: string, version: number, base: Customer | null, mine: Customer): Promise<Outcome> {
  let [against, seen] = [base, version];
  let wanted = mine;
  for (let tries = 0; ; tries++) {
    const got = await store.put(id, seen, wanted);
    if ("saved" in got) return got;
    const theirs = got.conflict;
    if (theirs === null) return { deleted: true };
    const resolved = resolve(against, wanted, theirs.customer);
    if (resolved.open.length > 0 || tries >= 5) return { ask: resolved, theirs };
    [against, seen, wanted] = [theirs.customer, theirs.version, resolved.merged];
  }
}

/** why says what kept something from being stored. */
export function why(thrown: unknown): string {
  if (thrown instanceof SealError && thrown.code === "plaintext_too_long") return t("problem.too_long");
  if (thrown instanceof Unreadable) return t("problem.text");
  return word(`problem.${reasonOf(thrown)}`, "problem.other");
}
