// The way of a patient through the three screens and the wait for the mail.
// Everything lives in this object, in memory: nothing personal reaches the
// address, the title, the history or a store of the browser.

import { tick } from "svelte";
import { newKey, serverNow } from "../api/http.ts";
import { getDays, getNext, getSlots, type Wanted } from "../api/patient.ts";
import { Problem, reasonOf } from "../api/problem.ts";
import type { Alternative, Channel, DaysAnswer, Pending, Practice } from "../api/types.ts";
import { codeOf } from "../seal/referral.ts";
import { addressOf, emptyForm, withPersons, type Form } from "./form.ts";
import { Held } from "./held.svelte.ts";
import type { Moving } from "./moving.ts";
import type { OfferedSlot } from "./offered.ts";
import { choicesOf, judgeAll, noAnswers, questionsUpFront, type Answers, type Choice, type Question } from "./offer.ts";
import { previewed } from "./preview.ts";
import { byStart, overviewOf, sift, slotKey, unfold, unfoldSeries, walkIns, weekFrom, withClosed, type Closed, type Hour, type Occurrence, type Overview, type Slot } from "./slots.ts";
import { addDays, dayIn, mondayOf } from "./time.ts";

export type Screen = "what" | "when" | "dates" | "who" | "sent";
const screens: readonly Screen[] = ["what", "when", "dates", "who", "sent"];

/** What the second screen says above its slots: why the patient is back there. */
export type Setback = { reason: string; alternatives: Slot[] };

/** The appointments of a series whose first one was chosen. */
export interface Series {
  first: Slot;
  dates: readonly Occurrence[];
}

export interface Sent {
  pending: Pending;
  channel: Channel;
  address: string;
  secret: string;
}

/** How many appointments the server names of each kind, and the page shows of them. */
const soonest = 5;
/** How many days the server answers for at once. */
const mostDays = 62;
/** How many weeks are searched for several appointments: the days tell only where one fits. */
const patience = 6;

export const mostPersons = 6;

export class Flow {
  readonly practice: Practice;
  readonly choices: readonly Choice[];
  /** As whom somebody of the practice looks at the page. Nothing is held or booked then. */
  readonly preview: Answers | undefined;
  screen = $state<Screen>("what");
  answers = $state<Answers>() as Answers;
  choiceID = $state("");
  practitionerID = $state("any");
  persons = $state(1);
  form = $state<Form>() as Form;
  held = $state.raw<Held>();
  sent = $state.raw<Sent>();
  setback = $state.raw<Setback>();
  series = $state.raw<Series>();
  /** What is taken of each of the series' appointments: a slot's key, "out" for none, "" while that is open. */
  picks = $state<string[]>([]);
  /** The appointment that gets another time; undefined where a new one is booked. */
  moving = $state.raw<Moving>();

  /** The secret of a place on the waiting list, which ends with the booking. */
  waiting = "";

  /** Which days have something; undefined until the server said so. */
  days = $state.raw<DaysAnswer>();
  /** The soonest slots of all. */
  next = $state.raw<Slot[]>([]);
  /** The slots of the weeks read so far, each named by its Monday. */
  slots = $state.raw<Slot[]>([]);
  weeks = $state.raw<ReadonlySet<string>>(new Set());
  hours = $state.raw<Hour[]>([]);
  closed = $state.raw<Closed>(new Map());
  private reading = $state(0);
  /** Why the slots could not be read, or "". */
  failure = $state("");
  /** The slot whose hold is being asked for. */
  taking = $state("");
  /** Whether a time was chosen before the code that it takes. */
  codeMissed = $state(false);
  /** The field that the next screen should begin at, instead of its heading. */
  focus = "";
  private asked = "";
  private over = false;
  private abort = new AbortController();
  /** Keeps "any practitioner" the same one from week to week. It lives as long as this page. */
  private readonly seed = newKey();

  constructor(practice: Practice) {
    this.practice = practice;
    this.choices = choicesOf(practice);
    this.preview = previewed(location.hash);
    this.answers = { ...(this.preview ?? noAnswers) };
    this.form = emptyForm(practice.channels);
    const bookable = this.choices.filter(({ conditions }) => judgeAll(conditions, this.answers).kind !== "refused");
    if (bookable.length === 1) this.choiceID = bookable[0]?.id ?? "";
    history.replaceState({ screen: "what" }, "");
    addEventListener("popstate", (event) => this.arrive((event.state as { screen?: Screen } | null)?.screen ?? "what"));
    addEventListener("pagehide", () => void this.held?.drop());
    addEventListener("pageshow", (event) => {
      // Out of the browser's cache after all was done: no form of somebody else's.
      if (event.persisted && this.over) location.replace("/");
    });
  }

  get choice(): Choice | undefined {
    return this.choices.find(({ id }) => id === this.choiceID);
  }

  /** What slots are judged by. A service that needs a referral says so where it is chosen. */
  get judged(): Answers {
    return this.choice?.services.some(({ referral }) => referral) ? { ...this.answers, referral: "yes" } : this.answers;
  }

  /** Whether a time can only be taken with a referral's code. Who moves an appointment gave one before. */
  get needsCode(): boolean {
    return !this.moving && Boolean(this.choice?.services.some(({ referral_code }) => referral_code));
  }

  get overview(): Overview {
    return overviewOf(this.days ?? { days: [], conditions: [] }, this.judged);
  }

  /** Whether a day that has a slot has one to take. Of several appointments it may hold one and not all. */
  get exact(): boolean {
    return this.persons === 1 && !this.choice?.chain;
  }

  get loading(): boolean {
    return this.reading > 0;
  }

  get today(): string {
    return dayIn(serverNow(), this.practice.zone);
  }

  get upFront(): Question[] {
    return questionsUpFront(this.practice);
  }

  /** begin moves an appointment: what it is for stays as it is. */
  begin(moving: Moving): void {
    this.moving = moving;
    this.choiceID = moving.choice.id;
    const with_ = moving.booking.practitioner.id;
    this.practitionerID = moving.choice.services.every(({ practitioners }) => practitioners.includes(with_)) ? with_ : "any";
    history.replaceState({ screen: "when" }, "");
    this.arrive("when");
  }

  /** beginAgain books the same once more. */
  beginAgain(choice: Choice, practitioner: string): void {
    this.choiceID = choice.id;
    if (choice.services.every(({ practitioners }) => practitioners.includes(practitioner))) this.practitionerID = practitioner;
    history.replaceState({ screen: "what" }, "");
    this.go("when");
  }

  /** beginOffered takes what was offered to a place on the waiting list, or shows what else there is. */
  async beginOffered({ choice, practitioner, slot }: OfferedSlot, secret: string): Promise<void> {
    this.waiting = secret;
    this.choiceID = choice.id;
    this.practitionerID = practitioner;
    history.replaceState({ screen: "what" }, "");
    if (slot && !this.needsCode) await this.reserve(slot);
    if (this.screen === "what") this.go("when");
  }

  /** leave goes to the page of the appointment that was to be moved. */
  leave({ secret }: Moving): void {
    this.over = true;
    location.replace(`/booking#${secret}`);
  }

  /** go is a step of the patient's own: the back button undoes it. */
  go(screen: Screen): void {
    if (screen === this.screen) return;
    history.pushState({ screen }, "");
    this.arrive(screen);
  }

  /** arrive shows a screen as far as what it needs is there: a forward button may point to what is gone. */
  private arrive(wanted: Screen): void {
    if (this.moving && wanted === "what") return this.leave(this.moving);
    let screen = screens.includes(wanted) ? wanted : "what";
    if (screen === "sent" && !this.sent) screen = "who";
    if (screen === "who" && !this.held) screen = this.series ? "dates" : "when";
    if (screen === "dates" && !this.series) screen = "when";
    if (screen === "when" && !this.choice) screen = "what";
    if (screen !== wanted) history.replaceState({ screen }, "");
    this.screen = screen;
    if (screen === "when") void this.load();
    void tick().then(() => {
      scrollTo({ top: 0, behavior: "instant" });
      const field = this.focus ? document.getElementById(this.focus) : null;
      this.focus = "";
      if (field) field.focus();
      else document.querySelector<HTMLElement>("h1")?.focus({ preventScroll: true });
    });
  }

  practitionerName = (id: string): string => this.practice.practitioners.find((practitioner) => practitioner.id === id)?.name ?? "";
  locationName = (id: string): string => this.practice.locations.find((location) => location.id === id)?.name ?? "";

  private get wanted(): Wanted {
    return { ...(this.choice?.chain ? { chain: this.choiceID } : { service: this.choiceID }), practitioner: this.practitionerID };
  }

  private get anyone(): { seed?: string } {
    return this.practitionerID === "any" ? { seed: this.seed } : {};
  }

  /** load asks which days have something and what is soonest, and reads the first week that does. */
  async load(fresh = false): Promise<void> {
    const query = `${this.choiceID}|${this.practitionerID}|${this.persons}`;
    if (query === this.asked && !fresh && !this.failure) return;
    if (query !== this.asked) this.series = undefined;
    this.asked = query;
    this.abort.abort();
    this.abort = new AbortController();
    this.days = undefined;
    this.next = [];
    this.slots = [];
    this.hours = [];
    this.weeks = new Set();
    this.closed = new Map();
    this.failure = "";
    const { signal } = this.abort;
    await this.while(signal, async () => {
      const asking = { signal, fresh };
      const alone = this.persons === 1;
      const [days, next] = await Promise.all([getDays({ ...this.wanted, from: this.today }, asking), alone ? getNext({ ...this.wanted, ...this.anyone, n: soonest }, asking) : undefined]);
      if (next) this.next = unfold(next, this.practice);
      this.closed = withClosed(new Map(), days);
      this.days = days;
      // What is not for this patient has a reason to be shown as well.
      const mondays = new Set([...[this.overview.offered, this.overview.open, this.overview.refused].find((days) => days.length > 0) ?? [], this.today].map(mondayOf));
      for (const monday of [...mondays].slice(0, this.exact ? 1 : patience)) {
        await this.read(monday, asking);
        if (sift(this.slots, this.judged).offered.length > 0) break;
      }
    });
  }

  /** need reads a week unless it is there. */
  async need(monday: string): Promise<void> {
    if (!this.days || this.loading || this.failure || this.weeks.has(monday)) return;
    const { signal } = this.abort;
    await this.while(signal, () => this.read(monday, { signal }));
  }

  private async read(monday: string, asking: { signal: AbortSignal; fresh?: boolean }): Promise<void> {
    const together = this.persons > 1 ? { persons: this.persons } : {};
    const answer = await getSlots({ ...this.wanted, ...this.anyone, ...weekFrom(monday, this.today), ...together }, asking);
    if (asking.signal.aborted || this.weeks.has(monday)) return;
    this.slots = [...this.slots, ...unfold(answer, this.practice)];
    this.hours = [...this.hours, ...walkIns(answer, this.practice)];
    this.closed = withClosed(this.closed, answer);
    this.weeks = new Set([...this.weeks, monday]);
  }

  /** while notes that something is being read, and why it could not be. What was given up is nobody's failure. */
  private async while(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    this.reading++;
    try {
      await work();
    } catch (thrown) {
      if (!signal.aborted) this.failure = reasonOf(thrown);
    } finally {
      this.reading--;
    }
  }

  /** take holds a slot and goes on, or to the other appointments of its series. */
  async take(slot: Slot): Promise<void> {
    if (this.needsCode && !codeOf(this.form.referral)) {
      this.codeMissed = true;
      await tick();
      document.getElementById("code")?.focus();
      return;
    }
    if (this.choice?.series && !this.moving && slot.then.length === 0) await this.follow(slot);
    else await this.reserve(slot);
  }

  /** follow asks when the appointments are that follow the first one of a series. What was held for it is free again. */
  async follow(first: Slot): Promise<void> {
    const series = this.choice?.series;
    if (!series || this.taking) return;
    this.taking = slotKey(first);
    try {
      await this.held?.drop();
      this.held = undefined;
      this.sent = undefined;
      const { practitioner, starts, zone, day } = first;
      const answer = await getSlots(
        {
          service: this.choiceID,
          practitioner,
          from: day,
          to: addDays(day, Math.min(series.every * (series.count - 1) + 1, mostDays)),
          series: `${series.every}x${series.count}`,
          first: starts,
        },
        { fresh: true },
      );
      const before = this.series?.first === first ? this.picks : [];
      const dates = unfoldSeries(answer, this.practice, this.judged, zone);
      this.series = { first, dates };
      this.picks = dates.map(({ slot, alternatives }, i) => {
        if (slot) return slotKey(slot);
        const was = before[i] ?? "";
        return was === "out" || alternatives.some((other) => slotKey(other) === was) ? was : "";
      });
      if (this.screen === "dates") void tick().then(() => document.getElementById(this.setback ? "setback" : "dates")?.focus());
      else {
        this.setback = undefined;
        this.go("dates");
      }
    } catch (thrown) {
      this.series = undefined;
      this.taking = "";
      this.setBack(thrown);
    } finally {
      this.taking = "";
    }
  }

  /** The appointments of the series as they are chosen, in order of time; undefined while one is open. */
  get chosen(): Slot[] | undefined {
    const { series, picks } = this;
    if (!series || picks.some((pick) => pick === "")) return undefined;
    const all = series.dates.flatMap(({ slot, alternatives }, i) => [...(slot ? [slot] : []), ...alternatives].find((one) => slotKey(one) === picks[i]) ?? []);
    return byStart(all.filter((slot, i) => all.findIndex((other) => slotKey(other) === slotKey(slot)) === i));
  }

  /** takeAll holds what was chosen of the series, all or nothing. */
  async takeAll(): Promise<void> {
    const [first, ...then] = this.chosen ?? [];
    if (first) await this.reserve({ ...first, then });
  }

  /** reserve holds a slot and goes on; if it is gone, the second screen says so and shows what is near. */
  async reserve(slot: Slot): Promise<void> {
    const { choice } = this;
    if (!choice || this.taking) return;
    if (this.held && this.held.left > 0 && slotKey(this.held.slot) === slotKey(slot) && this.held.choice.id === choice.id) {
      this.setback = undefined;
      this.go("who");
      return;
    }
    this.taking = slotKey(slot);
    this.setback = undefined;
    void this.held?.drop();
    this.held = undefined;
    this.sent = undefined;
    try {
      this.held = await this.hold(choice, slot);
      this.form = withPersons(this.form, this.persons);
      this.go("who");
    } catch (thrown) {
      this.setBack(thrown);
    } finally {
      this.taking = "";
    }
  }

  private hold = async (choice: Choice, slot: Slot) => (this.preview ? Held.pretend(choice, slot) : Held.on(choice, slot, this.judged));

  /** retake holds the same slot again after its time was up. */
  async retake(): Promise<void> {
    const { held } = this;
    if (!held || this.taking) return;
    this.taking = slotKey(held.slot);
    try {
      this.held = await this.hold(held.choice, held.slot);
      this.sent = undefined;
      void tick().then(() => document.querySelector<HTMLElement>("h1")?.focus());
    } catch (thrown) {
      this.setBack(thrown);
    } finally {
      this.taking = "";
    }
  }

  /** restart goes for a new time with the form kept, after a pending booking has ended. */
  restart(): void {
    void this.held?.drop();
    this.held = undefined;
    this.sent = undefined;
    this.go("when");
    void this.load(true);
  }

  /** done forgets everything: the appointment is booked, and another page shows it. */
  done(): void {
    this.over = true;
    this.form = emptyForm(this.practice.channels);
  }

  /** setBack returns to the second screen with the reason, and with fresh slots. */
  setBack(thrown: unknown): void {
    const reason = reasonOf(thrown);
    const given = thrown instanceof Problem && Array.isArray(thrown.body.alternatives) ? (thrown.body.alternatives as Alternative[]) : [];
    this.setback = { reason, alternatives: this.alternatives(given) };
    if (reason === "slot_taken" || reason === "quota_full" || reason === "hold_expired") {
      void this.held?.drop();
      this.held = undefined;
      this.sent = undefined;
    }
    if (this.series) {
      // What has been taken is one of its conflicts now, with others to choose from.
      if (this.screen !== "dates") this.go("dates");
      void this.again(this.series.first);
      return;
    }
    const there = this.screen === "when";
    if (!there) this.go("when");
    void this.load(true);
    if (there) void tick().then(() => document.getElementById("setback")?.focus());
  }

  private async again(first: Slot): Promise<void> {
    this.taking = "";
    await this.follow(first);
  }

  /** Only what was listed is an alternative: for whom another slot is, nobody knows here. */
  private alternatives(given: readonly Alternative[]): Slot[] {
    const { offered } = sift([...this.slots, ...this.next], this.judged);
    return given.flatMap((one) => offered.find((slot) => slotKey(slot) === slotKey(one)) ?? offered.find(({ starts, location, then }) => then.length === 0 && starts === one.starts && location === one.location) ?? []);
  }

  /** posted notes that the server has the sealed booking and has sent a message. */
  posted(pending: Pending, secret: string): void {
    this.sent = { pending, secret, channel: pending.channel, address: addressOf(this.form) };
    this.held?.adopt(pending.expires);
    this.go("sent");
  }
}
