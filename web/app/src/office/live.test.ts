import { beforeEach, describe, expect, test, vi } from "vitest";
import { Live, type Stream, openWithin, pollEvery } from "./live.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

function setup() {
  const streams: (Stream & { closed: boolean })[] = [];
  const seen = { changed: 0, connected: [] as boolean[] };
  const live = new Live({
    open: () => {
      const stream = { onopen: null, onerror: null, onchanged: null, closed: false, close: () => void (stream.closed = true) } as Stream & { closed: boolean };
      streams.push(stream);
      return stream;
    },
    changed: () => seen.changed++,
    connected: (yes) => seen.connected.push(yes),
    after: (ms, call) => {
      const timer = setTimeout(call, ms);
      return () => clearTimeout(timer);
    },
    random: () => 0.999,
  });
  return { live, streams, seen };
}

describe("Live", () => {
  test("calls for each change, and once for a counter that comes twice", () => {
    const { live, streams, seen } = setup();
    live.start();
    streams[0]!.onopen?.();
    expect(seen.changed).toBe(1); // what happened before the stream stood
    streams[0]!.onchanged?.("7");
    streams[0]!.onchanged?.("7");
    streams[0]!.onchanged?.("8");
    expect(seen.changed).toBe(3);
  });

  test("asks every 15 seconds while there is no stream, and stops when there is one", () => {
    const { live, streams, seen } = setup();
    live.start();
    streams[0]!.onopen?.();
    streams[0]!.onerror?.();
    expect(streams[0]!.closed).toBe(true);
    expect(seen.connected).toEqual([true, false]);
    seen.changed = 0;
    vi.advanceTimersByTime(pollEvery);
    expect(seen.changed).toBe(1);
    vi.advanceTimersByTime(pollEvery);
    expect(seen.changed).toBe(2);
    streams.at(-1)!.onopen?.();
    expect(seen.changed).toBe(3);
    vi.advanceTimersByTime(10 * pollEvery);
    expect(seen.changed).toBe(3);
  });

  test("reconnects with growing pauses, up to half a minute", () => {
    const { live, streams } = setup();
    live.start();
    const pauses: number[] = [];
    for (let i = 0; i < 8; i++) {
      const before = streams.length;
      streams.at(-1)!.onerror?.();
      let waited = 0;
      while (streams.length === before) {
        vi.advanceTimersByTime(100);
        waited += 100;
      }
      pauses.push(waited);
    }
    expect(pauses).toEqual([1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
  });

  test("gives up on a stream that never opens", () => {
    const { live, streams, seen } = setup();
    live.start();
    vi.advanceTimersByTime(openWithin);
    expect(streams[0]!.closed).toBe(true);
    expect(seen.connected).toEqual([false]);
  });

  test("what an abandoned stream says is not heard", () => {
    const { live, streams, seen } = setup();
    live.start();
    streams[0]!.onerror?.();
    vi.advanceTimersByTime(1000);
    expect(streams).toHaveLength(2);
    seen.changed = 0;
    streams[0]!.onchanged?.("9");
    streams[0]!.onopen?.();
    streams[0]!.onerror?.();
    expect(seen.changed).toBe(0);
    expect(streams).toHaveLength(2);
  });

  test("after stop nothing happens any more", () => {
    const { live, streams, seen } = setup();
    live.start();
    streams[0]!.onerror?.();
    live.stop();
    vi.advanceTimersByTime(10 * pollEvery);
    live.wake();
    expect(seen.changed).toBe(0);
    expect(streams).toHaveLength(1);
  });

  test("waking asks at once and tries the stream again", () => {
    const { live, streams, seen } = setup();
    live.start();
    streams[0]!.onerror?.();
    live.wake();
    expect(seen.changed).toBe(1);
    expect(streams).toHaveLength(2);
  });
});
