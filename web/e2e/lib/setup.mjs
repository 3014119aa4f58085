// What the owner does in the setup.

import { office, setup as t } from "./words.mjs";

/** openSetup goes to a part of the setup from wherever the office is. */
export async function openSetup(page, section) {
  if ((await page.locator("nav.sections").count()) === 0) {
    await page.getByRole("navigation", { name: office("areas") }).getByRole("button", { name: office("tab.setup"), exact: true }).click();
    await page.locator(".setup h1").waitFor();
  }
  await page.getByRole("navigation", { name: t("sections") }).getByRole("link", { name: t(`section.${section}`), exact: true }).click();
  await page.locator(`nav.sections a[aria-current=page]`, { hasText: t(`section.${section}`) }).waitFor();
}

/** rules are what the server has now. */
export const rules = (page) => page.evaluate(async () => (await fetch("/api/v1/rules")).json());

/** put sends a rule past the screen and returns the answer's status and body. */
export const put = (page, kind, id, body) =>
  page.evaluate(
    async ([kind, id, body]) => {
      const response = await fetch(`/api/v1/rules/${kind}/${id}`, { method: "PUT", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
      return { status: response.status, ...(await response.json()) };
    },
    [kind, id, body],
  );

export const editor = (page) => page.locator("form.editor").last();

/** edit opens the editor of the rule with an id. */
export async function edit(page, id) {
  await page.locator(`[data-key="${id}"]`).click();
  await editor(page).waitFor();
  return editor(page);
}

/** save presses "Speichern" and waits for the server's answer. */
export async function save(page, button = t("save")) {
  const answered = page.waitForResponse((response) => response.request().method() === "PUT");
  await page.getByRole("button", { name: button, exact: true }).last().click();
  const answer = await answered;
  return { status: answer.status(), body: await answer.json().catch(() => ({})) };
}

/** wall is an instant's date and time on the practice's wall clock. */
export function wall(instant, zone = "Europe/Berlin") {
  const text = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "short" }).format(new Date(instant));
  const [day, clock] = text.split(" ");
  return { day, clock };
}

export const weekday = (day) => new Date(`${day}T12:00:00Z`).getUTCDay() || 7;
export const plus = (day, days) => new Date(Date.parse(`${day}T12:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
