/** Reporting a problem from a patient's page: of the page only its name is told, never what is on it or in its address. */
import "./patient.css";
import { mount, unmount } from "svelte";
import { language, speak } from "../i18n/catalogue.svelte.ts";
import Report from "./Report.svelte";

/** What this script was built as: a part of its name. */
const version = (/[^/]+(?=\.js)/.exec(new URL(import.meta.url).pathname)?.[0] ?? "").slice(-40);

/** openReport names the page by its path alone: "/booking" is "patient/booking", the first one "patient/start". */
export async function openReport(path: string): Promise<void> {
  await speak(language()).catch(() => undefined);
  const name = path.replace(/[^a-z]/g, "").slice(0, 20) || "start";
  const dialog = mount(Report, { target: document.body, props: { page: `patient/${name}`, version, patient: true, close: () => void unmount(dialog) } });
}
