// Customers in the office: two desks at once, from a booking to a record, rights
// by the patient's link, import and undo; and nothing of it in the clear.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { scan } from "./lib/axe.mjs";
import { launch, visit } from "./lib/browser.mjs";
import { start } from "./lib/demo.mjs";
import { lock, opened, openAgain, signIn } from "./lib/desk.mjs";
import { message } from "./lib/mailbox.mjs";
import { book, someone } from "./lib/patient.mjs";
import { Search } from "./lib/search.mjs";
import { look } from "./lib/shots.mjs";
import { psql, Redis, tables } from "./lib/stores.mjs";
import { until } from "./lib/until.mjs";
import { customers as t, de, office } from "./lib/words.mjs";

const canary = { text: `kqz${Math.random().toString(36).slice(2, 12)}vx` };
let demo, browser, practice, a, b, page;
const visits = [];

const open = async (options) => {
  const made = await visit(browser, { acceptDownloads: true, viewport: { width: 1280, height: 900 }, ...options });
  visits.push(made);
  return made;
};
const goTo = async (tab, called = "tab.patients") => {
  await tab.getByRole("navigation", { name: office("areas") }).getByRole("button", { name: office(called), exact: true }).click();
  await tab.locator("#person-find").waitFor();
};
const row = (tab, name) => tab.locator(".personrow").filter({ hasText: name });
const view = (tab, name) => tab.getByRole("button", { name: t(`view.${name}`), exact: true }).click();
const field = (tab, name) => tab.locator(`#edit-${name}`);
const save = (tab) => tab.getByRole("button", { name: t("save"), exact: true }).first().click();

before(async () => {
  [demo, browser] = await Promise.all([start(), launch()]);
  practice = demo.practice("praxis-sonnenberg");
  [a, b] = [await open(), await open()];
  page = a.page;
  await Promise.all([signIn(a.page, practice), signIn(b.page, practice, "front_desk")]);
  await Promise.all([goTo(a.page), goTo(b.page)]);
});

after(async () => {
  await browser?.close();
  await demo?.drop();
});

test("what one desk writes, the other sees; in between nobody could read it", async () => {
  await page.getByText(t("empty.medical")).waitFor();
  await look(page, "customers-empty");
  await page.getByRole("button", { name: t("add"), exact: true }).click();
  await save(page);
  await page.getByText(t("need.name")).waitFor();
  await field(page, "family_name").fill(`Übelhör-${canary.text}`);
  await field(page, "given_name").fill("Jörg");
  await field(page, "birth_date").fill("30.6.84");
  await field(page, "phone").fill("0721 555019");
  await field(page, "tags").fill(`Stammgast, ${canary.text}`);
  await save(page);
  await page.getByRole("heading", { name: /Übelhör/ }).waitFor();
  await page.locator("#person-note").fill(`Bitte zurückrufen ${canary.text}`);
  await page.getByRole("button", { name: t("notes.add") }).click();
  await page.locator(".plainlist").getByText("Bitte zurückrufen").waitFor();
  await row(b.page, "Übelhör").click();
  await b.page.locator(".plainlist").getByText("Bitte zurückrufen").waitFor();
  for (const query of ["uebelhoer", "joerg ubel", "30.6.1984", "0721 555", `#${canary.text.slice(0, 6)}`]) {
    await b.page.locator("#person-find").fill(query);
    await row(b.page, "Übelhör").waitFor();
  }
  await b.page.locator("#person-find").fill("niemand");
  await b.page.getByText(t("found", { count: 0 })).waitFor();
  await b.page.locator("#person-find").fill("");
  await look(page, "customers-card");
  await scan(page, "a customer");
});

test("two desks change the same at once: the second sees both and chooses, and other fields of both stay", async () => {
  for (const tab of [a.page, b.page]) {
    await row(tab, "Übelhör").click();
    await tab.getByRole("button", { name: t("edit"), exact: true }).click();
  }
  await field(a.page, "phone").fill("0721 111111");
  await field(a.page, "city").fill("Karlsruhe");
  await field(b.page, "phone").fill("0721 222222");
  await field(b.page, "street").fill("Am Berg 1");
  await save(a.page);
  await a.page.getByRole("link", { name: "0721 111111" }).waitFor();
  await save(b.page);
  await b.page.getByRole("heading", { name: t("conflict.title") }).waitFor();
  await b.page.locator(".versions").getByText("0721 111111").waitFor();
  await look(b.page, "customers-conflict");
  await scan(b.page, "a conflict");
  await b.page.getByRole("radio", { name: /0721 222222/ }).check();
  await b.page.getByRole("button", { name: t("conflict.save") }).click();
  for (const tab of [a.page, b.page]) {
    await tab.getByRole("link", { name: "0721 222222" }).waitFor();
    await tab.getByText("Am Berg 1, Karlsruhe").waitFor();
  }
});

test("a record is nowhere in rows, Redis and logs, and locking takes it from the screen", async () => {
  const redis = await Redis.open(demo);
  const places = { rows: new Search(canary), Redis: new Search(canary), logs: new Search(canary) };
  const customers = new Search({ id: "cus_" });
  for (const table of await tables(demo)) places.rows.in(Buffer.from(await psql(demo, `select t::text from "${table}" t`)), table);
  for (const { key, bytes } of await redis.everything()) places.Redis.in(bytes, key);
  places.logs.in(demo.logged(), "stdout and stderr");
  redis.close();
  for (const [place, search] of Object.entries(places)) assert.deepEqual(search.report(), [], place);
  // The search works: the audit trail names the record by its id.
  customers.in(Buffer.from(await psql(demo, "select t::text from audit_entry t")), "audit");
  assert.ok(customers.names.includes("id"));
  for (const { requests } of visits) for (const { body, url } of requests) assert.ok(!body.includes(canary.text) && !url.includes(canary.text));
  await lock(page);
  await page.locator("#unlock-password").waitFor();
  assert.ok(!(await opened(page)).includes(canary.text));
  await openAgain(page, practice.sign_ins.find(({ role }) => role === "owner").password);
  await row(page, "Übelhör").waitFor();
});

test("who agreed and was not here for long is asked to come again, once; the server learns neither whom nor why", async () => {
  const mail = `jorg.${canary.text}@example.org`;
  await row(page, "Übelhör").click();
  await page.getByRole("button", { name: t("edit"), exact: true }).click();
  await field(page, "email").fill(mail);
  await save(page);
  await page.getByText(t("consents.add"), { exact: true }).click();
  await page.locator("#person-how").fill("Formular");
  await page.locator("form:has(#person-consent) button").click();
  await page.locator(".personcard li").filter({ hasText: t("consent.recall") }).waitFor();
  await view(page, "recall");
  await page.locator("#recall-tag").selectOption("Stammgast");
  const find = page.getByRole("button", { name: t("recall.look"), exact: true });
  await find.click();
  await page.getByText(t("recall.found", { count: 1 })).waitFor();
  await page.getByRole("button", { name: t("recall.send", { count: 1 }) }).click();
  await scan(page, "recall");
  await look(page, "customers-recall");
  await page.getByRole("button", { name: t("recall.yes"), exact: true }).click();
  await page.getByText(t("recall.sent", { count: 1 })).waitFor();
  const told = await message(demo, mail);
  assert.match(told.text, /nächsten Termin|neuer Termin/);
  assert.ok(!/Übelhör|Jörg|Stammgast/.test(told.subject + told.text) && told.text.includes(practice.patients), told.text);
  const { body } = a.requests.find(({ url }) => url.endsWith("/api/v1/recalls"));
  assert.deepEqual(JSON.parse(body), { channel: "mail", address: mail, language: "de" });
  for (const table of await tables(demo)) assert.ok(!(await psql(demo, `select t::text from "${table}" t`)).includes(mail), table);
  await find.click();
  await page.getByText(t("recall.found", { count: 0 })).waitFor();
  await view(page, "list");
});

test("a booking becomes a record in one click, and the next one is recognised", async () => {
  const person = someone({ given: "Zoë", family: `Groß-${canary.text.slice(0, 5)}` });
  const first = await open({ viewport: { width: 390, height: 844 } });
  await book(first.page, demo, practice.patients, "Impfung", person, { answers: [de("insurance.GKV")] });
  const known = () => page.locator(".knownhint");
  const show = async (given, family) => {
    await page.getByRole("navigation", { name: office("areas") }).getByRole("button", { name: office("title.open"), exact: true }).click();
    await page.getByRole("button", { name: `${office("inbox.open")} ${family}, ${given}`, exact: true }).click();
    await known().waitFor();
  };
  await show(person.given, person.family);
  await known().getByRole("button", { name: t("known.add_medical") }).click();
  await known().getByText(t("known.linked")).waitFor();
  // The other way round, and umlauts as they are typed abroad.
  const again = { ...person, given: person.family.replace("ß", "ss"), family: "Zoe", mail: `zweite.${person.mail}` };
  const second = await open({ viewport: { width: 390, height: 844 } });
  await book(second.page, demo, practice.patients, "Impfung", again, { answers: [de("insurance.GKV")] });
  await show(again.given, again.family);
  await known().getByText(t("known.same")).waitFor();
  await look(page, "customers-known");
  await known().getByRole("button", { name: t("known.join") }).click();
  await known().getByText(t("known.linked")).waitFor();

  // By telephone, from the record.
  await known().getByRole("button", { name: t("known.open") }).click();
  await page.getByRole("heading", { name: new RegExp(person.family) }).waitFor();
  await page.getByRole("button", { name: t("book"), exact: true }).click();
  await page.locator("#panel [id$=-family]").waitFor();
  assert.equal(await page.locator("#panel [id$=-family]").inputValue(), person.family);
  await page.keyboard.press("Escape");
  await page.keyboard.press("n");
  await page.keyboard.type("uebelhoer");
  await page.getByRole("option", { name: /Übelhör/ }).waitFor();
  await page.keyboard.press("Escape");

  // What the person asks by the link: sealed on the way, and objecting acts at once.
  await first.page.getByRole("button", { name: de("rights.open") }).click();
  await scan(first.page, "rights by the link");
  await look(first.page, "rights-link");
  await first.page.getByRole("radio", { name: de("rights.rectification") }).check();
  await first.page.getByLabel(de("rights.field_phone")).fill("0721 987654");
  await first.page.getByLabel(de("rights.words")).fill(`Neue Nummer ${canary.text}`);
  await first.page.getByRole("button", { name: de("rights.send") }).click();
  await first.page.getByText(de("rights.sent", { practice: "Praxis Sonnenberg" })).waitFor();
  assert.ok(!first.requests.some(({ body }) => body.includes(canary.text)));
  await goTo(page);
  await view(page, "requests");
  await page.locator(".personrow").filter({ hasText: t("kind.rectification") }).click();
  await page.locator(".askedlist ins", { hasText: "0721 987654" }).waitFor();
  await look(page, "customers-request");
  await scan(page, "a request");
  await page.getByRole("button", { name: t("do.rectification") }).click();
  await page.getByText(t("did.rectification")).waitFor();
  await page.getByRole("button", { name: t("requests.done"), exact: true }).click();
  await page.locator(".personrow").getByText(t("status_of.done")).waitFor();
  await view(page, "list");
  await row(page, person.family).click();
  await page.getByRole("link", { name: "0721 987654" }).waitFor();
});

test("many come in only once the owner has switched it on, and all of them can be taken back", async () => {
  await view(page, "bring");
  await page.getByText(t("bring.off_why")).waitFor();
  await view(page, "fields");
  await page.getByRole("button", { name: t("switch.turn_on") }).click();
  await page.getByText(t("switch.on")).waitFor();
  await look(page, "customers-fields");
  await view(page, "bring");
  const file = `Nachname;Vorname;Geburtsdatum;Telefon\nEins;Anna;1.2.1990;0721 1\n"=HYPERLINK(""x"")";Otto;;\nUebelhoer-${canary.text};Joerg;30.06.1984;\n;;;\n`;
  await page.locator("#bring-file").setInputFiles({ name: "liste.csv", mimeType: "text/csv", buffer: Buffer.from(file) });
  await page.getByText(t("bring.counts", { all: 3, known: 1, nameless: 0, odd: 0 })).waitFor();
  await look(page, "customers-import");
  await scan(page, "an import");
  await page.getByRole("button", { name: t("bring.do", { count: 2 }) }).click();
  await page.getByText(t("bring.done", { count: 2 })).waitFor();
  const csv = page.waitForEvent("download");
  await page.getByRole("button", { name: t("take.csv") }).click();
  const { readFileSync } = await import("node:fs");
  assert.match(readFileSync(await (await csv).path(), "utf8"), /"'=HYPERLINK\(""x""\)"/);
  await page.getByRole("button", { name: t("undo") }).click();
  await page.getByText(t("bring.undone", { count: 2, kept: 0 })).waitFor();
  await view(page, "list");
  await page.getByText(t("found", { count: 2 })).waitFor();
  await until("the switch is in the trail", async () => (await psql(demo, "select count(*) from audit_entry where act = 'customer.allow_import'")) === "1");
});

test("two records of one person become one, with the consents, household and recipients of both", async () => {
  const card = page.locator(".personcard");
  await page.getByRole("button", { name: t("add"), exact: true }).click();
  await field(page, "family_name").fill(`Übelhör-${canary.text}`);
  await field(page, "given_name").fill("Jörg");
  await field(page, "birth_date").fill("30.6.84");
  await field(page, "phone").fill("0721 333");
  await save(page);
  await card.getByText(t("consents.none")).waitFor();
  await card.getByText(t("consents.add"), { exact: true }).click();
  await page.locator("#person-consent").selectOption("news");
  await page.locator("form:has(#person-consent) button").click();
  await card.locator("li").filter({ hasText: t("consent.news") }).waitFor();
  await card.getByText(t("recipients.add"), { exact: true }).click();
  await page.locator("#person-recipient").fill(`Labor ${canary.text}`);
  await page.locator("#person-reach").fill("0721 444");
  await page.locator("form:has(#person-recipient) button").click();
  await card.locator("li").filter({ hasText: `Labor ${canary.text}` }).waitFor();
  await card.getByText(t("household.add"), { exact: true }).click();
  await page.locator("#person-member").fill("Groß");
  await card.getByRole("button", { name: /Groß/ }).click();
  await card.locator("li").getByRole("button", { name: /Groß/ }).waitFor();
  assert.equal(await page.locator("#person-document").count(), 0, "a medical practice is offered documents");

  await view(page, "twice");
  await page.getByRole("button", { name: t("twice.compare") }).click();
  await page.getByRole("button", { name: t("twice.merge"), exact: true }).waitFor();
  await scan(page, "two records that may be one person's");
  await page.getByRole("button", { name: t("twice.merge"), exact: true }).click();
  await page.getByText(t("undo.merged")).waitFor();
  await view(page, "list");
  await row(page, "Übelhör").click();
  for (const [kind, there] of [["recall", "Formular"], ["news", t("consent.news")]]) await card.locator("li").filter({ hasText: t(`consent.${kind}`) }).filter({ hasText: there }).waitFor();
  await card.locator("li").getByRole("button", { name: /Groß/ }).waitFor();
  // Whom it was given to is told when it goes (Art. 19 GDPR).
  await page.getByRole("button", { name: t("erase"), exact: true }).click();
  await page.getByRole("dialog").getByText(t("erase.tell")).waitFor();
  await page.getByRole("dialog").getByText(`Labor ${canary.text}, 0721 444`).waitFor();
  await page.getByRole("dialog").getByRole("button", { name: t("cancel"), exact: true }).click();
  // From the other side of the household, at the other desk.
  await row(b.page, "Groß").click();
  await b.page.locator(".personcard li").getByRole("button", { name: /Übelhör/ }).waitFor();
});

test("documents are for other trades, sealed with their names, and come back as they went", async () => {
  const tab = b.page;
  const card = tab.locator(".personcard");
  const tenant = await psql(demo, "select id from tenant where slug = 'praxis-sonnenberg'");
  const customer = await psql(demo, `select id from customer where tenant_id = '${tenant}' and ciphertext is not null and id <> tenant_id limit 1`);
  const ciphertext = Buffer.alloc(12 + 16384 + 16).toString("base64url");
  const refused = await tab.evaluate(async (body) => (await fetch("/api/v1/files", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) })).json(), { id: `fil_${customer}`, customer: `cus_${customer}`, epoch: 1, ciphertext });
  assert.equal(refused.reason, "files_off");

  await psql(demo, `update business set specialty = 'hairdresser' where tenant_id = '${tenant}'`);
  await until("the trade is another one", () => tab.evaluate(async () => !(await (await fetch("/api/v1/customers/settings")).json()).medical));
  await tab.reload();
  await openAgain(tab, practice.sign_ins.find(({ role }) => role === "front_desk").password);
  await goTo(tab, "tab.customers");
  await row(tab, "Übelhör").click();
  const name = `Angebot ${canary.text}.html`;
  const buffer = Buffer.from(`<script>${canary.text}</script> `.repeat(2000));
  const put = async (as) => {
    await tab.locator("#person-document").setInputFiles({ name: as, mimeType: "text/html", buffer });
    await card.getByText(t("documents.added", { name: as })).waitFor();
  };
  await put(name);
  await put("zweites.txt");
  await tab.locator("#person-document").scrollIntoViewIfNeeded();
  await look(tab, "customers-documents");
  await scan(tab, "documents");
  // The other desk has it too; it is saved, never shown.
  const there = page.locator(".personcard li").filter({ hasText: name });
  const saving = page.waitForEvent("download");
  await there.getByRole("button", { name: new RegExp(`^${t("documents.save")}`) }).click();
  const saved = await saving;
  assert.equal(saved.suggestedFilename(), name);
  const { readFileSync } = await import("node:fs");
  assert.deepEqual(readFileSync(await saved.path()), buffer);
  // On the way and where it lies nobody could read it.
  const sent = b.requests.filter(({ url }) => url.includes("/api/v1/files"));
  assert.ok(sent.length >= 2 && sent.every(({ body, url }) => !body.includes(canary.text) && !url.includes(canary.text)));
  const rows = (await psql(demo, "select encode(ciphertext, 'hex') from customer_file")).split("\n").map((line) => Buffer.from(line, "hex"));
  assert.equal(rows.length, 2);
  for (const one of rows) assert.ok(one.length % 16384 === 28 && !one.includes(canary.text));
  await card.getByRole("button", { name: `${t("remove")} ${name}` }).click();
  await card.getByRole("button", { name: `${t("documents.remove.sure")} ${name}` }).click();
  await card.getByText(t("documents.removed", { name })).waitFor();
  await there.waitFor({ state: "detached" });
  assert.equal(await psql(demo, "select count(*) from customer_file"), "1");
  await psql(demo, `update business set specialty = 'general_practice' where tenant_id = '${tenant}'`);
});

test("who is erased is gone for every desk, and can be taken back for a while", async () => {
  await row(page, "Übelhör").click();
  await page.getByRole("button", { name: t("restrict.on") }).click();
  await row(b.page, "Übelhör").getByText(t("restricted")).waitFor();
  await page.getByRole("button", { name: t("erase"), exact: true }).click();
  await page.getByRole("dialog").getByText(t("erase.documents", { count: 1 })).waitFor();
  await page.getByRole("button", { name: t("erase.do") }).click();
  await until("it is gone there", async () => (await row(b.page, "Übelhör").count()) === 0);
  assert.equal(await psql(demo, "select count(*) from customer_file"), "0", "a document stayed without anybody");
  await page.locator(".undobar").getByRole("button", { name: t("undo") }).click();
  await row(b.page, "Übelhör").waitFor();
  assert.deepEqual(visits.flatMap(({ complaints }) => complaints), []);
});
