/**
 * Learns that something changed. It listens to the server's event stream,
 * reconnects with growing pauses, and asks every 15 seconds as long as no
 * stream stands. It says only "changed"; the listener fetches.
 *
 * It may call once too often, never once too seldom: whatever happened while
 * no stream stood is made up for by a call when one opens.
 */

/** Stream is what Live needs of an EventSource. */
export interface Stream {
  onopen: (() => void) | null;
  onerror: (() => void) | null;
  /** Called with the counter that came with a change. */
  onchanged: ((counter: string) => void) | null;
  close(): void;
}

export interface LiveConfig {
  open(): Stream;
  changed(): void;
  /** Told whether changes come by themselves. */
  connected(yes: boolean): void;
  /** Calls back once after some milliseconds; returns how to stop. */
  after(ms: number, call: () => void): () => void;
  /** A number in [0, 1), to spread reconnecting browsers. */
  random(): number;
}

/** Milliseconds between questions while there is no stream. */
export const pollEvery = 15_000;
/** A stream that does not open within this many milliseconds is given up. */
export const openWithin = 10_000;
const firstPause = 1_000;
const longestPause = 30_000;

export class Live {
  private stream: Stream | null = null;
  private tries = 0;
  private counter: string | null = null;
  private stopRetry: (() => void) | null = null;
  private stopPoll: (() => void) | null = null;
  private running = false;

  constructor(private readonly config: LiveConfig) {}

  start(): void {
    if (this.running) return;
    this.running = true;
    this.connect();
  }

  stop(): void {
    this.running = false;
    this.stream?.close();
    this.stream = null;
    this.clearRetry();
    this.stopPoll?.();
    this.stopPoll = null;
    this.tries = 0;
    this.counter = null;
  }

  /** wake tries at once, for when the network or the screen comes back. */
  wake(): void {
    if (!this.running) return;
    this.config.changed();
    if (this.stopPoll) {
      this.tries = 0;
      this.connect();
    }
  }

  private connect(): void {
    this.clearRetry();
    this.stream?.close();
    const stream = this.config.open();
    this.stream = stream;
    this.stopRetry = this.config.after(openWithin, () => this.lost(stream));
    stream.onopen = () => {
      if (stream !== this.stream) return;
      this.clearRetry();
      this.tries = 0;
      this.stopPoll?.();
      this.stopPoll = null;
      this.config.connected(true);
      this.config.changed();
    };
    stream.onerror = () => this.lost(stream);
    stream.onchanged = (counter) => {
      if (stream !== this.stream || counter === this.counter) return;
      this.counter = counter;
      this.config.changed();
    };
  }

  private lost(stream: Stream): void {
    if (stream !== this.stream || !this.running) return;
    stream.close();
    this.stream = null;
    this.config.connected(false);
    const pause = Math.min(longestPause, firstPause * 2 ** this.tries++);
    this.clearRetry();
    this.stopRetry = this.config.after(pause * (0.5 + this.config.random() / 2), () => this.connect());
    if (!this.stopPoll) this.poll();
  }

  private poll(): void {
    this.stopPoll = this.config.after(pollEvery, () => {
      this.config.changed();
      this.poll();
    });
  }

  private clearRetry(): void {
    this.stopRetry?.();
    this.stopRetry = null;
  }
}

/** eventStream opens the server's event stream at a path of our own host. */
export function eventStream(path: string): Stream {
  const source = new EventSource(path);
  const stream: Stream = { onopen: null, onerror: null, onchanged: null, close: () => source.close() };
  source.onopen = () => stream.onopen?.();
  source.onerror = () => stream.onerror?.();
  source.addEventListener("changed", (event) => stream.onchanged?.(String(event.data)));
  return stream;
}

/** What tabs of one browser tell each other about the one stream they share. */
type Told = "who" | "open" | "lost" | { changed: string };

/**
 * sharedStream is [eventStream] once for all tabs of a browser: one of them
 * holds it, by a lock that goes to the next when that tab goes, and tells the
 * others. A browser without locks opens one for each tab.
 */
export function sharedStream(path: string, open: (path: string) => Stream = eventStream): Stream {
  if (!navigator.locks) return open(path);
  const channel = new BroadcastChannel("siegel-events");
  const end = new AbortController();
  let own: Stream | null = null;
  let opened = false;
  let release: (() => void) | undefined;
  const tell = (told: Told) => channel.postMessage(told);
  const stream: Stream = {
    onopen: null,
    onerror: null,
    onchanged: null,
    close: () => {
      end.abort();
      own?.close();
      own = null;
      release?.();
      channel.close();
    },
  };
  channel.onmessage = ({ data }: MessageEvent<Told>) => {
    if (data === "who") {
      if (own && opened) tell("open");
    } else if (own) return;
    else if (data === "open") stream.onopen?.();
    else if (data === "lost") stream.onerror?.();
    else stream.onchanged?.(data.changed);
  };
  tell("who");
  navigator.locks
    .request("siegel-events", { signal: end.signal }, () => {
      if (end.signal.aborted) return undefined;
      own = open(path);
      own.onopen = () => {
        opened = true;
        tell("open");
        stream.onopen?.();
      };
      own.onerror = () => {
        tell("lost");
        stream.onerror?.();
      };
      own.onchanged = (changed) => {
        tell({ changed });
        stream.onchanged?.(changed);
      };
      return new Promise<void>((resolve) => (release = resolve));
    })
    .catch(() => undefined); // closed before its turn came
  return stream;
}
