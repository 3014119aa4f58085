/**
 * What the desk does with appointments, in one tab: which days and whose lanes
 * are shown, the panel at the side, acts that can be taken back. It holds
 * nothing opened but what is typed into a panel, and [Desk.lock] drops that.
 */
import { untrack } from "svelte";
import { Problem, reasonOf } from "../../api/problem.ts";
import type { Practice } from "../../api/types.ts";
import type { Column } from "../agenda.ts";
import type { Entry } from "../bookings.ts";
import { clock } from "../format.ts";
import type { Rules } from "../rules/types.ts";
import * as server from "../server.ts";
import { type Day, instantOf, minuteOf, mondayOf, plus, startOf } from "../zone.ts";
import { bare } from "../booking.ts";
import { Acts, type Pending } from "./acts.ts";
import { block, type Drawn, newClosureId, unblock } from "./block.ts";
import { type Free, stamp } from "./book.ts";
import type { Caller } from "./caller.ts";
import type { Known } from "./find.ts";
import { like, likes, type Likes } from "./likes.ts";
import { chime } from "./sound.ts";
import { t } from "./words.ts";

export type Mode = "day" | "week" | "month";

export interface Made {
  appointment: string;
  bookingId: string;
  starts: number;
  ends: number;
  practitioner: string;
  location: string;
  service: string;
  /** The patient's link, where one was made. */
  link: string;
}

export type Panel =
  | { kind: "new"; at?: { practitioner: string; starts: number } }
  | { kind: "move"; id: string }
  | { kind: "propose"; id: string }
  | { kind: "made"; made: Made };

/** What is typed into a new booking: it outlives a turned tablet, and nothing else. */
export interface Draft {
  line: string;
  chosen: boolean;
  caller: Caller;
  birth: string;
  known: Known | null;
  isNew: boolean;
  note: string;
  service: string;
  wantsLink: boolean;
  video: boolean;
  test: boolean;
  bookingId: string;
}

/** Milliseconds during which an act can be taken back. */
export const undoFor = 10_000;

/** What a desk needs of the office that it stands in. */
export interface Around {
  readonly phase: string;
  readonly session: { readonly role: string } | null;
  readonly practice: Practice | null;
  readonly rules: Rules | null;
  readonly view: { readonly entries: readonly Entry[] };
  readonly zone: string;
  readonly day: Day;
  readonly today: Day;
  readonly now: number;
  readonly selected: string | null;
  show(day: Day): Promise<void>;
  select(id: string | null): void;
  refresh(): Promise<void>;
  reading(from: Day, to: Day): Promise<void>;
  readRules(anew?: boolean): Promise<void>;
  expired(): void;
}

export class Desk {
  mode = $state<Mode>("day");
  panel = $state.raw<Panel | null>(null);
  pending = $state.raw<readonly Pending[]>([]);
  /** Columns that somebody has hidden, by id. */
  hidden = $state.raw<ReadonlySet<string>>(new Set());
  likes = $state.raw<Likes>(likes());
  /** Who falls out, and from when, where the absence begins elsewhere. */
  absent = $state.raw<{ practitioner: string; from: number } | null>(null);
  /** The days that are to be printed instead of those shown. */
  paper = $state.raw<readonly Day[] | null>(null);
  /** Said politely; never a name. */
  said = $state.raw({ text: "", serial: 0 });
  problem = $state("");
  /** When this tab first saw somebody arrived, by appointment. */
  readonly came = new Map<string, number>();

  draft: Draft | null = null;
  /** The other times that are about to be proposed: they outlive a turned tablet too. */
  times: readonly (Free & { own: boolean })[] = [];
  /** Whose day a doctor's telephone shows; empty is not chosen. */
  me = $state("");

  private quietUntil = 0;

  readonly acts = new Acts({
    delay: undoFor,
    now: () => Date.now(),
    after: (ms, call) => {
      const timer = setTimeout(call, ms);
      return () => clearTimeout(timer);
    },
    done: async () => {
      this.quietUntil = Date.now() + 3000;
      await this.office.refresh();
    },
    failed: (reason, label) => {
      if (reason === "signed_out") this.office.expired();
      this.problem = t("act.failed", { label, why: t(reason === "wrong_status" ? "act.wrong_status" : reason === "unreachable" ? "act.unreachable" : "act.other", { reason }) });
      void this.office.refresh();
    },
  });

  constructor(private readonly office: Around) {
    this.acts.pending.subscribe((pending) => (this.pending = pending));
    addEventListener("pagehide", () => void this.acts.flush(true));
  }

  /** columns are whose lanes there are: practitioners, and rooms and devices where they are wanted. */
  get columns(): Column[] {
    const { practice, rules } = this.office;
    const people = (practice?.practitioners ?? []).map(({ id, name }): Column => ({ kind: "practitioner", id, name }));
    const rooms = this.likes.rooms ? (rules?.resources ?? []).filter(({ kind }) => kind !== "practitioner").map(({ id, name }): Column => ({ kind: "resource", id, name })) : [];
    return [...people, ...rooms];
  }

  get visible(): Column[] {
    const left = this.columns.filter(({ id }) => !this.hidden.has(id));
    return left.length > 0 ? left : this.columns;
  }

  toggle(id: string): void {
    const next = new Set(this.hidden);
    if (!next.delete(id)) next.add(id);
    this.hidden = next.size >= this.columns.length ? new Set() : next;
  }

  prefer(change: Partial<Likes>): void {
    this.likes = { ...this.likes, ...change };
    like(this.likes);
    if (change.rooms) void this.office.readRules();
    if (change.sound) chime();
  }

  /** range is which days [from, to) a mode shows around one. */
  range(day: Day, mode: Mode = this.mode): [Day, Day] {
    if (mode === "day") return [day, plus(day, 1)];
    if (mode === "week") return [mondayOf(day), plus(mondayOf(day), 7)];
    const first = mondayOf(`${day.slice(0, 7)}-01`);
    const next = plus(`${day.slice(0, 7)}-28`, 4);
    const last = plus(mondayOf(plus(`${next.slice(0, 7)}-01`, -1)), 7);
    return [first, last];
  }

  /** days are those that lanes are drawn of: a week's Saturday and Sunday only where something is on them. */
  get days(): Day[] {
    const [from, to] = this.range(this.office.day);
    const days: Day[] = [];
    for (let day = from; day < to; day = plus(day, 1)) days.push(day);
    if (this.mode !== "week") return days;
    const weekend = startOf(plus(from, 5), this.office.zone);
    const end = startOf(to, this.office.zone);
    const busy = this.office.view.entries.filter(({ starts }) => starts >= weekend && starts < end);
    const sunday = busy.some(({ starts }) => starts >= startOf(plus(from, 6), this.office.zone));
    return days.slice(0, sunday ? 7 : busy.length > 0 ? 6 : 5);
  }

  /** ahead prepares the coming days for paper, opened: `printed` ends it. */
  async ahead(count: number): Promise<void> {
    const from = plus(this.office.today, 1);
    await this.office.reading(from, plus(from, count));
    if (this.office.phase === "open") this.paper = Array.from({ length: count }, (_, n) => plus(from, n));
  }

  printed(): void {
    this.paper = null;
  }

  turn(mode: Mode): void {
    this.mode = mode;
    void this.office.show(this.office.day);
  }

  /** step goes on by a day, a week or a month. */
  step(by: 1 | -1): void {
    const { day } = this.office;
    if (this.mode === "day") void this.office.show(plus(day, by));
    else if (this.mode === "week") void this.office.show(plus(day, 7 * by));
    else {
      const month = by > 0 ? plus(`${day.slice(0, 7)}-28`, 4) : plus(`${day.slice(0, 7)}-01`, -1);
      void this.office.show(`${month.slice(0, 7)}-01`);
    }
  }

  say(text: string): void {
    this.said = { text, serial: this.said.serial + 1 };
  }

  /** arrived is told how many bookings came. */
  arrived(): void {
    if (this.likes.sound) chime();
  }

  /** altered is told what became of known bookings elsewhere. */
  altered(moved: number, cancelled: number): void {
    if (Date.now() < this.quietUntil) return;
    this.say([moved > 0 ? t("live.moved", { count: moved }) : "", cancelled > 0 ? t("live.cancelled", { count: cancelled }) : ""].filter(Boolean).join(" "));
    if (this.likes.sound) chime();
  }

  open(panel: Panel): void {
    if (this.office.phase !== "open") return;
    this.problem = "";
    this.draft = null;
    this.times = [];
    this.panel = panel;
  }

  close(): void {
    this.drawing = null;
    this.panel = null;
    this.draft = null;
    this.times = [];
  }

  /** lock drops what is typed and sends what waits. */
  lock(): void {
    this.paper = null;
    this.close();
    this.problem = "";
    void this.acts.flush();
  }

  /** status says what has become of an appointment; it can be taken back for ten seconds. */
  status(entry: Entry, change: server.StatusChange): void {
    const gone = change.status === "cancelled" || change.status === "entered-in-error";
    if (change.status === "arrived") this.came.set(entry.id, Date.now());
    this.problem = "";
    if (gone && this.office.selected === entry.id) this.office.select(null);
    this.acts.do({
      label: t(`act.${change.status}`, { time: clock(entry.starts, this.office.zone) }),
      changes: new Map([[entry.id, gone ? "gone" : { status: change.status, excused: change.excused === true }]]),
      about: entry.bookingId,
      send: async (keepalive) => void (await server.setStatus(entry.id, change, keepalive)),
    });
  }

  /**
   * tell lets a patient know how the appointment stands, once that cannot be
   * taken back any more: until then the message waits, and goes with what it is
   * about. It tells whether it was sent, and throws what the server says.
   */
  async tell(entry: Entry, body: Parameters<typeof server.tellPatient>[1]): Promise<boolean> {
    if (!this.acts.waits(entry.bookingId)) {
      await server.tellPatient(entry.id, body);
      return true;
    }
    return new Promise((resolve, reject) => {
      this.acts.do({
        label: t("act.tell"),
        changes: new Map(),
        about: entry.bookingId,
        dropped: () => resolve(false),
        send: async (keepalive) => {
          try {
            await server.tellPatient(entry.id, body, keepalive);
            resolve(true);
          } catch (thrown) {
            reject(thrown as Error);
          }
        },
      });
    });
  }

  undo(id?: number): void {
    if (this.acts.undo(id)) this.say(t("act.undone"));
  }

  /** serviceOf is what an opened entry was booked for; empty while it is sealed. */
  serviceOf(entry: Entry): string {
    if (entry.reading.state !== "open") return "";
    const asked = bare(entry.reading.booking.service.id);
    return this.office.practice?.services.find(({ id }) => bare(id) === asked)?.id ?? "";
  }

  /**
   * move gives an appointment another time, practitioner or length at once, so
   * that a conflict shows at once. Taking it back moves it back. It throws what
   * the server says.
   */
  async move(entry: Entry, time: server.DeskTime): Promise<void> {
    await this.acts.flush();
    const { appointment } = await server.moveAtDesk(entry.id, time);
    this.quietUntil = Date.now() + 3000;
    const wasSelected = this.office.selected === entry.id;
    await this.office.refresh();
    if (wasSelected) this.office.select(appointment);
    const { zone } = this.office;
    this.acts.do({
      label: t("act.moved", { from: clock(entry.starts, zone), to: clock(Date.parse(time.starts), zone) }),
      changes: new Map(),
      about: entry.bookingId,
      send: async () => {},
      back: async () => {
        const before: server.DeskTime = {
          service: time.service, practitioner: entry.practitioner, location: entry.location, starts: stamp(entry.starts), ends: stamp(entry.ends), over_hold: true,
        };
        try {
          await server.moveAtDesk(appointment, before);
        } catch (thrown) {
          // It stood there against the rules, or the rules have changed: it was there before.
          const reason = reasonOf(thrown);
          if (reason !== "slot_not_offered" && reason !== "quota_full" && reason !== "slot_taken") throw thrown;
          await server.moveAtDesk(appointment, { ...before, override: "other", ...(reason === "slot_taken" ? { overflow: true } : {}) });
        }
        this.quietUntil = Date.now() + 3000;
      },
    });
  }

  /** mayShut tells whether this person closes times. */
  get mayShut(): boolean {
    return this.office.phase === "open" && (this.office.session?.role === "owner" || this.office.session?.role === "front_desk");
  }

  /** A break that is being named, or changed. */
  drawing = $state.raw<Drawn | null>(null);

  /** draw asks for a break or meeting: where it was dragged, or from the keyboard on the shown day. */
  draw(drawn: Partial<Drawn> = {}): void {
    if (!this.mayShut) return;
    const now = Math.ceil(minuteOf(this.office.now, this.office.zone) / 15) * 15;
    const from = this.office.day === this.office.today && now < 23 * 60 ? now : 12 * 60;
    const who = this.visible.find(({ kind }) => kind === "practitioner")?.id ?? "";
    this.drawing = { id: "", practitioner: who, day: this.office.day, from, to: from + 30, reason: "", ...drawn };
  }

  /** shut closes a time for a break, or changes one that stands; it can be taken back. Throws what the server says. */
  async shut(next: Drawn, before: Drawn | null): Promise<void> {
    const id = next.id || newClosureId();
    const put = (one: Drawn) => block({ practitioner: one.practitioner, from: one.day, until: one.day, fromMinute: one.from, untilMinute: one.to, reason: one.reason }, id);
    const left = await put(next);
    await this.office.readRules(true);
    this.said = { text: left > 0 ? t("my.blocked_left", { count: left }) : t("break.done"), serial: this.said.serial + 1 };
    this.acts.do({
      label: t(before ? "break.act_changed" : "break.act"),
      changes: new Map(),
      send: async () => {},
      back: async () => {
        if (before) await put(before);
        else await unblock(id);
        await this.office.readRules(true);
      },
    });
  }

  /** reopen ends a break; it can be taken back. */
  async reopen(drawn: Drawn): Promise<void> {
    await unblock(drawn.id);
    await this.office.readRules(true);
    this.acts.do({
      label: t("break.act_removed"),
      changes: new Map(),
      send: async () => {},
      back: async () => {
        await block({ practitioner: drawn.practitioner, from: drawn.day, until: drawn.day, fromMinute: drawn.from, untilMinute: drawn.to, reason: drawn.reason }, drawn.id);
        await this.office.readRules(true);
      },
    });
  }

  /** settle takes in what a panel has sent. */
  async settle(): Promise<void> {
    this.quietUntil = Date.now() + 3000;
    await this.office.refresh();
  }

  /** handle tells whether a problem was that of somebody who is not signed in any more. */
  handle(thrown: unknown): boolean {
    if (thrown instanceof Problem && thrown.status === 401) {
      this.office.expired();
      return true;
    }
    return false;
  }

  /** at is the instant of a wall clock's minute on a day. */
  at(day: Day, minute: number): number {
    return instantOf(day, minute, this.office.zone);
  }

  /** notice remembers who has come, to say since when they wait. */
  notice(entries: readonly Entry[]): void {
    untrack(() => {
      for (const { id, status } of entries) if (status === "arrived" && !this.came.has(id)) this.came.set(id, Date.now());
    });
  }
}
