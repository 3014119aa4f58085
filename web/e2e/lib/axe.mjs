import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { desktop, phone } from "./browser.mjs";

const source = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const colours = ["color-contrast", "link-in-text-block"];

/** still waits until nothing moves any more: colours in the middle of a fade have no contrast to measure. */
const still = (page) => page.waitForFunction(() => document.getAnimations().every(({ playState, effect }) => playState !== "running" || effect.getComputedTiming().iterations === Infinity));

/** look has axe look at a page with the frames in it, by tags or by rules. */
async function look(page, runOnly) {
  for (const frame of page.frames()) if (!(await frame.evaluate(() => "axe" in globalThis))) await frame.evaluate(source);
  return page.evaluate((runOnly) => globalThis.axe.run(document, { runOnly, resultTypes: ["violations"] }), runOnly);
}

/** stays tells whether a target is too small in the middle of the screen as well: bars that stay on top while a page scrolls lie over others in passing. */
async function stays(page, target) {
  if (target.length > 1) return true; // in a frame, where nothing does
  const before = await page.evaluate(() => [scrollX, scrollY]);
  await page.locator(target.join(" ")).first().evaluate((one) => one.scrollIntoView({ block: "center" }));
  const { violations } = await look(page, { type: "rule", values: ["target-size"] });
  await page.evaluate(([x, y]) => scrollTo(x, y), before);
  return violations.some(({ nodes }) => nodes.some((node) => node.target.join(" ") === target.join(" ")));
}

/** scan looks at a screen as it is now, on phone and desktop, light and dark, and at 400 % zoom. */
export async function scan(page, screen) {
  const before = page.viewportSize();
  const found = [];
  for (const [device, size] of [["phone", phone], ["desktop", desktop]]) {
    await page.setViewportSize(size);
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await still(page);
      // Dark changes colours and nothing else, so it is colours that are looked at again.
      const { violations, passes } = await look(page, colorScheme === "light" ? { type: "tag", values: tags } : { type: "rule", values: colours });
      assert.ok(passes.length >= (colorScheme === "light" ? 6 : 1), `axe looked at ${screen}`);
      for (const { id, help, nodes } of violations) for (const { target, failureSummary } of nodes) {
        if (id === "target-size" && failureSummary.includes("obscured") && !(await stays(page, target))) continue;
        found.push(`${device}, ${colorScheme}: ${id} (${help}) at ${target.join(" ")}: ${failureSummary.replace(/\s+/g, " ")}`);
      }
    }
  }
  // 1280 CSS pixels at 400 %.
  await page.setViewportSize({ width: 320, height: 640 });
  const wide = await page.evaluate(() => {
    const over = document.scrollingElement.scrollWidth - innerWidth;
    if (over <= 0) return "";
    const guilty = [...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > innerWidth + 1).map((one) => `${one.localName}.${one.className}`);
    return `${over} px too wide: ${guilty.slice(0, 8).join(", ")}`;
  });
  if (wide) found.push(`at 400 % zoom: ${wide}`);
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  if (before) await page.setViewportSize(before);
  assert.deepEqual(found, [], screen);
}
