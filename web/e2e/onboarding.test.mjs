import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { readFileSync } from "node:fs";
import { desktop, launch, phone, visit } from "./lib/browser.mjs";
import { start } from "./lib/demo.mjs";
import { enter } from "./lib/desk.mjs";
import { ask } from "./lib/http.mjs";
import { message } from "./lib/mailbox.mjs";
import { book, someone } from "./lib/patient.mjs";
import { until } from "./lib/until.mjs";

// One practice from nothing to its second epoch; each test goes on where the
// one before it ended.

const words = (name) => JSON.parse(readFileSync(new URL(`../app/src/i18n/${name}.de.json`, import.meta.url), "utf8"));
const say = (table) => (key, params = {}) => {
  const entry = table[key];
  if (entry === undefined) throw new Error(`no text ${key}`);
  return (typeof entry === "string" ? entry : entry.other).replace(/\{([a-z_]+)\}/g, (whole, name) => params[name] ?? whole);
};
const r = say(words("register"));
const t = say(words("office.first"));

const password = "wiese lampe fluss korb stern birne";
const mails = { owner: "berg@praxis-berg.example", colleague: "tal@praxis-berg.example" };
let demo, browser, portal, office, patients;
let owner, colleague, code, first, second;
const visits = [];

async function open(options = { viewport: desktop }) {
  const visitor = await visit(browser, options);
  visits.push(visitor);
  return visitor;
}
const link = ({ text }, path) => {
  const found = new RegExp(`https?://\\S+/${path}#[\\w-]+`).exec(text);
  if (!found) throw new Error(`no link in the mail:\n${text}`);
  return found[0];
};
const confirmKeys = async (page, act, secret = password) => {
  const dialog = page.getByRole("dialog");
  await dialog.locator("#key-password").fill(secret);
  await dialog.getByRole("button", { name: act, exact: true }).click();
};
const step = (page, name) => page.locator(".todo > li", { has: page.getByRole("heading", { name, exact: true }) });
const people = async (page) => {
  await page.goto(`${office}/#setup/people`);
};
const served = (page) => page.evaluate(async () => (await fetch("/api/v1/keyring")).json());
const named = (page, { family, given }) => page.locator("main").getByText(`${family}, ${given}`, { exact: true }).first();
const shownWords = (page) => page.locator(".wordlist li").allInnerTexts();

before(async () => {
  [demo, browser] = await Promise.all([start(), launch()]);
  const { host } = new URL(demo.practice("praxis-sonnenberg").patients);
  const base = host.slice(host.indexOf(".") + 1);
  [portal, office, patients] = [`http://portal.${base}`, `http://praxis-berg.office.${base}`, `http://praxis-berg.${base}`];
});

after(async () => {
  await browser?.close();
  await demo?.drop();
});

test("a business registers, and its mail leads to a password", async () => {
  const { page, close } = await open();
  await page.goto(`${portal}/register`);
  await page.locator("#specialty").selectOption("general_practice");
  for (const [id, text] of Object.entries({ contact: "Dr. Jana Berg", company: "Praxis Berg", street: "Bergstraße 1", postal_code: "76133", city: "Karlsruhe", phone: "+49 721 000111", email: mails.owner })) {
    await page.locator(`#${id}`).fill(text);
  }
  await page.getByText(r("slug.free", { slug: "praxis-berg" })).waitFor();
  await page.getByRole("button", { name: r("do"), exact: true }).click();
  await page.getByRole("heading", { name: r("sent.title") }).waitFor();

  const url = link(await message(demo, mails.owner), "register");
  await page.goto("about:blank");
  await page.goto(url);
  await page.locator("#password").fill("zu kurz");
  await page.getByRole("button", { name: r("confirm.do") }).click();
  await page.getByText(r("confirm.short")).waitFor();
  await page.locator("#password").fill(password);
  await page.getByRole("button", { name: r("confirm.do") }).click();
  await page.getByRole("heading", { name: r("made.title") }).waitFor();
  assert.equal(await page.getByRole("link", { name: r("made.do") }).getAttribute("href"), office);
  // The link works once.
  await page.goto("about:blank");
  await page.goto(url);
  await page.getByRole("heading", { name: r("expired.title") }).waitFor();
  await close();
});

test("the guided path: the practice stays closed until everything is there", async () => {
  owner = await open();
  const { page } = owner;
  await page.goto(office);
  await enter(page, mails.owner, password);
  await page.getByRole("heading", { name: t("first.title") }).waitFor();
  const closed = async () => (await ask(patients, "/api/v1/practice")).json.closed_reason;
  assert.ok(["keys_missing", "not_open"].includes(await closed()));
  assert.ok(await step(page, t("first.open")).getByRole("button").isDisabled());

  await step(page, t("first.business")).getByRole("button").click();
  for (const [id, text] of Object.entries({ responsible: "Dr. Jana Berg", professional_title: "Ärztin", title_state: "Deutschland", chamber: "Landesärztekammer Baden-Württemberg", association: "KV Baden-Württemberg", professional_rules: "Berufsordnung, https://kammer.example" })) {
    await page.locator(`#b-${id}`).fill(text);
  }
  await page.getByLabel(t("business.alone"), { exact: false }).check();
  await page.getByRole("button", { name: t("save"), exact: true }).click();

  await step(page, t("first.agreement")).getByRole("button").click();
  await page.getByText("Praxis Berg, Bergstraße 1, 76133 Karlsruhe").waitFor();
  await page.getByText("Siegel Demo, Beispielallee 1").waitFor();
  await page.getByRole("checkbox").check();
  await page.getByRole("button", { name: t("agreement.accept"), exact: true }).click();

  await step(page, t("first.keys")).getByRole("button").click();
  await page.getByRole("button", { name: t("keys.make"), exact: true }).click();
  await confirmKeys(page, t("keys.make.do"));
  await page.locator("#recovery-groups").waitFor();
  code = (await page.locator("#recovery-groups li b").allInnerTexts()).join("-");
  assert.match(code, /^([0-9A-HJKMNP-TV-Z]{4}-){7}[0-9A-HJKMNP-TV-Z]{4}$/);
  await page.locator("#recovery-code").fill(code.replace(/^./, (one) => (one === "0" ? "1" : "0")));
  await page.getByRole("button", { name: t("keys.check"), exact: true }).click();
  await page.getByText(t("problem.recovery_code_mistyped")).waitFor();
  await page.locator("#recovery-code").fill(code.toLowerCase().replaceAll("-", " "));
  await page.getByRole("button", { name: t("keys.check"), exact: true }).click();
  await page.getByText(t("keys.proven")).waitFor();
  assert.notEqual(await closed(), undefined, "still closed: nobody has opened it");

  await step(page, t("first.open")).getByRole("button", { name: t("first.open.do") }).click();
  await page.getByText(t("first.opened")).first().waitFor();
  await until("patients can book", async () => (await closed()) === undefined);
});

test("a patient books, and the owner reads the name", async () => {
  first = someone();
  const visitor = await open({ viewport: phone });
  await book(visitor.page, demo, patients, "Allgemeine Sprechstunde", first);
  await visitor.close();
  await owner.page.goto(`${office}/`);
  await owner.page.locator("#unlock-password").fill(password);
  await owner.page.keyboard.press("Enter");
  await named(owner.page, first).waitFor();
});

test("a colleague joins, compares six words, is admitted, and reads the same name", async () => {
  const { page } = owner;
  await people(page);
  await page.getByRole("button", { name: t("people.invite"), exact: true }).click();
  await page.locator("#invite-name").fill("Tom Tal");
  await page.locator("#invite-email").fill(mails.colleague);
  await page.locator("#invite-role").selectOption("front_desk");
  await confirmKeys(page, t("people.invite.do"));
  await page.getByText(t("people.invited", { email: mails.colleague })).waitFor();

  colleague = await open();
  await colleague.page.goto(link(await message(demo, mails.colleague), "join"));
  await colleague.page.locator("#password").fill(password);
  await colleague.page.getByRole("button", { name: t("join.do"), exact: true }).click();
  await colleague.page.locator(".wordlist").waitFor();
  const theirs = await shownWords(colleague.page);
  assert.equal(theirs.length, 6);

  await page.reload();
  await page.locator("#unlock-password").fill(password);
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: new RegExp(`^${t("people.compare")}`) }).click();
  await page.locator("dialog .wordlist").waitFor();
  assert.deepEqual(await shownWords(page), theirs);
  await page.getByRole("dialog").getByRole("checkbox").check();
  await confirmKeys(page, t("people.admit"));
  await page.getByText(t("people.admitted", { name: "Tom Tal" })).waitFor();

  await colleague.page.getByRole("button", { name: t("wait.alike"), exact: true }).click();
  await confirmKeys(colleague.page, t("wait.alike.do"));
  await named(colleague.page, first).waitFor();
});

test("who leaves loses keys and sessions; new keys begin, and the owner reads old and new", async () => {
  const { page } = owner;
  const before = await served(page);
  await page.getByRole("row", { name: /Tom Tal/ }).getByRole("button", { name: new RegExp(`^${t("people.leave")}`) }).click();
  await confirmKeys(page, t("people.leave.do"));
  await page.getByText(t("people.left", { name: "Tom Tal" })).waitFor();
  assert.equal(await until("the colleague is signed out", async () => (await colleague.page.evaluate(async () => (await fetch("/api/v1/keyring")).status)) === 401), true);
  const next = await served(page);
  assert.deepEqual([...new Set(before.keys.map(({ epoch }) => epoch))], [1]);
  assert.deepEqual([...new Set(next.keys.filter(({ kind }) => kind === "data").map(({ epoch }) => epoch))], [1, 2]);

  second = someone();
  const visitor = await open({ viewport: phone });
  await book(visitor.page, demo, patients, "Allgemeine Sprechstunde", second);
  await visitor.close();
  await page.goto(`${office}/#`);
  await page.reload();
  await page.locator("#unlock-password").fill(password);
  await page.keyboard.press("Enter");
  await named(page, second).waitFor();
  await named(page, first).waitFor();
});

test("a browser that has seen nothing does not take a directory that somebody else signed", async () => {
  const visitor = await open();
  const { json: other } = await ask(demo.practice("praxis-sonnenberg").patients, "/api/v1/keys");
  const json = { ...(await served(owner.page)), directory: other };
  await visitor.page.route("**/api/v1/keyring", (route) => route.fulfill({ json }));
  await visitor.page.goto(office);
  await enter(visitor.page, mails.owner, password);
  await visitor.page.locator(".notice.bad").first().waitFor();
  assert.equal(await visitor.page.locator("main").getByText(first.family).count(), 0);
  await visitor.close();
});

test("no page broke the content security policy", () => {
  for (const visitor of visits) assert.deepEqual(visitor.complaints.filter((one) => !/404|401|403|409|410|422|Failed to load resource/.test(one)), []);
});
