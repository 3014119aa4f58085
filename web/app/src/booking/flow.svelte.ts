// The way of a patient through the three screens and the wait for the mail.
// Everything lives in this object, in memory: nothing personal reaches the
// address, the title, the history or a store of the browser.

import { tick } from "svelte";
import { serverNow } from "../api/http.ts";
import { getSlots } from "../api/patient.ts";
import { Problem, reasonOf } from "../api/problem.ts";
import type { Alternative, Channel, Pending, Practice, Service, SlotsAnswer } from "../api/types.ts";
import { addressOf, emptyForm, type Form } from "./form.ts";
import { Held } from "./held.svelte.ts";
import { judge, questionsUpFront, type Answers, type Question } from "./offer.ts";
import { place, slotKey, unfold, windowFrom, withClosed, type Closed, type Slot } from "./slots.ts";
import { addDays, dayIn } from "./time.ts";

export type Screen = "what" | "when" | "who" | "sent";
const screens: readonly Screen[] = ["what", "when", "who", "sent"];

/** What the second screen says above its slots: why the patient is back there. */
export type Setback = { reason: string; alternatives: Slot[] };

export interface Sent {
  pending: Pending;
  channel: Channel;
  address: string;
  secret: string;
}

/** How far ahead the page looks for the first free slot, in days. */
const horizon = 4 * 28;

export class Flow {
  readonly practice: Practice;
  screen = $state<Screen>("what");
  answers = $state<Answers>({ insurance: "", known: "" });
  serviceID = $state("");
  practitionerID = $state("any");
  form = $state<Form>() as Form;
  held = $state.raw<Held>();
  sent = $state.raw<Sent>();
  setback = $state.raw<Setback>();

  slots = $state.raw<Slot[]>([]);
  /** The days known to be closed. */
  closed = $state.raw<Closed>(new Map());
  /** Slots before this day are known; from here on the server was not asked yet. */
  knownUntil = $state("");
  loading = $state(false);
  /** Why the slots could not be read, or "". */
  failure = $state("");
  /** The slot whose hold is being asked for. */
  taking = $state("");
  /** The field that the next screen should begin at, instead of its heading. */
  focus = "";
  private asked = "";
  private over = false;
  private abort: AbortController | undefined;

  constructor(practice: Practice) {
    this.practice = practice;
    this.form = emptyForm(practice.channels);
    const bookable = practice.services.filter((service) => judge(service, this.answers).kind !== "refused");
    if (bookable.length === 1) this.serviceID = bookable[0]?.id ?? "";
    history.replaceState({ screen: "what" }, "");
    addEventListener("popstate", (event) => this.arrive((event.state as { screen?: Screen } | null)?.screen ?? "what"));
    addEventListener("pagehide", () => this.held?.drop());
    addEventListener("pageshow", (event) => {
      // Out of the browser's cache after all was done: no form of somebody else's.
      if (event.persisted && this.over) location.replace("/");
    });
  }

  get service(): Service | undefined {
    return this.practice.services.find(({ id }) => id === this.serviceID);
  }

  get today(): string {
    return dayIn(serverNow(), this.practice.zone);
  }

  get upFront(): Question[] {
    return questionsUpFront(this.practice);
  }

  /** go is a step of the patient's own: the back button undoes it. */
  go(screen: Screen): void {
    if (screen === this.screen) return;
    history.pushState({ screen }, "");
    this.arrive(screen);
  }

  /** arrive shows a screen as far as what it needs is there: a forward button may point to what is gone. */
  private arrive(wanted: Screen): void {
    let screen = screens.includes(wanted) ? wanted : "what";
    if (screen === "sent" && !this.sent) screen = "who";
    if (screen === "who" && !this.held) screen = "when";
    if (screen === "when" && !this.service) screen = "what";
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

  /** load reads slots for what is chosen, from today on, until some are found or the horizon is reached. */
  async load(fresh = false): Promise<void> {
    const query = `${this.serviceID}|${this.practitionerID}`;
    if (query === this.asked && !fresh && !this.failure) return;
    this.asked = query;
    this.slots = [];
    this.closed = new Map();
    this.knownUntil = this.today;
    await this.loadMore(true);
  }

  /** loadMore reads the next four weeks; with `search` it goes on until there is a slot. */
  async loadMore(search = false): Promise<void> {
    this.abort?.abort();
    const abort = new AbortController();
    this.abort = abort;
    this.loading = true;
    this.failure = "";
    const end = addDays(this.today, horizon);
    try {
      do {
        const { from, to } = windowFrom(this.knownUntil);
        const answer: SlotsAnswer = await getSlots({ service: this.serviceID, practitioner: this.practitionerID, from, to }, abort.signal);
        const known = new Set(this.slots.map(slotKey));
        this.slots = [...this.slots, ...unfold(answer, this.practice).filter((slot) => !known.has(slotKey(slot)))];
        this.closed = withClosed(this.closed, answer);
        this.knownUntil = to;
      } while (search && this.slots.length === 0 && this.knownUntil < end);
    } catch (thrown) {
      if (!abort.signal.aborted) this.failure = reasonOf(thrown);
    } finally {
      if (this.abort === abort) this.loading = false;
    }
  }

  /** take holds a slot and goes on; if it is gone, the second screen says so and shows what is near. */
  async take(slot: Slot): Promise<void> {
    const service = this.service;
    if (!service || this.taking) return;
    if (this.held && this.held.left > 0 && slotKey(this.held.slot) === slotKey(slot) && this.held.service.id === service.id) {
      this.setback = undefined;
      this.go("who");
      return;
    }
    this.taking = slotKey(slot);
    this.setback = undefined;
    this.held?.drop();
    this.held = undefined;
    this.sent = undefined;
    try {
      this.held = await Held.on(service, slot);
      this.go("who");
    } catch (thrown) {
      this.setBack(thrown);
    } finally {
      this.taking = "";
    }
  }

  /** retake holds the same slot again after its time was up. */
  async retake(): Promise<void> {
    const { held } = this;
    if (!held || this.taking) return;
    this.taking = slotKey(held.slot);
    try {
      this.held = await Held.on(held.service, held.slot);
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
    this.held?.drop();
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
    if (reason === "slot_taken" || reason === "hold_expired") {
      this.held?.drop();
      this.held = undefined;
      this.sent = undefined;
    }
    const there = this.screen === "when";
    if (!there) this.go("when");
    void this.load(true);
    if (there) void tick().then(() => document.getElementById("setback")?.focus());
  }

  /** Only what the answers allow is an alternative; the condition of a slot is known where it was listed. */
  private alternatives(given: readonly Alternative[]): Slot[] {
    const zones = new Map(this.practice.locations.map(({ id, zone }) => [id, zone]));
    const minutes = this.service?.duration_minutes ?? 0;
    const listed = new Map(this.slots.map((slot) => [slotKey(slot), slot]));
    return given
      .map((alternative) => {
        const ends = new Date(Date.parse(alternative.starts) + minutes * 60_000).toISOString();
        const condition = { insurance: [], patients: "all" as const };
        return listed.get(slotKey(alternative)) ?? place({ ...alternative, ends, condition }, zones.get(alternative.location) ?? this.practice.zone);
      })
      .filter((slot) => judge(slot.condition, this.answers).kind === "offered");
  }

  /** posted notes that the server has the sealed booking and has sent a message. */
  posted(pending: Pending, secret: string): void {
    this.sent = { pending, secret, channel: pending.channel, address: addressOf(this.form) };
    this.held?.adopt(pending.expires);
    this.go("sent");
  }
}
