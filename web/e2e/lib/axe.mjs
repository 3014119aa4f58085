import assert from "node:assert/strict";
import { AxeBuilder } from "@axe-core/playwright";
import { desktop, phone } from "./browser.mjs";

const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const colours = ["color-contrast", "link-in-text-block"];

/** still waits until nothing moves any more: colours in the middle of a fade have no contrast to measure. */
const still = (page) => page.waitForFunction(() => document.getAnimations().every(({ playState, effect }) => playState !== "running" || effect.getComputedTiming().iterations === Infinity));

/** scan looks at a screen as it is now, on phone and desktop, light and dark, and at 400 % zoom. */
export async function scan(page, screen) {
  const before = page.viewportSize();
  const found = [];
  for (const [device, size] of [["phone", phone], ["desktop", desktop]]) {
    await page.setViewportSize(size);
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await still(page);
      const axe = new AxeBuilder({ page }).setLegacyMode(true);
      // Dark changes colours and nothing else, so it is colours that are looked at again.
      const { violations, passes } = await (colorScheme === "light" ? axe.withTags(tags) : axe.withRules(colours)).analyze();
      assert.ok(passes.length >= (colorScheme === "light" ? 6 : 1), `axe looked at ${screen}`);
      for (const { id, help, nodes } of violations) for (const { target, failureSummary } of nodes) found.push(`${device}, ${colorScheme}: ${id} (${help}) at ${target.join(" ")}: ${failureSummary.replace(/\s+/g, " ")}`);
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
