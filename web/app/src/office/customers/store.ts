/**
 * The practice's customers as this browser knows them. Ciphertext is fetched
 * once and then by what has changed; opened records are held here and nowhere
 * else, and [Customers.lock] drops them. What stays in memory over the lock is
 * ciphertext: the records as they came, and beside them what was opened of them
 * in few large pieces, so that opening twenty thousand again takes some ten
 * decryptions.
 *
 * What is written carries the version that was seen: where another desk was
 * faster, [Customers.put] gives back theirs and overwrites nothing.
 */
import { type Readable, writable } from "svelte/store";
import { Problem, reasonOf } from "../../api/problem.ts";
import { equal, fromUtf8, utf8 } from "../../seal/bytes.ts";
import { SealError } from "../../seal/error.ts";
import type { Aside, RecordKeys } from "../unlock.ts";
import { type Body, type Page, together } from "./client.ts";
import { type Customer, type OwnField, read, readFields, write, writeFields } from "./model.ts";
import { type Found, Known, type Person, search, termsOf } from "./search.ts";

export interface Held extends Found {
  readonly id: string;
  readonly version: number;
  readonly customer: Customer;
}

export interface View {
  state: "sealed" | "loading" | "ready";
  /** How far opening has come. */
  done: number;
  total: number;
  /** Reason of the last failure; null after a good run. */
  trouble: string | null;
  /** How many could not be opened. */
  failed: number;
  /** Counts up with each change. */
  serial: number;
}

export interface Config {
  /** Bare uuid. */
  tenant: string;
  fetch(after: number): Promise<Page>;
  store(bodies: readonly Body[]): Promise<{ current: Body[] }>;
  signedOut(): void;
}

/** Saved, or what is stored now: null where it was deleted. */
export type Saved = { saved: Held } | { conflict: Held | null };

/** How many are opened at a time. */
const atOnce = 512;

/** How many are laid aside in one piece, and after how many changes they are laid aside anew. */
const inPiece = 2000;
const staleAfter = 200;

/** One of a piece: all that holding it takes. */
type Laid = [id: string, version: number, customer: Customer, terms: Held["terms"]];

const bare = (id: string) => id.slice(4);
const full = (id: string) => `cus_${id}`;

export class Customers {
  private readonly sealed = new Map<string, Body>();
  private readonly opened = new Map<string, Held>();
  private readonly inner = writable<View>({ state: "sealed", done: 0, total: 0, trouble: null, failed: 0, serial: 0 });
  private failed = new Set<string>();
  private own: { fields: OwnField[]; version: number } = { fields: [], version: 0 };
  private cursor = 0;
  private serial = 0;
  private generation = 0;
  private keys: RecordKeys | null = null;
  private running: Promise<void> | null = null;
  private again = false;
  private ordered: readonly Held[] | null = null;
  private known: Known<Held> | null = null;
  private ready = false;
  private pieces: readonly Aside[] = [];
  /** How many changes the pieces do not have. */
  private stale = 0;

  constructor(private readonly config: Config) {}

  get view(): Readable<View> {
    return this.inner;
  }

  /** unlock opens everything that is there. */
  unlock(keys: RecordKeys): Promise<void> {
    this.lock();
    this.keys = keys;
    return this.refresh();
  }

  get isOpen(): boolean {
    return this.keys !== null;
  }

  /** lock forgets what was opened; ciphertext stays, so that opening again fetches only what is new. */
  lock(): void {
    this.generation++;
    this.keys = null;
    this.opened.clear();
    this.failed.clear();
    this.ordered = null;
    this.known = null;
    this.own = { fields: [], version: 0 };
    this.ready = false;
    this.publish({ state: "sealed", done: 0, total: 0, trouble: null });
  }

  /** refresh fetches what has changed and opens it. Calls during a run make one more run. */
  refresh(): Promise<void> {
    if (!this.keys) return Promise.resolve();
    if (this.running) {
      this.again = true;
      return this.running;
    }
    this.running = (async () => {
      do {
        this.again = false;
        await this.run();
      } while (this.again && this.keys);
    })().finally(() => (this.running = null));
    return this.running;
  }

  /** In the order of names. */
  get all(): readonly Held[] {
    this.ordered ??= [...this.opened.values()].sort((a, b) => (a.terms.order < b.terms.order ? -1 : a.terms.order > b.terms.order ? 1 : 0));
    return this.ordered;
  }

  get fields(): readonly OwnField[] {
    return this.own.fields;
  }

  get(id: string): Held | undefined {
    return this.opened.get(id);
  }

  find(query: string): readonly Held[] {
    return search(this.all, query);
  }

  /** who tells who a person is, the surest first. */
  who(person: Person): ReturnType<Known<Held>["of"]> {
    this.known ??= new Known(this.opened.values());
    return this.known.of(person);
  }

  /** put stores a record's next version, or a new one. Throws what the network throws, Unreadable, and `unknown_key` while locked. */
  async put(id: string, base: number, customer: Customer): Promise<Saved> {
    const keys = this.unlocked();
    const json = write(customer);
    const [conflict] = await this.send([{ id: full(id), ...(await keys.sealRecord("customer", id, base + 1, json)) }], [customer]);
    if (!conflict) return { saved: this.opened.get(id)! };
    const theirs = await this.take(conflict);
    // It is this very change, of which the answer got lost.
    if (theirs?.version === base + 1 && equal(write(theirs.customer), json)) return { saved: theirs };
    return { conflict: theirs };
  }

  /** remove deletes a record that nobody has changed since. */
  async remove(id: string, base: number): Promise<{ conflict?: Held | null }> {
    this.unlocked();
    const [conflict] = await this.send([{ id: full(id), version: base + 1, epoch: 0 }], [null]);
    if (!conflict) return {};
    const theirs = await this.take(conflict);
    return theirs === null ? {} : { conflict: theirs };
  }

  /** addAll stores many new ones; `step` is told how many are stored. Throws import_off. */
  async addAll(list: readonly { id: string; customer: Customer }[], step: (done: number) => void): Promise<void> {
    const keys = this.unlocked();
    for (let from = 0; from < list.length; from += together) {
      const part = list.slice(from, from + together);
      const bodies = await Promise.all(part.map(async ({ id, customer }) => ({ id: full(id), ...(await keys.sealRecord("customer", id, 1, write(customer))) })));
      await this.send(bodies, part.map(({ customer }) => customer));
      step(Math.min(from + together, list.length));
    }
  }

  /** removeAll deletes those that are still as given, and tells how many were not. */
  async removeAll(list: readonly Held[], step: (done: number) => void): Promise<number> {
    this.unlocked();
    let kept = 0;
    for (let from = 0; from < list.length; from += together) {
      const part = list.slice(from, from + together);
      const left = await this.send(part.map(({ id, version }) => ({ id: full(id), version: version + 1, epoch: 0 })), part.map(() => null));
      kept += left.length;
      step(Math.min(from + together, list.length));
    }
    if (kept > 0) await this.refresh();
    return kept;
  }

  /** putFields replaces the practice's own fields; false where another desk was faster: theirs are shown then. */
  async putFields(fields: readonly OwnField[]): Promise<boolean> {
    const { tenant } = this.config;
    const version = this.own.version + 1;
    const sealed = await this.unlocked().sealRecord("customer", tenant, version, writeFields(fields));
    const { current } = await this.asking(() => this.config.store([{ id: full(tenant), ...sealed }]));
    if (current.length === 0) this.own = { fields: [...fields], version };
    else await this.refresh();
    this.publish();
    return current.length === 0;
  }

  private unlocked(): RecordKeys {
    if (!this.keys) throw new SealError("unknown_key");
    return this.keys;
  }

  /** Sends and gives back what was in the way; an own version whose answer was lost is no conflict. */
  private async send(bodies: readonly Body[], customers: readonly (Customer | null)[]): Promise<Body[]> {
    const { generation } = this;
    const { current } = await this.asking(() => this.config.store(bodies));
    if (generation !== this.generation) throw new SealError("unknown_key");
    const others = new Map(current.map((one) => [one.id, one]));
    const left: Body[] = [];
    bodies.forEach((body, n) => {
      const other = others.get(body.id);
      const customer = customers[n]!;
      if (other && !(other.version === body.version && (other.ciphertext ?? "") === (body.ciphertext ?? ""))) {
        left.push(other);
        return;
      }
      this.sealed.set(body.id, body);
      this.hold(bare(body.id), body.version, customer);
    });
    this.publish();
    return left;
  }

  private async asking<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (thrown) {
      if (thrown instanceof Problem && thrown.status === 401) this.config.signedOut();
      throw thrown;
    }
  }

  /** Takes over what another desk has stored. */
  private async take(body: Body): Promise<Held | null> {
    if (body.ciphertext === undefined) {
      this.sealed.delete(body.id);
      this.hold(bare(body.id), body.version, null);
      this.publish();
      return null;
    }
    this.sealed.set(body.id, body);
    await this.open(this.unlocked(), body);
    this.publish();
    return this.opened.get(bare(body.id)) ?? null;
  }

  private hold(id: string, version: number, customer: Customer | null): void {
    const before = this.opened.get(id);
    if (before && before.version > version) return;
    if (customer === null) {
      this.opened.delete(id);
      this.sealed.delete(full(id));
    } else this.opened.set(id, { id, version, customer, terms: termsOf(customer) });
    this.failed.delete(id);
    this.stale++;
    this.ordered = null;
    this.known = null;
  }

  /** Lays aside what is open, unless that was done for nearly all of it. */
  private async layAside(keys: RecordKeys): Promise<void> {
    if (this.stale < (this.pieces.length > 0 ? staleAfter : 1)) return;
    const { generation } = this;
    const all = [...this.all];
    const pieces: Aside[] = [];
    for (let from = 0; from < all.length; from += inPiece) {
      const laid = all.slice(from, from + inPiece).map(({ id, version, customer, terms }): Laid => [id, version, customer, terms]);
      const json = utf8(JSON.stringify(laid));
      pieces.push(await keys.sealAside(json));
      json.fill(0);
      await new Promise((resolve) => setTimeout(resolve)); // lets the screen breathe
      if (generation !== this.generation) return;
    }
    this.pieces = pieces;
    this.stale = 0;
  }

  /** Takes up what was laid aside and is still as the server has it. What does not open is opened one by one. */
  private async takeUp(keys: RecordKeys): Promise<void> {
    try {
      for (const piece of this.pieces) {
        const json = await keys.openAside(piece);
        if (keys !== this.keys) return;
        for (const [id, version, customer, terms] of JSON.parse(fromUtf8(json)) as Laid[]) {
          if (this.sealed.get(full(id))?.version === version) this.opened.set(id, { id, version, customer, terms });
        }
        json.fill(0);
        this.publish({ state: "loading", done: this.opened.size, total: this.sealed.size });
      }
    } catch {
      this.pieces = [];
      this.stale = this.sealed.size;
    }
    this.ordered = null;
    this.known = null;
  }

  private async open(keys: RecordKeys, body: Body): Promise<void> {
    const id = bare(body.id);
    try {
      const bytes = await keys.openRecord("customer", id, { ...body, ciphertext: body.ciphertext! });
      if (keys !== this.keys) return;
      if (id === this.config.tenant) this.own = { fields: readFields(bytes), version: body.version };
      else this.hold(id, body.version, read(bytes));
    } catch {
      if (keys !== this.keys) return;
      // Shown as such, never as data; and never written over by this browser.
      this.opened.delete(id);
      this.failed.add(id);
      this.ordered = null;
      this.known = null;
    }
  }

  private async run(): Promise<void> {
    const keys = this.keys!;
    const { generation } = this;
    const over = () => generation !== this.generation;
    if (!this.ready && this.pieces.length > 0) {
      await this.takeUp(keys);
      if (over()) return;
    }
    const fresh: Body[] = this.ready ? [] : [...this.sealed.values()].filter(({ id }) => !this.opened.has(bare(id)));
    let done = this.ready ? 0 : this.opened.size;
    let total = done + fresh.length;
    const openAll = async (bodies: readonly Body[]) => {
      for (let from = 0; from < bodies.length; from += atOnce) {
        await Promise.all(bodies.slice(from, from + atOnce).map((body) => this.open(keys, body)));
        if (over()) return;
        done += Math.min(atOnce, bodies.length - from);
        if (!this.ready) this.publish({ state: "loading", done, total: Math.max(total, done) });
        await new Promise((resolve) => setTimeout(resolve)); // lets the screen breathe
        if (over()) return;
      }
    };
    try {
      if (!this.ready) this.publish({ state: "loading", done, total });
      // The next page is on its way while this one is opened.
      let next: Promise<Page> | null = this.config.fetch(this.cursor);
      next.catch(() => undefined);
      await openAll(fresh);
      while (next) {
        const page: Page = await next;
        if (over()) return;
        next = page.more ? this.config.fetch(page.cursor) : null;
        next?.catch(() => undefined);
        total = Math.max(page.total, done + page.customers.length);
        const live: Body[] = [];
        for (const body of page.customers) {
          if (body.ciphertext === undefined) {
            this.hold(bare(body.id), body.version, null);
            continue;
          }
          const before = this.sealed.get(body.id);
          if (before && before.version >= body.version && (this.opened.has(bare(body.id)) || bare(body.id) === this.config.tenant)) continue;
          this.sealed.set(body.id, body);
          live.push(body);
        }
        await openAll(live);
        if (over()) return;
        this.cursor = page.cursor;
      }
      this.ready = true;
      this.publish({ state: "ready", done, total: done, trouble: null });
      await this.renew(keys);
      await this.layAside(keys);
    } catch (thrown) {
      if (over()) return;
      if (thrown instanceof Problem && thrown.status === 401) this.config.signedOut();
      this.publish({ state: this.ready ? "ready" : "loading", done, total, trouble: reasonOf(thrown) });
    }
  }

  /** What is still under an older key goes under the newest, quietly; where another desk does the same, theirs stands. */
  private async renew(keys: RecordKeys): Promise<void> {
    const { generation } = this;
    const epoch = keys.epoch();
    const old = [...this.opened.values()].filter(({ id }) => (this.sealed.get(full(id))?.epoch ?? epoch) < epoch);
    for (let from = 0; from < old.length && generation === this.generation; from += together) {
      const part = old.slice(from, from + together);
      const bodies = await Promise.all(part.map(async ({ id, version, customer }) => ({ id: full(id), ...(await keys.sealRecord("customer", id, version + 1, write(customer))) })));
      if (generation !== this.generation) return;
      const left = await this.send(bodies, part.map(({ customer }) => customer));
      if (left.length > 0) this.again = true;
    }
  }

  private publish(change: Partial<Omit<View, "serial" | "failed">> = {}): void {
    this.serial++;
    this.inner.update((before) => {
      const next = { ...before, ...change, failed: this.failed.size, serial: this.serial };
      return next;
    });
  }
}
