// A series: the first appointment is chosen, all are shown, what clashes is
// named with what could be taken instead, and all are booked or none.

import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { scan } from "./lib/axe.mjs";
import { desktop, launch, phone, visit } from "./lib/browser.mjs";
import { start } from "./lib/demo.mjs";
import { appointments, opened, signIn } from "./lib/desk.mjs";
import { ask } from "./lib/http.mjs";
import { linkIn, message } from "./lib/mailbox.mjs";
import { begin, fill, list, someone, submit } from "./lib/patient.mjs";
import { edit, editor, openSetup, plus, put, rules, save, wall } from "./lib/setup.mjs";
import { look } from "./lib/shots.mjs";
import { psql } from "./lib/stores.mjs";
import { counts, until } from "./lib/until.mjs";
import { de, office as t, setup as s } from "./lib/words.mjs";

const name = "Hyposensibilisierung";
let demo, browser, practice, owner, service, first, clash, off;

before(async () => {
  [demo, browser] = await Promise.all([start(), launch()]);
  practice = demo.practice("praxis-sonnenberg");
  owner = await visit(browser, { viewport: desktop });
  await signIn(owner.page, practice);
  service = (await rules(owner.page)).services.find((one) => one.name === name);
  assert.deepEqual([service.series_count, service.series_every_days], [6, 7]);
  // On the day of the third appointment nobody is there, or of the next that is on no holiday.
  const { json } = await ask(practice.patients, `/api/v1/slots/next?service=${service.id}&practitioner=any&n=1`);
  first = json.slots[0];
  const { day } = wall(first.starts);
  const { json: list } = await ask(practice.patients, `/api/v1/slots?${new URLSearchParams({ service: service.id, practitioner: "any", from: day, to: plus(day, 36), series: "7x6", first: first.starts })}`);
  clash = list.series.findIndex(({ reason }, n) => n >= 2 && reason === "free");
  off = plus(day, 7 * clash);
  const closure = {
    id: `cls_${randomUUID()}`, practitioner: service.practitioners[0].id, from: off, from_time: "00:00", until: off, until_time: "24:00", reason: "Fortbildung", text: "Fortbildung",
  };
  const { version } = await rules(owner.page);
  assert.equal((await put(owner.page, "closures", closure.id, { version, outside: "ask", value: closure })).status, 200);
});

after(async () => {
  await browser?.close();
  await demo?.drop();
});

const rows = (page) => page.locator(".dates > li");
const clashing = (page) => rows(page).filter({ has: page.locator("fieldset") });

/** toDates chooses the service and its first slot, and waits for all dates. */
async function toDates(page, nth = 0) {
  await begin(page, practice.patients, name, { answers: [de("insurance.GKV"), de("ask.no")] });
  await list(page);
  await page.locator("section[aria-labelledby=next] .slot").nth(nth).click();
  await page.getByRole("heading", { name: de("series.title", { count: 6 }) }).waitFor();
}

/** settle takes the first alternative of what clashes, or leaves it out; it returns how many are left. */
async function settle(page) {
  let out = 0;
  for (const row of await clashing(page).all()) {
    const options = row.getByRole("radio");
    await options.first().check();
    if ((await options.count()) === 1) out++;
  }
  return 6 - out;
}

async function hold(page) {
  const [answer] = await Promise.all([page.waitForResponse((response) => response.url().endsWith("/api/v1/holds")), page.locator("form button.main").click()]);
  return answer;
}

test("what clashes is named, with what is free instead, and has to be settled", async () => {
  const { page, complaints, requests, close } = await visit(browser, { viewport: phone });
  await toDates(page);
  await counts(rows(page), 6);
  const clashed = rows(page).nth(clash);
  assert.match((await clashed.innerText()).replace(/\s+/g, " "), new RegExp(`${de("series.clash", { day: ".*", time: ".*" }).replace(/\s+/g, " ")} .*Fortbildung`));
  assert.ok((await clashed.getByRole("radio").count()) > 1, "nothing is offered instead");
  await scan(page, "series, with a clash");
  await look(page, "series-dates");

  await page.locator("form button.main").click();
  await page.getByText(de("series.open")).first().waitFor();
  assert.ok(await page.evaluate(() => document.activeElement?.closest(".dates fieldset") !== null), "the cursor goes to what is open");
  assert.ok(!requests.some(({ url }) => url.endsWith("/api/v1/holds")), "nothing is held before all is settled");
  await scan(page, "series, not settled");
  assert.deepEqual(complaints, []);
  await close();
});

test("all appointments are held, sealed one by one, and booked together; the practice reads each", async () => {
  const { page, requests, complaints, close } = await visit(browser, { viewport: phone });
  const person = someone();
  await toDates(page);
  const count = await settle(page);
  const held = await hold(page);
  assert.equal(held.status(), 201, await held.text());
  const asked = held.request().postDataJSON();
  assert.equal(asked.items.length, count);
  assert.equal(wall(asked.items[0].starts).day, wall(first.starts).day);
  assert.ok(!asked.items.some(({ starts }) => wall(starts).day === off), "on the day of the clash nothing is held");
  assert.deepEqual(asked.items.map(({ starts }) => starts), asked.items.map(({ starts }) => starts).sort());

  await page.getByLabel(de("who.given"), { exact: true }).waitFor();
  await look(page, "series-form");
  await fill(page, person);
  await submit(page);
  const { envelopes, copies, envelope } = JSON.parse(requests.find(({ url }) => url.endsWith("/api/v1/bookings")).body);
  assert.deepEqual([envelopes.length, copies.length, envelope], [count, count, undefined]);
  assert.equal(new Set(envelopes.map(({ envelope_id }) => envelope_id)).size, count);

  await page.goto(linkIn(await message(demo, person.mail)));
  const [answer] = await Promise.all([
    page.waitForResponse((response) => response.url().endsWith("/api/v1/bookings/confirm")),
    page.getByRole("button", { name: de("confirm.submit_many") }).click(),
  ]);
  assert.equal((await answer.json()).items.length, count);
  await page.getByRole("heading", { name: de("booked.title_many", { count }) }).waitFor();
  await scan(page, "series, booked");
  await look(page, "series-booked");
  assert.equal(await psql(demo, "select count(*) from appointment where set_id is not null and status = 'booked'"), String(count));

  const mine = (await appointments(owner.page)).filter(({ starts }) => asked.items.some((item) => Date.parse(item.starts) === Date.parse(starts)));
  assert.equal(mine.length, count);
  const inbox = owner.page.getByRole("button", { name: `${t("inbox.open")} ${person.family}, ${person.given}`, exact: true });
  await until("the practice has read all of them", async () => (await inbox.count()) === count);
  assert.deepEqual(complaints, []);
  await close();
});

test("whoever is overtaken sees which date it was, and keeps the rest", async () => {
  const { page, close } = await visit(browser, { viewport: phone });
  await toDates(page, 1);
  const count = await settle(page);
  // Somebody else holds the second date, or the next that was free.
  const dates = await page.evaluate(() => performance.getEntriesByType("resource").map(({ name }) => name).filter((name) => name.includes("series=")).at(-1));
  const list = await ask(practice.patients, new URL(dates).pathname + new URL(dates).search, { headers: { "Cache-Control": "no-cache" } });
  const nth = list.json.series.findIndex(({ slot }, n) => n > 0 && slot !== undefined);
  const taken = list.json.slots[list.json.series[nth].slot];
  const other = await ask(practice.patients, "/api/v1/holds", {
    method: "POST", origin: practice.patients, headers: { "Idempotency-Key": randomUUID() },
    body: { token: randomBytes(16).toString("base64url"), service: service.id, practitioner: list.json.practitioners[taken.practitioner], location: list.json.locations[taken.location], starts: taken.starts },
  });
  assert.equal(other.status, 201, JSON.stringify(other.json));

  const refused = await hold(page);
  assert.equal(refused.status(), 409);
  await page.getByText(de("series.taken"), { exact: true }).waitFor();
  await rows(page).nth(nth).getByRole("radio").first().waitFor();
  assert.match(await rows(page).nth(nth).innerText(), new RegExp(de("when.why_taken").slice(0, 12)));
  await scan(page, "series, overtaken");
  await look(page, "series-overtaken");
  assert.equal(await settle(page), count);
  const held = await hold(page);
  assert.equal(held.status(), 201, await held.text());
  assert.equal(held.request().postDataJSON().items.length, count);
  await close();
});

test("the setup says what is a series, and no more than can be booked at once", async () => {
  const { page, close } = await visit(browser, { viewport: desktop });
  await signIn(page, practice);
  await openSetup(page, "services");
  const ecg = (await rules(page)).services.find((one) => one.name === "Blutabnahme");
  await edit(page, ecg.id);
  const more = editor(page).locator("details.more");
  if (!(await more.evaluate((one) => one.open))) await more.locator("summary").click();
  await page.getByLabel(s("service.series_count"), { exact: false }).first().fill("13");
  await page.getByRole("button", { name: s("save"), exact: true }).last().click();
  await editor(page).locator("[aria-invalid=true]").first().waitFor();
  await page.getByLabel(s("service.series_count"), { exact: false }).first().fill("4");
  await page.getByLabel(s("service.series_every_days"), { exact: false }).first().fill("14");
  await look(page, "series-editor");
  const { status } = await save(page);
  assert.equal(status, 200);
  const now = (await rules(page)).services.find((one) => one.name === "Blutabnahme");
  assert.deepEqual([now.series_count, now.series_every_days], [4, 14]);
  assert.ok(!(await opened(page)).includes("series_count"));
  await close();
});
