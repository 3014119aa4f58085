// What a patient does, by mouse, in German.

import { randomBytes } from "node:crypto";
import { linkIn, message } from "./mailbox.mjs";
import { de } from "./words.mjs";

/** someone is a patient whom no other test knows. */
export function someone(change = {}) {
  const tag = randomBytes(4).toString("hex");
  return { given: "Lukáš", family: `Novák-${tag}`, day: "30", month: "6", year: "1984", mail: `lukas.${tag}@example.org`, ...change };
}

const inNext = (page) => page.locator("section[aria-labelledby=next] .slot");

/** begin opens a practice's first page and chooses a service. Answers are said by their words. */
export async function begin(page, base, service, { answers = [], age } = {}) {
  await page.goto(base);
  for (const answer of answers) await page.getByRole("radio", { name: answer, exact: true }).check();
  if (age !== undefined) {
    await page.getByLabel(de("ask.age")).fill(age);
    await page.getByLabel(de("ask.age")).blur();
  }
  await page.getByRole("radio", { name: new RegExp(`^${service}`) }).check();
}

/** list goes on to the second screen and waits for its slots. */
export async function list(page) {
  await page.getByRole("button", { name: de("what.show") }).click();
  await inNext(page).first().waitFor();
}

/** listed does as list does and returns the next free slots as the page was told of them. */
export async function listed(page) {
  const [answer] = await Promise.all([page.waitForResponse((response) => response.url().includes("/api/v1/slots/next")), list(page)]);
  const { slots, practitioners, locations } = await answer.json();
  return slots.map((slot) => ({ ...slot, practitioner: practitioners[slot.practitioner], location: locations[slot.location] }));
}

/** slotsShown are the next free slots as a reader sees them. */
export const slotsShown = async (page) => (await inNext(page).allInnerTexts()).map((text) => text.replace(/\s+/g, " "));

/** forth turns to a later week and waits for its slots; from a week without any, as over the turn of the year, it goes on to the next that has some. */
export async function forth(page, weeks) {
  for (let week = 0; week < weeks; week++) await page.getByRole("button", { name: de("when.forth") }).click();
  const all = page.locator("section[aria-labelledby=all]");
  const earliest = all.getByRole("button", { name: new RegExp(`^${de("when.earliest", { day: "" })}`) });
  await all.locator(".slot").or(earliest).first().waitFor();
  if (await earliest.isVisible()) await earliest.click();
  await all.locator(".slot").first().waitFor();
}

/** take presses a slot and waits for the form; it returns what the server answered. */
export async function take(page, nth = 0) {
  const [answer] = await Promise.all([page.waitForResponse((response) => response.url().endsWith("/api/v1/holds")), inNext(page).nth(nth).click()]);
  await page.getByLabel(de("who.given"), { exact: true }).waitFor();
  return { ...(await answer.json()), asked: answer.request().postDataJSON() };
}

/** fill writes what is given into the form. */
export async function fill(page, person) {
  if (person.booker) {
    await page.getByRole("radio", { name: de("who.other") }).check();
    await page.locator("#bookerName").fill(person.booker);
    await page.locator("#relation").selectOption(person.relation);
  }
  if (person.held) await page.getByRole("radio", { name: de(`held.${person.held}`), exact: true }).check();
  if (person.mobile) await page.getByRole("radio", { name: de("who.channel_sms") }).check();
  for (const field of ["given", "family", "day", "month", "year", "mail", "mobile", "phone", "note", "referral"]) {
    if (person[field] !== undefined && !(field === "mail" && person.mobile)) await page.locator(`#${field}`).fill(person[field]);
  }
  if (person.gender) await page.getByRole("radio", { name: de(`gender.${person.gender}`), exact: true }).check();
}

/** submit asks for the message to confirm and returns what the server answered. */
export async function submit(page) {
  const answered = page.waitForResponse((response) => response.url().endsWith("/api/v1/bookings"));
  await page.locator("form button.main").click();
  const answer = await answered;
  if (answer.status() !== 202) throw new Error(`the booking was refused: ${answer.status()} ${await answer.text()}`);
  await page.getByRole("heading", { name: de("sent.title") }).waitFor();
  return answer.json();
}

/** request walks the three screens up to "check your mail". */
export async function request(page, base, service, person, options) {
  await begin(page, base, service, options);
  await list(page);
  const held = await take(page);
  await fill(page, person);
  await submit(page);
  return held;
}

/** confirm opens the link of a mail in a given page and presses the one button. */
export async function confirm(page, link) {
  await page.goto(link);
  const [answer] = await Promise.all([
    page.waitForResponse((response) => response.url().endsWith("/api/v1/bookings/confirm") && response.ok()),
    page.getByRole("button", { name: de("confirm.submit") }).click(),
  ]);
  await page.getByRole("heading", { name: de("booked.title") }).waitFor();
  return answer.json();
}

/** book does it all, in one browser: up to the page that says "booked". */
export async function book(page, demo, base, service, person, options) {
  const held = await request(page, base, service, person, options);
  const link = linkIn(await message(demo, person.mail));
  return { held, link, booked: await confirm(page, link) };
}
