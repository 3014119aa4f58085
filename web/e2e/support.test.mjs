import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { scan } from "./lib/axe.mjs";
import { desktop, launch, phone, visit } from "./lib/browser.mjs";
import { start } from "./lib/demo.mjs";
import { signIn } from "./lib/desk.mjs";
import { ask } from "./lib/http.mjs";
import { messages } from "./lib/mailbox.mjs";
import { look } from "./lib/shots.mjs";
import { until } from "./lib/until.mjs";
import { de, office as o } from "./lib/words.mjs";

// Whom to turn to, what is told of the service, and the interface to be read.

const words = (name) => JSON.parse(readFileSync(new URL(`../app/src/i18n/${name}.de.json`, import.meta.url), "utf8"));
const t = words("support");
const api = words("office.interface");
const audit = words("office.audit");
let demo, browser, practice;

before(async () => {
  [demo, browser] = await Promise.all([start(), launch()]);
  practice = demo.practice("praxis-sonnenberg");
});

after(async () => {
  await browser?.close();
  await demo?.drop();
});

test("a patient reports a problem: what is shown before is what is sent, and nothing of the page", async () => {
  const { page, complaints, close } = await visit(browser, { viewport: phone });
  await page.goto(`${practice.patients}/booking#AAAAAAAAAAAAAAAAAAAAAA`);
  await page.getByRole("button", { name: de("foot.report") }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: t["report.send"] }).click();
  await dialog.getByText(t["report.empty"]).first().waitFor();
  await dialog.locator("#report-text").fill("Der Link öffnet nichts.");
  await scan(page, "a patient's report");
  await look(page, "report-patient");
  const shown = await dialog.locator("dd").allInnerTexts();
  const [request] = await Promise.all([page.waitForRequest((one) => one.method() === "POST" && one.url().endsWith("/api/v1/problems")), dialog.getByRole("button", { name: t["report.send"] }).click()]);
  const sent = request.postDataJSON();
  assert.deepEqual(shown, [sent.page, sent.version, sent.browser, sent.requests.join(", ") || "–", sent.text]);
  assert.deepEqual(Object.keys(sent).sort(), ["browser", "page", "requests", "text", "version"]);
  assert.equal(sent.page, "patient/booking");
  assert.ok(!JSON.stringify(sent).includes("AAAAAAAA"));
  await dialog.getByText(t["report.sent"]).waitFor();
  await close();
  assert.deepEqual(complaints, []);
  const { json: support } = await ask(practice.office, "/api/v1/support");
  await until("support has a mail", async () => (await messages(demo, support.email)).some(({ text }) => text.includes("> Der Link öffnet nichts.")));
});

test("the page about the service is small, has no script, and is the same for everybody", async () => {
  const { page, requests, complaints, close } = await visit(browser, { viewport: phone });
  await page.goto(`${practice.patients}/status`, { waitUntil: "networkidle" });
  await page.getByRole("heading", { level: 1 }).waitFor();
  await scan(page, "the page about the service");
  await look(page, "status");
  assert.ok(!requests.some(({ url }) => url.endsWith(".js")));
  await close();
  assert.deepEqual(complaints, []);
});

test("whom to turn to stands on every page of the office, before signing in too", async () => {
  const { page, complaints, close } = await visit(browser, { viewport: desktop });
  const { json: support } = await ask(practice.office, "/api/v1/support");
  const care = page.locator(".care");
  await page.goto(practice.office);
  await care.getByText(support.email).waitFor();
  await look(page, "care-signin");
  await signIn(page, practice);
  for (const place of ["", "#setup/windows", "#account/security"]) {
    await page.goto(`${practice.office}/${place}`);
    if (await page.locator("#unlock-password").count()) break;
    await care.getByText(support.email).waitFor();
  }
  await look(page, "care-inside");
  await page.getByRole("button", { name: o("help") }).click();
  await page.getByRole("dialog").getByRole("button", { name: t.report }).click();
  await page.locator("#report-text").waitFor();
  await scan(page, "the office's report");
  await look(page, "report-office");
  await page.keyboard.press("Escape");
  await close();
  assert.deepEqual(complaints, []);
});

test("the interface can be read beside the tokens", async () => {
  const { page, requests, complaints, close } = await visit(browser, { viewport: desktop });
  await signIn(page, practice);
  await page.goto(`${practice.office}/#setup/audit`);
  await page.getByRole("link", { name: audit.interface }).click();
  await page.getByRole("heading", { level: 1, name: api.title }).waitFor();
  const call = page.locator("details.call", { hasText: "/closures" }).first();
  await call.locator("summary").first().click();
  await call.getByRole("heading", { name: api.example }).waitFor();
  assert.match(await call.locator("pre").innerText(), /curl -X (PUT|DELETE) 'http:\/\/praxis-sonnenberg\.office\./);
  await scan(page, "the interface");
  await look(page, "interface");
  await page.getByRole("button", { name: api["which.all"], exact: true }).click();
  await page.locator("#interface-find").fill("gibtesnicht");
  await page.getByText(api.none).waitFor();
  assert.deepEqual(requests.filter(({ url }) => new URL(url).host !== new URL(practice.office).host), []);
  await close();
  assert.deepEqual(complaints, []);
});
