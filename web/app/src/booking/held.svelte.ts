import { serverNow } from "../api/http.ts";
import { extendHold, getChallenge, hold, releaseHold, type HoldRequest } from "../api/patient.ts";
import { reasonOf } from "../api/problem.ts";
import type { Hold, Service } from "../api/types.ts";
import { left } from "./countdown.ts";
import { quotasFor, type Answers, type Choice } from "./offer.ts";
import { stopsOf, type Slot } from "./slots.ts";

/** Stop is one appointment of what is held. */
export interface Stop {
  bookingID: string;
  service: Service;
  slot: Slot;
  /** Which of the persons comes, from 0. */
  person: number;
}

const token = (): string => {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
};

const minutes = 60_000;

/** holdWorking does the work that a crowded network is asked for. It happens beside the page: nobody has to see or move anything. */
async function holdWorking(body: HoldRequest): Promise<Hold> {
  try {
    return await hold(body);
  } catch (thrown) {
    if (reasonOf(thrown) !== "proof_required") throw thrown;
    const [{ prove }, challenge] = await Promise.all([import("./sealing.ts"), getChallenge("")]);
    return hold({ ...body, proof: await prove(challenge) });
  }
}

/** serviceOf is what a stop is about. */
export function serviceOf({ services }: Choice, { step }: Pick<Slot, "step">): Service {
  const service = services[step] ?? services[0];
  if (!service) throw new TypeError("a choice has at least one service");
  return service;
}

/**
 * Held is a slot kept free for this browser until `expires`, or several that
 * are booked together. Only its token extends or releases it. `left` counts
 * down in steps of a second; it is 0 once the hold is over. Throws the server's
 * problems.
 */
export class Held {
  readonly choice: Choice;
  readonly slot: Slot;
  readonly token: string;
  /** Only for looking at: the server knows nothing of it. */
  readonly pretended: boolean;
  private answer = $state<Hold>() as Hold;
  left = $state(0);
  private timer: ReturnType<typeof setInterval> | undefined;
  /** A pending booking took over the hold: leaving the page must not free it. */
  booked = false;

  private constructor(choice: Choice, slot: Slot, ownToken: string, answer: Hold, pretended = false) {
    this.choice = choice;
    this.slot = slot;
    this.token = ownToken;
    this.pretended = pretended;
    this.take(answer);
  }

  /** on asks the server. Of the answers it is told nothing but the quotas that they lead to. */
  static async on(choice: Choice, slot: Slot, answers: Answers): Promise<Held> {
    const ownToken = token();
    const [first, ...rest] = stopsOf(slot).map((stop) => {
      const { practitioner, location, starts, condition } = stop;
      const quotas = quotasFor(condition, answers);
      return { service: serviceOf(choice, stop).id, practitioner, location, starts, ...(quotas.length > 0 ? { quotas } : {}) };
    });
    if (!first) throw new TypeError("a slot has at least one stop");
    return new Held(choice, slot, ownToken, await holdWorking({ token: ownToken, ...(rest.length > 0 ? { items: [first, ...rest] } : first) }));
  }

  /** pretend holds nothing anywhere: the preview looks on without taking a slot from anybody. */
  static pretend(choice: Choice, slot: Slot): Held {
    const expires = new Date(serverNow() + 10 * minutes).toISOString();
    return new Held(choice, slot, "", { hold: "", booking_id: "", starts: slot.starts, ends: slot.ends, expires, extensions_left: 0, items: [] }, true);
  }

  /** stops are the appointments held, in order. */
  get stops(): Stop[] {
    const { items = [this.answer] } = this.answer;
    return stopsOf(this.slot).map((slot, i) => ({ bookingID: items[i]?.booking_id ?? "", service: serviceOf(this.choice, slot), slot, person: this.choice.chain || this.choice.series ? 0 : i }));
  }

  get id(): string {
    return this.answer.hold;
  }
  get expires(): string {
    return this.answer.expires;
  }
  get extensionsLeft(): number {
    return this.answer.extensions_left;
  }

  /** How long the hold was when last given, in milliseconds; the whole of the progress bar. */
  whole = $state(1);

  private take(answer: Hold): void {
    this.answer = answer;
    this.left = left(answer.expires, serverNow());
    this.whole = Math.max(this.left, 1);
    clearInterval(this.timer);
    this.timer = setInterval(() => {
      this.left = left(this.answer.expires, serverNow());
      if (this.left === 0) clearInterval(this.timer);
    }, 1000);
  }

  async extend(): Promise<void> {
    this.take(await extendHold(this.token));
  }

  /** adopt follows the pending booking, whose end is the hold's from then on. */
  adopt(expires: string): void {
    this.booked = true;
    this.take({ ...this.answer, expires });
  }

  /** drop gives the slot back, unless a pending booking lives on it. */
  async drop(): Promise<void> {
    clearInterval(this.timer);
    const live = !this.booked && !this.pretended && this.left > 0;
    this.left = 0;
    if (live) await releaseHold(this.token);
  }
}
