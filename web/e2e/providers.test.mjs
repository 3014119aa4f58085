// Who carries messages, in a real browser: the portal's page about providers,
// what an owner says to an announced one, and a domain of a practice's own.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, test } from "node:test";
import { scan } from "./lib/axe.mjs";
import { launch, visit } from "./lib/browser.mjs";
import { start } from "./lib/demo.mjs";
import { signIn } from "./lib/desk.mjs";
import { messages } from "./lib/mailbox.mjs";
import { look } from "./lib/shots.mjs";
import { until } from "./lib/until.mjs";
import { account, carriers as c, domains as d, office, providers as t } from "./lib/words.mjs";

let demo, browser;
const visits = [];
const password = () => demo.portal.sign_ins[0].password;

before(async () => {
  [demo, browser] = await Promise.all([start({ names: true }), launch()]);
});
after(async () => {
  for (const { complaints } of visits) assert.deepEqual(complaints, []);
  await browser?.close();
  await demo?.drop();
});

/** code is what an authenticator app shows next: the one before was taken by the seed. */
function code(secret) {
  const bits = [...secret.replace(/=+$/, "")].map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0")).join("");
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + 1));
  const mac = createHmac("sha1", Buffer.from(bits.match(/.{8}/g).map((octet) => Number.parseInt(octet, 2)))).update(counter).digest();
  return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

async function visitor() {
  const one = await visit(browser, { viewport: { width: 1280, height: 900 } });
  visits.push(one);
  return one.page;
}

async function enter(role) {
  const page = await visitor();
  const { email, password, totp_secret: secret } = demo.portal.sign_ins.find((one) => one.role === role);
  await page.goto(demo.portal.url);
  await page.locator("input[type=email]").fill(email);
  await page.locator("input[type=password]").fill(password);
  await page.keyboard.press("Enter");
  const field = page.locator("input[autocomplete=one-time-code], input[inputmode=numeric]").first();
  await field.waitFor();
  await field.fill(code(secret));
  await page.keyboard.press("Enter");
  await page.locator(".portal .page h1").waitFor();
  return page;
}

const order = (page) => page.locator("ol.lines h3").evaluateAll((all) => all.map((one) => one.firstChild.textContent.trim()));
const dialog = (page) => page.locator("dialog[open]");

/** form opens the form for a new provider, choosing a plugin, and fills it in. */
async function form(page, opener, plugin, name, settings) {
  await page.getByRole("button", { name: opener, exact: true }).click();
  await dialog(page).locator("select").first().selectOption(plugin);
  await dialog(page).getByLabel(t("form.name"), { exact: true }).fill(name);
  for (const [id, value] of Object.entries(settings)) await dialog(page).locator(`[id$="-${id}"]`).fill(value);
}

let platform;

test("the platform sets a provider up by its form, orders it, tries it and swaps to it", async () => {
  platform = await enter("platform_admin");
  const page = platform;
  await page.goto(`${demo.portal.url}/#services`);
  await page.locator("ol.lines li").first().waitFor();
  assert.deepEqual(await order(page), ["loopback"]);
  await look(page, "providers-one");

  await page.getByRole("button", { name: t("add"), exact: true }).click();
  await dialog(page).locator("select").first().selectOption("twilio");
  await page.waitForTimeout(200);
  await scan(page, "the form of a provider");
  await look(page, "providers-form");
  await dialog(page).getByRole("button", { name: t("cancel"), exact: true }).click();

  await form(page, t("add"), "loopback", "Zweiter Dienst", { url: demo.mailbox, price: "6,1" });
  await dialog(page).locator("button[type=submit]").click();
  await until("both are in the order", async () => (await order(page)).length === 2);
  assert.deepEqual(await order(page), ["loopback", "Zweiter Dienst"]);

  await page.getByRole("button", { name: t("up", { name: "Zweiter Dienst" }) }).click();
  await until("it is first", async () => (await order(page))[0] === "Zweiter Dienst");
  await page.getByRole("button", { name: t("down", { name: "Zweiter Dienst" }) }).click();
  await until("it is last", async () => (await order(page))[0] === "loopback");

  const test = page.locator("section", { has: page.getByRole("heading", { name: t("test"), exact: true }) });
  await test.locator("select").first().selectOption({ label: t("test.place", { name: "Zweiter Dienst", place: 2 }) });
  await test.locator("input").first().fill("+4915112345678");
  await test.getByRole("button", { name: t("test.check") }).click();
  await test.locator("ol.trail li.good").first().waitFor();
  assert.deepEqual(await messages(demo, "+4915112345678"), [], "a dry run sends nothing");
  await test.getByRole("button", { name: t("test.send") }).click();
  await until("the test message arrives", async () => (await messages(demo, "+4915112345678")).length === 1);

  await page.getByRole("button", { name: t("swap.to", { name: "Zweiter Dienst" }) }).click();
  await dialog(page).waitFor();
  await page.waitForTimeout(200);
  await scan(page, "what a swap does");
  await look(page, "providers-swap");
  await dialog(page).getByRole("button", { name: t("swap.do") }).click();
  await until("it sends", async () => (await order(page))[0] === "Zweiter Dienst");
  const first = page.locator("ol.lines li").first();
  await first.getByText(t("sends"), { exact: true }).waitFor();
  await first.getByText(t("health.running")).waitFor();
  await dialog(page).waitFor({ state: "detached" }).catch(() => page.keyboard.press("Escape"));
  await page.waitForTimeout(300);
  await scan(page, "the providers");
  await look(page, "providers");
});

test("a secret is never shown again, and who processes outside the EEA is announced", async () => {
  const page = platform;
  const token = "fedcba9876543210fedcba9876543210";
  await form(page, t("add"), "twilio", "Twilio", { account_sid: "AC0123456789abcdef0123456789abcdef", auth_token: token, sender: "Praxis" });
  await dialog(page).locator("button[type=submit]").click();
  await until("it is listed", async () => (await order(page)).includes("Twilio"));
  await page.getByRole("button", { name: t("change.what", { name: "Twilio" }) }).click();
  await dialog(page).getByText(t("form.secret.kept")).waitFor();
  assert.ok(!(await page.evaluate(() => document.documentElement.outerHTML + [...document.querySelectorAll("input")].map(({ value }) => value).join())).includes(token));
  assert.equal(await dialog(page).locator('[id$="-account_sid"]').inputValue(), "AC0123456789abcdef0123456789abcdef");
  await dialog(page).getByRole("button", { name: t("cancel"), exact: true }).click();
  await look(page, "providers-announced");
});

test("the owner is told, sees who carries messages, and objects", async () => {
  const practice = demo.practices[0];
  const page = await visitor();
  const who = await signIn(page, practice);
  const [letter] = await until("the letter arrives", async () => {
    const got = (await messages(demo, who.email)).filter(({ subject }) => subject.startsWith("Neuer Anbieter"));
    return got.length > 0 && got;
  });
  assert.match(letter.text, /Twilio Inc\./);
  assert.match(letter.text, /#setup\/carriers/);
  const news = page.locator(".notices .notice", { hasText: "Twilio" });
  await news.waitFor();
  await look(page, "office-news");
  await news.getByRole("button").click();
  await page.getByRole("heading", { name: c("announced"), exact: true }).waitFor();
  await page.waitForTimeout(200);
  await scan(page, "who carries messages");
  await look(page, "office-carriers");
  await page.getByRole("button", { name: c("object.to", { company: "Twilio Inc." }) }).click();
  await page.waitForTimeout(200);
  await scan(page, "an objection");
  await dialog(page).getByLabel(new RegExp(c("object.reason"))).fill("Sitz in den USA");
  await dialog(page).locator("button[type=submit]").click();
  await page.getByText(c("objected")).waitFor();

  await platform.reload();
  await platform.getByText(t("objections", { count: 1 })).waitFor();
});

test("a practice's domain comes up step by step, and goes again", async () => {
  const page = platform;
  await page.goto(`${demo.portal.url}/#practices`);
  await page.locator("table.fleet tbody tr a").first().click();
  await page.getByRole("heading", { name: d("title"), exact: true }).waitFor();
  const part = page.locator("section.domains");
  const field = part.getByLabel(d("name"), { exact: true });
  await field.fill("termine.praxis-muster.example");
  await part.getByRole("button", { name: d("look"), exact: true }).click();
  await part.locator(".plan").waitFor();
  await scan(page, "the plan of a domain");
  await look(page, "domains-plan");
  await part.getByRole("button", { name: d("start"), exact: true }).click();
  const host = part.locator("li.panel", { hasText: "termine.praxis-muster.example" });
  await host.waitFor();
  await host.locator(".chip.up").waitFor({ timeout: 90_000 });
  await scan(page, "a domain that is up");
  await look(page, "domains-up");
  await host.getByRole("button", { name: d("remove"), exact: true }).click();
  await dialog(page).getByRole("button", { name: d("remove.do"), exact: true }).click();
  await host.waitFor({ state: "detached", timeout: 90_000 });
});

test("a reseller and a practice can have providers of their own", async () => {
  const page = platform;
  await page.goto(`${demo.portal.url}/#services`);
  await page.locator("ol.lines li").first().waitFor();
  const whose = page.getByLabel(t("scope"), { exact: true });
  await whose.selectOption({ label: t("scope.tenant", { name: demo.practices[0].name }) });
  await page.getByText(t("none.inherited", { names: "Zweiter Dienst, loopback" })).waitFor();
  await form(page, t("add"), "loopback", "Eigener", { url: demo.mailbox });
  await dialog(page).locator("button[type=submit]").click();
  await until("it has its own", async () => (await order(page)).join() === "Eigener");
  await scan(page, "the providers of a practice");
  await look(page, "providers-of-a-practice");
  await whose.selectOption({ label: t("scope.platform") });
  await until("the platform's are as they were", async () => (await order(page)).length === 3);
});

test("a hosting account is changed on the same page", async () => {
  const page = platform;
  await page.goto(`${demo.portal.url}/#services`);
  const accounts = page.locator("ul.accounts");
  await accounts.getByText("Namensserver der Demo").waitFor();
  await page.getByRole("button", { name: t("change.what", { name: "Namensserver der Demo" }) }).click();
  await dialog(page).getByLabel(t("form.name"), { exact: true }).fill("Namensserver");
  await scan(page, "the form of a hosting account");
  await dialog(page).locator("button[type=submit]").click();
  await accounts.getByText("Namensserver", { exact: true }).waitFor();
});
