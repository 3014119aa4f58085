// What the office decides about: requests that wait for it, and answers that do
// not fit the hours they were booked in.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import { scan } from "./lib/axe.mjs";
import { desktop, launch, phone, visit } from "./lib/browser.mjs";
import { start } from "./lib/demo.mjs";
import { appointments, signIn } from "./lib/desk.mjs";
import { ask, b64, slots } from "./lib/http.mjs";
import { linkIn, message } from "./lib/mailbox.mjs";
import { begin, book, list, request, someone } from "./lib/patient.mjs";
import { look } from "./lib/shots.mjs";
import { psql, Redis } from "./lib/stores.mjs";
import { until } from "./lib/until.mjs";
import { de, desk as words, office as t, reach, waiting } from "./lib/words.mjs";

let demo, browser, practice, desk;
const service = "Allgemeine Sprechstunde";
const answers = () => [de("insurance.GKV"), de("ask.no")];
/** rule changes what the practice offers behind the server's back, and waits until `seen` is true of the service there: for a moment the server remembers it as it was. */
async function rule(set, seen) {
  await psql(demo, `update service set ${set} where name = '${service}'; update practice set version = version + 1 where name = 'Praxis Sonnenberg'`);
  await until("the practice offers it so", async () => seen((await ask(practice.patients, "/api/v1/practice")).json.services.find(({ name }) => name === service)));
}
const shown = ({ family, given }) => `${family}, ${given}`;
const pressed = (page, what, person) => page.getByRole("button", { name: `${what} ${shown(person)}`, exact: true });

before(async () => {
  [demo, browser] = await Promise.all([start({ ahead: true }), launch()]);
  practice = demo.practice("praxis-sonnenberg");
});

after(async () => {
  await browser?.close();
  await demo?.drop();
});

/** worked is the proof that a machine has done some work, for a word to the practice. */
async function worked(base) {
  const { maxnumber, ...puzzle } = (await ask(base, "/api/v1/challenge?for=word")).json;
  const hash = (number) => createHash("sha256").update(puzzle.salt + number).digest("hex");
  let number = 0;
  while (hash(number) !== puzzle.challenge && number <= maxnumber) number++;
  return { ...puzzle, number };
}

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
  await rule("patients = 'known', insurance = '{PKV}', min_age = 60", ({ patients }) => patients === "known");
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
  await rule("patients = 'all', insurance = '{}', min_age = null, by_staff = true", ({ confirmation }) => confirmation === "by_staff");
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

test("a request that nobody answers lapses: its time is free, and whoever has the office open tells the patient by itself", async () => {
  const person = someone();
  const visitor = await asked(person);
  const id = visitor.appointment.slice("apt_".length);
  await visitor.page.getByText(de("requested.until").split(" {")[0]).waitFor();
  await scan(visitor.page, "a request, with its end");
  await look(visitor.page, "request-until");
  await until("the office has it", async () => (await pressed(desk.page, t("inbox.accept"), person).count()) === 1);
  await psql(demo, `update appointment set answer_until = now() where id = '${id}'; update outbox set run_at = now() where kind = 'request_lapse' and ref = (select booking_id::text from appointment where id = '${id}')`);
  await until("it has lapsed", async () => (await psql(demo, `select cancelled_by from appointment where id = '${id}'`)) === "lapsed");
  assert.equal(await psql(demo, `select count(*) from occupation where appointment_id = '${id}'`), "0", "its time is free again");
  const told = await message(demo, person.mail, 3);
  assert.match(told.subject, /verfallen/);
  assert.ok(!(told.subject + told.text).includes(person.family) && !(told.subject + told.text).includes(service), "it says neither who nor what for");
  await until("it has left the inbox", async () => (await pressed(desk.page, t("inbox.accept"), person).count()) === 0);
  await visitor.page.reload();
  await visitor.page.getByRole("heading", { name: de("lapsed.title") }).first().waitFor();
  await scan(visitor.page, "a lapsed request");
  await look(visitor.page, "request-lapsed");
  await visitor.close();
  assert.deepEqual(desk.complaints, []);
});

test("a line and the wish to be called are read at the desk alone, and ticked off", async () => {
  const visitor = await visit(browser, { viewport: phone });
  await book(visitor.page, demo, practice.patients, "Impfung", someone(), { answers: answers() });
  const words = `Ich komme mit Rollator. ${randomBytes(4).toString("hex")}`;
  await visitor.page.getByRole("button", { name: waiting("line.open"), exact: true }).click();
  await visitor.page.locator("#line-text").fill(words);
  await scan(visitor.page, "a line");
  await look(visitor.page, "line");
  await visitor.page.getByRole("button", { name: waiting("line.yes"), exact: true }).click();
  await visitor.page.getByText(waiting("line.done")).waitFor();

  const caller = `Erika ${randomBytes(4).toString("hex")}`;
  await begin(visitor.page, practice.patients, "Impfung", { answers: answers() });
  await list(visitor.page);
  await visitor.page.getByRole("button", { name: waiting("ways.wait"), exact: true }).click();
  await visitor.page.getByRole("heading", { name: waiting("wait.title") }).waitFor();
  await scan(visitor.page, "a wish for the waiting list");
  await look(visitor.page, "wait");
  await visitor.page.getByRole("button", { name: waiting("ways.call"), exact: true }).click();
  await visitor.page.locator("#call-name").fill(caller);
  await visitor.page.locator("#call-phone").fill("07243 555019");
  await scan(visitor.page, "the wish to be called");
  await look(visitor.page, "call-back");
  await visitor.page.getByRole("button", { name: waiting("call_back.yes"), exact: true }).click();
  await visitor.page.locator("#call-done").waitFor();
  for (const { body } of visitor.requests) assert.ok(!body.includes(words) && !body.includes(caller), "it leaves the browser sealed");
  await visitor.close();

  const calls = desk.page.locator("section[aria-labelledby=calls-title]");
  for (const text of [words, caller]) await calls.getByText(text).first().waitFor();
  await scan(desk.page, "the desk, with calls to make");
  await look(desk.page, "desk-calls");
  await calls.getByRole("button", { name: `${reach("calls.done")} ${caller}` }).click();
  await until("it is ticked off", async () => (await psql(demo, "select count(*) from communication where done is not null")) === "1");
  await until("it is among what is done", async () => (await calls.getByText(caller).count()) === 0);
  await calls.getByRole("button", { name: reach("calls.finished", { count: 1 }) }).click();
  await calls.getByText(caller).first().waitFor();
  assert.deepEqual([...visitor.complaints, ...desk.complaints], []);
});

test("every kind of mailed link, open for ten seconds with scripts running, changes nothing", async () => {
  const base = practice.patients;
  const linkOf = ({ text }) => /https?:\/\/\S+#[\w.-]+/.exec(text)[0];
  const [unconfirmed, booked, requested, proposed, waits, offered] = Array.from({ length: 6 }, () => someone());
  const visitor = await visit(browser, { viewport: phone });
  await request(visitor.page, base, "Impfung", unconfirmed, { answers: answers() });
  const { booked: made } = await book(visitor.page, demo, base, "Impfung", booked, { answers: answers() });
  await visitor.close();
  await (await asked(requested)).close();
  const other = await asked(proposed);
  await other.close();
  const here = (await ask(base, "/api/v1/practice")).json;
  const free = (await slots(base, here.services.find(({ name }) => name === service).id)).at(-1);
  const status = await desk.page.evaluate(async ([id, times]) => {
    const answer = await fetch(`/api/v1/appointments/${id}/propose`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ times, hours: 48 }) });
    return (await answer.json()).status;
  }, [other.appointment, [{ service: here.services.find(({ name }) => name === service).id, practitioner: free.practitioner, location: free.location, starts: free.starts }]]);
  assert.equal(status, "proposed");
  for (const person of [waits, offered]) {
    const secret = randomBytes(16);
    person.secret = b64(secret);
    const body = {
      service: here.services.find(({ name }) => name === "Impfung").id, channel: "mail", address: person.mail, language: "de", version: "2026-11",
      until: new Date(Date.now() + 20 * 86_400_000).toISOString().slice(0, 10), secret: person.secret, secret_hash: b64(createHash("sha256").update(secret).digest()), proof: await worked(base),
    };
    const { status } = await ask(base, "/api/v1/waiting/ask", { body });
    assert.equal(status, 202);
  }
  const asks = linkOf(await message(demo, offered.mail));
  await ask(base, "/api/v1/waiting/confirm", { body: { secret: offered.secret, code: asks.split(".").at(-1) } });
  const links = {
    confirm: linkOf(await message(demo, unconfirmed.mail)),
    booked: linkOf(await message(demo, booked.mail, 2)),
    requested: linkOf(await message(demo, requested.mail, 2)),
    proposed: linkOf(await message(demo, proposed.mail, 2)),
    "waiting, to confirm": linkOf(await message(demo, waits.mail)),
    "waiting, an offer": linkOf(await message(demo, offered.mail, 2)),
  };
  links.move = `${base}/#move=${new URL(links.booked).hash.slice(1)}`;
  assert.ok(new URL(links.confirm).pathname === "/confirm" && new URL(links["waiting, an offer"]).pathname === "/waiting", JSON.stringify(links));
  assert.equal(made.status, "booked");

  await until("the office and the outbox have done their work", async () =>
    (await psql(demo, "select (select count(*) from envelope e join appointment a on a.id = e.appointment_id where a.status in ('booked', 'pending', 'proposed')) + (select count(*) from outbox where status = 'waiting' and run_at < now() + interval '30 seconds')")) === "0");
  const redis = await Redis.open(demo);
  const stored = async () => {
    const rows = {};
    for (const table of ["appointment", "occupation", "envelope", "card", "patient_copy", "proposal", "quota_use", "reminder", "reminder_consent", "waiting", "waiting_consent", "waiting_offer", "communication", "outbox"]) {
      rows[table] = await psql(demo, `select md5(coalesce(string_agg(t::text, '' order by t::text), '')) from ${table} t`);
    }
    const keys = (await redis.everything()).filter(({ key }) => /:(pending|held|hold|asked|released|receipt):/.test(key));
    assert.ok(keys.length > 1, "Redis holds what waits to be confirmed");
    return { rows, keys: keys.map(({ key, bytes }) => `${key} ${createHash("sha256").update(bytes).digest("hex")}`).sort() };
  };
  const before = await stored();
  const tabs = await visit(browser, { viewport: phone });
  await Promise.all(Object.entries(links).map(async ([name, link]) => {
    const page = await tabs.context.newPage();
    await page.goto(link);
    await page.locator("h1").first().waitFor();
    assert.ok(!(await page.locator("h1").first().innerText()).includes(de("gone.title")), name);
    if (name.startsWith("waiting")) await look(page, name.replace(", ", "-").replaceAll(" ", "-"));
  }));
  await tabs.page.waitForTimeout(10_000);
  assert.deepEqual(await stored(), before);
  assert.deepEqual(tabs.complaints, []);
  await tabs.close();
  redis.close();
});

test("the front desk decides as well", async () => {
  const visitor = await asked(someone());
  await visitor.close();
  const open = Number(await psql(demo, "select count(*) from appointment where status = 'pending'"));
  const front = await visit(browser, { viewport: desktop });
  await signIn(front.page, practice, "front_desk");
  await front.page.locator(".inbox > li").first().waitFor();
  // The front desk decides like the owner: it is they who answer the telephone.
  await front.page.getByRole("button", { name: new RegExp(`^${t("inbox.accept")}`) }).first().click();
  await until("it is accepted", async () => Number(await psql(demo, "select count(*) from appointment where status = 'pending'")) < open);
  await front.close();
});
