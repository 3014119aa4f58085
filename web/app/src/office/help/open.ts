/** The help is a dialog of its own, so that it can be had from every screen. */
import { mount, unmount } from "svelte";
import { language, speak } from "../../i18n/catalogue.svelte.ts";
import Help from "./Help.svelte";

export async function openHelp(topic: string): Promise<void> {
  await speak(language()).catch(() => undefined);
  const dialog = mount(Help, { target: document.body, props: { topic, close: () => void unmount(dialog) } });
}
