// A practice brings along the appointments of the calendar that it had before.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { scan } from "./lib/axe.mjs";
import { launch, visit } from "./lib/browser.mjs";
import { start } from "./lib/demo.mjs";
import { appointments, signIn } from "./lib/desk.mjs";
import { openSetup } from "./lib/setup.mjs";
import { look } from "./lib/shots.mjs";
import { psql } from "./lib/stores.mjs";
import { until } from "./lib/until.mjs";
import { takeover as t } from "./lib/words.mjs";

let demo, browser, practice, page, complaints;
const sent = [];

before(async () => {
  [demo, browser] = await Promise.all([start(), launch()]);
  practice = demo.practice("praxis-sonnenberg");
  ({ page, complaints } = await visit(browser, { viewport: { width: 1280, height: 900 }, acceptDownloads: true }));
  page.on("request", (request) => request.method() !== "GET" && sent.push(request.postData() ?? ""));
  await signIn(page, practice);
  await page.locator(".cal").waitFor();
});

after(async () => {
  await browser?.close();
  await demo?.drop();
});

const day = new Date(Date.now() + 20 * 86_400_000).toISOString().slice(0, 10);
const evil = '<img src=x onerror="document.title=1">';
// At 21:00, when nothing else is; the third overlaps the second.
const rows = [["21:00", "Kaltenbrunner-Xq"], ["21:30", "Zweitmann-Xq"], ["21:35", "Drittmann-Xq"], ["22:00", evil]];
const csv = ["Datum;Uhrzeit;Dauer;Terminart;Nachname;Vorname;Geburtsdatum;Notiz", ...rows.map(([time, name]) => `${day};${time};15;Vorsorge alt;"${name.replaceAll('"', '""')}";Ottilie;12.04.1958;kommt mit Rollstuhl`)].join("\r\n");
const count = (where = "true") => psql(demo, `select count(*) from appointment where source = 'takeover' and ${where}`);
const filter = (fate) => page.locator(".setup .page").getByRole("button", { name: new RegExp(`^${t(`fate.${fate}`)} \\d`) });
const status = () => page.locator(".setup .page > .notice[role=status]").innerText();

async function preview() {
  await page.getByLabel(t("source.file")).setInputFiles({ name: "alt.csv", mimeType: "text/csv", buffer: Buffer.from(csv, "latin1") });
  await page.getByText(t("read.done", { count: rows.length })).waitFor();
  const doctor = page.locator(".takewords fieldset").first().locator("select");
  if ((await doctor.inputValue()) === "?") await doctor.selectOption({ index: 1 });
  const type = page.locator(".takewords fieldset").nth(1).locator("select");
  if ((await type.inputValue()) === "?") await type.selectOption({ index: 1 });
  await page.getByRole("button", { name: t("preview.do"), exact: true }).click();
  await page.locator(".takelist tbody tr").first().waitFor();
}

test("a file is read, mapped, previewed and sealed in the browser; what does not fit is listed, and the server reads no name", async () => {
  await openSetup(page, "takeover");
  await preview();
  assert.equal(await count(), "0", "a preview makes nothing");
  await until("the conflict is listed", async () => /1$/.test(await filter("conflict").innerText()));
  await scan(page, "taking over, the preview");
  await look(page, "takeover-preview");
  await page.getByRole("button", { name: t("go", { count: 3 }), exact: true }).click();
  await until("all that fit are taken over", async () => (await count("status = 'booked'")) === "3");
  await until("it says so", async () => (await status()).includes(t("done.taken", { count: 3 })));
  assert.match(await filter("conflict").innerText(), /1$/, "the conflict stays on the list");
  for (const secret of ["mann-Xq", "Kaltenbrunner", "Ottilie", "12.04.1958", "1958-04-12", "Rollstuhl", "Vorsorge", "onerror"]) assert.ok(!sent.some((body) => body.includes(secret)), `the server was told ${secret}`);
  assert.equal(await psql(demo, "select count(*) from outbox where kind like 'change%' or kind like 'receipt%'"), "0", "nothing is sent");
});

test("the same rows are not taken over twice, also from another browser, and all of it is undone at once", async () => {
  const other = await visit(browser, { viewport: { width: 1280, height: 900 } });
  const first = page;
  page = other.page;
  await signIn(page, practice);
  await openSetup(page, "takeover");
  await preview();
  // How the file is read was kept, sealed: nothing had to be chosen again.
  await until("they are known", async () => /3$/.test(await filter("known").innerText()));
  await page.getByRole("button", { name: t("go", { count: 0 }), exact: true }).waitFor();
  await page.getByRole("button", { name: new RegExp(`^${t("undo.what", { at: "" }).split(" ")[0]}`) }).first().click();
  await page.getByRole("dialog").getByRole("button", { name: t("undo.yes"), exact: true }).click();
  await until("all of it is undone", async () => (await count()) === "0");
  assert.deepEqual(other.complaints, []);
  page = first;
  await other.close();
});

test("a test appointment is counted nowhere, and goes when the real ones come", async () => {
  await preview();
  await page.getByRole("button", { name: t("go.test"), exact: true }).click();
  await until("it stands", async () => (await count("test")) === "1");
  await page.getByRole("button", { name: t("go", { count: 3 }), exact: true }).click();
  await until("the real ones stand", async () => (await count("not test and status = 'booked'")) === "3");
  assert.equal(await count("test"), "0");
  const mine = (await appointments(page)).filter(({ source }) => source === "takeover");
  assert.equal(mine.length, 3);
  assert.deepEqual(complaints, []);
});
