// Pictures of screens for people to look at, where SHOTS names a folder.

import { join } from "node:path";
import { desktop, phone } from "./browser.mjs";

/** look takes a screen on phone and desktop, light and dark; without SHOTS it does nothing. */
export async function look(page, name) {
  if (!process.env.SHOTS) return;
  const before = page.viewportSize();
  for (const [device, size] of [["phone", phone], ["desktop", desktop]]) {
    await page.setViewportSize(size);
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await page.screenshot({ path: join(process.env.SHOTS, `${name}-${device}-${colorScheme}.png`), fullPage: true });
    }
  }
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  if (before) await page.setViewportSize(before);
}
