/**
 * The office of one person in one browser tab: signed out, locked or open, and
 * the wiring of clock, network and keys to the screen. What may be read lives
 * in [Bookings] and in `view`; locking empties both.
 */
import { open as openPasskey, unlockKey } from "../account/passkeys.ts";
import { getAccount, type PasskeyBody, type SessionBody as AnySession, signIn } from "../account/server.ts";
import type { By } from "../account/SignIn.svelte";
import { reason as reasonFor } from "../account/words.ts";
import { language, languages, speak } from "../i18n/catalogue.svelte.ts";
import { Problem, reasonOf } from "../api/problem.ts";
import type { Practice } from "../api/types.ts";
import { Bookings, type Entry, type View } from "./bookings.ts";
import { Idle } from "./idle.ts";
import { tellLapsed } from "./lapsed.ts";
import { Desk } from "./desk/desk.svelte.ts";
import { overlay } from "./desk/acts.ts";
import { Live, sharedStream } from "./live.ts";
import { getRules } from "./rules/client.ts";
import type { Rules } from "./rules/types.ts";
import { getSetting } from "./customers/client.ts";
import type { CustomersDesk } from "./customers/desk.svelte.ts";
import { probe, type Probed } from "./probe.ts";
import * as server from "./server.ts";
import { type Bytes, fromBase64 } from "../seal/bytes.ts";
import { SealError } from "../seal/error.ts";
import type { Booking } from "../seal/plaintext.ts";
import type { Secrets } from "../seal/password.ts";
import { splitPasswordInWorker as split } from "../seal/workers.ts";
import { type Opened, openHeld, type RecordKeys, saltOf, signInSecret } from "./unlock.ts";
import { type Day, dayOf } from "./zone.ts";

export type Phase = "starting" | "unreachable" | "signed-out" | "arriving" | "locked" | "open";
export type LockReason = "reload" | "person" | "elsewhere" | "idle";

/** Milliseconds without a sign of life after which the names go, where the owner has not decided. */
export const idleAfter = 10 * 60_000;

/** Milliseconds for which the rules are not asked for again. */
const rulesAfter = 60_000;

/** Milliseconds after which an office that stays open looks for the sealed word of the day again. */
const probeAfter = 3600_000;

const nothing: View = { entries: [], fresh: new Set(), until: "", loaded: false, unsaved: 0, trouble: null, at: null, opening: null };

export class Office {
  phase = $state<Phase>("starting");
  session = $state.raw<server.SessionBody | null>(null);
  practice = $state.raw<Practice | null>(null);
  /** Read when the first booking is looked at; null until then. */
  rules = $state.raw<Rules | null>(null);
  readonly desk = new Desk(this);
  /** What is known, as it will be once the desk's pending acts have arrived. */
  readonly view: View = $derived.by(() => (this.desk.pending.length > 0 ? { ...this.base, entries: overlay(this.base.entries, this.desk.pending) } : this.base));
  day = $state<Day>("");
  /** The selected appointment's id. */
  selected = $state<string | null>(null);
  now = $state(Date.now());
  /** Milliseconds until the office locks by itself. */
  left = $state(idleAfter);
  live = $state(true);
  busy = $state(false);
  /** A reason word for what kept the person from getting in. */
  problem = $state<string | null>(null);
  lockedAt = $state(0);
  lockedWhy = $state<LockReason>("reload");
  /** The practice's key directory runs out at this instant; null when it is unknown. */
  directoryEnds = $state<number | null>(null);
  /** The practice's identity is another than this browser knew. */
  changed = $state.raw<Opened["changed"]>(null);
  /** How it stands with the sealed word of the day. */
  probed = $state.raw<Probed>({ state: "fine" });
  private probedAt = 0;
  /** How many bookings to announce; counts up with each announcement. */
  arrival = $state.raw<{ count: number; serial: number }>({ count: 0, serial: 0 });

  /** Whether this is a medical practice: what is kept of people is narrower there, and they are called patients. */
  medical = $state(true);
  /** The practice's customers, once something has asked for them. */
  customers = $state.raw<CustomersDesk | null>(null);
  /** Opens and seals what the practice keeps of its own; null while locked. */
  records: RecordKeys | null = null;
  /** Whose record is to be shown next. */
  wanted = $state.raw<string | null>(null);
  private asking: Promise<CustomersDesk | null> | null = null;

  /** After how many minutes without anybody there the names go. */
  lockMinutes = $state(idleAfter / 60_000);

  private base = $state.raw<View>(nothing);
  /** By what somebody came in who has something to do first. */
  private cameBy: By = { nothing: true };
  private bookings: Bookings | null = null;
  private rulesAsked = 0;
  private salt: { salt: string; kdf: string } | null = null;
  private stops: (() => void)[] = [];
  private readonly others = new BroadcastChannel("siegel-office");
  private retry: ReturnType<typeof setTimeout> | undefined;

  private readonly idle = new Idle({
    after: idleAfter,
    lock: () => this.lock("idle"),
    left: (ms) => {
      // Whole minutes are enough until the last one; fewer updates, calmer screen.
      const step = ms > 60_000 ? 60_000 : 1000;
      this.left = Math.ceil(ms / step) * step;
    },
    now: () => Date.now(),
    every: (ms, call) => {
      const timer = setInterval(call, ms);
      return () => clearInterval(timer);
    },
  });

  private readonly events = new Live({
    open: () => sharedStream(server.eventsPath),
    changed: () => {
      void this.bookings?.refresh();
      void this.customers?.refresh();
      if (this.probed.state === "late") void this.lookAtProbe();
    },
    connected: (yes) => (this.live = yes),
    after: (ms, call) => {
      const timer = setTimeout(call, ms);
      return () => clearTimeout(timer);
    },
    random: Math.random,
  });

  get zone(): string {
    return this.session?.practice.zone ?? "UTC";
  }

  get today(): Day {
    return dayOf(this.now, this.zone);
  }

  /** Somebody from support, let in for a time: sees the setup, and has neither bookings nor keys to lock. */
  get guest(): boolean {
    return this.session?.role === "support";
  }

  get entry(): Entry | null {
    return this.view.entries.find((one) => one.id === this.selected) ?? null;
  }

  /** start looks whether somebody is signed in and begins to watch. */
  async start(): Promise<void> {
    this.watch();
    this.phase = "starting";
    try {
      // Who comes by a link or from a provider signs in on this page.
      if (location.pathname !== "/") throw new Problem({ status: 401, reason: "signed_out" });
      const session = await server.getSession();
      if (session.must.length > 0) {
        this.session = session;
        this.phase = "arriving";
      } else {
        this.phase = "locked";
        await this.enter(session);
      }
    } catch (thrown) {
      if (thrown instanceof Problem && thrown.status === 401) this.phase = "signed-out";
      else this.phase = "unreachable";
    }
    if (!this.practice) {
      // Only for the name above the form; without it the form works as well.
      this.practice = await server.getPractice().catch(() => null);
    }
  }

  /** entered takes over from the sign-in form and unlocks with what somebody came in by. */
  async entered(any: AnySession, by: By): Promise<void> {
    const session = any as server.SessionBody;
    this.problem = null;
    this.cameBy = by;
    if (session.must.length > 0) {
      this.session = session;
      this.phase = "arriving";
      return;
    }
    this.busy = true;
    try {
      const entering = this.enter(session);
      if (session.language && session.language !== language()) {
        const known = languages.find((one) => one === session.language);
        if (known && !new URLSearchParams(location.search).has("lang")) await speak(known).catch(() => undefined);
      }
      if ("password" in by) {
        this.salt = by.start;
        if (session.unlock.password) await this.open(by.password);
      } else if ("passkey" in by && by.prf) {
        const passkey = (await getAccount()).passkeys.find(({ id, wrapped_member_key }) => id === by.passkey && wrapped_member_key);
        if (passkey) await this.openBy(passkey, by.prf);
      }
      await entering;
    } catch (thrown) {
      this.problem = why(thrown);
    } finally {
      this.cameBy = { nothing: true };
      this.busy = false;
      // In, but without names: the calendar shows times, and the way to try again.
      if (this.session && this.phase !== "open") this.phase = "locked";
    }
  }

  /** signIn signs in with a password that is at hand, where no second step is in the way: else the form is there. */
  async signIn(email: string, password: string): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    this.problem = null;
    try {
      const start = await server.startSession(email);
      const secrets = await split(password, start.kdf, saltOf(start.salt));
      await this.entered(await signIn(email, signInSecret(secrets)), { password: secrets, start });
    } catch (thrown) {
      this.problem = why(thrown);
    } finally {
      this.busy = false;
    }
  }

  /** arrived goes on once nothing has to be done first any more. */
  async arrived(session: AnySession): Promise<void> {
    await this.entered(session, this.cameBy);
  }

  /** unlockByPasskey opens the names with one of the person's passkeys. */
  async unlockByPasskey(): Promise<void> {
    if (this.busy || !this.session) return;
    this.busy = true;
    this.problem = null;
    try {
      const found = await openPasskey((await getAccount()).passkeys.filter(({ here, wrapped_member_key }) => here && wrapped_member_key));
      await this.openBy(found.passkey, found.prf);
    } catch (thrown) {
      this.problem = reasonFor(thrown);
      if (thrown instanceof Problem && thrown.status === 401) this.leave();
    } finally {
      this.busy = false;
    }
  }

  /** refreshSession reads anew who is signed in and what unlocks for them. */
  async refreshSession(): Promise<void> {
    const session = await server.getSession();
    if (this.session) this.session = session;
    this.salt = null;
  }

  /** unlock opens the names again for the person who is signed in. */
  async unlock(password: string): Promise<void> {
    if (this.busy || !this.session) return;
    this.busy = true;
    this.problem = null;
    try {
      this.salt ??= await server.startSession(this.session.email);
      await this.open(await split(password, this.salt.kdf, saltOf(this.salt.salt)));
    } catch (thrown) {
      this.problem = why(thrown);
      if (this.problem !== "wrong_password") this.salt = null;
      if (thrown instanceof Problem && thrown.status === 401) this.leave();
    } finally {
      this.busy = false;
    }
  }

  lock(reason: LockReason): void {
    if (this.phase !== "open" || this.guest) return;
    this.idle.stop();
    this.desk.lock();
    this.bookings?.lock();
    this.records = null;
    this.wanted = null;
    this.customers?.lock();
    this.phase = "locked";
    this.selected = null;
    this.problem = null;
    this.lockedAt = Date.now();
    this.lockedWhy = reason;
    if (reason === "person") this.others.postMessage("lock");
  }

  /** signOut forgets first and asks the server afterwards: names go even without a network. */
  async signOut(): Promise<void> {
    this.leave();
    this.others.postMessage("sign-out");
    try {
      await this.desk.acts.flush();
      await server.signOut();
    } catch (thrown) {
      if (!(thrown instanceof Problem && thrown.status === 401)) this.problem = "sign_out_failed";
    }
  }

  async show(day: Day): Promise<void> {
    this.day = day;
    await this.bookings?.look(...this.desk.range(day));
  }

  select(id: string | null): void {
    this.selected = id;
    if (id) this.desk.close();
    if (id && this.phase === "open") this.bookings?.seen(id);
  }

  seen(id: string): void {
    this.bookings?.seen(id);
  }

  /**
   * readRules makes `rules` known, to hold bookings against. It asks for all of
   * them, whichever booking is looked at, and at most once a minute. Without an
   * answer what was known stays.
   */
  async readRules(anew = false): Promise<void> {
    const { bookings } = this;
    const now = Date.now();
    if (!bookings || (!anew && now - this.rulesAsked < rulesAfter)) return;
    this.rulesAsked = now;
    try {
      const rules = await getRules();
      if (bookings === this.bookings && rules.version !== this.rules?.version) this.rules = rules;
    } catch (thrown) {
      if (thrown instanceof Problem && thrown.status === 401 && bookings === this.bookings) this.expired();
    }
  }

  /** readCustomers makes `customers` known and open; null while locked. What they need is a chunk of its own. */
  async readCustomers(): Promise<CustomersDesk | null> {
    const { session } = this;
    if (!session || !this.records) return null;
    this.asking ??= import("./customers/desk.svelte.ts").then(({ CustomersDesk }) => new CustomersDesk(() => this.expired(), session.tenant)).catch(() => ((this.asking = null), null));
    const customers = await this.asking;
    if (!customers || session.tenant !== this.session?.tenant || !this.records) return null;
    this.customers = customers;
    if (!customers.isOpen) void customers.unlock(this.records);
    return customers;
  }

  /** refresh asks for what has changed. */
  async refresh(): Promise<void> {
    await this.bookings?.refresh();
  }

  /** reading makes sure that the days [from, to) are known. */
  async reading(from: Day, to: Day): Promise<void> {
    await this.bookings?.look(from, to);
  }

  /** seal makes the first card of a booking. Throws a SealError `unknown_key` while locked. */
  async seal(booking: Booking): Promise<{ version: number; epoch: number; ciphertext: string }> {
    if (!this.bookings) throw new SealError("unknown_key");
    return this.bookings.seal(booking);
  }

  /** lockAfter sets after how many minutes without anybody there the names go. */
  lockAfter(minutes: number): void {
    this.lockMinutes = minutes;
    this.idle.within(minutes * 60_000);
  }

  /** lookAtProbe opens the sealed word of the day, or says how long it has waited for somebody who can. */
  private async lookAtProbe(): Promise<void> {
    const { session, records } = this;
    if (!session || this.guest || session.role === "billing") return;
    this.probedAt = Date.now();
    try {
      const probed = await probe({ get: server.getProbe, answer: server.answerProbe }, records);
      if (session.tenant === this.session?.tenant && records === this.records) this.probed = probed;
    } catch {
      // What was known stays until the server answers again.
    }
  }

  /** accept takes the practice's new identity for the known one from now on. */
  accept(): void {
    this.changed?.accept();
    this.changed = null;
  }

  more(): void {
    void this.bookings?.more();
  }

  /** reach reads ahead until an instant is covered, at most two years. */
  reach(instant: number): void {
    if (this.bookings && instant > 0) void this.bookings.reach(dayOf(instant, this.zone));
  }

  /** expired is for whoever hears from the server that nobody is signed in any more. */
  expired(): void {
    if (this.session) this.leave("signed_out");
  }

  /** decide accepts or declines a booking that waits for the practice; a reason word where that failed. */
  async decide(id: string, how: "accept" | "decline"): Promise<string | null> {
    try {
      await server.decide(id, how);
      this.bookings?.seen(id);
      await this.bookings?.refresh();
      return null;
    } catch (thrown) {
      if (thrown instanceof Problem && thrown.status === 401) this.expired();
      void this.bookings?.refresh();
      return reasonOf(thrown);
    }
  }

  /** enter makes the session's office ready; what it shows is the caller's to say. */
  private async enter(session: server.SessionBody): Promise<void> {
    this.session = session;
    this.selected = null;
    this.now = Date.now();
    this.day = this.today;
    this.bookings?.close();
    if (this.guest) {
      this.practice = await server.getPractice().catch(() => this.practice);
      this.phase = "open";
      return;
    }
    const bookings = new Bookings({
      zone: session.practice.zone,
      fetch: server.getAppointments,
      putCard: server.putCard,
      arrived: (count) => {
        this.arrival = { count, serial: this.arrival.serial + 1 };
        this.desk.arrived();
      },
      altered: (moved, cancelled) => this.desk.altered(moved, cancelled),
      lapsed: tellLapsed,
      signedOut: () => this.leave("signed_out"),
      now: () => Date.now(),
    });
    this.bookings = bookings;
    this.stops.push(
      bookings.view.subscribe((view) => {
        if (bookings !== this.bookings) return;
        this.base = view;
        this.desk.notice(view.entries);
        clearTimeout(this.retry);
        if (view.unsaved > 0 || view.trouble) this.retry = setTimeout(() => void bookings.refresh(), 15_000);
      }),
    );
    this.lockedWhy = "reload";
    this.lockedAt = Date.now();
    server.getSettings().then(
      ({ lock_minutes }) => bookings === this.bookings && this.lockAfter(lock_minutes),
      () => undefined, // what was in force stays
    );
    getSetting().then(
      ({ medical }) => bookings === this.bookings && (this.medical = medical),
      () => undefined, // the stricter stays
    );
    void this.lookAtProbe();
    this.events.stop();
    this.events.start();
    const [practice] = await Promise.all([server.getPractice().catch(() => this.practice), bookings.refresh()]);
    this.practice = practice;
  }

  /** In without keys: "none" where the practice has made none, "waiting" where they do not know this member. */
  keyless = $state<"none" | "waiting" | null>(null);

  /** The public part of the person's member key as this browser derived it, for who is in without keys. */
  ownPublic = "";

  private async openBy(passkey: PasskeyBody, prf: Bytes): Promise<void> {
    const unlock = await unlockKey(prf, fromBase64(passkey.prf_salt ?? ""));
    await this.open({ unlock }, passkey.wrapped_member_key);
  }

  /** open opens the keys with what unwraps the member key: as the password wrapped it, or as given. */
  private async open(secrets: Pick<Secrets, "unlock">, wrapped?: string): Promise<void> {
    const { session, bookings } = this;
    if (!session || !bookings) return;
    let served = await server.getKeyring();
    if (wrapped) served = { ...served, member_key: { ...served.member_key, wrapped } };
    const opened = await openHeld(session, served, secrets, server.getKeyring);
    if ("unlisted" in opened) {
      this.ownPublic = opened.unlisted;
      // In, but without keys: there are none yet, or they do not know this member.
      this.keyless = served.directory ? "waiting" : "none";
      this.phase = "open";
      this.idle.start();
      return;
    }
    const { keys, directoryEnds, changed, resign, vouch } = opened;
    if (bookings !== this.bookings) {
      keys.wipe(); // signed out in the meantime
      return;
    }
    this.tick();
    this.directoryEnds = directoryEnds;
    this.changed = changed;
    this.keyless = null;
    this.records = keys;
    this.phase = "open";
    this.idle.start();
    if (this.customers) void this.customers.unlock(keys);
    void this.lookAtProbe();
    await bookings.unlock(keys);
    if (vouch) await vouch().catch(() => undefined); // the next unlocking says it again
    if (resign) this.directoryEnds = (await resign().catch(() => null)) ?? this.directoryEnds;
  }

  /** rekey opens what there is now, after keys changed, with what unlocked for that; it overwrites it. */
  async rekey({ unlock, wrapped }: { unlock: Bytes; wrapped?: string }): Promise<void> {
    await this.open({ unlock }, wrapped);
  }

  /** admitted is for somebody who waited for keys and now has them: the password opens them. */
  admitted(): void {
    if (this.keyless !== "waiting") return;
    this.keyless = null;
    this.lock("reload");
  }

  /** leave forgets everything and shows the sign-in form. */
  private leave(problem: string | null = null): void {
    this.idle.stop();
    this.desk.lock();
    this.desk.came.clear();
    this.events.stop();
    clearTimeout(this.retry);
    for (const stop of this.stops) stop();
    this.stops = [];
    this.bookings?.close();
    this.bookings = null;
    this.records = null;
    this.customers?.lock();
    this.customers = null;
    this.asking = null;
    this.base = nothing;
    this.rules = null;
    this.rulesAsked = 0;
    this.session = null;
    this.cameBy = { nothing: true };
    this.salt = null;
    this.selected = null;
    this.directoryEnds = null;
    this.changed = null;
    this.keyless = null;
    this.probed = { state: "fine" };
    this.problem = problem;
    this.phase = "signed-out";
  }

  private watching = false;

  private watch(): void {
    if (this.watching) return;
    this.watching = true;
    let quiet = 0;
    let told = 0;
    const alive = () => {
      const now = Date.now();
      if (now - quiet < 1000) return;
      quiet = now;
      this.idle.alive();
      if (this.session && now - told > 60_000) {
        told = now;
        server.seen().catch(() => {}); // the next sign of life tells it again
      }
    };
    for (const sign of ["pointerdown", "pointermove", "keydown", "wheel", "touchstart", "scroll"]) {
      addEventListener(sign, alive, { passive: true, capture: true });
    }
    const back = () => {
      if (document.visibilityState !== "visible") return;
      this.idle.check();
      this.tick();
      this.events.wake();
    };
    document.addEventListener("visibilitychange", back);
    addEventListener("pageshow", (event) => event.persisted && back());
    addEventListener("online", back);
    setInterval(() => this.tick(), 20_000);
    this.others.onmessage = ({ data }) => {
      if (data === "lock") this.lock("elsewhere");
      if (data === "sign-out" && this.session) this.leave("signed_out");
    };
  }

  private tick(): void {
    const before = this.today;
    this.now = Date.now();
    if (this.session && this.today !== before) {
      if (this.day === before) this.day = this.today;
      void this.bookings?.refresh();
    }
    if (this.phase === "open" && Date.now() - this.probedAt > probeAfter) void this.lookAtProbe();
  }
}

function why(thrown: unknown): string {
  return thrown instanceof SealError ? thrown.code : reasonOf(thrown);
}
