// What the office decides about: requests that wait for it, and answers that do
// not fit the hours they were booked in.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { scan } from "./lib/axe.mjs";
import { desktop, launch, phone, visit } from "./lib/browser.mjs";
import { start } from "./lib/demo.mjs";
import { appointments, signIn } from "./lib/desk.mjs";
import { linkIn, message } from "./lib/mailbox.mjs";
import { book, request, someone } from "./lib/patient.mjs";
import { look } from "./lib/shots.mjs";
import { psql } from "./lib/stores.mjs";
import { until } from "./lib/until.mjs";
import { de, desk as words, office as t } from "./lib/words.mjs";

let demo, browser, practice, desk;
const service = "Allgemeine Sprechstunde";
const answers = () => [de("insurance.GKV"), de("ask.no")];
const rule = (sql) => psql(demo, `${sql}; update practice set version = version + 1 where name = 'Praxis Sonnenberg'`);
const shown = ({ family, given }) => `${family}, ${given}`;
const pressed = (page, what, person) => page.getByRole("button", { name: `${what} ${shown(person)}`, exact: true });

before(async () => {
  [demo, browser] = await Promise.all([start(), launch()]);
  practice = demo.practice("praxis-sonnenberg");
});

after(async () => {
  await browser?.close();
  await demo?.drop();
});

/** asked books something that staff confirms, up to the page that says so; it returns the page of the request. */
async function asked(person) {
  const visitor = await visit(browser, { viewport: phone });
  await request(visitor.page, practice.patients, service, person, { answers: answers() });
  await visitor.page.goto(linkIn(await message(demo, person.mail)));
  const [answer] = await Promise.all([
    visitor.page.waitForResponse((response) => response.url().endsWith("/api/v1/bookings/confirm")),
    visitor.page.getByRole("button", { name: de("confirm.submit_staff") }).click(),
  ]);
  const { status, appointment } = await answer.json();
  assert.equal(status, "requested");
  await visitor.page.getByRole("heading", { name: de("requested.title") }).waitFor();
  return { ...visitor, appointment };
}

test("answers that do not fit the hours are marked in the inbox, and said when the booking is opened", async () => {
  const [fits, unfit] = [someone(), someone({ year: "1999" })];
  for (const person of [unfit]) {
    const visitor = await visit(browser, { viewport: phone });
    await book(visitor.page, demo, practice.patients, service, person, { answers: answers() });
    await visitor.close();
  }
  // Whoever seals with other means need not keep to what the form offers: here the hours are for others by now.
  await rule(`update service set patients = 'known', insurance = '{PKV}', min_age = 60 where name = '${service}'`);
  const visitor = await visit(browser, { viewport: phone });
  await book(visitor.page, demo, practice.patients, "Impfung", fits, { answers: answers() });
  await visitor.close();

  desk = await visit(browser, { viewport: desktop });
  const { page, complaints } = desk;
  await signIn(page, practice);
  const row = (person) => page.locator(".inbox > li").filter({ hasText: person.family }).first();
  await row(unfit).getByText(t("mark.mismatch"), { exact: true }).waitFor();
  await row(fits).waitFor();
  assert.equal(await row(fits).getByText(t("mark.mismatch"), { exact: true }).count(), 0, "who fits is not marked");
  await scan(page, "inbox, with answers that do not fit");
  await look(page, "mismatch-inbox");

  await pressed(page, t("inbox.open"), unfit).click();
  const detail = page.locator("#detail");
  await detail.getByText(t("mismatch.age_min", { min: 60 })).waitFor();
  const text = await detail.innerText();
  for (const why of [t("mismatch.insurance", { groups: t("group.PKV") }), t("mismatch.known"), t("mismatch.age_min", { min: 60 })]) assert.ok(text.includes(why), `${why}\n${text}`);
  await scan(page, "detail, with answers that do not fit");
  await look(page, "mismatch-detail");
  await page.keyboard.press("Escape");
  assert.deepEqual(complaints, []);
});

test("requests stand first; the practice accepts one and declines the other, and both patients see it", async () => {
  await rule(`update service set patients = 'all', insurance = '{}', min_age = null, by_staff = true where name = '${service}'`);
  const [yes, no] = [someone(), someone()];
  const [accepted, declined] = [await asked(yes), await asked(no)];
  await look(accepted.page, "request-patient");
  const { page, complaints } = desk;
  for (const person of [yes, no]) await pressed(page, t("inbox.accept"), person).waitFor();
  assert.match(await page.locator(".inbox > li").first().innerText(), new RegExp(t("mark.asks")));
  assert.equal(await psql(demo, "select count(*) from appointment where status = 'pending'"), "2");
  await scan(page, "inbox, with requests");
  await look(page, "request-inbox");
  const statusOf = async ({ appointment }) => (await appointments(page)).find(({ id }) => id === appointment)?.status ?? "gone";

  await pressed(page, t("inbox.accept"), yes).click();
  await until("it is accepted", async () => (await statusOf(accepted)) === "booked");
  await until("it has left the inbox", async () => (await pressed(page, t("inbox.accept"), yes).count()) === 0);

  // The practice tells the patient, at the address out of the opened booking.
  await page.locator(".coming button.entry").filter({ hasText: yes.family }).first().click();
  await page.locator("#detail").getByRole("button", { name: words("tell.mail"), exact: true }).click();
  await page.locator("#detail").getByText(words("tell.sent")).waitFor();
  const told = await message(demo, yes.mail, 3); // after the confirmation and the receipt
  assert.match(told.subject, /zugesagt/);
  assert.ok(!(told.subject + told.text).includes(yes.family) && !(told.subject + told.text).includes(service), "it says neither who nor what for");
  await until("the address is forgotten", async () => (await psql(demo, "select count(*) from outbox where kind = 'change_mail' and status = 'waiting'")) === "0");
  await page.keyboard.press("Escape");

  // Declining asks first; back changes nothing.
  const question = page.getByRole("dialog").filter({ hasText: t("decline.title") });
  await pressed(page, t("inbox.decline"), no).click();
  await question.waitFor();
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/request-decline.png` });
  await question.getByRole("button", { name: t("decline.no"), exact: true }).click();
  assert.equal(await statusOf(declined), "pending");
  await pressed(page, t("inbox.decline"), no).click();
  await question.getByRole("button", { name: t("decline.yes"), exact: true }).click();
  await until("it is declined", async () => !["pending", "booked"].includes(await statusOf(declined)));
  await until("it has left the inbox", async () => (await pressed(page, t("inbox.decline"), no).count()) === 0);
  const id = declined.appointment.slice("apt_".length);
  assert.equal(await psql(demo, `select count(*) from occupation where appointment_id = '${id}'`), "0", "its time is free again");

  for (const [visitor, title] of [[accepted, de("booked.title")], [declined, de("cancelled.title")]]) {
    await visitor.page.reload();
    await visitor.page.getByRole("heading", { name: title }).first().waitFor();
    await visitor.close();
  }
  assert.deepEqual(complaints, []);
});

test("a request is answered with other times; the patient takes one by the link, and whoever is first has it", async () => {
  const person = someone();
  const visitor = await asked(person);
  const { page, complaints } = desk;
  await pressed(page, t("inbox.propose"), person).click();
  const panel = page.locator("#panel");
  await panel.locator(".slotlist input").nth(2).waitFor();
  for (const n of [1, 2]) {
    await panel.locator(".slotlist input").nth(n).check();
    await panel.getByRole("button", { name: words("propose.add"), exact: true }).click();
  }
  await scan(page, "other times for a request");
  await look(page, "request-propose");
  await panel.getByRole("button", { name: words("propose.do", { count: 2 }), exact: true }).click();
  await page.locator("#detail").getByText(words("proposed.title")).first().waitFor();
  await page.locator("#detail").getByRole("button", { name: words("tell.mail"), exact: true }).click();
  const told = await message(demo, person.mail, 3);
  assert.match(told.subject, /Andere Termine/);
  assert.ok(!(told.subject + told.text).includes(person.family) && !(told.subject + told.text).includes(service), "it says neither who nor what for");
  const id = visitor.appointment.slice("apt_".length);
  assert.equal(await psql(demo, `select count(*) from occupation where appointment_id = '${id}'`), "0", "the time asked for is free again");

  await visitor.page.reload();
  await visitor.page.getByRole("heading", { name: de("proposed.title") }).waitFor();
  const offered = visitor.page.locator("ul.next button.slot");
  await offered.nth(1).waitFor();
  await scan(visitor.page, "other times, the patient's page");
  await look(visitor.page, "request-proposed");
  // Somebody else was quicker with the first one.
  await psql(demo, `insert into occupation (tenant_id, resource_id, unit, starts, ends, appointment_id)
    select p.tenant_id, w.resource_id, 1, p.starts, p.ends, p.appointment_id from proposal p join practitioner w on w.id = p.practitioner_id where p.number = 0 and p.appointment_id = '${id}'`);
  await offered.first().click();
  await visitor.page.getByText(de("proposed.taken")).waitFor();
  await until("one is left", async () => (await offered.count()) === 1);
  await offered.first().click();
  await visitor.page.getByRole("heading", { name: de("booked.title") }).first().waitFor();
  assert.equal(await psql(demo, `select a.status from appointment a join appointment o on o.booking_id = a.booking_id where o.id = '${id}' and a.replaces_id = '${id}'`), "booked");
  await psql(demo, `delete from occupation where appointment_id = '${id}'`);
  await page.keyboard.press("Escape");
  await visitor.close();
  assert.deepEqual(complaints, []);
});

test("the front desk decides as well", async () => {
  const visitor = await asked(someone());
  await visitor.close();
  const front = await visit(browser, { viewport: desktop });
  await signIn(front.page, practice, "front_desk");
  await front.page.locator(".inbox > li").first().waitFor();
  // The front desk decides like the owner: it is they who answer the telephone.
  await front.page.getByRole("button", { name: new RegExp(`^${t("inbox.accept")}`) }).first().click();
  await until("it is accepted", async () => (await psql(demo, "select count(*) from appointment where status = 'pending'")) === "0");
  await front.close();
});
