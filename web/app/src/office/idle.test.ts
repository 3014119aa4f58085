import { expect, test } from "vitest";
import { Idle } from "./idle.ts";

function setup(after = 600_000) {
  const clock = { now: 1_000_000, tick: null as (() => void) | null };
  const seen = { locks: 0, left: [] as number[] };
  const idle = new Idle({
    after,
    lock: () => seen.locks++,
    left: (ms) => seen.left.push(ms),
    now: () => clock.now,
    every: (_, call) => {
      clock.tick = call;
      return () => (clock.tick = null);
    },
  });
  return { idle, clock, seen };
}

test("locks when nobody has moved for the whole time, and once", () => {
  const { idle, clock, seen } = setup();
  idle.start();
  clock.now += 599_999;
  clock.tick?.();
  expect(seen.locks).toBe(0);
  expect(seen.left.at(-1)).toBe(1);
  clock.now += 1;
  clock.tick?.();
  expect(seen.locks).toBe(1);
  expect(clock.tick).toBeNull();
  idle.check();
  expect(seen.locks).toBe(1);
});

test("a sign of life begins the time anew", () => {
  const { idle, clock, seen } = setup();
  idle.start();
  clock.now += 500_000;
  idle.alive();
  clock.now += 500_000;
  clock.tick?.();
  expect(seen.locks).toBe(0);
});

test("a sign of life after the time is up locks: whoever wakes the computer is not known", () => {
  const { idle, clock, seen } = setup();
  idle.start();
  clock.now += 8 * 3_600_000; // asleep, no ticks
  idle.alive();
  expect(seen.locks).toBe(1);
});

test("does nothing before it starts and after it stops", () => {
  const { idle, clock, seen } = setup();
  idle.alive();
  clock.now += 10_000_000;
  idle.check();
  idle.start();
  idle.stop();
  clock.now += 10_000_000;
  idle.alive();
  idle.check();
  expect(seen.locks).toBe(0);
});
