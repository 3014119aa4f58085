// Where the cursor goes when an editor opens beside a list, and when it shuts.

import { tick } from "svelte";

/** toEditor moves to the heading of the editor that has just opened in a panel. */
export async function toEditor(panel: () => HTMLElement | undefined): Promise<void> {
  await tick();
  const heading = panel()?.querySelector<HTMLElement>(".editor h2");
  heading?.focus({ preventScroll: true });
  heading?.closest(".editor")?.scrollIntoView({ block: "nearest" });
}

/** toList moves back to the row that was edited, or where there is none any more to the button that adds one. */
export async function toList(panel: () => HTMLElement | undefined, key?: string | null): Promise<void> {
  await tick();
  const row = key ? panel()?.querySelector<HTMLElement>(`[data-key="${key}"]`) : null;
  (row ?? panel()?.querySelector<HTMLElement>("[data-add]"))?.focus();
}
