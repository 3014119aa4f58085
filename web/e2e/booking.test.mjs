import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { launch, phone, visit } from "./lib/browser.mjs";
import { start } from "./lib/demo.mjs";
import { ask, b64, hold, slots } from "./lib/http.mjs";
import { codeIn, linkIn, message, messages } from "./lib/mailbox.mjs";
import { begin, book, confirm, fill, list, listed, request, slotsShown, someone, submit, take } from "./lib/patient.mjs";
import { de } from "./lib/words.mjs";

let demo, browser, sonnenberg, zahnarzt;
const visits = [];

before(async () => {
  [demo, browser] = await Promise.all([start(), launch()]);
  sonnenberg = demo.practice("praxis-sonnenberg").patients;
  zahnarzt = demo.practice("zahnarzt-am-markt").patients;
});

after(async () => {
  await browser?.close();
  await demo?.drop();
});

const patient = async (options) => {
  const visitor = await visit(browser, { viewport: phone, ...options });
  visits.push(visitor);
  return visitor;
};

const peek = (base, link) => {
  const [secret, code] = new URL(link).hash.slice(1).split(".");
  return ask(base, "/api/v1/bookings/peek", { body: { secret, code } });
};

const calendar = (text) => {
  const lines = text.replace(/\r\n[ \t]/g, "").split("\r\n");
  const event = lines.slice(lines.indexOf("BEGIN:VEVENT"));
  const value = (name) => event.find((line) => line.startsWith(`${name}:`) || line.startsWith(`${name};`));
  return { lines, uid: value("UID"), starts: value("DTSTART"), summary: value("SUMMARY") };
};

test("three screens, a mail, one button on another device: booked, with calendar file and link", async () => {
  const here = await patient();
  const person = someone();
  await begin(here.page, sonnenberg, "Allgemeine Sprechstunde");
  await list(here.page);
  const shown = await slotsShown(here.page);
  const held = await take(here.page);
  await fill(here.page, person);
  await submit(here.page);
  await here.page.getByText(person.mail).waitFor();

  const mail = await message(demo, person.mail);
  assert.match(mail.from + mail.subject + mail.text, /Praxis Sonnenberg/);
  assert.ok(!(mail.subject + mail.text).includes("Sprechstunde"), "the mail must not say what the appointment is for");
  assert.ok(!(mail.subject + mail.text).includes(person.family), "the mail must not say a name");
  const link = linkIn(mail);

  const there = await patient();
  await there.page.goto(link);
  const button = there.page.getByRole("button", { name: de("confirm.submit") });
  await button.waitFor();
  await there.page.waitForLoadState("networkidle");
  const pending = await peek(sonnenberg, link);
  assert.deepEqual([pending.status, pending.json.status], [200, "pending"], "opening the link must not book");

  await button.click();
  await there.page.getByRole("heading", { name: de("booked.title") }).waitFor();
  assert.equal((await peek(sonnenberg, link)).json.status, "booked");
  await there.page.getByText("Allgemeine Sprechstunde").waitFor(); // from the patient's copy

  const [download] = await Promise.all([there.page.waitForEvent("download"), there.page.getByRole("button", { name: de("booked.calendar") }).click()]);
  assert.equal(download.suggestedFilename(), de("booked.file"));
  const { uid, starts, lines } = calendar(readFileSync(await download.path(), "utf8"));
  assert.equal(lines[0], "BEGIN:VCALENDAR");
  assert.match(uid ?? "", /^UID:\S+/);
  const wall = new Date(held.starts).toLocaleString("sv-SE", { timeZone: "Europe/Berlin" });
  assert.equal(starts, `DTSTART;TZID=Europe/Berlin:${wall.replace(/[-:]/g, "").replace(" ", "T")}`);
  assert.ok(!lines.join("\n").includes("Sprechstunde"), "the calendar file must not say what the appointment is for");

  const kept = await there.page.locator("#address").inputValue();
  const [secret] = new URL(link).hash.slice(1).split(".");
  assert.equal(kept, `${sonnenberg}/booking#${secret}`);
  const later = await patient();
  await later.page.goto(kept);
  await later.page.getByRole("heading", { name: de("booked.title") }).waitFor();
  await later.page.getByText("Allgemeine Sprechstunde").waitFor();

  const next = await patient();
  await begin(next.page, sonnenberg, "Allgemeine Sprechstunde");
  await list(next.page);
  assert.ok(!(await slotsShown(next.page)).includes(shown[0]), "a booked slot must not be offered again");
  const free = await slots(sonnenberg, held.asked.service);
  assert.ok(!free.some((slot) => slot.starts === held.asked.starts && slot.practitioner === held.asked.practitioner));
});

test("a child's appointment is booked by a parent, whose address gets the mail", async () => {
  const { page } = await patient();
  const person = someone({ booker: "Jana Nováková", relation: "parent", day: "1", month: "3", year: "2019" });
  await begin(page, sonnenberg, "Impfung");
  await list(page);
  await take(page);
  await page.getByRole("radio", { name: de("who.other") }).check();
  await page.getByLabel(de("who.mail_yours")).waitFor();
  await fill(page, person);
  await submit(page);
  await confirm(page, linkIn(await message(demo, person.mail)));
});

test("by text message: a wrong code says how many tries are left, the right one books", async () => {
  const { page } = await patient();
  const person = someone({ mobile: "0151 23456789" });
  await request(page, sonnenberg, "Blutabnahme", person);
  await page.getByText("+4915123456789").waitFor();
  const code = codeIn(await message(demo, "+4915123456789"));

  const field = page.getByLabel(de("code.label"));
  await field.fill(code === "123456" ? "654321" : "123456");
  await page.getByRole("button", { name: de("code.submit") }).click();
  await page.getByText(de("code.wrong", { count: 4 })).waitFor();
  await field.fill(code);
  await page.getByRole("button", { name: de("code.submit") }).click();
  await page.getByRole("heading", { name: de("booked.title") }).waitFor();
  await page.getByText("Blutabnahme").waitFor();
});

test("a mistyped address is corrected from the open tab, and the old link dies", async () => {
  const { page } = await patient();
  const person = someone();
  const typo = person.mail.replace("example.org", "exmaple.org");
  await request(page, sonnenberg, "Allgemeine Sprechstunde", { ...person, mail: typo });
  const old = linkIn(await message(demo, typo));

  await page.getByRole("button", { name: de("sent.change") }).click();
  assert.equal(await page.locator("#family").inputValue(), person.family, "nothing has to be typed again");
  await page.locator("#mail").fill(person.mail);
  await submit(page);
  const link = linkIn(await message(demo, person.mail));

  assert.equal((await peek(sonnenberg, old)).status, 410);
  const there = await patient();
  await there.page.goto(old);
  await there.page.getByRole("heading", { name: de("expired.title") }).waitFor();
  await confirm(there.page, link);
});

test("the mail can be sent again from the open tab, and the old link dies", async () => {
  const { page } = await patient();
  const person = someone();
  await request(page, sonnenberg, "Allgemeine Sprechstunde", person);
  const old = linkIn(await message(demo, person.mail));
  await page.getByText(de("sent.again_left", { count: 2 })).waitFor();
  await page.getByRole("button", { name: de("sent.again") }).click();
  await page.getByText(de("sent.again_done", { address: person.mail })).waitFor();
  await page.getByText(de("sent.again_left", { count: 1 })).waitFor();
  const link = linkIn(await message(demo, person.mail, 2));
  assert.notEqual(link, old);
  assert.equal((await peek(sonnenberg, old)).status, 410);
  await confirm(page, link);
});

test("a link that is no longer valid says so and leads to a new start", async () => {
  const { page } = await patient();
  await page.goto(`${sonnenberg}/confirm#${b64(randomBytes(16))}.${b64(randomBytes(16))}`);
  await page.getByRole("heading", { name: de("expired.title") }).waitFor();
  await page.getByRole("link", { name: de("expired.start") }).click();
  await page.getByRole("heading", { name: de("what.title") }).waitFor();
  await page.goto(`${sonnenberg}/confirm#cut-off`);
  await page.getByRole("heading", { name: de("broken.title") }).waitFor();
  await page.getByRole("link", { name: de("expired.start") }).waitFor();
});

test("a slot that somebody else took in the meantime is said to be taken, with others near it", async () => {
  const { page } = await patient();
  await begin(page, zahnarzt, "Kontrolle");
  const [first] = await listed(page);
  const shown = await slotsShown(page);
  const { json: practice } = await ask(zahnarzt, "/api/v1/practice");
  const service = practice.services.find(({ name }) => name === "Kontrolle").id;
  assert.equal((await hold(zahnarzt, service, first)).status, 201);

  await page.locator("section[aria-labelledby=next] .slot").first().click();
  await page.getByRole("heading", { name: de("back.slot_taken") }).waitFor();
  const near = page.locator("section[aria-labelledby=near] .slot");
  await near.first().waitFor();
  const texts = (await near.allInnerTexts()).map((text) => text.replace(/\s+/g, " "));
  assert.ok(!texts.includes(shown[0]), "the taken slot must not be its own alternative");
  await near.first().click();
  await page.getByLabel(de("who.given"), { exact: true }).waitFor();
});

test("the hold counts down, warns two minutes before its end, can be extended twice, and says when it is over", async () => {
  const { page } = await patient();
  await page.clock.install();
  await begin(page, zahnarzt, "Kontrolle");
  await list(page);
  await take(page);
  const left = page.locator("#left");
  const seconds = async () => {
    const [, minutes, rest] = /(\d+):(\d\d)/.exec(await left.innerText());
    return Number(minutes) * 60 + Number(rest);
  };
  const begun = await seconds();
  assert.ok(begun > 570 && begun <= 600, `a fresh hold lasts ten minutes, not ${begun} s`);
  await page.clock.fastForward(5_000);
  assert.ok((await seconds()) <= begun - 4, "the time left is counted down");
  assert.equal(await page.locator(".hold.ending").count(), 0);

  await page.clock.fastForward((begun - 119) * 1000);
  await page.locator(".hold.ending").waitFor();
  const warned = await seconds();
  assert.ok(warned <= 120 && warned > 100, `${warned} s left at the warning`);
  await page.getByRole("status").filter({ hasText: de("hold.ending") }).waitFor();

  const more = page.getByRole("button", { name: de("hold.more"), exact: true });
  for (const _ of [1, 2]) {
    await Promise.all([page.waitForResponse((response) => response.url().endsWith("/holds/extend") && response.ok()), more.click()]);
    await page.waitForFunction(() => document.querySelector(".hold:not(.ending)") !== null);
    assert.ok((await seconds()) > 560, "more time is ten minutes more");
  }
  await more.waitFor({ state: "detached" });

  await page.clock.fastForward(601_000);
  await page.locator("#over").waitFor();
  await page.getByRole("button", { name: de("hold.retake") }).waitFor();
});

test("no page of a patient breaks the content security policy, throws, or speaks to another host", () => {
  for (const { complaints, requests } of visits) {
    assert.deepEqual(complaints, []);
    const foreign = requests.filter(({ url }) => !url.startsWith("blob:") && new URL(url).host !== new URL(sonnenberg).host && new URL(url).host !== new URL(zahnarzt).host);
    assert.deepEqual(foreign, []);
  }
});
