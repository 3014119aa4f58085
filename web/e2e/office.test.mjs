import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { after, before, test } from "node:test";
import { desktop, launch, launchOn, phone, visit } from "./lib/browser.mjs";
import { folder, start } from "./lib/demo.mjs";
import { appointments, enter, lock, opened, signIn, unlock } from "./lib/desk.mjs";
import { book, someone } from "./lib/patient.mjs";
import { Search } from "./lib/search.mjs";
import { look } from "./lib/shots.mjs";
import { content, files, psql } from "./lib/stores.mjs";
import { counts, until } from "./lib/until.mjs";
import { desk as td, office as t } from "./lib/words.mjs";

let demo, browser, practice, desk, first;
const visits = [];

const open = async (options) => {
  const visitor = await visit(browser, options);
  visits.push(visitor);
  return visitor;
};

/** One booking from the first page to "booked", in a browser that is closed again. */
async function booking(person, service = "Allgemeine Sprechstunde") {
  const visitor = await open({ viewport: phone });
  const { held } = await book(visitor.page, demo, practice.patients, service, person);
  await visitor.close();
  return held;
}

const shownName = ({ family, given }) => `${family}, ${given}`;
const named = (page, person) => page.locator("main").getByText(shownName(person), { exact: true }).first();

before(async () => {
  [demo, browser] = await Promise.all([start({ ahead: true }), launch()]);
  practice = demo.practice("praxis-sonnenberg");
});

after(async () => {
  await browser?.close();
  await demo?.drop();
});

test("a wrong password says so and opens nothing", async () => {
  const { page, close } = await open();
  await page.goto(practice.office);
  await enter(page, practice.sign_ins[0].email, "wiese lampe fluss korb stern birne");
  await page.getByRole("alert").getByText(t("problem.sign_in_failed")).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), "password");
  assert.equal(await page.evaluate(async () => (await fetch("/api/v1/session")).status), 401);
  await enter(page, "nobody@praxis-sonnenberg.example", practice.sign_ins[0].password);
  await page.getByRole("alert").getByText(t("problem.sign_in_failed")).waitFor();
  await close();
});

test("the owner signs in and reads the names that patients typed; the envelope becomes a card", async () => {
  first = someone({ note: "Ich komme mit Rollstuhl.", phone: "07243 000199" });
  const held = await booking(first);
  desk = await open({ viewport: desktop });
  await signIn(desk.page, practice);
  await named(desk.page, first).waitFor();

  const mine = async () => (await appointments(desk.page)).find(({ booking_id }) => booking_id === held.booking_id);
  const kept = await until("the card is stored", async () => {
    const one = await mine();
    return one.card && one;
  });
  assert.equal(kept.envelope, null, "the envelope goes when the card stands");
  assert.equal(kept.card.version, 1);
  assert.ok(kept.card.ciphertext.length > 2048);

  await desk.page.getByRole("button", { name: new RegExp(`^${t("inbox.open")} ${shownName(first)}`) }).click();
  const detail = desk.page.locator("#detail");
  for (const text of [first.mail, "+497243000199", first.note, "30.06.1984", "Allgemeine Sprechstunde"]) await detail.getByText(text).waitFor();
  await desk.page.keyboard.press("Escape");
});

test("a new booking appears by itself, without a reload", async () => {
  await desk.page.evaluate(() => (globalThis.sameDocument = true));
  const person = someone();
  await booking(person, "Impfung");
  await named(desk.page, person).waitFor();
  assert.equal(await desk.page.evaluate(() => globalThis.sameDocument), true);
  await desk.page.locator("[role=status]").filter({ hasText: t("arrived", { count: 1 }) }).waitFor({ state: "attached" });
});

test("a colleague on another machine reads the same names after the envelope is gone", async () => {
  const colleague = await open({ viewport: desktop });
  const person = await signIn(colleague.page, practice, "front_desk");
  await colleague.page.getByText(t("account", { name: person.name })).waitFor({ state: "attached" });
  await until("every envelope is gone", async () => (await appointments(colleague.page)).every(({ envelope, card }) => envelope === null && card !== null));
  await named(colleague.page, first).waitFor();
  await colleague.close();
});

test("locking wipes names from the page, a wrong password does not bring them back, the right one does", async () => {
  const { page } = desk;
  // In the plan of its day, which stays where it is while the names go.
  await page.getByRole("button", { name: new RegExp(`^\\d\\d:\\d\\d ${shownName(first)}`) }).first().click();
  await page.locator("#detail .daylink").click();
  const block = page.locator(".appt").filter({ hasText: shownName(first) });
  await block.waitFor();
  const blocks = await page.locator(".appt").count();
  assert.ok((await opened(page)).includes(first.mail));
  await lock(page);
  await page.getByRole("heading", { name: t("unlock.title") }).waitFor();
  await counts(page.locator(".appt"), blocks);
  const locked = await opened(page);
  for (const text of [first.family, first.given, first.mail, first.note, "Allgemeine Sprechstunde"]) assert.ok(!locked.includes(text), `${text} stays in a locked page`);
  assert.match(locked, /\d\d:\d\d/, "times stay");

  await unlock(page, "wiese lampe fluss korb stern birne");
  await page.getByRole("alert").getByText(t("problem.wrong_password")).waitFor();
  assert.ok(!(await opened(page)).includes(first.family));
  await unlock(page, practice.sign_ins[0].password);
  await block.waitFor();

  await page.reload();
  await page.getByRole("heading", { name: t("unlock.title") }).waitFor();
  assert.ok(!(await opened(page)).includes(first.family), "a reload locks");
  await unlock(page, practice.sign_ins[0].password);
  await named(page, first).waitFor();
});

test("after ten minutes without anybody there, the office locks by itself", async () => {
  const { page, close } = await open({ viewport: desktop });
  await page.clock.install();
  await signIn(page, practice);
  await named(page, first).waitFor();
  await page.keyboard.press("Shift"); // the last sign of life
  await page.clock.fastForward(9 * 60_000 + 50_000);
  assert.ok((await opened(page)).includes(first.family));
  await page.clock.fastForward(11_000);
  await page.getByRole("heading", { name: t("unlock.title") }).waitFor();
  assert.ok(!(await opened(page)).includes(first.family));
  await close();
});

for (const family of ["<img src=x onerror=alert(1)>", "=cmd|' /C calc'!A0", "\"><script>alert(1)</script>"]) {
  test(`a patient who calls himself ${family} is shown as text`, async () => {
    const person = someone({ family, note: "<b onmouseover=alert(2)>{{7*7}}</b> javascript:alert(3)" });
    await booking(person, "Blutabnahme");
    const { page } = desk;
    await named(page, person).waitFor();
    await page.getByRole("button", { name: `${t("inbox.open")} ${shownName(person)}`, exact: true }).click();
    await page.locator("#detail dd.note").getByText(person.note, { exact: true }).waitFor();
    assert.equal(await page.locator("#detail-title").innerText(), shownName(person));
    assert.equal(await page.locator("img, main script, b[onmouseover], a[href^=javascript]").count(), 0);
    await page.keyboard.press("Escape");
  });
}

test("in the evening the coming days are printed, from what this browser has opened", async () => {
  const { page } = desk;
  await page.evaluate(() => (globalThis.print = () => (globalThis.printed = document.querySelector(".paper").textContent)));
  await page.locator("summary").filter({ hasText: td("export") }).click();
  await page.getByRole("button", { name: td("print.days", { count: 7 }) }).click();
  const paper = await until("it is printed", () => page.evaluate(() => globalThis.printed));
  assert.ok(paper.includes(shownName(first)), paper);
  await page.evaluate(() => dispatchEvent(new Event("afterprint")));
  await until("the days shown are on paper again", async () => !(await page.evaluate(() => document.querySelector(".paper h1").textContent)).includes("–"));
});

test("nothing opened is left in the browser's stores, in the address or in the title", async () => {
  const { page } = desk;
  const left = await page.evaluate(async () => ({
    local: { ...localStorage },
    session: { ...sessionStorage },
    databases: await indexedDB.databases(),
    caches: await caches.keys(),
    workers: (await navigator.serviceWorker.getRegistrations()).length,
    address: location.href,
    title: document.title,
    cookie: document.cookie,
    state: JSON.stringify(history.state),
  }));
  assert.deepEqual([left.session, left.databases, left.caches, left.workers, left.cookie], [{}, [], [], 0, ""]);
  // The one thing that stays: which key directory this browser has seen, so that an older one is noticed.
  for (const [key, value] of Object.entries(left.local)) {
    assert.match(key, /^siegel\.directory\.[0-9a-f-]{36}$/);
    assert.deepEqual(Object.keys(JSON.parse(value)).sort(), ["fingerprint", "former", "sequence", "signer"]);
  }
  assert.equal(left.address, `${practice.office}/`);
  assert.ok(!JSON.stringify(left).includes(first.family));
});

test("nothing opened is in the browser's profile on the disk, where planted words are", async (t) => {
  const profile = folder();
  const planted = randomBytes(12).toString("hex");
  const context = await launchOn(profile);
  try {
    const page = await context.newPage();
    await signIn(page, practice);
    await named(page, first).waitFor();
    await page.getByRole("button", { name: new RegExp(`^\\d\\d:\\d\\d ${shownName(first)}`) }).first().click();
    await page.locator("#detail").getByText(first.note).waitFor();
    await lock(page);
    await page.evaluate((word) => (localStorage.setItem("planted", word), history.replaceState(null, "", `#${word}`)), planted);
  } finally {
    await context.close();
  }
  const search = new Search({ family: first.family, given: first.given, mail: first.mail, note: first.note }, { planted });
  const kept = files(profile);
  for (const path of kept) content(path, search.overlap, (piece) => search.in(piece, path));
  rmSync(profile, { recursive: true, force: true });
  t.diagnostic(`${kept.length} files, ${(search.bytes / (1 << 20)).toFixed(1)} MiB`);
  assert.deepEqual(search.names, ["planted"], search.report().join("\n"));
});

test("the sealed word of the day is opened by the office itself; a late one is a red notice until then", async () => {
  const opened = (slug) => psql(demo, `select opened is not null from probe p join tenant t on t.id = p.tenant_id where t.slug = '${slug}'`);
  await until("the first practice's word is opened", async () => (await opened("praxis-sonnenberg")) === "t");
  const other = demo.practices.find(({ patients }) => !new URL(patients).hostname.startsWith("praxis-sonnenberg."));
  const slug = new URL(other.patients).hostname.split(".")[0];
  assert.equal(await opened(slug), "f", "nobody was in this office yet");
  await psql(demo, `update probe set due = now() - interval '1 day', told = now() where tenant_id = (select id from tenant where slug = '${slug}')`);

  const { page, close } = await open({ viewport: desktop });
  const answers = "**/api/v1/probe";
  await page.route(answers, (route) => (route.request().method() === "POST" ? route.abort() : route.continue()));
  const person = await signIn(page, other);
  await page.reload();
  const notice = page.locator(".notice.bad").filter({ hasText: t("notice.probe_late", { day: "" }).slice(-60) });
  await notice.waitFor();
  await look(page, "probe-late");
  assert.equal(await opened(slug), "f");
  await page.unroute(answers);
  await unlock(page, person.password);
  await until("it is opened", async () => (await opened(slug)) === "t");
  await notice.waitFor({ state: "detached" });
  assert.equal((await appointments(page)).length, 0, "it is no appointment");
  await close();
});

test("signing out wipes the page and ends the session, in every tab", async () => {
  const { page, context } = desk;
  const second = await context.newPage();
  await second.goto(practice.office);
  await unlock(second, practice.sign_ins[0].password);
  await named(second, first).waitFor();

  await page.locator("summary.me").click();
  await page.getByRole("button", { name: t("sign_out") }).click();
  for (const tab of [page, second]) {
    await tab.getByRole("heading", { name: t("sign_in.title") }).waitFor();
    assert.ok(!(await opened(tab)).includes(first.family));
  }
  // The page forgets first, and tells the server afterwards.
  await until("the session has ended", () => page.evaluate(async () => (await fetch("/api/v1/appointments?from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z")).status === 401));
});

test("no page broke the content security policy, threw, or opened a dialog", () => {
  for (const { complaints } of visits) assert.deepEqual(complaints, []);
});
