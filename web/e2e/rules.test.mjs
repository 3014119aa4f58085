import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { scan } from "./lib/axe.mjs";
import { desktop, launch, phone, visit } from "./lib/browser.mjs";
import { start } from "./lib/demo.mjs";
import { lock, opened, signIn, unlock } from "./lib/desk.mjs";
import { ask } from "./lib/http.mjs";
import { book, someone } from "./lib/patient.mjs";
import { edit, editor, openSetup, plus, put, rules, save, wall, weekday } from "./lib/setup.mjs";
import { look } from "./lib/shots.mjs";
import { psql } from "./lib/stores.mjs";
import { counts, until } from "./lib/until.mjs";
import { office, setup as t, tables } from "./lib/words.mjs";

let demo, browser, practice, dentist, owner;
const visits = [];

const open = async (options) => {
  const visitor = await visit(browser, options);
  visits.push(visitor);
  return visitor;
};

/** slots are all that the patients' host lists for a service with one practitioner, by wall clock. */
async function slots(base, service, practitioner, from, days = 28) {
  const query = new URLSearchParams({ service, practitioner, from, to: plus(from, days) });
  const { status, json } = await ask(base, `/api/v1/slots?${query}`, { headers: { "Cache-Control": "no-cache" } });
  assert.equal(status, 200, JSON.stringify(json));
  return json.slots.map((slot) => ({ ...slot, ...wall(slot.starts), condition: json.conditions[slot.condition] }));
}

const today = () => wall(Date.now()).day;
const nextMonday = () => plus(today(), 8 - weekday(today()));
const serviceIn = (all, name) => all.services.find((one) => one.name === name);
const personIn = (all, name) => all.practitioners.find((one) => one.name === name);
const shownName = ({ family, given }) => `${family}, ${given}`;

/** booking takes a slot as a patient does and returns who and when. */
async function booking(base, service, change) {
  const visitor = await open({ viewport: phone });
  const person = someone(change);
  const { held } = await book(visitor.page, demo, base, service, person);
  await visitor.close();
  return { person, held, ...wall(held.starts) };
}

before(async () => {
  [demo, browser] = await Promise.all([start(), launch()]);
  practice = demo.practice("praxis-sonnenberg");
  dentist = demo.practice("zahnarzt-am-markt");
  owner = await open({ viewport: { width: 1440, height: 1000 } });
  await signIn(owner.page, dentist);
});

after(async () => {
  await browser?.close();
  await demo?.drop();
});

test("the setup is a chunk of its own: the calendar loads without it", async () => {
  const scripts = () => owner.requests.filter(({ url }) => /\/assets\/(Setup|office\.rules)/.test(url)).length;
  assert.equal(scripts(), 0);
  await openSetup(owner.page, "windows");
  assert.ok(scripts() > 0);
  assert.match(owner.page.url(), /#setup\/windows$/);
  await owner.page.goBack();
  await owner.page.locator(".dayhead").waitFor();
  await owner.page.goForward();
  await owner.page.locator(".setup h1").waitFor();
});

test("the owner shortens a window, and the patients' times go with it", async () => {
  const { page } = owner;
  const all = await rules(page);
  const [service, person] = [serviceIn(all, "Kontrolle"), personIn(all, "Herr Dr. Klein")];
  const early = ({ clock }) => clock < "09:00";
  const window = all.windows.find(({ practitioner, from }) => practitioner === person.id && from === "08:00");
  assert.ok((await slots(dentist.patients, service.id, person.id, plus(today(), 2))).some(early));

  await openSetup(page, "windows");
  const form = await edit(page, window.id);
  assert.equal(await page.evaluate(() => document.activeElement.tagName), "H2", "the focus goes to what was opened");
  await form.getByLabel(t("window.from"), { exact: true }).fill("9");
  assert.equal((await save(page)).status, 200);
  await page.locator(".toast").getByText(t("saved")).waitFor();
  assert.equal((await rules(page)).windows.find(({ id }) => id === window.id).from, "09:00");
  const after = await slots(dentist.patients, service.id, person.id, plus(today(), 2));
  assert.ok(after.length > 0 && !after.some(early));
  assert.equal(await page.evaluate(() => document.activeElement.dataset.key), window.id, "and back to where it came from");
});

test("an editor says what is wrong at the field and sends nothing", async () => {
  const { page } = owner;
  await page.locator("[data-add]").click();
  const form = editor(page);
  await form.getByLabel(t("window.until"), { exact: true }).fill("7:00");
  const sent = owner.requests.length;
  await page.getByRole("button", { name: t("save"), exact: true }).click();
  await form.getByText(t("error.until")).waitFor();
  await form.getByText(t("error.missing")).waitFor();
  assert.equal(owner.requests.slice(sent).filter(({ method }) => method === "PUT").length, 0);
  await page.getByRole("button", { name: t("cancel"), exact: true }).click();
});

test("what is deleted can be taken back for ten seconds", async () => {
  const { page } = owner;
  const before = await rules(page);
  const window = before.windows.find(({ from }) => from === "14:00");
  const form = await edit(page, window.id);
  await form.getByRole("button", { name: t("delete"), exact: true }).click();
  await page.locator(".toast").getByRole("button", { name: t("undo") }).waitFor();
  assert.ok(!(await rules(page)).windows.some(({ id }) => id === window.id));
  await page.locator(".toast").getByRole("button", { name: t("undo") }).click();
  await page.locator(`[data-key="${window.id}"]`).waitFor();
  assert.deepEqual((await rules(page)).windows.find(({ id }) => id === window.id), window);
});

test("an appointment that would lie outside is shown by name; back saves nothing, anyway saves and keeps it", async () => {
  const { page } = owner;
  const { person, day, clock } = await booking(dentist.patients, "Kontrolle");
  const all = await rules(page);
  const who = personIn(all, "Herr Dr. Klein");
  const window = all.windows.find((one) => one.practitioner === who.id && one.weekdays.includes(weekday(day)) && one.from <= clock && clock < one.until);
  await openSetup(page, "windows");
  const form = await edit(page, window.id);
  await form.getByRole("checkbox", { name: t(`weekday.${weekday(day)}`) }).uncheck();
  assert.equal((await save(page)).status, 409);
  const dialog = page.getByRole("dialog");
  await dialog.getByText(shownName(person)).waitFor();
  assert.match(await dialog.innerText(), new RegExp(clock));
  await dialog.getByRole("button", { name: t("back"), exact: true }).click();
  assert.equal((await rules(page)).version, all.version, "nothing was saved");
  assert.ok(!(await form.getByRole("checkbox", { name: t(`weekday.${weekday(day)}`) }).isChecked()), "what was typed is still there");

  assert.equal((await save(page)).status, 409);
  const answer = await save(page, t("save.anyway"));
  assert.equal(answer.status, 200);
  assert.equal(answer.body.outside.length, 1);
  await page.getByRole("button", { name: office("title.open"), exact: true }).click();
  await page.getByText(shownName(person)).first().waitFor();
  // As it was, for the tests after this one.
  const now = await rules(page);
  assert.equal((await put(page, "windows", window.id, { version: now.version, outside: "keep", value: window })).status, 200);
  await page.reload();
  await unlock(page, dentist.sign_ins[0].password);
});

test("names in the question are gone when the office locks, and what was typed stays", async () => {
  const { page } = owner;
  await openSetup(page, "closures");
  await page.locator("[data-add]").first().click();
  const form = editor(page);
  await form.getByLabel(t("closure.reason")).fill("Fortbildung");
  await form.getByLabel(t("closure.until"), { exact: true }).fill(plus(today(), 50));
  await form.locator(".patients b").first().waitFor();
  const name = await form.locator(".patients b").first().innerText();
  await lock(page);
  await page.getByRole("heading", { name: office("unlock.title") }).waitFor();
  assert.ok(!(await opened(page)).includes(name));
  await unlock(page, dentist.sign_ins[0].password);
  await form.getByText(name).first().waitFor();
  assert.equal(await form.getByLabel(t("closure.reason")).inputValue(), "Fortbildung");
  await page.getByRole("button", { name: t("cancel"), exact: true }).last().click();
});

test("an absence lists who is booked in it, with the phone, before and after saving", async () => {
  const { page } = owner;
  const { person, day } = await booking(dentist.patients, "Kontrolle", { phone: "0721 000199" });
  await openSetup(page, "closures");
  await page.locator("[data-add]").first().click();
  let form = editor(page);
  await form.getByLabel(t("closure.from"), { exact: true }).fill(day);
  await form.getByLabel(t("closure.until"), { exact: true }).fill(day);
  await form.getByLabel(t("closure.reason")).fill("Fortbildung");
  await form.locator(".patients").getByText(shownName(person)).waitFor();
  assert.equal(await form.locator(".patients li", { hasText: shownName(person) }).getByRole("link").getAttribute("href"), "tel:+49721000199");
  assert.equal((await save(page)).status, 409);
  await page.getByRole("dialog").getByText(shownName(person)).waitFor();
  assert.equal((await save(page, t("save.anyway"))).status, 200);

  const all = await rules(page);
  const closure = all.closures.find(({ reason }) => reason === "Fortbildung");
  await page.locator(".state.warn").first().waitFor();
  form = await edit(page, closure.id);
  await form.locator(".patients").getByText(shownName(person)).waitFor();
  const free = await slots(dentist.patients, serviceIn(all, "Kontrolle").id, "any", day, 1);
  assert.deepEqual(free, [], "nothing is offered on that day any more");
  await form.getByRole("button", { name: t("delete"), exact: true }).click();
  await until("the absence is gone", async () => (await rules(page)).closures.length === all.closures.length - 1);
});

test("two people change the same window: nobody's change is lost, and what both changed is asked", async () => {
  const { page } = owner;
  const other = await open({ viewport: desktop });
  await signIn(other.page, dentist);
  await openSetup(page, "windows");
  const all = await rules(page);
  const window = all.windows.find(({ from }) => from === "14:00");
  const form = await edit(page, window.id);

  await openSetup(other.page, "windows");
  const theirs = await edit(other.page, window.id);
  await theirs.getByLabel(t("window.name")).fill("Nachmittag");
  await theirs.getByLabel(t("window.until"), { exact: true }).fill("17:00");
  assert.equal((await save(other.page)).status, 200);
  await other.close();

  await form.getByLabel(t("window.lead_minutes"), { exact: true }).fill("3");
  await form.getByLabel(t("window.until"), { exact: true }).fill("16:00");
  assert.equal((await save(page)).status, 409);
  const notice = form.locator(".changed");
  await notice.getByText(t("changed.title")).waitFor();
  const said = await notice.innerText();
  for (const word of ["Nachmittag", t("window.name"), t("window.until")]) assert.ok(said.includes(word), said);
  assert.equal(await form.getByLabel(t("window.name")).inputValue(), "Nachmittag", "their change of another field is taken over");
  assert.equal(await form.getByLabel(t("window.until"), { exact: true }).inputValue(), "16:00", "one's own stays in the form");
  assert.equal((await rules(page)).windows.find(({ id }) => id === window.id).until, "17:00", "and nothing is overwritten yet");
  const answer = await save(page, t("save.mine"));
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  const now = (await rules(page)).windows.find(({ id }) => id === window.id);
  assert.deepEqual([now.name, now.until, now.lead_minutes], ["Nachmittag", "16:00", 180]);
});

test("a calendar's busy times take slots away, and no subject leaves the browser", async () => {
  const { page } = owner;
  const all = await rules(page);
  const [service, person] = [serviceIn(all, "Kontrolle"), personIn(all, "Herr Dr. Klein")];
  const free = await slots(dentist.patients, service.id, person.id, plus(today(), 2));
  const [taken] = free;
  const stamp = (instant) => new Date(instant).toISOString().replace(/[-:]|\.\d+/g, "");
  const ics = [
    "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Elsewhere//EN", "BEGIN:VEVENT", "UID:secret@example.org", `DTSTAMP:${stamp(Date.now())}`, `DTSTART:${stamp(taken.starts)}`, `DTEND:${stamp(taken.ends)}`,
    "SUMMARY:Gespräch mit Frau Geheim", "LOCATION:Geheimstraße 1", "END:VEVENT", "END:VCALENDAR", "",
  ].join("\r\n");
  await openSetup(page, "calendars");
  await page.locator("[data-add]").click();
  const form = editor(page);
  await form.locator("#calendar-resource").selectOption({ label: all.resources.find(({ id }) => id === person.resource).name });
  await form.locator("#calendar-file").setInputFiles({ name: "privat.ics", mimeType: "text/calendar", buffer: Buffer.from(ics) });
  await until("the name is suggested", async () => (await form.locator("#calendar-name").inputValue()) === "privat");
  const sent = owner.requests.length;
  assert.equal((await save(page, t("upload"))).status, 200);
  const [request] = owner.requests.slice(sent).filter(({ method }) => method === "PUT");
  assert.ok(request.body.includes("DTSTART") && !/Geheim|secret@/.test(request.body), request.body);
  const left = await slots(dentist.patients, service.id, person.id, plus(today(), 2));
  assert.ok(!left.some(({ starts }) => starts === taken.starts), "the time is taken");

  await page.getByRole("button", { name: t("delete.what", { what: "privat" }) }).click();
  await page.getByRole("dialog").getByRole("button", { name: t("delete"), exact: true }).click();
  await page.getByRole("button", { name: t("delete.what", { what: "privat" }) }).waitFor({ state: "detached" });
  assert.ok((await slots(dentist.patients, service.id, person.id, plus(today(), 2))).some(({ starts }) => starts === taken.starts), "and comes back");

  await page.locator("[data-add]").click();
  await form.locator("#calendar-file").setInputFiles({ name: "bild.ics", mimeType: "text/calendar", buffer: Buffer.from("<html>") });
  await form.getByText(t("upload.unknown")).waitFor();
  await page.getByRole("button", { name: t("cancel"), exact: true }).click();
});

/** oneDay is a calendar with one day of school holidays. */
function oneDay(day) {
  const stamp = (date) => date.replaceAll("-", "");
  return ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Elsewhere//EN", "BEGIN:VEVENT", "UID:1", "DTSTAMP:20260101T000000Z", `DTSTART;VALUE=DATE:${stamp(day)}`, `DTEND;VALUE=DATE:${stamp(plus(day, 1))}`, "SUMMARY:Probeferien", "END:VEVENT", "END:VCALENDAR", ""].join("\r\n");
}

/** otherHolidays puts one day in the place of the school holidays that the demo has, which may be now. */
async function otherHolidays(page, day) {
  const { version, calendars } = await rules(page);
  const { id, name, kind } = calendars.find((one) => one.kind === "school_holidays");
  const body = { version, outside: "keep", name, kind, format: "ics", content: oneDay(day) };
  const send = async ([id, body]) => (await fetch(`/api/v1/calendars/${id}`, { method: "PUT", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) })).status;
  assert.equal(await page.evaluate(send, [id, body]), 200);
}

test("school holidays that leave somebody outside are asked about, when they come and when they go", async () => {
  const { page } = owner;
  const { person, day, clock } = await booking(dentist.patients, "Kontrolle");
  await otherHolidays(page, plus(today(), 300));
  const all = await rules(page);
  const who = personIn(all, "Herr Dr. Klein");
  const window = all.windows.find((one) => one.practitioner === who.id && one.weekdays.includes(weekday(day)) && one.from <= clock && clock < one.until);
  const dependent = (school_holidays, version) => put(page, "windows", window.id, { version, outside: "keep", value: { ...window, school_holidays } });
  assert.equal((await dependent("not", all.version)).status, 200);
  await page.reload();
  await unlock(page, dentist.sign_ins[0].password);
  await openSetup(page, "calendars");
  await page.locator("[data-add]").click();
  const form = editor(page);
  await form.locator("#calendar-kind").selectOption("school_holidays");
  await form.locator("#calendar-file").setInputFiles({ name: "ferien.ics", mimeType: "text/calendar", buffer: Buffer.from(oneDay(day)) });
  await until("the name is suggested", async () => (await form.locator("#calendar-name").inputValue()) === "ferien");
  const before = (await rules(page)).version;
  assert.equal((await save(page, t("upload"))).status, 409);
  const dialog = page.getByRole("dialog");
  await dialog.getByText(shownName(person)).waitFor();
  await dialog.getByRole("button", { name: t("back"), exact: true }).click();
  assert.equal((await rules(page)).version, before, "nothing was saved");
  assert.equal((await save(page, t("upload"))).status, 409);
  const kept = await save(page, t("save.anyway"));
  assert.equal(kept.status, 200);
  assert.ok(kept.body.outside.some(({ starts }) => wall(starts).day === day && wall(starts).clock === clock), "and whom it leaves outside is said once more");

  // The other way round: a window for the holidays alone, and they go.
  assert.equal((await dependent("only", (await rules(page)).version)).status, 200);
  await page.reload();
  await unlock(page, dentist.sign_ins[0].password);
  await openSetup(page, "calendars");
  await page.getByRole("button", { name: t("delete.what", { what: "ferien" }), exact: true }).click();
  await dialog.getByRole("button", { name: t("delete"), exact: true }).click();
  await dialog.getByText(shownName(person)).waitFor();
  await dialog.getByRole("button", { name: t("delete.anyway"), exact: true }).click();
  await page.getByRole("button", { name: t("delete.what", { what: "ferien" }), exact: true }).waitFor({ state: "detached" });
  const now = await rules(page);
  assert.equal((await put(page, "windows", window.id, { version: now.version, outside: "keep", value: window })).status, 200);
  await page.reload();
  await unlock(page, dentist.sign_ins[0].password);
});

test("the week view offers exactly what the patients' page lists for the same person", async () => {
  const desk = await open({ viewport: { width: 1440, height: 1000 } });
  const { page } = desk;
  await signIn(page, practice);
  const all = await rules(page);
  const monday = nextMonday();
  await openSetup(page, "windows");
  const view = page.locator(".weekview");
  for (const [name, insurance, patients, age] of [
    ["Allgemeine Sprechstunde", "GKV", "new", 34],
    ["Allgemeine Sprechstunde", "PKV", "known", 70],
    ["Gesundheits-Check-up", "GKV", "new", 17],
  ]) {
    const service = serviceIn(all, name);
    const who = all.practitioners.find(({ id }) => service.practitioners.some((one) => one.id === id));
    if (await page.locator("#whose").isVisible()) await page.locator("#whose").selectOption(who.id);
    await view.getByLabel(t("week.service"), { exact: true }).selectOption(service.id);
    await view.getByLabel(t("week.insurance"), { exact: true }).selectOption(insurance);
    await view.getByLabel(t("week.patients"), { exact: true }).selectOption(patients);
    await view.getByLabel(t("week.age"), { exact: true }).fill(String(age));
    // The week of that Monday, whichever is shown first today.
    await page.getByRole("button", { name: t("week.this"), exact: true }).click();
    const heading = new Intl.DateTimeFormat("de", { timeZone: "UTC", weekday: "short", day: "numeric" }).format(new Date(`${monday}T12:00:00Z`)).replace(",", "");
    await view.locator(".lane h3").first().waitFor();
    if ((await view.locator(".lane h3").first().innerText()) !== heading) await page.getByRole("button", { name: t("week.forward"), exact: true }).click();
    await view.locator(".lane h3", { hasText: heading }).first().waitFor();

    const fits = ({ condition }) => {
      if ((condition.min_age ?? 0) > age || (condition.max_age ?? 200) < age) return false;
      const groups = condition.alternatives ?? [condition];
      return groups.some((one) => (one.insurance.length === 0 || one.insurance.includes(insurance)) && (one.patients === "all" || one.patients === patients));
    };
    const listed = (await slots(practice.patients, service.id, who.id, monday, 7)).filter(fits);
    const covers = ({ day, clock }, block) => block.day === day && block.from <= clock && clock < block.to;
    let offered;
    // The view may still show what it asked for before.
    await until("the week view is that of the patients", async () => {
      const lanes = await view.locator(".lane").evaluateAll((found) => found.map((lane) => [...lane.querySelectorAll(".offer")].map((block) => /^(\d\d:\d\d)–(\d\d:\d\d)/.exec(block.title).slice(1))));
      offered = lanes.flatMap((blocks, at) => blocks.map(([from, to]) => ({ day: plus(monday, at), from, to })));
      return listed.every((slot) => offered.some((block) => covers(slot, block))) && offered.every((block) => listed.some((slot) => covers(slot, block)));
    }).catch(() => undefined);
    for (const slot of listed) assert.ok(offered.some((block) => covers(slot, block)), `${name}: ${slot.day} ${slot.clock} is listed and not in the week view`);
    for (const block of offered) assert.ok(listed.some((slot) => covers(slot, block)), `${name}: ${JSON.stringify(block)} is in the week view and not listed`);
    if (service.step >= 15) await view.getByText(t("week.times", { count: listed.length })).waitFor();
  }

  // A block leads to the window that it comes from.
  const block = view.locator("button.offer, button.no").first();
  if (await block.count()) {
    await block.click();
    await editor(page).waitFor();
    await counts(page.locator("tr.picked"), 1);
  }

  const [preview] = await Promise.all([desk.context.waitForEvent("page"), view.getByRole("link", { name: new RegExp(`^${t("preview")}`) }).click()]);
  await preview.waitForLoadState();
  const address = new URL(preview.url());
  assert.equal(address.host, new URL(practice.patients).host);
  assert.equal(address.hash, "#as=GKV,new,17");
  await preview.close();
  await desk.close();
});

describe("every part of the setup", { concurrency: 1 }, () => {
  const sections = ["windows", "closures", "services", "quotas", "chains", "places", "calendars", "practice"];

  test("has no finding, is never wider than the screen, and opens with the keyboard", async () => {
    const { page } = owner;
    for (const section of sections) {
      await openSetup(page, section);
      await scan(page, `setup, ${section}`);
      const button = page.locator("[data-key], [data-add]").first();
      if ((await button.count()) === 0) continue;
      await button.focus();
      await page.keyboard.press("Enter");
      await editor(page).waitFor();
      if (section !== "practice") assert.equal(await page.evaluate(() => document.activeElement.tagName), "H2", section);
      const more = editor(page).locator("details.more summary");
      if (await more.count()) {
        await more.focus();
        if (!(await editor(page).locator("details.more").evaluate((one) => one.open))) await page.keyboard.press("Enter");
      }
      await scan(page, `setup, ${section}, editor`);
      await editor(page).getByRole("button", { name: t("cancel"), exact: true }).click();
      await until("the focus is back", () => page.evaluate(() => document.activeElement.matches("[data-key], [data-add]")));
    }
    await openSetup(page, "closures");
    await page.locator("#edit-days").click();
    await scan(page, "setup, holidays, editor");
    await page.getByRole("button", { name: t("cancel"), exact: true }).click();
  });

  test("a question and its answer have no finding either", async () => {
    const { page } = owner;
    await booking(dentist.patients, "Kontrolle");
    await openSetup(page, "closures");
    await page.locator("[data-add]").first().click();
    await editor(page).getByLabel(t("closure.until"), { exact: true }).fill(plus(today(), 50));
    assert.equal((await save(page)).status, 409);
    await page.getByRole("dialog").waitFor();
    await scan(page, "setup, appointments outside");
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.getByRole("button", { name: t("cancel"), exact: true }).last().click();
  });

  test("each form that is opened and saved unchanged changes nothing", async () => {
    const desk = await open({ viewport: { width: 1440, height: 1000 } });
    const { page } = desk;
    await signIn(page, practice);
    const before = await rules(page);
    for (const section of sections.filter((one) => one !== "calendars")) {
      await openSetup(page, section);
      const keys = section === "practice" ? [null] : await page.locator("[data-key]").evaluateAll((found) => found.map((one) => one.dataset.key));
      for (const key of keys.slice(0, 6)) {
        if (key) await edit(page, key);
        const { status, body } = await save(page);
        assert.equal(status, 200, `${section} ${key}: ${JSON.stringify(body)}`);
        if (key) await editor(page).waitFor({ state: "detached" });
        else await page.locator(".toast").getByText(t("saved")).waitFor();
      }
    }
    const after = await rules(page);
    assert.deepEqual({ ...after, version: 0 }, { ...before, version: 0 });
    await desk.close();
  });

  test("one of each kind can be made, and deleted again", async () => {
    const { page } = owner;
    const before = await rules(page);
    for (const [section, kind, label] of [
      ["services", "services", "service.name"],
      ["quotas", "quotas", "quota.name"],
      ["chains", "chains", "chain.name"],
      ["places", "practitioners", "practitioner.name"],
      ["places", "resources", "resource.name"],
    ]) {
      await openSetup(page, section);
      const list = page.locator(".cols", { has: page.getByRole("heading", { name: t(`kind.${kind}`), exact: true }) });
      await list.locator("[data-add]").click();
      await editor(page).getByLabel(t(label), { exact: true }).fill("Zum Test");
      const { status, body } = await save(page);
      assert.equal(status, 200, `${kind}: ${JSON.stringify(body)}`);
      const one = (await rules(page))[kind].find(({ name }) => name === "Zum Test");
      assert.ok(one, kind);
      await edit(page, one.id);
      await editor(page).getByRole("button", { name: t("delete"), exact: true }).click();
      await until(`${kind} is gone`, async () => !(await rules(page))[kind].some(({ name }) => name === "Zum Test"));
    }
    const after = await rules(page);
    assert.deepEqual({ ...after, version: 0 }, { ...before, version: 0 });
  });

  test("speaks English where the office does", async () => {
    const desk = await open({ viewport: desktop, locale: "en-GB" });
    const { page } = desk;
    const person = dentist.sign_ins[0];
    await page.goto(`${dentist.office}/?lang=en#setup/closures`);
    await page.locator("#email").fill(person.email);
    await page.locator("#password").fill(person.password);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: tables.setup.en["section.closures"] }).waitFor();
    for (const section of sections) {
      await page.goto(`${dentist.office}/?lang=en#setup/${section}`);
      await page.getByText(tables.setup.en[`section.${section}`]).first().waitFor();
      const text = await page.locator(".setup").innerText();
      assert.ok(!/\b[a-z]+\.[a-z_]+\b/.test(text.replace(/\S+@\S+|www\.\S+|\b\w+\.(de|example|org)\b/g, "")), `a key instead of its text in ${section}: ${text.match(/\b[a-z]+\.[a-z_]+\b/)}`);
    }
    await desk.close();
  });
});

test("how many may be booked beyond the usual is set where somebody is edited, and what is in use stays", async () => {
  const { page } = owner;
  const all = await rules(page);
  // Of those who booked above, somebody's appointment goes to the second place beyond the usual.
  const [who, occupation] = (await psql(demo, `select p.id || ' ' || o.appointment_id from occupation o
    join practitioner p on p.tenant_id = o.tenant_id and p.resource_id = o.resource_id
    where o.starts > now() + interval '10 minutes' and p.id in (${all.practitioners.map(({ id }) => `'${id.slice(4)}'`).join()}) limit 1`)).split(" ");
  const form = async () => {
    await openSetup(page, "places");
    await edit(page, `prc_${who}`);
    return editor(page).locator("#overflow");
  };
  const press = () => page.getByRole("button", { name: t("save"), exact: true }).last().click();
  const set = async (places) => {
    await (await form()).fill(String(places));
    await press();
    await editor(page).waitFor({ state: "detached" });
  };
  const sent = owner.requests.length;
  await (await form()).fill("21");
  await press();
  await editor(page).getByText(t("refused.malformed_overflow")).first().waitFor();
  assert.equal(owner.requests.slice(sent).filter(({ method }) => method === "PUT").length, 0);
  await set(2);
  assert.equal(await (await form()).inputValue(), "2");
  const place = (unit) => psql(demo, `update occupation set unit = ${unit} where appointment_id = '${occupation}'`);
  await place("(select capacity + 2 from resource r where r.id = resource_id)");
  await page.reload();
  await unlock(page, dentist.sign_ins.find(({ role }) => role === "owner").password);
  const field = await form();
  await editor(page).getByText(t("overflow.used", { count: 2 })).waitFor();
  await field.fill("1");
  await press();
  await editor(page).getByText(t("refused.overflow_in_use")).first().waitFor();
  await scan(page, "overflow in use");
  await look(page, "overflow");
  await place(1);
  await page.getByRole("button", { name: t("cancel"), exact: true }).click();
  await set(0);
});

test("the front desk sees the rules, cannot change them, and may enter absences", async () => {
  const desk = await open({ viewport: desktop });
  const { page } = desk;
  await signIn(page, dentist, "front_desk");
  await openSetup(page, "windows");
  await page.getByText(t("readonly")).waitFor();
  assert.equal(await page.locator("[data-add]").count(), 0);
  const all = await rules(page);
  await edit(page, all.windows[0].id);
  assert.equal(await page.getByRole("button", { name: t("save"), exact: true }).count(), 0);
  assert.ok(await editor(page).locator("select").first().isDisabled());
  const refused = await put(page, "windows", all.windows[0].id, { version: all.version, outside: "keep", value: all.windows[0] });
  assert.equal(refused.status, 403, "and the server says the same");

  await openSetup(page, "closures");
  await page.getByText(t("readonly.closures")).waitFor();
  assert.equal(await page.locator("#edit-days").count(), 0);
  await page.locator("[data-add]").click();
  const form = editor(page);
  await form.getByLabel(t("closure.from"), { exact: true }).fill(plus(today(), 300));
  await form.getByLabel(t("closure.until"), { exact: true }).fill(plus(today(), 300));
  await form.getByLabel(t("closure.reason")).fill("Inventur");
  assert.equal((await save(page)).status, 200);
  await page.getByText("Inventur").waitFor();
  await desk.close();
});

test("no page broke the content security policy, threw, or opened a dialog", () => {
  for (const { complaints } of visits) assert.deepEqual(complaints, []);
});
