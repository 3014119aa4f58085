// What somebody in the practice does.

import { office as t } from "./words.mjs";

/** signIn signs in and unlocks, as far as the calendar. */
export async function signIn(page, practice, role = "owner") {
  const person = practice.sign_ins.find((one) => one.role === role);
  await page.goto(practice.office);
  await enter(page, person.email, person.password);
  await page.getByRole("button", { name: new RegExp(`^${t("lock")}`) }).waitFor();
  return person;
}

/** enter fills in the form and sends it. */
export async function enter(page, email, password) {
  await page.locator("#email").fill(email);
  await page.locator("#password").fill(password);
  await page.getByRole("button", { name: t("sign_in.do") }).click();
}

export const lock = (page) => page.getByRole("button", { name: new RegExp(`^${t("lock")}`) }).click();

export async function unlock(page, password) {
  await page.locator("#unlock-password").fill(password);
  await page.getByRole("button", { name: t("unlock.do"), exact: true }).click();
}

/** openAgain unlocks and waits until names can be read. */
export async function openAgain(page, password) {
  await unlock(page, password);
  await page.getByRole("button", { name: new RegExp(`^${t("lock")}`) }).waitFor();
}

/** appointments are what the server tells this signed-in browser, eight weeks ahead. */
export const appointments = (page) =>
  page.evaluate(async () => {
    const from = new Date(Date.now() - 86_400_000).toISOString();
    const to = new Date(Date.now() + 56 * 86_400_000).toISOString();
    const stamp = (text) => text.replace(/\.\d+Z$/, "Z");
    const response = await fetch(`/api/v1/appointments?${new URLSearchParams({ from: stamp(from), to: stamp(to) })}`);
    return (await response.json()).appointments;
  });

/** opened is everything readable in the page: its text and its attributes. */
export const opened = (page) => page.evaluate(() => document.documentElement.outerHTML + document.documentElement.innerText);
