import assert from "node:assert/strict";

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** until waits for a condition and returns what made it true. It throws, saying what it waited for, when time is up. */
export async function until(what, condition, { within = 15_000, every = 50 } = {}) {
  const end = performance.now() + within;
  for (;;) {
    const found = await condition();
    if (found) return found;
    if (performance.now() > end) throw new Error(`waited ${within} ms in vain: ${what}`);
    await pause(every);
  }
}

/** counts waits until a locator finds so many, and fails where it goes on finding more or fewer. */
export async function counts(locator, wanted, message) {
  await until("the count", async () => (await locator.count()) === wanted).catch(() => undefined);
  assert.equal(await locator.count(), wanted, message);
}
