/**
 * Acts that can be taken back. What somebody does shows at once and is sent a
 * little later: until then, undoing it leaves nothing behind, not even for the
 * server. Acts are sent one after the other, in the order in which they were
 * done. [Acts.flush] sends what waits without delay: before the page goes, and
 * before somebody locks or signs out.
 */
import { type Readable, writable } from "svelte/store";
import { reasonOf } from "../../api/problem.ts";
import type { Entry } from "../bookings.ts";

/** Change is what an act makes of an entry, until the server says so itself. */
export type Change = Partial<Pick<Entry, "status" | "excused" | "starts" | "ends" | "practitioner">> | "gone";

export interface Act {
  /** What was done, without a name; said where it can be undone. */
  label: string;
  /** By appointment. */
  changes: ReadonlyMap<string, Change>;
  /** keepalive: the page is about to go. */
  send(keepalive: boolean): Promise<void>;
  /** Takes back what had to be sent at once; such an act has nothing to send any more. */
  back?: () => Promise<void>;
  /** The booking that it is about: taking it back takes back what waits of the same booking and came later. */
  about?: string;
  /** Told that it was taken back. */
  dropped?: () => void;
}

export interface Pending {
  id: number;
  label: string;
  changes: ReadonlyMap<string, Change>;
  /** When it can be undone no longer. */
  until: number;
  /** It is on its way. */
  sent: boolean;
}

export interface ActsConfig {
  /** Milliseconds during which an act can be undone. */
  delay: number;
  now(): number;
  after(ms: number, call: () => void): () => void;
  /** Told when an act has arrived; the act shows until this has settled. */
  done(): Promise<void>;
  /** Told the reason why one did not. */
  failed(reason: string, label: string): void;
}

interface Held extends Pending {
  act: Act;
  stop: () => void;
}

export class Acts {
  private readonly held: Held[] = [];
  private readonly inner = writable<readonly Pending[]>([]);
  private line: Promise<void> = Promise.resolve();
  private serial = 0;

  constructor(private readonly config: ActsConfig) {}

  get pending(): Readable<readonly Pending[]> {
    return this.inner;
  }

  /** do shows an act. One that waits and touches the same appointment is sent first. */
  do(act: Act): number {
    for (const one of this.held) if (!one.sent && [...act.changes.keys()].some((id) => one.changes.has(id))) void this.send(one, false);
    const id = ++this.serial;
    const held: Held = { id, act, label: act.label, changes: act.changes, until: this.config.now() + this.config.delay, sent: false, stop: () => {} };
    held.stop = this.config.after(this.config.delay, () => void this.send(held, false));
    this.held.push(held);
    this.publish();
    return id;
  }

  /** undo takes an act back; false where it is too late. The latest one without an id. */
  undo(id?: number): boolean {
    const held = id === undefined ? this.held.findLast(({ sent }) => !sent) : this.held.find((one) => one.id === id);
    if (!held || held.sent) return false;
    const { about, back } = held.act;
    // A message about it has nothing to say any more.
    const later = about === undefined ? [] : this.held.filter((one) => !one.sent && one.id > held.id && one.act.about === about);
    for (const one of [held, ...later]) {
      this.drop(one);
      one.act.dropped?.();
    }
    if (back) this.line = this.line.then(back).then(() => this.config.done()).catch((thrown: unknown) => this.config.failed(reasonOf(thrown), held.label));
    return true;
  }

  /** waits tells whether something about a booking can still be taken back. */
  waits(about: string): boolean {
    return this.held.some((one) => !one.sent && one.act.about === about);
  }

  /** flush sends all that waits. */
  flush(keepalive = false): Promise<void> {
    for (const one of [...this.held]) if (!one.sent) void this.send(one, keepalive);
    return this.line;
  }

  private send(held: Held, keepalive: boolean): Promise<void> {
    held.stop();
    held.sent = true;
    this.publish();
    const sending = keepalive ? held.act.send(true) : this.line.then(() => held.act.send(false));
    this.line = sending
      .then(() => this.config.done())
      .catch((thrown: unknown) => this.config.failed(reasonOf(thrown), held.label))
      .finally(() => this.drop(held));
    return this.line;
  }

  private drop(held: Held): void {
    held.stop();
    const at = this.held.indexOf(held);
    if (at >= 0) this.held.splice(at, 1);
    this.publish();
  }

  private publish(): void {
    this.inner.set(this.held.map(({ id, label, changes, until, sent }) => ({ id, label, changes, until, sent })));
  }
}

/** overlay shows entries as they will be once what is pending has arrived. */
export function overlay(entries: readonly Entry[], pending: readonly Pending[]): Entry[] {
  if (pending.length === 0) return entries as Entry[];
  const changes = new Map<string, Change[]>();
  for (const one of pending) for (const [id, change] of one.changes) changes.set(id, [...(changes.get(id) ?? []), change]);
  const shown: Entry[] = [];
  for (const entry of entries) {
    const mine = changes.get(entry.id);
    if (!mine) shown.push(entry);
    else if (!mine.includes("gone")) shown.push(Object.assign({}, entry, ...mine) as Entry);
  }
  return shown;
}
