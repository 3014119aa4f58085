import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { readFileSync } from "node:fs";
import { desktop, launch, phone, visit } from "./lib/browser.mjs";
import { start } from "./lib/demo.mjs";
import { scan } from "./lib/axe.mjs";
import { enter } from "./lib/desk.mjs";
import { ask } from "./lib/http.mjs";
import { message, messages } from "./lib/mailbox.mjs";
import { begin, book, fill, list, someone, take } from "./lib/patient.mjs";
import { look } from "./lib/shots.mjs";
import { until } from "./lib/until.mjs";
import { de } from "./lib/words.mjs";

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
const mine = say(words("account"));
const later = say(words("later"));

const password = "wiese lampe fluss korb stern birne";
const mails = { owner: "berg@praxis-berg.example", colleague: "tal@praxis-berg.example", partner: "ilm@praxis-berg.example" };
let demo, browser, portal, office, patients;
let owner, colleague, code, first, second, pin;
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
const unlocked = async (page) => {
  await page.locator("#unlock-password").fill(password);
  await page.keyboard.press("Enter");
  await page.locator("#unlock-password").waitFor({ state: "detached" });
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
  await page.locator("#password").fill("PraxisBerg2026!");
  await page.getByText(mine("new.weak")).waitFor();
  assert.equal(await page.getByRole("button", { name: r("confirm.do") }).getAttribute("aria-disabled"), "true");
  await page.locator("#password").fill(password);
  await page.getByText(mine("new.strong")).waitFor();
  await scan(page, "register-password");
  await look(page, "register-password");
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

  // The owner looks at it before anybody else does.
  const [preview] = await Promise.all([page.context().waitForEvent("page"), page.getByRole("link", { name: t("first.preview.open") }).click()]);
  await preview.getByText(de("preview.hint")).waitFor();
  await preview.getByText("Allgemeine Sprechstunde").first().waitFor();
  await preview.goto(patients);
  await preview.getByRole("heading", { name: de("what.closed") }).waitFor();
  await preview.close();

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

/** joins takes somebody from the invitation to their own six words; the visitor's page then waits to be admitted. */
async function joins(name, mail, role) {
  const { page } = owner;
  await people(page);
  await page.getByRole("button", { name: t("people.invite"), exact: true }).click();
  await page.locator("#invite-name").fill(name);
  await page.locator("#invite-email").fill(mail);
  await page.locator("#invite-role").selectOption(role);
  await confirmKeys(page, t("people.invite.do"));
  await page.getByText(t("people.invited", { email: mail })).waitFor();

  const visitor = await open();
  await visitor.page.goto(link(await message(demo, mail), "join"));
  await visitor.page.locator("#password").fill(password);
  await visitor.page.getByText(mine("new.strong")).waitFor();
  await scan(visitor.page, "join");
  await look(visitor.page, "join");
  await visitor.page.getByRole("button", { name: t("join.do"), exact: true }).click();
  await visitor.page.locator(".wordlist").waitFor();
  const theirs = await shownWords(visitor.page);
  assert.equal(theirs.length, 6);

  await page.reload();
  await unlocked(page);
  await page.getByRole("button", { name: new RegExp(`^${t("people.compare")}`) }).click();
  await page.locator("dialog .wordlist").waitFor();
  assert.deepEqual(await shownWords(page), theirs);
  await page.getByRole("dialog").getByRole("checkbox").check();
  await confirmKeys(page, t("people.admit"));
  await page.getByText(t("people.admitted", { name })).waitFor();

  await visitor.page.getByRole("button", { name: t("wait.alike"), exact: true }).click();
  await confirmKeys(visitor.page, t("wait.alike.do"));
  await named(visitor.page, first).waitFor();
  return visitor;
}

test("a colleague joins, compares six words, is admitted, and reads the same name", async () => {
  colleague = await joins("Tom Tal", mails.colleague, "front_desk");
});

const keys = async () => (await ask(patients, "/api/v1/keys")).json;
const documentOf = ({ document }) => JSON.parse(Buffer.from(document, "base64url").toString());

test("the notice for the waiting room brings the practice's fingerprint along", async () => {
  const { page } = owner;
  await page.goto(`${office}/#setup/first`);
  await page.reload();
  await unlocked(page);
  await page.getByRole("button", { name: t("poster.do") }).click();
  await page.locator(".poster svg[role=img]").waitFor();
  pin = createHash("sha256").update(Buffer.from(documentOf(await keys()).identity, "base64url")).digest("base64url");
  const shown = createHash("sha256").update(Buffer.from(documentOf(await keys()).identity, "base64url")).digest("hex").slice(0, 30);
  assert.equal((await page.locator(".poster .code").innerText()).replaceAll("-", ""), shown);
  await scan(page, "poster");
  await look(page, "poster");
});

test("an owner leaves: another identity begins, which needs the sheet, and whoever trusted the old one goes along", async () => {
  const partner = await joins("Ida Ilm", mails.partner, "owner");
  const { page } = owner;
  const before = documentOf(await keys());
  const leave = () => page.getByRole("row", { name: /Ida Ilm/ }).getByRole("button", { name: new RegExp(`^${t("people.leave")}`) }).click();
  await leave();
  await scan(page, "owner-leaves");
  await look(page, "owner-leaves");
  await page.locator("#paper-code").fill("0".repeat(32));
  await confirmKeys(page, t("people.leave.do"));
  await page.getByText(t("problem.recovery_code_mistyped")).waitFor();
  assert.deepEqual(documentOf(await keys()), before, "nothing changes without the sheet");
  await page.locator("#paper-code").fill(code);
  await confirmKeys(page, t("people.leave.do"));
  await page.getByText(t("people.left", { name: "Ida Ilm" })).waitFor();
  await partner.close();
  const after = documentOf(await keys());
  assert.notEqual(after.identity, before.identity);
  assert.deepEqual(after.lineage.map(({ identity }) => identity), [before.identity]);

  // A patient with the old printed code.
  const renewed = colleague.page.waitForResponse((response) => response.url().endsWith("/api/v1/keyring/vouch"), { timeout: 60_000 });
  second = someone();
  const visitor = await open({ viewport: phone });
  await book(visitor.page, demo, `${patients}/#key=${pin}`, "Allgemeine Sprechstunde", second);
  await visitor.close();
  // The colleague's office has been open all the time: no lock, no password. The word for the old identity is renewed.
  await named(colleague.page, second).waitFor();
  assert.equal((await renewed).status(), 204);
  const fresh = await open();
  await fresh.page.goto(office);
  await enter(fresh.page, mails.colleague, password);
  await named(fresh.page, second).waitFor();
  await fresh.close();
});

test("the yearly rotation: new keys, and old names stay readable", async () => {
  const { page } = owner;
  await people(page);
  await page.reload();
  await unlocked(page);
  const before = documentOf(await keys());
  await page.getByRole("button", { name: t("people.rotate"), exact: true }).click();
  await confirmKeys(page, t("people.rotate.do"));
  await page.getByText(t("people.rotated")).waitFor();
  const after = documentOf(await keys());
  assert.equal(after.data_keys.at(-1).epoch, before.data_keys.at(-1).epoch + 1);
  assert.equal(after.identity, before.identity);
  await page.goto(`${office}/#`);
  await page.reload();
  await unlocked(page);
  await named(page, first).waitFor();
});

test("a new sheet makes the old one void", async () => {
  const { page } = owner;
  await page.goto(`${office}/#setup/first`);
  await page.reload();
  await unlocked(page);
  await step(page, t("first.recovery")).getByRole("button").click();
  await page.getByRole("button", { name: t("keys.another"), exact: true }).click();
  await page.locator("#recovery-groups").waitFor();
  const old = code;
  await scan(page, "sheet");
  await look(page, "sheet");
  code = (await page.locator("#recovery-groups li b").allInnerTexts()).join("-");
  assert.notEqual(code, old);
  await page.locator("#recovery-code").fill(code);
  await page.getByRole("button", { name: t("keys.check"), exact: true }).click();
  await confirmKeys(page, t("keys.replace.do"));
  await page.getByText(t("keys.replaced")).waitFor();
  await step(page, t("first.recovery")).getByRole("button").click();
  await page.locator("#recovery-code").fill(old);
  await page.getByRole("button", { name: t("keys.check"), exact: true }).click();
  await page.getByText(t("problem.not_in_directory")).waitFor();
});

for (const [name, why, hash, lie, late = 0] of [
  ["whose signature is altered", "unsigned", "", (given) => ({ ...given, signature: (given.signature[0] === "A" ? "B" : "A") + given.signature.slice(1) })],
  ["that somebody else signed", "foreign", "", async () => (await ask(demo.practice("praxis-sonnenberg").patients, "/api/v1/keys")).json],
  ["that is not the pinned one", "pin", `#key=${"A".repeat(43)}`, (given) => given],
  ["that has expired", "expired", "", (given) => given, 120],
]) {
  test(`the patient's page seals to no directory ${name}`, async () => {
    const visitor = await open({ viewport: phone });
    const { page } = visitor;
    await page.route("**/api/v1/keys", async (route) => {
      // What the page takes for now follows the answers' Date.
      const date = new Date(Date.now() + late * 86_400_000).toUTCString();
      await route.fulfill({ json: await lie(await keys()), headers: { date } });
    });
    let sent = false;
    page.on("request", (request) => (sent ||= request.url().endsWith("/api/v1/bookings") && request.method() === "POST"));
    await begin(page, `${patients}/${hash}`, "Allgemeine Sprechstunde");
    await list(page);
    await take(page);
    await fill(page, someone());
    await page.locator("form button.main").click();
    await page.getByText(later(`fail.directory_${why}`)).first().waitFor();
    assert.equal(sent, false, "nothing of the patient left the browser");
    await visitor.close();
  });
}

test("who leaves loses keys and sessions; new keys begin, and the owner reads old and new", async () => {
  const { page } = owner;
  await people(page);
  await page.reload();
  await unlocked(page);
  const before = await served(page);
  await page.getByRole("row", { name: /Tom Tal/ }).getByRole("button", { name: new RegExp(`^${t("people.leave")}`) }).click();
  await confirmKeys(page, t("people.leave.do"));
  await page.getByText(t("people.left", { name: "Tom Tal" })).waitFor();
  assert.equal(await until("the colleague is signed out", async () => (await colleague.page.evaluate(async () => (await fetch("/api/v1/keyring")).status)) === 401), true);
  const next = await served(page);
  const epochs = ({ keys }) => keys.filter(({ kind }) => kind === "data").map(({ epoch }) => epoch);
  assert.deepEqual(epochs(before), [1, 2, 3]);
  assert.deepEqual(epochs(next), [1, 2, 3, 4]);

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

test("a password reset gives no names back; the printed code does, in an empty browser", async () => {
  const visitor = await open();
  const { page } = visitor;
  const other = "tisch vogel garten eimer stuhl mond";
  await page.goto(office);
  await page.getByRole("button", { name: mine("sign_in.forgot") }).click();
  await page.locator("#email").fill(mails.owner);
  await page.getByRole("button", { name: mine("recover.send"), exact: true }).click();
  await page.getByRole("heading", { name: mine("recover.sent_title") }).waitFor();
  const mail = await until("the mail with the link", async () => (await messages(demo, mails.owner)).find(({ text }) => /\/recover#/.test(text)));
  await page.goto("about:blank");
  await page.goto(link(mail, "recover"));
  await page.locator("input[name=password]").fill(other);
  await page.getByText(mine("new.strong")).waitFor();
  await page.getByRole("button", { name: mine("recover.finish"), exact: true }).click();
  await page.getByText(mine("recover.over")).waitFor();
  await enter(page, mails.owner, other);
  // Signed in, and no member key: another is made.
  await page.locator(".memberkey input[name=password]").fill(other);
  await page.getByText(mine("new.strong")).waitFor();
  assert.equal(await page.locator("main").getByText(first.family).count(), 0);
  await page.getByRole("button", { name: mine("key.make"), exact: true }).click();
  await page.locator("#unlock-password").fill(other);
  await page.keyboard.press("Enter");
  await page.locator("#recover-code").fill(code);
  await page.getByRole("button", { name: t("recover.do"), exact: true }).click();
  await confirmKeys(page, t("recover.do"), other);
  await named(page, first).waitFor();
  await named(page, second).waitFor();
  await visitor.close();
});

test("an owner whom a new edition of the agreement awaits reads and accepts it before anything else", async () => {
  const { page, close } = await open();
  const secret = "tisch vogel garten eimer stuhl mond";
  await page.goto(office);
  await enter(page, mails.owner, secret);
  await page.locator("#content").getByText(first.family).first().waitFor();
  const [session, agreement] = await page.evaluate(() => Promise.all(["/api/v1/session", "/api/v1/agreement?language=de"].map(async (path) => (await fetch(path)).json())));
  let accepted = false;
  await page.route("**/api/v1/session", (route) => (route.request().method() === "GET" ? route.fulfill({ json: { ...session, must: accepted ? [] : ["agreement"] } }) : route.continue()));
  await page.route("**/api/v1/agreement**", (route) => {
    if (route.request().method() === "GET") return route.fulfill({ json: { ...agreement, current: false } });
    accepted = true;
    return route.continue();
  });
  await page.reload();
  await page.getByText(t("agreement.arriving")).waitFor();
  await scan(page, "must-agreement");
  await look(page, "must-agreement");
  assert.equal(await page.locator("#unlock-password").count(), 0);
  await page.getByRole("checkbox").check();
  await page.getByRole("button", { name: t("agreement.accept"), exact: true }).click();
  await page.locator("#unlock-password").waitFor();
  await close();
});

test("no page broke the content security policy", () => {
  for (const visitor of visits) assert.deepEqual(visitor.complaints.filter((one) => !/404|401|403|409|410|422|Failed to load resource/.test(one)), []);
});
