// What patients do with the link that they keep: cancel and move, each by a
// person's press and never by opening it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { scan } from "./lib/axe.mjs";
import { desktop, launch, phone, visit } from "./lib/browser.mjs";
import { start } from "./lib/demo.mjs";
import { signIn } from "./lib/desk.mjs";
import { ask } from "./lib/http.mjs";
import { linkIn, message, messages } from "./lib/mailbox.mjs";
import { begin, book, confirm, fill, forth, list, someone, submit, take } from "./lib/patient.mjs";
import { psql, tables } from "./lib/stores.mjs";
import { de, office as t } from "./lib/words.mjs";

let demo, browser, base;
const visits = [];

before(async () => {
  [demo, browser] = await Promise.all([start(), launch()]);
  base = demo.practice("praxis-sonnenberg").patients;
});

after(async () => {
  await browser?.close();
  await demo?.drop();
});

const patient = async (options) => {
  const visitor = await visit(browser, { viewport: phone, ...options });
  visits.push(visitor);
  return visitor.page;
};

const secretOf = (link) => new URL(link).hash.slice(1).split(".")[0];
const view = async (secret) => {
  const { ics, ...booking } = (await ask(base, "/api/v1/bookings/view", { body: { secret } })).json;
  return { ...booking, ics: ics.replace(/DTSTAMP:.*/g, "") }; // when it was asked for
};
const picture = (page, name) => (process.env.SIEGEL_SHOTS ? page.screenshot({ path: `${process.env.SIEGEL_SHOTS}/${name}.png`, fullPage: true }) : undefined);

test("opening the link changes nothing; asking to cancel and keeping it neither", async () => {
  const page = await patient();
  const { link } = await book(page, demo, base, "Allgemeine Sprechstunde", someone());
  const secret = secretOf(link);
  const before = await view(secret);
  const kept = await patient({ viewport: desktop });
  await kept.goto(`${base}/booking#${secret}`);
  await kept.getByRole("heading", { name: de("booked.title") }).waitFor();
  await kept.goto(`${base}/#move=${secret}`);
  await kept.getByRole("heading", { name: de("move.title") }).waitFor();
  await kept.goto(`${base}/booking#${secret}`);
  await kept.getByRole("button", { name: de("cancel.open"), exact: true }).click();
  await kept.getByRole("heading", { name: de("cancel.sure") }).waitFor();
  await scan(kept, "cancel");
  await picture(kept, "cancel-desktop");
  await kept.getByRole("button", { name: de("cancel.no") }).click();
  await kept.getByRole("button", { name: de("cancel.open"), exact: true }).waitFor();
  assert.deepEqual(await view(secret), before);
});

test("cancelled by its patient, with the keyboard alone: the time is free again within a second", async () => {
  const page = await patient();
  const { link, booked } = await book(page, demo, base, "Allgemeine Sprechstunde", someone());
  const secret = secretOf(link);
  await page.goto(`${base}/booking#${secret}`);
  await page.getByRole("button", { name: de("cancel.open"), exact: true }).press("Enter");
  await page.getByRole("heading", { name: de("cancel.sure") }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement?.id), "sure");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: de("cancelled.title") }).waitFor();
  await scan(page, "cancelled");
  await picture(page, "cancelled-phone");
  assert.equal((await view(secret)).status, "cancelled");
  await page.waitForTimeout(1000);
  const practice = (await ask(base, "/api/v1/practice")).json;
  const service = practice.services.find(({ name }) => name === "Allgemeine Sprechstunde").id;
  const day = booked.starts.slice(0, 10);
  const next = new Date(Date.parse(day) + 86_400_000).toISOString().slice(0, 10);
  const slots = (await ask(base, `/api/v1/slots?service=${service}&from=${day}&to=${next}`)).json.slots;
  assert.ok(slots.some(({ starts }) => starts === booked.starts), "the time is offered again");
  await page.reload();
  await page.getByRole("heading", { name: de("cancelled.title") }).waitFor();
});

test("moved by its patient: the link stays, the old time is free, and what was sealed is not sent again", async () => {
  const page = await patient();
  const { link, booked } = await book(page, demo, base, "Allgemeine Sprechstunde", someone());
  const secret = secretOf(link);
  await page.goto(`${base}/booking#${secret}`);
  await picture(page, "booked-phone");
  await page.getByRole("link", { name: de("cancel.move") }).click();
  await page.getByRole("heading", { name: de("move.title") }).waitFor();
  await picture(page, "move-when-phone");
  const posted = [];
  page.on("request", (request) => request.method() === "POST" && posted.push(request));
  await page.locator("section[aria-labelledby=next] .slot").nth(1).click();
  await page.getByRole("heading", { name: de("move.sure") }).waitFor();
  await scan(page, "move");
  await picture(page, "move-sure-phone");
  assert.equal((await view(secret)).starts, booked.starts, "choosing a time moves nothing");
  await page.getByRole("button", { name: de("move.yes") }).click();
  await page.waitForURL(/\/booking#/);
  await page.getByRole("heading", { name: de("booked.title") }).waitFor();
  await page.getByText("Allgemeine Sprechstunde").waitFor();
  const moved = await view(secret);
  assert.notEqual(moved.starts, booked.starts);
  assert.equal(moved.booking_id, booked.booking_id);
  assert.match(moved.ics, /SEQUENCE:1\r\n/);
  assert.deepEqual(posted.map((request) => new URL(request.url()).pathname).filter((path) => path.endsWith("/bookings")), []);
  assert.ok(!posted.some((request) => new URL(request.url()).pathname.endsWith("/move") && request.postData().includes("Sprechstunde")));
});

test("somebody else was quicker: the old appointment stands, and the page says so", async () => {
  const page = await patient();
  const { link, booked } = await book(page, demo, base, "Allgemeine Sprechstunde", someone());
  const secret = secretOf(link);
  await page.goto(`${base}/#move=${secret}`);
  await page.getByRole("heading", { name: de("move.title") }).waitFor();
  await page.locator("section[aria-labelledby=next] .slot").nth(1).click();
  await page.getByRole("heading", { name: de("move.sure") }).waitFor();
  // The hold is given back behind the page's back, and another patient takes the time.
  await page.route("**/api/v1/bookings/move", async (route) => {
    const { token } = route.request().postDataJSON();
    await ask(base, "/api/v1/holds/release", { body: { token } });
    await route.continue();
  });
  await page.getByRole("button", { name: de("move.yes") }).click();
  await page.locator("#setback").waitFor();
  assert.equal((await view(secret)).starts, booked.starts);
  await page.getByRole("button", { name: de("move.keep") }).click();
  await page.getByRole("heading", { name: de("booked.title") }).waitFor();
});

test("reminders: nothing is ticked beforehand, consent is asked for, and taken back with one press", async () => {
  const page = await patient();
  const person = someone();
  await begin(page, base, "Allgemeine Sprechstunde");
  await list(page);
  await forth(page, 2);
  await page.locator("section[aria-labelledby=all] .slot").first().click();
  await page.getByLabel(de("who.given"), { exact: true }).waitFor();
  await fill(page, person);
  await submit(page);
  const link = linkIn(await message(demo, person.mail));
  await confirm(page, link);
  const secret = secretOf(link);
  const reminders = async () => (await ask(base, "/api/v1/bookings/reminders/view", { body: { secret } })).json;
  await page.goto(`${base}/booking#${secret}`);
  await page.getByRole("button", { name: de("remind.open") }).click();
  await page.getByLabel(de("field.mail")).fill(person.mail);
  const agree = page.getByRole("checkbox");
  assert.equal(await agree.isChecked(), false);
  await page.getByRole("button", { name: de("remind.yes") }).click();
  await page.getByText(de("remind.agree_first")).waitFor();
  assert.equal((await reminders()).channel, undefined, "no consent, no reminder");
  await scan(page, "remind");
  await picture(page, "remind-phone");
  await agree.check();
  await page.getByRole("button", { name: de("remind.yes") }).click();
  await page.getByRole("button", { name: de("remind.stop") }).waitFor();
  assert.equal((await reminders()).channel, "mail");
  await page.getByRole("button", { name: de("remind.stop") }).click();
  await page.getByRole("button", { name: de("remind.open") }).waitFor();
  assert.equal((await reminders()).channel, undefined);
});

test("a visit by video: patient and office have the same room, and nobody else has it", async () => {
  const person = someone();
  const page = await patient();
  await begin(page, base, "Videosprechstunde", { answers: [de("ask.yes")] });
  await list(page);
  await take(page);
  assert.match(await page.locator("aside, .side").first().innerText(), new RegExp(de("held.by_video")));
  await fill(page, person);
  await submit(page);
  const mail = await message(demo, person.mail);
  await confirm(page, linkIn(mail));
  const secret = secretOf(linkIn(mail));
  const host = "video.muster.example";

  // Weeks ahead the page says when, and leads nowhere yet.
  const title = page.getByRole("heading", { name: de("video.title"), exact: true });
  const section = page.locator("section", { has: title });
  await title.waitFor();
  await section.getByText(host).waitFor();
  assert.equal(await section.getByRole("link").count(), 0);
  await scan(page, "video");
  await picture(page, "video-early-phone");

  // On the day itself: the same page, told that the visit begins in a minute.
  const [starts, ends] = [1, 11].map((minutes) => new Date(Date.now() + minutes * 60_000).toISOString());
  const today = async (route) => {
    const { json } = await ask(base, "/api/v1/bookings/view", { body: { secret } });
    await route.fulfill({ headers: { date: new Date().toUTCString() }, json: { ...json, starts, ends, items: json.items.map((item) => ({ ...item, starts, ends })) } });
  };
  await page.route("**/api/v1/bookings/view", today);
  await page.goto(`${base}/booking#${secret}`);
  await page.reload();
  const enter = section.getByRole("link", { name: de("video.enter") });
  await enter.waitFor();
  const href = await enter.getAttribute("href");
  const room = /^https:\/\/video\.muster\.example\/([a-z2-7]{26})$/.exec(href)?.[1];
  assert.ok(room, href);
  assert.equal(await enter.getAttribute("rel"), "noopener noreferrer");
  await scan(page, "video, open");
  await picture(page, "video-open-phone");

  const desk = await patient({ viewport: desktop });
  await signIn(desk, demo.practice("praxis-sonnenberg"));
  await desk.getByRole("button", { name: `${t("inbox.open")} ${person.family}, ${person.given}`, exact: true }).click();
  const there = desk.locator("#detail").getByRole("link", { name: t("video.enter") });
  await there.waitFor();
  assert.equal(await there.getAttribute("href"), href, "both sides open the same room");
  await scan(desk, "video in the office");
  await picture(desk, "video-office-desktop");

  // Moved, it is still that room.
  await page.unroute("**/api/v1/bookings/view");
  await page.goto(`${base}/#move=${secret}`);
  await page.getByRole("heading", { name: de("move.title") }).waitFor();
  await page.getByRole("radio", { name: de("ask.yes"), exact: true }).check();
  await page.locator("section[aria-labelledby=next] .slot").nth(1).click();
  await page.getByRole("heading", { name: de("move.sure") }).waitFor();
  await page.getByRole("button", { name: de("move.yes") }).click();
  await page.waitForURL(/\/booking#/);
  await title.waitFor();
  await page.route("**/api/v1/bookings/view", today);
  await page.goto(`${base}/booking#${secret}`);
  await page.reload();
  assert.equal(await enter.getAttribute("href"), href);

  // Stored, sent and mailed is neither the room nor, with it, whose page it is on.
  const rows = (await Promise.all((await tables(demo)).map((table) => psql(demo, `select x::text from "${table}" x`)))).join("\n");
  assert.ok(rows.includes("https://video.muster.example/{room}"), "the provider itself is found");
  assert.ok(!rows.includes(room));
  const requests = visits.flatMap((visitor) => visitor.requests);
  assert.ok(!JSON.stringify(requests.map(({ url, body, headers }) => [url, body, headers])).includes(room));
  assert.ok(!requests.some(({ url }) => new URL(url).hostname === host), "no page asked the provider for anything");
  const mailed = JSON.stringify(await messages(demo, person.mail));
  assert.ok(mailed.includes(secret));
  for (const word of [room, host, "Muster Video", "Video"]) assert.ok(!mailed.includes(word), `a mail says ${word}`);
});

test("a broken link to move leads to the page that says so", async () => {
  const page = await patient();
  await page.goto(`${base}/#move=AAAAAAAAAAAAAAAAAAAAAA`);
  await page.getByRole("heading", { name: de("gone.title") }).waitFor();
});
