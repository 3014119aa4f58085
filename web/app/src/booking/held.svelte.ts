import { serverNow } from "../api/http.ts";
import { extendHold, hold, releaseHold } from "../api/patient.ts";
import type { Hold, Service } from "../api/types.ts";
import { left } from "./countdown.ts";
import type { Slot } from "./slots.ts";

const token = (): string => {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
};

/**
 * Held is a slot kept free for this browser until `expires`. Only its token
 * extends or releases it. `left` counts down in steps of a second; it is 0 once
 * the hold is over. Throws the server's problems.
 */
export class Held {
  readonly service: Service;
  readonly slot: Slot;
  readonly token: string;
  private answer = $state<Hold>() as Hold;
  left = $state(0);
  private timer: ReturnType<typeof setInterval> | undefined;
  /** A pending booking took over the hold: leaving the page must not free it. */
  booked = false;

  private constructor(service: Service, slot: Slot, ownToken: string, answer: Hold) {
    this.service = service;
    this.slot = slot;
    this.token = ownToken;
    this.take(answer);
  }

  static async on(service: Service, slot: Slot): Promise<Held> {
    const ownToken = token();
    const { practitioner, location, starts } = slot;
    return new Held(service, slot, ownToken, await hold({ token: ownToken, service: service.id, practitioner, location, starts }));
  }

  get id(): string {
    return this.answer.hold;
  }
  get bookingID(): string {
    return this.answer.booking_id;
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
  drop(): void {
    clearInterval(this.timer);
    if (!this.booked && this.left > 0) void releaseHold(this.token);
    this.left = 0;
  }
}
