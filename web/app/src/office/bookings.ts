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
}

export interface BookingsConfig {
  zone: string;
  fetch(from: number, to: number): Promise<{ appointments: AppointmentBody[] }>;
  putCard(card: CardRequest): Promise<void>;
  /** Told how many bookings came since the last fetch. */
  arrived(count: number): void;
  signedOut(): void;
  now(): number;
}

/** Days fetched at a time, beginning today. */
export const ahead = 56;

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
  private readonly inner = writable<View>({ entries: [], fresh: new Set(), until: "", loaded: false, unsaved: 0, trouble: null });
  private keys: Keys | null = null;
  private generation = 0;
  private running: Promise<void> | null = null;
  private again = false;
  private range = "";
  private today: Day;
  private pages = 1;
  private looked: Day | null = null;
  private trouble: string | null = null;
  private loaded = false;
  private stopped = false;
  private readonly conflicted = new Set<string>();

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

  /** look makes sure that a day outside of the coming weeks is known too. */
  async look(day: Day): Promise<void> {
    if (day === this.looked) return;
    this.looked = this.covers(day) ? null : day;
    if (this.looked) await this.refresh();
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
    if (this.looked && !this.covers(this.looked)) spans.push([this.looked, plus(this.looked, 1)]);
    const answers = await Promise.all(spans.map(([from, to]) => this.config.fetch(startOf(from, zone), startOf(to, zone))));
    if (this.stopped) return;

    const range = `${this.today}+${this.pages}`;
    const sameRange = this.range === range;
    this.range = range;
    const current = new Set<string>();
    let arrived = 0;
    answers.forEach(({ appointments }, span) => {
      for (const body of appointments) {
        if (gone.has(body.status)) continue;
        current.add(body.id);
        const before = this.known.get(body.id);
        const unopened = body.envelope !== null && body.card === null;
        if (!before) {
          // New to the practice: nobody opened it yet, or it was not there a moment ago.
          const joined = this.loaded && sameRange && span < this.pages && body.source !== "office";
          if (unopened || joined) {
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
    this.loaded = true;
  }

  /** One after the other, soonest first: the day at hand reads well before the rest. */
  private async openAll(): Promise<void> {
    const generation = this.generation;
    const keys = this.keys;
    if (!keys) return;
    const todo = [...this.known.values()].sort((a, b) => Date.parse(a.body.starts) - Date.parse(b.body.starts));
    let shownAt = 0;
    for (const known of todo) {
      const from = source(known.body);
      if (known.from !== from || (known.reading.state === "failed" && known.reading.why === "key_missing")) {
        const { reading, keep } = await read(keys, known.body);
        if (generation !== this.generation) return;
        known.reading = reading;
        known.broken = reading.state === "failed";
        known.from = from;
        known.keep = keep;
      }
      if (this.config.now() - shownAt > 120) {
        this.publish();
        shownAt = this.config.now();
      }
    }
    this.publish();
    for (const known of todo) {
      if (known.keep !== null) await this.store(keys, known, known.keep, generation);
      if (generation !== this.generation) return;
    }
    this.publish();
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
    });
  }
}

/** A time before 1970 is the server's way of saying that there is none. */
function received(body: AppointmentBody): number | null {
  const time = body.received ? Date.parse(body.received) : NaN;
  return time > 0 ? time : null;
}

/** What a reading depends on: the ciphertext, and what it was held against. */
function source({ card, envelope, starts, ends, practitioner, location }: AppointmentBody): string {
  const slot = [starts, ends, practitioner, location].join(" ");
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
  };
  return { reading: { state: "open", booking, differences: differences(booking, slot) }, keep: body.card ? null : booking };
}

/** What is not understood counts as tampered: the stronger word, never data. */
function failure(thrown: unknown): Failure {
  if (!(thrown instanceof SealError)) return "tampered";
  if (thrown.code === "unknown_key") return "key_missing";
  return thrown.code === "malformed_booking" ? "unreadable" : "tampered";
}
