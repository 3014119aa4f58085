// What a practice decides about its messages, and what became of them.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { scan } from "./lib/axe.mjs";
import { desktop, launch, phone, visit } from "./lib/browser.mjs";
import { start } from "./lib/demo.mjs";
import { signIn } from "./lib/desk.mjs";
import { ask } from "./lib/http.mjs";
import { book, confirm, request, someone } from "./lib/patient.mjs";
import { linkIn, message, messages } from "./lib/mailbox.mjs";
import { openSetup } from "./lib/setup.mjs";
import { look } from "./lib/shots.mjs";
import { psql, Redis } from "./lib/stores.mjs";
import { until } from "./lib/until.mjs";
import { messages as t } from "./lib/words.mjs";

let demo, browser, practice, owner;

before(async () => {
  [demo, browser] = await Promise.all([start(), launch()]);
  practice = demo.practice("praxis-sonnenberg");
  owner = await visit(browser, { viewport: desktop });
  await signIn(owner.page, practice);
  await openSetup(owner.page, "messages");
  await owner.page.getByRole("heading", { name: t("title"), level: 1 }).waitFor();
});

after(async () => {
  await browser?.close();
  await demo?.drop();
});

test("own words are seen as they arrive, refused where they cannot be, and used from then on", async () => {
  const { page } = owner;
  const text = page.getByLabel(t("words.text"), { exact: true });
  await page.getByLabel(t("words.kind"), { exact: true }).selectOption("confirm_mail");
  const preview = page.locator(".preview");
  await until("the example stands there", async () => (await preview.textContent()).includes("+49"));
  await text.fill("Hallo,\n\n{termine}\n\n{diagnose}");
  const problem = page.locator("#words-form [role=alert]");
  await until("an unknown placeholder is named", async () => (await problem.textContent()).includes("diagnose"));
  await text.fill("Hallo,\n\n{termine}");
  await until("the missing link is named", async () => (await problem.textContent()).includes("link"));
  assert.ok(await page.getByRole("button", { name: t("words.save") }).isDisabled());
  await text.fill("Servus,\n\n{termine}\n\nHier geht es weiter:\n{link}");
  await until("the preview follows", async () => (await preview.textContent()).includes("Servus") && (await problem.textContent()) === "");
  await page.getByRole("button", { name: t("words.save") }).click();
  await page.getByText(t("words.saved")).waitFor();

  const visitor = await visit(browser, { viewport: phone });
  const person = someone();
  await book(visitor.page, demo, practice.patients, "Blutabnahme", person);
  const mail = await message(demo, person.mail);
  assert.ok(mail.text.startsWith("Servus,") && mail.text.includes("/confirm#"), mail.text);
  await visitor.close();

  await page.getByRole("button", { name: t("words.back") }).click();
  await until("the product's words are back", async () => (await text.inputValue()).startsWith("Guten Tag"));
});

test("a mail that is put off at first arrives once; one that is put off for too long is given up, and the office sees it", async () => {
  const visitor = await visit(browser, { viewport: phone });
  const person = someone();
  const grey = async (tries) => assert.equal((await ask(demo.mailbox, "/greylist", { body: { tries } })).status, 204);
  await grey(2);
  await request(visitor.page, practice.patients, "Blutabnahme", person);
  const mail = await message(demo, person.mail);
  await until("it has left for good", async () => (await psql(demo, "select count(*) from outbox where kind = 'confirm_mail' and status = 'waiting'")) === "0");
  assert.equal((await messages(demo, person.mail)).length, 1);
  assert.equal(await psql(demo, "select attempts from outbox where kind = 'confirm_mail' order by created desc limit 1"), "3");

  // The mail that says "booked" has a minute, which is over here.
  await grey(1_000_000);
  const { booking_id: booked } = await confirm(visitor.page, linkIn(mail));
  await until("it was put off", async () => Number(await psql(demo, "select coalesce(max(attempts), 0) from outbox where kind = 'receipt_mail' and status = 'waiting'")) > 0);
  const redis = await Redis.open(demo);
  for (const key of (await redis.send("KEYS", "*:receipt:*")).map(String)) await redis.send("DEL", key);
  redis.close();
  await psql(demo, "update outbox set run_at = now(), deadline = now() where kind = 'receipt_mail' and status = 'waiting'");
  await until("it is given up", async () => (await psql(demo, "select status || ' ' || reason from outbox where kind = 'receipt_mail' order by created desc limit 1")) === "dropped address_lapsed");
  await grey(0);
  assert.equal((await messages(demo, person.mail)).length, 1, "the appointment stands, and nothing was sent for it");
  const { deliveries } = await owner.page.evaluate(async (id) => (await fetch(`/api/v1/booking-deliveries?bookings=${id}`)).json(), booked);
  assert.deepEqual(deliveries.filter(({ kind }) => kind === "receipt_mail").map(({ state, code }) => [state, code]), [["expired", "address_lapsed"]]);
  await visitor.close();
});

test("a text message shows its length and cost, and what tells a specialty", async () => {
  const { page } = owner;
  const text = page.getByLabel(t("words.text"), { exact: true });
  await page.getByLabel(t("words.kind"), { exact: true }).selectOption("reminder_sms");
  const preview = page.locator(".preview");
  await until("the example stands in the bubble", async () => (await preview.locator(".bubble").textContent().catch(() => "")).trim().startsWith("Erinnerung: "));
  await until("one part", async () => /^\s*1 SMS/.test(await preview.locator(".length").textContent().catch(() => "")));
  await text.fill("Erinnerung an Ihre Psychotherapie bei {praxis} am {zeit}. ".padEnd(110, "Bitte kommen Sie pünktlich. ") + "😀");
  await until("three parts and a warning", async () => /^\s*3 SMS/.test(await preview.locator(".length").textContent()) && (await preview.textContent()).includes("Psychotherapie"));
  await look(page, "messages-sms");
});

test("name, reminders and quiet hours are kept; the screen is open to everybody", async () => {
  const { page } = owner;
  await page.getByLabel(new RegExp(`^${t("name")}`)).fill("Praxis Sonnenberg");
  await page.getByLabel(t("reminder.120")).check();
  await page.getByLabel(t("quiet.from"), { exact: true }).fill("20:00");
  await page.getByRole("button", { name: t("save"), exact: true }).click();
  await page.getByText(t("saved"), { exact: true }).waitFor();
  const kept = await page.evaluate(async () => (await (await fetch("/api/v1/messages/settings")).json()).choice);
  assert.deepEqual(kept, { name: "Praxis Sonnenberg", reminders: [1440, 120], quiet_from: "20:00", quiet_until: "07:00" });
  await page.getByRole("heading", { name: t("outcome"), level: 2 }).waitFor();
  await scan(page, "messages");
  await look(page, "messages");
});
