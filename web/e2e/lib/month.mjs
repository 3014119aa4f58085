// A month with many bookings, opened in the office.

import { appointments } from "./desk.mjs";
import { plus, wall } from "./setup.mjs";

const monthsTo = (month) => {
  const now = wall(Date.now()).day;
  return (Number(month.slice(0, 4)) - Number(now.slice(0, 4))) * 12 + Number(month.slice(5, 7)) - Number(now.slice(5, 7));
};

/**
 * openMonth goes to a month with `count` bookings, made from one that staff has
 * entered, and returns how many milliseconds it took from the click until all of
 * them were fetched, decrypted and drawn; below zero where that never came.
 */
export async function openMonth(page, count) {
  const [card] = (await appointments(page)).filter(({ card, source, status }) => card && source === "staff" && status === "booked");
  const month = `${plus(wall(Date.now()).day, 200).slice(0, 7)}-01`;
  const many = Array.from({ length: count }, (_, n) => {
    const starts = Date.parse(`${plus(month, Math.floor(n / 72))}T07:00:00Z`) + Math.floor((n % 72) / 3) * 1_200_000;
    return { id: card.id.slice(0, -12) + n.toString(16).padStart(12, "0"), starts: new Date(starts).toISOString(), ends: new Date(starts + 900_000).toISOString(), first_starts: card.starts };
  });
  // They come from inside of the page: the browser's debugger is slow at handing over megabytes, the network is not.
  await page.evaluate(
    ([card, rows, month]) => {
      const real = globalThis.fetch;
      const text = JSON.stringify({ cursor: 1, appointments: rows.map((row) => ({ ...card, ...row })) });
      globalThis.fetch = (path, init) => {
        const asked = new URL(path, location.href);
        const ours = asked.pathname === "/api/v1/appointments" && !init?.body && Date.parse(asked.searchParams.get("from")) >= Date.parse(month) - 20 * 86_400_000;
        return ours ? Promise.resolve(new Response(text, { headers: { "Content-Type": "application/json" } })) : real(path, init);
      };
      globalThis.realFetch = real;
    },
    [card, many, month],
  );
  await page.keyboard.press("t"); // from this month on, whichever was looked at
  await page.keyboard.press("o");
  await page.locator(".month").waitFor();
  const took = await page.evaluate(async (steps) => {
    const forward = document.querySelector(".pager button:last-child");
    for (let n = 0; n < steps - 1; n++) {
      forward.click();
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    const began = performance.now();
    forward.click();
    for (;;) {
      await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
      const cells = document.querySelectorAll(".month .monthentry");
      if (cells.length > 50 && document.querySelectorAll(".month .monthentry .bar").length === 0 && !document.querySelector(".openprogress")) return performance.now() - began;
      if (performance.now() - began > 20_000) return -1;
    }
  }, monthsTo(month));
  await page.evaluate(() => (globalThis.fetch = globalThis.realFetch));
  return took;
}
