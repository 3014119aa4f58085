import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";
import { scan } from "./lib/axe.mjs";
import { desktop, launch, visit } from "./lib/browser.mjs";
import { start } from "./lib/demo.mjs";
import { messages } from "./lib/mailbox.mjs";
import { look } from "./lib/shots.mjs";
import { psql } from "./lib/stores.mjs";
import { counts, until } from "./lib/until.mjs";

let demo, browser, admin, secret;
const visits = [];
const words = (name) => JSON.parse(readFileSync(new URL(`../app/src/i18n/${name}.de.json`, import.meta.url), "utf8"));
const hooks = JSON.parse(readFileSync(new URL("../app/src/i18n/hooks.de.json", import.meta.url), "utf8"));

/** The reseller's own system, which keeps what it is told. */
const told = [];
const receiver = createServer((request, response) => {
  let body = "";
  request.on("data", (chunk) => (body += chunk));
  request.on("end", () => {
    told.push({ headers: request.headers, body, ...JSON.parse(body) });
    response.end();
  });
});

/** totp is the code that an authenticator app shows (RFC 6238), by default the one after now: each code is taken once. */
function totp(secret, ahead = 0) {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...secret.replace(/=+$/, "")].map((letter) => alphabet.indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((octet) => Number.parseInt(octet, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + ahead));
  const mac = createHmac("sha1", key).update(counter).digest();
  return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

const person = (role) => demo.portal.sign_ins.find((one) => one.role === role);

/** enter signs somebody in to the portal, second factor and all. */
async function enter(role) {
  const visitor = await visit(browser, { viewport: { width: 1280, height: 900 } });
  visits.push(visitor);
  const { page } = visitor;
  const { email, password, totp_secret: secret } = person(role);
  await page.goto(demo.portal.url);
  await page.locator("input[type=email]").fill(email);
  await page.locator("input[type=password]").fill(password);
  await page.keyboard.press("Enter");
  const code = page.locator("input[autocomplete=one-time-code], input[inputmode=numeric]").first();
  await code.waitFor();
  await code.fill(totp(secret, 1));
  await page.keyboard.press("Enter");
  await page.locator(".portal .page h1").waitFor();
  return visitor;
}

before(async () => {
  await new Promise((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  [demo, browser] = await Promise.all([start(), launch()]);
  admin = await enter("reseller_admin");
});

after(async () => {
  for (const { complaints } of visits) assert.deepEqual(complaints, []);
  receiver.closeAllConnections();
  receiver.close();
  await browser?.close();
  await demo?.drop();
});

const go = async (page, place) => {
  await page.goto(`${demo.portal.url}/#${place}`);
  await page.locator(".portal .page h1").waitFor();
  await page.waitForLoadState("networkidle");
};

test("the fleet is the reseller's own practices, and nobody else's", async () => {
  const { page } = admin;
  await page.locator("table.fleet tbody tr").first().waitFor();
  await counts(page.locator("table.fleet tbody tr"), 2);
  const text = await page.locator("main").innerText();
  for (const { name } of demo.practices.slice(0, 2)) assert.ok(text.includes(name), name);
  for (const { name } of demo.practices.slice(2)) assert.ok(!text.includes(name), name);
  await scan(page, "the fleet");
});

test("a practice is created from a template and handed over by mail", async () => {
  const { page } = admin;
  await page.getByRole("link", { name: "Praxis anlegen" }).first().click();
  await page.locator("#specialty option").nth(2).waitFor({ state: "attached" });
  await page.getByRole("button", { name: "Anlegen", exact: true }).click();
  await page.locator("[aria-invalid=true]").first().waitFor();
  await scan(page, "the form with mistakes");
  await page.locator("#specialty").selectOption("physiotherapy");
  for (const [field, text] of Object.entries({ company: "Physio am Hafen", contact: "Jana Hafen", street: "Kai 3", postal_code: "20457", city: "Hamburg", phone: "+49 40 123456", email: "praxis@physio-hafen.example", owner: "Jana Hafen", owner_email: "jana@physio-hafen.example" }))
    await page.locator(`#${field}`).fill(text);
  assert.equal(await page.locator("#slug").inputValue(), "physio-am-hafen");
  await page.getByRole("button", { name: "Anlegen", exact: true }).click();
  await page.locator("#made").waitFor();
  const [mail] = await until("the hand-over arrives", async () => {
    const got = await messages(demo, "jana@physio-hafen.example");
    return got.length > 0 && got;
  });
  assert.match(mail.text, /http:\/\/physio-am-hafen\.office\.localhost:\d+\/join#/);
  await page.getByRole("link", { name: "Praxis öffnen" }).click();
  await page.getByText("jana@physio-hafen.example").waitFor();
  await scan(page, "one practice");
});

test("a file is shown with its mistakes, and creates practices once it has none", async () => {
  const { page } = admin;
  await go(page, "import");
  const head = "company;specialty;slug;contact;street;postal_code;city;phone;email\n";
  await page.locator("#csv").fill(`${head}Praxis Eins;dentist;eins;Dr. Eins;Weg 1;20457;Hamburg;+49 40 1111;eins@example.org\nPraxis Zwei;wizard;eins;;Weg 2;20457;Hamburg;x;zwei@example.org\n`);
  await page.getByRole("button", { name: "Prüfen" }).click();
  await page.locator("#preview-title").waitFor();
  assert.ok(await page.getByRole("button", { name: /Praxen anlegen/ }).isDisabled());
  await scan(page, "a file with mistakes");
  await page.locator("#csv").fill(`${head}Praxis Eins;dentist;eins;Dr. Eins;Weg 1;20457;Hamburg;+49 40 1111;eins@example.org\n`);
  await page.getByRole("button", { name: "Prüfen" }).click();
  await page.getByRole("button", { name: "1 Praxis anlegen" }).click();
  await page.locator("#done-title").waitFor();
  await go(page, "practices");
  await page.getByRole("link", { name: "Praxis Eins" }).waitFor();
});

test("a reseller's system is named, and what it is told can be looked at", async () => {
  const { page } = admin;
  await go(page, "systems");
  await page.getByText(hooks.none).waitFor();
  await page.getByRole("button", { name: hooks.new, exact: true }).click();
  await page.locator("#hook-name").fill("Abrechnung");
  await page.locator("#hook-url").fill(`http://127.0.0.1:${receiver.address().port}/`);
  await page.getByRole("dialog").getByRole("button", { name: hooks.make, exact: true }).click();
  secret = await page.getByRole("dialog", { name: hooks.secret }).locator("code").innerText();
  await page.getByRole("button", { name: hooks.done, exact: true }).click();
  await page.getByRole("button", { name: `${hooks.sent} Abrechnung` }).click();
  await page.getByText(hooks["sent.none"]).waitFor();
  await scan(page, "a reseller's webhooks");
  await look(page, "portal-hooks");
});

test("many are suspended and resumed at once", async () => {
  const { page } = admin;
  await go(page, "practices");
  for (const name of ["Physio am Hafen", "Praxis Eins"]) await page.getByRole("checkbox", { name: `${name} wählen` }).check();
  await page.getByRole("button", { name: "Aussetzen", exact: true }).click();
  await page.locator("dialog #act-reason").fill("Rechnung offen");
  await scan(page, "the question before suspending");
  await page.locator("dialog").getByRole("button", { name: "Aussetzen" }).click();
  await page.locator("main").getByText("Erledigt für 2 Praxen.").last().waitFor();
  await until("both stand as suspended", async () => (await page.locator("table.fleet tbody tr", { hasText: "Ausgesetzt" }).count()) === 2);
});

test("the reseller's system was told of it, signed, by id and state alone", async () => {
  const suspended = await until("both were told", () => {
    const all = told.filter(({ type }) => type === "tenant.suspended");
    return all.length === 2 && all;
  });
  for (const { headers, body, data } of suspended) {
    const mac = createHmac("sha256", Buffer.from(secret.replace("whsec_", ""), "base64")).update(`${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`);
    assert.equal(headers["webhook-signature"], `v1,${mac.digest("base64")}`);
    assert.deepEqual(Object.keys(data).sort(), ["status", "tenant"]);
  }
});

test("brand, prices, domains, counts, people, help and account have nothing that axe finds", async () => {
  const { page } = admin;
  for (const place of ["brand", "prices", "domains", "counts", "people", "support", "help", "account", "services"]) {
    await go(page, place);
    await scan(page, place);
  }
});

test("the platform has resellers and their limits", async () => {
  const { page } = await enter("platform_admin");
  await page.locator("table.fleet tbody tr").first().waitFor();
  assert.ok((await page.locator("table.fleet tbody tr").count()) >= 3);
  await go(page, "resellers");
  await page.getByText("Praxisnetz Nord").first().waitFor();
  await scan(page, "resellers");

  // Page views of the portal are counted once that is switched on, and shown.
  const [privacy, visited] = [words("portal.privacy"), words("visits")];
  await psql(demo, `insert into traffic_hour (tenant_id, hour, field, value, visits) select '00000000-0000-7000-8000-000000000001', date_trunc('hour', now()) - h * interval '1 day', f, v, n
    from (values (2, 'page', '/', 41), (2, 'page', '/register', 12), (1, 'page', '/', 67), (1, 'browser', 'Firefox', 80), (1, 'browser', 'other', 9), (1, 'status', '200', 120), (1, 'bytes', 'all', 7300000)) x (h, f, v, n)`);
  await go(page, "privacy");
  await page.getByLabel(privacy.traffic).check();
  const profile = page.locator("form.panel", { has: page.getByLabel(privacy.traffic) });
  await profile.getByRole("button", { name: privacy.save }).click();
  const figures = page.locator("section.visits");
  await figures.getByRole("heading", { name: visited.title }).waitFor();
  await figures.locator("dd", { hasText: /^120$/ }).waitFor();
  assert.deepEqual(await figures.locator("caption").allTextContents(), [visited["field.page"], visited["field.browser"], visited["field.status"]]);
  await counts(figures.locator(".bars li"), 31);
  await scan(page, "page views");
  await look(page, "portal-visits");

  // What the operator does for whom, as its record of processing has it; a reseller's has its own practices.
  const paper = await profile.getByRole("link", { name: privacy["see.processing"] }).getAttribute("href");
  await page.goto(demo.portal.url + paper);
  for (const name of ["Praxis Sonnenberg", "Zahnarzt am Markt", "Physio Lindenhof"]) await page.getByRole("rowheader", { name: new RegExp(name) }).waitFor();
  await scan(page, "record of processing");
  await look(page, "portal-processing");
  await go(admin.page, "brand");
  await admin.page.goto(demo.portal.url + (await admin.page.getByRole("link", { name: words("portal")["brand.processing"] }).getAttribute("href")));
  const own = await admin.page.getByRole("rowheader").allTextContents();
  assert.ok(own.some((name) => name.includes("Praxis Sonnenberg")) && !own.some((name) => name.includes("Physio Lindenhof")), own.join());
});
