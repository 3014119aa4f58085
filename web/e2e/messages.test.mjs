// What a practice decides about its messages, and what became of them.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { scan } from "./lib/axe.mjs";
import { desktop, launch, phone, visit } from "./lib/browser.mjs";
import { start } from "./lib/demo.mjs";
import { signIn } from "./lib/desk.mjs";
import { book, someone } from "./lib/patient.mjs";
import { message } from "./lib/mailbox.mjs";
import { openSetup } from "./lib/setup.mjs";
import { look } from "./lib/shots.mjs";
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
