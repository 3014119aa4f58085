import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import ICAL from "ical.js";
import { scan } from "./lib/axe.mjs";
import { desktop, launch, phone, visit } from "./lib/browser.mjs";
import { folder, start } from "./lib/demo.mjs";
import { signIn } from "./lib/desk.mjs";
import { ask } from "./lib/http.mjs";
import { book, someone } from "./lib/patient.mjs";
import { openSetup } from "./lib/setup.mjs";
import { look } from "./lib/shots.mjs";
import { psql } from "./lib/stores.mjs";
import { until } from "./lib/until.mjs";

// A connector from its code to its end; each test goes on where the one before
// it ended.

const words = JSON.parse(readFileSync(new URL("../app/src/i18n/office.connector.de.json", import.meta.url), "utf8"));
const hooks = JSON.parse(readFileSync(new URL("../app/src/i18n/hooks.de.json", import.meta.url), "utf8"));
const t = (key, params = {}) => words[key].replace(/\{([a-z_]+)\}/g, (whole, name) => params[name] ?? whole);
const binary = process.env.SIEGEL_BINARY ?? fileURLToPath(new URL("../../bin/siegel", import.meta.url));
const state = join(folder(), "state");
const file = join(state, "..", "termine.jsonl");

let demo, browser, practice, person, visitor, page, agent;

/** A system elsewhere, which keeps what it is told. */
const told = [];
const receiver = createServer((request, response) => {
  let body = "";
  request.on("data", (chunk) => (body += chunk));
  request.on("end", () => {
    told.push({ headers: request.headers, body, ...JSON.parse(body) });
    response.end();
  });
});
/** What the header has to be, by the text of Standard Webhooks. */
const signature = (secret, { headers, body }) =>
  `v1,${createHmac("sha256", Buffer.from(secret.replace("whsec_", ""), "base64")).update(`${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`).digest("base64")}`;
const press = (name, within = page) => within.getByRole("button", { name, exact: true }).click();

before(async () => {
  [demo, browser] = await Promise.all([start(), launch()]);
  practice = demo.practice("praxis-sonnenberg");
  visitor = await visit(browser, { viewport: desktop });
  page = visitor.page;
  await new Promise((resolve) => receiver.listen(0, "127.0.0.1", resolve));
});

after(async () => {
  agent?.kill("SIGKILL");
  receiver.closeAllConnections();
  receiver.close();
  await browser?.close();
  await demo?.drop();
});

const handed = () => (existsSync(file) ? readFileSync(file, "utf8").trim().split("\n").filter(Boolean).map((line) => JSON.parse(line)) : []);
const envelopes = async (id) => Number(await psql(demo, `select count(*) from envelope where booking_id = '${id}'`));
const keys = async (act) => {
  const dialog = page.getByRole("dialog");
  await dialog.locator("#key-password").fill(person.password);
  await dialog.getByRole("button", { name: act, exact: true }).click();
  await dialog.waitFor({ state: "detached" });
};

test("a code pairs, and six words that are the same hand over keys", async () => {
  person = await signIn(page, practice);
  await openSetup(page, "connector");
  await page.getByText(t("none")).waitFor();
  await scan(page, "systems without a connector");
  await page.getByRole("button", { name: t("pair"), exact: true }).click();
  const shown = page.locator(".paircode strong");
  await shown.waitFor();
  await look(page, "connector-code");
  mkdirSync(state, { recursive: true, mode: 0o700 });
  writeFileSync(join(state, "settings.json"), JSON.stringify({ status: "off", outlets: [{ kind: "jsonl", file }] }));
  const { stdout } = await promisify(execFile)(binary, ["connector", "pair", "--state", state, practice.office, await shown.innerText()]);
  agent = spawn(binary, ["connector", "run", "--state", state], { stdio: "ignore" });
  await page.getByRole("button", { name: t("compare"), exact: true }).click();
  const list = page.getByRole("dialog").locator(".wordlist li");
  await list.first().waitFor();
  assert.match(stdout.replace(/\s+/g, " "), new RegExp((await list.allInnerTexts()).join(" ")));
  await scan(page, "the six words");
  await page.getByRole("dialog").getByRole("checkbox").check();
  await keys(t("compare.do"));
  await page.getByText(t("seen"), { exact: true }).waitFor();
});

test("what is forwarded is in the practice's file, and no envelope is left", async () => {
  const card = page.locator(".modes > li", { has: page.getByRole("heading", { name: t("mode.forward"), exact: true }) });
  await card.getByRole("button").click();
  await page.getByText(t("mode.said.forward")).waitFor();
  await scan(page, "systems with a connector");
  await look(page, "connector-active");
  const patient = await visit(browser, { viewport: phone });
  const someoneElse = someone();
  const { held } = await book(patient.page, demo, practice.patients, "Allgemeine Sprechstunde", someoneElse);
  await patient.close();
  const id = held.booking_id.slice(4);
  const got = await until("the booking is handed over", () => handed().find((one) => one.booking === id));
  assert.equal(`${got.family_name}, ${got.given_name}`, `${someoneElse.family}, ${someoneElse.given}`);
  await until("the envelope is gone", async () => (await envelopes(id)) === 0);
});

test("ended in one go: no token, new keys, and the practice book again", async () => {
  await openSetup(page, "connector");
  await page.getByRole("button", { name: t("end"), exact: true }).click();
  await keys(t("end.do"));
  await page.getByText(t("ended")).waitFor();
  assert.equal(await psql(demo, "select count(*) from forwarding"), "0");
  await until("the connector stops", () => agent.exitCode !== null);
  assert.notEqual(agent.exitCode, 0);
});

test("a system elsewhere is told of a booking, signed, with ids and times alone", async () => {
  await openSetup(page, "systems");
  await page.getByText(hooks.none).waitFor();
  await press(hooks.new);
  await page.locator("#hook-name").fill("Anzeige im Wartezimmer");
  await page.locator("#hook-url").fill(`http://127.0.0.1:${receiver.address().port}/hook`);
  await scan(page, "a new webhook");
  await look(page, "hook-new");
  await press(hooks.make, page.getByRole("dialog"));
  const secret = await page.getByRole("dialog", { name: hooks.secret }).locator("code").innerText();
  assert.match(secret, /^whsec_/);
  await press(hooks.done);
  await page.getByRole("button", { name: `${hooks.sent} Anzeige im Wartezimmer` }).click();
  await page.getByRole("button", { name: `${hooks.test} Anzeige im Wartezimmer` }).click();
  const probe = await until("the test arrives", () => told.find(({ type }) => type === "webhook.test"));
  assert.equal(probe.headers["webhook-signature"], signature(secret, probe));

  const patient = await visit(browser, { viewport: phone });
  const who = someone();
  const { held } = await book(patient.page, demo, practice.patients, "Allgemeine Sprechstunde", who);
  await patient.close();
  const booked = await until("the booking arrives", () => told.find(({ type, data }) => type === "appointment.booked" && data.booking === held.booking_id));
  assert.equal(booked.headers["webhook-signature"], signature(secret, booked));
  await until("the inbox is told of too", () => told.find(({ type, data }) => type === "inbox.new" && data.booking === held.booking_id));
  for (const { body } of told) for (const secretly of [who.family, who.given, "Sprechstunde"]) assert.ok(!body.includes(secretly), body);
  await press(hooks.reload);
  await page.locator(".log li.delivered", { hasText: hooks["event.appointment.booked"] }).waitFor();
  await scan(page, "what was sent");
  await look(page, "hooks");
  const before = told.length;
  await page.locator(".log li", { hasText: hooks["event.appointment.booked"] }).getByRole("button", { name: new RegExp(`^${hooks["sent.replay"]}`) }).click();
  const again = await until("it is sent once more", () => told.slice(before).find(({ type }) => type === booked.type));
  assert.equal(again.headers["webhook-id"], booked.headers["webhook-id"]);
});

test("a calendar program sees when somebody is busy, until the address is ended", async () => {
  // Somebody who was booked before.
  const name = await psql(demo, "select p.name from appointment a join practitioner p on p.tenant_id = a.tenant_id and p.id = a.practitioner_id where a.status = 'booked' limit 1");
  const card = page.locator(".feeds li").filter({ has: page.locator("b", { hasText: name }) });
  await card.getByRole("button", { name: new RegExp(`^${hooks["feeds.make"]}`) }).click();
  const address = await page.getByRole("dialog", { name: hooks["feeds.address"] }).locator("code").innerText();
  await look(page, "feed-address");
  await press(hooks.done);
  const answer = await ask(address, "");
  assert.equal(answer.status, 200);
  assert.match(answer.headers["content-type"], /^text\/calendar/);
  const { text } = answer;
  const calendar = new ICAL.Component(ICAL.parse(text));
  assert.equal(calendar.getFirstProperty("refresh-interval").getFirstValue().toString(), "PT15M");
  const events = calendar.getAllSubcomponents("vevent").map((one) => new ICAL.Event(one));
  assert.equal(events.length, Number(await psql(demo, `select count(*) from appointment a join practitioner p on p.tenant_id = a.tenant_id and p.id = a.practitioner_id
    where p.name = '${name}' and a.status in ('pending', 'booked', 'arrived', 'checked-in', 'fulfilled')
      and a.starts >= date_trunc('day', now() at time zone 'UTC') at time zone 'UTC' - interval '14 days'`)));
  assert.ok(events.length > 0);
  for (const { summary, description, location } of events) assert.deepEqual([summary, description, location], ["Belegt", null, null]);
  assert.ok(!text.includes(name));
  const same = await ask(address, "", { headers: { "if-none-match": answer.headers.etag } });
  assert.deepEqual([same.status, same.text], [304, ""]);

  await card.getByRole("button", { name: `${hooks.revoke} ${name}` }).click();
  await press(hooks.revoke, page.getByRole("dialog"));
  await card.getByText(hooks["feeds.off"]).waitFor();
  const said = async (url) => {
    const { status, headers, text } = await ask(url, "");
    return { status, type: headers["content-type"], text: text.replace(/"request_id":"[^"]*"/, "") };
  };
  const [ended, unknown] = [await said(address), await said(address.replace(/busy\/.{10}/, "busy/AAAAAAAAAA"))];
  assert.equal(ended.status, 404);
  assert.deepEqual(ended, unknown);
});
