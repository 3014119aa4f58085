import { mount, type Component } from "svelte";
import { speakPreferred } from "../i18n/catalogue.svelte.ts";
import { tellHeight } from "./framed.ts";

/** start shows a page in the visitor's language. */
export async function start(page: Component): Promise<void> {
  await speakPreferred();
  const target = document.getElementById("app");
  if (target) mount(page, { target });
  tellHeight();
}
