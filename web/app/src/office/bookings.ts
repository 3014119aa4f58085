/**
 * The practice's appointments as this browser knows them: what the server says
 * of each, and, while unlocked, what was sealed in it.
 *
 * An envelope that opens and belongs to its appointment is stored as a card,
 * and only then does the server drop the envelope. One that does not open is
 * left where it is and shown as such. Opened data is held here and nowhere
 * else, and [Bookings.lock] drops it; answers still under way by then are
 * thrown away.
 */
import { type Readable, writable } from "svelte/store";
import { Problem, reasonOf } from "../api/problem.ts";
import { SealError } from "../seal/error.ts";
import type { Booking } from "../seal/plaintext.ts";
import { type Difference, type Slot, differences } from "./booking.ts";
import type { AppointmentBody, CardRequest } from "./server.ts";
import { type Day, dayOf, plus, startOf } from "./zone.ts";

/**
 * Keys opens and seals for one unlocked member. Opening throws a SealError:
 * `unknown_key`, `malformed_booking` for what opened and is no booking of this
 * practice and id, anything else for what was tampered with.
 */
export interface Keys {
  openEnvelope(envelope: NonNullable<AppointmentBody["envelope"]>, bookingId: string): Promise<Booking>;
  openCard(card: NonNullable<AppointmentBody["card"]>, bookingId: string): Promise<Booking>;
  /** Seals a booking under the newest book key. */
  sealCard(booking: Booking): Promise<{ version: number; epoch: number; ciphertext: string }>;
  /** Forgets the keys; nothing opens any more. */
  wipe(): void;
}

export type Failure = "tampered" | "key_missing" | "unreadable";

export type Reading =
  /** Not opened: locked, or its turn has not come. */
  | { state: "sealed" }
  | { state: "open"; booking: Booking; differences: Difference[] }
  | { state: "failed"; why: Failure }
  /** There is nothing to open. */
  | { state: "empty" };

/** Entry is one appointment on the screen. */
export interface Entry extends Slot {
  id: string;
  status: string;
  source: string;
  received: number | null;
  /** Nobody in the practice has opened it yet. */
  waiting: boolean;
  /** When the patient first booked it for, where it was moved since. */
  firstStarts: number | null;
  /** Of a request: until when it waits for an answer. */
  answerUntil: number | null;
  excused: boolean;
  /** Why staff set rules aside; empty where it did not. */
  overridden: string;
  /** Of nobody: counted nowhere, and nothing is sent. */
  test?: boolean;
  /** The same for all that were booked together. */
  set?: string;
  /** Rooms and devices, beside the practitioner. */
  takes: readonly string[];
  reading: Reading;
}

export interface View {
  entries: Entry[];
  /** Ids of bookings that are new to the practice and not yet looked at. */
  fresh: ReadonlySet<string>;
  /** The last local day, exclusive, up to which entries are known without a gap. */
  until: Day;
  loaded: boolean;
  /** Opened bookings that could not be stored as cards yet. */
  unsaved: number;
  /** Reason of the last failed fetch, null after a good one. */
  trouble: string | null;
  /** When what is shown was fetched; null before the first time. */
  at: number | null;
  /** How far opening has come, where it takes a while; null when it is done. */
  opening: { done: number; total: number } | null;
}

export interface BookingsConfig {
  zone: string;
  fetch(from: number, to: number): Promise<{ appointments: AppointmentBody[] }>;
  putCard(card: CardRequest): Promise<void>;
  /** Told how many bookings came since the last fetch. */
  arrived(count: number): void;
  /** Told how many that were known were moved or cancelled since then, by whoever. */
  altered?(moved: number, cancelled: number): void;
  /** Given a request that has lapsed, opened, whose patient has yet to hear of it. Once an appointment. */
  lapsed?(appointment: string, booking: Booking): Promise<void>;
  signedOut(): void;
  now(): number;
}

/** Days fetched at a time, beginning today. */
export const ahead = 56;

/** How many are opened at a time. */
const together = 32;

/** What became void and no longer belongs on the screen. */
const gone = new Set(["cancelled", "entered-in-error"]);

const sealed: Reading = { state: "sealed" };

interface Known {
  body: AppointmentBody;
  reading: Reading;
  /** It failed to open here; remembered while locked, so as not to be announced as new. */
  broken: boolean;
  /** Which ciphertext the reading was made from. */
  from: string;
  /** The opened booking of an envelope that still has to be stored as a card. */
  keep: Booking | null;
}

export class Bookings {
  private readonly known = new Map<string, Known>();
  private readonly fresh = new Set<string>();
  private readonly inner = writable<View>({ entries: [], fresh: new Set(), until: "", loaded: false, unsaved: 0, trouble: null, at: null, opening: null });
  private keys: Keys | null = null;
  private generation = 0;
  private running: Promise<void> | null = null;
  private again = false;
  private range = "";
  private today: Day;
  private pages = 1;
  private looked: readonly [Day, Day] | null = null;
  private at: number | null = null;
  private opening: { done: number; total: number } | null = null;
  private trouble: string | null = null;
  private loaded = false;
  private stopped = false;
  private readonly conflicted = new Set<string>();
  /** Requests that have lapsed and whose patients are yet to be told; those that were are kept, so as not to be told again. */
  private untold: readonly AppointmentBody[] = [];
  private readonly told = new Set<string>();

  constructor(private readonly config: BookingsConfig) {
    this.today = dayOf(config.now(), config.zone);
  }

  get view(): Readable<View> {
    return this.inner;
  }

  /** refresh fetches and, while unlocked, opens. Calls during a run make one more run, not many. */
  refresh(): Promise<void> {
    if (this.running) {
      this.again = true;
      return this.running;
    }
    this.running = (async () => {
      do {
        this.again = false;
        await this.run();
      } while (this.again && !this.stopped);
    })().finally(() => (this.running = null));
    return this.running;
  }

  /** unlock hands over the keys and opens what is there. */
  unlock(keys: Keys): Promise<void> {
    this.lock();
    this.keys = keys;
    return this.refresh();
  }

  /** lock forgets everything that was opened, and the keys. */
  lock(): void {
    this.generation++;
    this.keys?.wipe();
    this.keys = null;
    this.opening = null;
    for (const known of this.known.values()) {
      known.reading = known.body.card || known.body.envelope ? sealed : known.reading;
      known.from = "";
      known.keep = null;
    }
    this.publish();
  }

  /** close locks and forgets the appointments as well. */
  close(): void {
    this.stopped = true;
    this.lock();
    this.known.clear();
    this.fresh.clear();
    this.publish();
  }

  /** look makes sure that the days [from, to) are known too, where they are not among the coming weeks. */
  async look(from: Day, to: Day = plus(from, 1)): Promise<void> {
    const [before, after] = this.looked ?? ["", ""];
    if (from >= before && to <= after) return;
    this.looked = this.covers(from) && this.covers(plus(to, -1)) ? null : [from, to];
    if (this.looked) await this.refresh();
  }

  /** seal makes a first card of a booking, under the newest book key. Throws a SealError `unknown_key` while locked. */
  async seal(booking: Booking): Promise<{ version: number; epoch: number; ciphertext: string }> {
    if (!this.keys) throw new SealError("unknown_key");
    return this.keys.sealCard(booking);
  }

  /** more reaches further into the future. */
  more(): Promise<void> {
    this.pages++;
    return this.refresh();
  }

  /** reach reads pages until a day is covered, at most two years ahead. */
  async reach(day: Day): Promise<void> {
    const pages = Math.ceil((Date.parse(day) - Date.parse(this.today) + 86_400_000) / (ahead * 86_400_000));
    if (pages <= this.pages || pages > 14) return;
    this.pages = pages;
    await this.refresh();
  }

  /** seen takes a booking off the list of new ones. */
  seen(id: string): void {
    if (this.fresh.delete(id)) this.publish();
  }

  private covers(day: Day): boolean {
    return day >= this.today && day < plus(this.today, ahead * this.pages);
  }

  private async run(): Promise<void> {
    try {
      await this.load();
      this.trouble = null;
    } catch (thrown) {
      this.trouble = reasonOf(thrown);
      if (thrown instanceof Problem && thrown.status === 401) {
        this.config.signedOut();
        return;
      }
    }
    this.publish();
    await this.openAll();
  }

  private async load(): Promise<void> {
    const { zone } = this.config;
    this.today = dayOf(this.config.now(), zone);
    const spans: [Day, Day][] = [];
    for (let page = 0; page < this.pages; page++) {
      spans.push([plus(this.today, page * ahead), plus(this.today, (page + 1) * ahead)]);
    }
    // Each day once: what is looked at may reach into the coming weeks.
    const end = plus(this.today, this.pages * ahead);
    if (this.looked && this.looked[0] < this.today) spans.push([this.looked[0], this.looked[1] < this.today ? this.looked[1] : this.today]);
    if (this.looked && this.looked[1] > end) spans.push([this.looked[0] > end ? this.looked[0] : end, this.looked[1]]);
    const answers = await Promise.all(spans.map(([from, to]) => this.config.fetch(startOf(from, zone), startOf(to, zone))));
    if (this.stopped) return;

    const range = `${this.today}+${this.pages}`;
    const sameRange = this.range === range;
    this.range = range;
    const current = new Set<string>();
    let arrived = 0;
    let moved = 0;
    let cancelled = 0;
    const bookingsBefore = new Map([...this.known.values()].map(({ body }) => [body.booking_id, body.id]));
    this.untold = answers.flatMap(({ appointments }) => appointments.filter(({ id, untold }) => untold && !this.told.has(id)));
    answers.forEach(({ appointments }, span) => {
      for (const body of appointments) {
        if (gone.has(body.status)) {
          if (this.loaded && sameRange && this.known.has(body.id)) cancelled++;
          continue;
        }
        current.add(body.id);
        const before = this.known.get(body.id);
        const unopened = body.envelope !== null && body.card === null;
        if (!before) {
          // New to the practice: nobody opened it yet, or it was not there a moment ago.
          const joined = this.loaded && sameRange && span < this.pages && body.source === "online";
          const was = bookingsBefore.get(body.booking_id);
          if (was !== undefined && was !== body.id) {
            // Moved: another appointment of a booking that is known.
            if (this.fresh.has(was)) this.fresh.add(body.id);
            moved++;
          } else if (unopened || joined) {
            this.fresh.add(body.id);
            arrived++;
          }
          this.known.set(body.id, { body, reading: body.envelope || body.card ? sealed : { state: "empty" }, broken: false, from: "", keep: null });
        } else {
          before.body = body;
          if (!unopened) before.keep = null;
        }
      }
    });
    for (const id of this.known.keys()) {
      if (current.has(id)) continue;
      this.known.delete(id);
      this.fresh.delete(id);
    }
    if (this.loaded && arrived > 0) this.config.arrived(arrived);
    if (this.loaded && moved + cancelled > 0) this.config.altered?.(moved, cancelled);
    this.loaded = true;
    this.at = this.config.now();
  }

  /** Soonest first, a few at a time: the day at hand reads well before the rest. */
  private async openAll(): Promise<void> {
    const generation = this.generation;
    const keys = this.keys;
    if (!keys) return;
    const inOrder = [...this.known.values()].map((known) => ({ known, starts: Date.parse(known.body.starts), from: source(known.body) })).sort((a, b) => a.starts - b.starts);
    const now = this.config.now();
    const todo = inOrder.filter(({ known, from }) => known.from !== from || (known.reading.state === "failed" && known.reading.why === "key_missing"));
    // What is over waits until the rest is readable.
    const soonest = [...todo.filter(({ starts }) => starts >= now - 86_400_000), ...todo.filter(({ starts }) => starts < now - 86_400_000)];
    let shownAt = this.config.now();
    for (let next = 0; next < soonest.length; next += together) {
      await Promise.all(
        soonest.slice(next, next + together).map(async ({ known, from }) => {
          const { reading, keep } = await read(keys, known.body);
          if (generation !== this.generation) return;
          known.reading = reading;
          known.broken = reading.state === "failed";
          known.from = from;
          known.keep = keep;
        }),
      );
      if (generation !== this.generation) return;
      const done = Math.min(next + together, soonest.length);
      if (this.config.now() - shownAt > 200 && done < soonest.length) {
        this.opening = { done, total: soonest.length };
        this.publish();
        shownAt = this.config.now();
        await new Promise((resolve) => setTimeout(resolve)); // lets the screen breathe
        if (generation !== this.generation) return;
      }
    }
    this.opening = null;
    this.publish();
    let stored = 0;
    for (const { known } of inOrder) {
      if (known.keep === null) continue;
      await this.store(keys, known, known.keep, generation);
      stored++;
      if (generation !== this.generation) return;
    }
    if (stored > 0) this.publish();
    await this.tellLapsed(keys, generation);
  }

  /** Whoever has the office open tells patients of lapsed requests: only here their addresses can be read. */
  private async tellLapsed(keys: Keys, generation: number): Promise<void> {
    for (const body of this.config.lapsed ? this.untold : []) {
      const { reading } = await read(keys, body);
      if (generation !== this.generation) return;
      if (reading.state !== "open") continue;
      try {
        await this.config.lapsed?.(body.id, reading.booking);
        this.told.add(body.id);
      } catch (thrown) {
        // What the server refuses it refuses the next time too; else the next fetch tries again.
        if (thrown instanceof Problem && thrown.status < 500 && thrown.status !== 401 && thrown.status !== 429) this.told.add(body.id);
      }
    }
  }

  private async store(keys: Keys, known: Known, booking: Booking, generation: number): Promise<void> {
    const { body } = known;
    if (!body.envelope) return;
    try {
      const card = await keys.sealCard(booking);
      if (generation !== this.generation) return;
      await this.config.putCard({ appointment: body.id, envelope: `env_${body.envelope.envelope_id}`, ...card });
      if (generation !== this.generation || known.body !== body) return;
      known.body = { ...body, envelope: null, card };
      known.from = source(known.body);
      known.keep = null;
    } catch (thrown) {
      if (reasonOf(thrown) === "card_exists") {
        // Somebody else was first: their card is read instead. Asked for once,
        // in case the server goes on to send the envelope.
        known.keep = null;
        if (!this.conflicted.has(body.id)) {
          this.conflicted.add(body.id);
          this.again = true;
        }
      } else if (reasonOf(thrown) === "forwarding") {
        known.keep = null; // the practice's connector takes it; no cards are kept
      } else if (thrown instanceof Problem && thrown.status === 401) {
        this.config.signedOut();
      }
      // Anything else: it stays open on the screen, sealed on the server, and the next run tries again.
    }
  }

  private publish(): void {
    const entries: Entry[] = [];
    let unsaved = 0;
    for (const { body, reading, broken, keep } of this.known.values()) {
      if (keep !== null) unsaved++;
      entries.push({
        id: body.id,
        bookingId: body.booking_id,
        status: body.status,
        source: body.source,
        practitioner: body.practitioner,
        location: body.location,
        starts: Date.parse(body.starts),
        ends: Date.parse(body.ends),
        received: received(body),
        waiting: body.envelope !== null && body.card === null && !broken,
        firstStarts: body.first_starts ? Date.parse(body.first_starts) : null,
        answerUntil: body.answer_until ? Date.parse(body.answer_until) : null,
        excused: body.excused === true,
        overridden: body.overridden ?? "",
        ...(body.set ? { set: body.set } : {}),
        test: body.test === true,
        takes: body.takes ?? [],
        reading,
      });
    }
    this.inner.set({
      entries,
      fresh: new Set(this.fresh),
      until: plus(this.today, ahead * this.pages),
      loaded: this.loaded,
      unsaved,
      trouble: this.trouble,
      at: this.at,
      opening: this.opening,
    });
  }
}

/** A time before 1970 is the server's way of saying that there is none. */
function received(body: AppointmentBody): number | null {
  const time = body.received ? Date.parse(body.received) : NaN;
  return time > 0 ? time : null;
}

/** What a reading depends on: the ciphertext, and what it was held against. */
function source({ card, envelope, starts, ends, practitioner, location, first_starts }: AppointmentBody): string {
  const slot = [starts, ends, practitioner, location, first_starts ?? ""].join(" ");
  if (card) return `card ${card.version} ${card.epoch} ${card.ciphertext} ${slot}`;
  return envelope ? `envelope ${envelope.envelope_id} ${envelope.ct} ${slot}` : slot;
}

async function read(keys: Keys, body: AppointmentBody): Promise<{ reading: Reading; keep: Booking | null }> {
  let booking: Booking;
  try {
    if (body.card) booking = await keys.openCard(body.card, body.booking_id);
    else if (body.envelope) booking = await keys.openEnvelope(body.envelope, body.booking_id);
    else return { reading: { state: "empty" }, keep: null };
  } catch (thrown) {
    return { reading: { state: "failed", why: failure(thrown) }, keep: null };
  }
  const slot: Slot = {
    bookingId: body.booking_id,
    practitioner: body.practitioner,
    location: body.location,
    starts: Date.parse(body.starts),
    ends: Date.parse(body.ends),
    firstStarts: body.first_starts ? Date.parse(body.first_starts) : null,
  };
  return { reading: { state: "open", booking, differences: differences(booking, slot) }, keep: body.card ? null : booking };
}

/** What is not understood counts as tampered: the stronger word, never data. */
function failure(thrown: unknown): Failure {
  if (!(thrown instanceof SealError)) return "tampered";
  if (thrown.code === "unknown_key") return "key_missing";
  return thrown.code === "malformed_booking" ? "unreadable" : "tampered";
}
