/**
 * A watch on whether anybody is there. It calls `lock` once nobody has moved
 * for `after` milliseconds, by the clock and not by counting ticks: a laptop
 * that slept through the time locks when it wakes, before anything is drawn.
 */
export interface IdleConfig {
  /** Milliseconds without a sign of life until lock is called. */
  after: number;
  lock(): void;
  /** Told the whole milliseconds left, at each tick and each sign of life. */
  left(ms: number): void;
  now(): number;
  /** Calls back every so many milliseconds; returns how to stop. */
  every(ms: number, call: () => void): () => void;
}

export class Idle {
  private last = 0;
  private stopTicking: (() => void) | null = null;

  constructor(private readonly config: IdleConfig) {}

  /** within changes after how many milliseconds it locks, also while it watches. */
  within(after: number): void {
    this.config.after = after;
    this.check();
  }

  /** start begins to watch; the person who just unlocked counts as there. */
  start(): void {
    this.stop();
    this.last = this.config.now();
    this.stopTicking = this.config.every(1000, () => this.check());
    this.config.left(this.config.after);
  }

  stop(): void {
    this.stopTicking?.();
    this.stopTicking = null;
  }

  /** alive notes a sign of life. One that comes too late locks like silence. */
  alive(): void {
    if (!this.stopTicking) return;
    if (this.check()) this.last = this.config.now();
  }

  /** check locks if it is time; false when it did. */
  check(): boolean {
    if (!this.stopTicking) return false;
    const left = this.config.after - (this.config.now() - this.last);
    if (left <= 0) {
      this.stop();
      this.config.lock();
      return false;
    }
    this.config.left(left);
    return true;
  }
}
