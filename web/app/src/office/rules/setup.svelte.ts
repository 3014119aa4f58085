/**
 * The practice's rules in one browser: what was last read, and every way to
 * change it. A change names the version it was made on; the server refuses one
 * made on an older version, and then the new rules are read and what is
 * different is told. Nothing here throws.
 */
import { Problem, reasonOf } from "../../api/problem.ts";
import * as client from "./client.ts";
import { type Change, changes } from "./diff.ts";
import { keyOf } from "./forms.ts";
import type { Kind, ListKind, Outside, Rules, ValueOf } from "./types.ts";

export type Outcome =
  | { how: "done" }
  /** Nothing was saved: these appointments would lie outside. */
  | { how: "outside"; outside: Outside[] }
  /** Nothing was saved: somebody else was faster, with these changes. */
  | { how: "changed"; changes: Change[] }
  | { how: "refused"; reason: string; field: string; needed?: Needed[] };

/** Needed is another rule that stands in the way. */
export interface Needed {
  kind: string;
  id: string;
}

export interface Undo {
  text: string;
  back: () => Promise<Outcome>;
}

/** Milliseconds for which a deletion can be taken back. */
export const undoFor = 10_000;

export class Setup {
  rules = $state.raw<Rules | null>(null);
  /** Reason of the last failed reading. */
  trouble = $state<string | null>(null);
  undo = $state.raw<Undo | null>(null);
  /** Said politely, and shown, after a change. */
  said = $state("");
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly signedOut: () => void) {}

  async load(): Promise<void> {
    try {
      this.rules = await client.getRules();
      this.trouble = null;
    } catch (thrown) {
      this.trouble = reasonOf(thrown);
      if (thrown instanceof Problem && thrown.status === 401) this.signedOut();
    }
  }

  save<K extends Kind>(kind: K, value: ValueOf<K>, outside: client.OnOutside = "ask"): Promise<Outcome> {
    const id = kind === "practice" ? "practice" : keyOf(value as ValueOf<ListKind>);
    return this.attempt((version) => client.putRule(kind, id, version, value, outside));
  }

  /** remove deletes, and for ten seconds it can be put back as it was, with what went with it. */
  async remove<K extends Exclude<ListKind, "calendars">>(kind: K, value: ValueOf<K>, text: string, outside: client.OnOutside = "ask"): Promise<Outcome> {
    const before = this.rules;
    const outcome = await this.attempt((version) => client.deleteRule(kind, keyOf(value), version, outside));
    if (outcome.how !== "done" || !before || !this.rules) return outcome;
    const gone = changes(before, this.rules).filter(({ how, kind: its, id }) => how === "removed" && !(its === kind && id === keyOf(value)));
    this.offer({
      text,
      back: async () => {
        let last = await this.save(kind, value, "keep");
        for (const { kind: its, id } of gone) {
          const one = its === "practice" || its === "calendars" ? undefined : (before[its] as { id?: string }[]).find((old) => keyOf(old) === id);
          if (one && last.how === "done") last = await this.save(its, one as never, "keep");
        }
        return last;
      },
    });
    return outcome;
  }

  putCalendar(id: string, body: Omit<client.CalendarRequest, "version">): Promise<Outcome> {
    return this.attempt((version) => client.putCalendar(id, { version, ...body }));
  }

  removeCalendar(id: string, outside: client.OnOutside = "ask"): Promise<Outcome> {
    return this.attempt((version) => client.deleteCalendar(id, version, outside));
  }

  offer(undo: Undo): void {
    clearTimeout(this.timer);
    this.undo = undo;
    this.timer = setTimeout(() => (this.undo = null), undoFor);
  }

  async takeBack(): Promise<Outcome> {
    const undo = this.undo;
    clearTimeout(this.timer);
    this.undo = null;
    if (!undo) return { how: "done" };
    const outcome = await undo.back();
    // Somebody changed something else in those seconds: what is put back stands for itself.
    return outcome.how === "changed" ? undo.back() : outcome;
  }

  private async attempt(act: (version: number) => Promise<unknown>): Promise<Outcome> {
    const before = this.rules;
    if (!before) return { how: "refused", reason: "unreachable", field: "" };
    try {
      await act(before.version);
      await this.load();
      return { how: "done" };
    } catch (thrown) {
      if (!(thrown instanceof Problem)) return { how: "refused", reason: "unexpected", field: "" };
      if (thrown.status === 401) this.signedOut();
      if (thrown.reason === "appointments_outside") return { how: "outside", outside: (thrown.body["outside"] as Outside[] | undefined) ?? [] };
      if (thrown.reason === "rules_changed") {
        await this.load();
        return { how: "changed", changes: this.rules ? changes(before, this.rules) : [] };
      }
      return { how: "refused", reason: thrown.reason, field: fieldOf(thrown), needed: neededIn(thrown) };
    }
  }
}

const wheres = ({ body }: Problem): string[] => (body.errors ?? []).map((one) => String((one as { where?: unknown }).where ?? ""));

/** The field of the rule itself: "from", "practitioners[0].minutes" as "practitioners.0.minutes". */
function fieldOf(problem: Problem): string {
  const said = problem.body["field"] ?? wheres(problem).find((where) => where.startsWith("body.value."))?.slice("body.value.".length);
  return typeof said === "string" ? said.replace(/\[(\d+)\]/g, ".$1") : "";
}

/** The others are named by kind and id: "quotas.quo_….windows". */
function neededIn(problem: Problem): Needed[] {
  return wheres(problem).flatMap((where) => {
    const [kind = "", id = ""] = where.split(".");
    return /^[a-z]{3}_/.test(id) ? [{ kind, id }] : [];
  });
}
