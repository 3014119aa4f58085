import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { launch, visit } from "./lib/browser.mjs";
import { start } from "./lib/demo.mjs";
import { openAgain, signIn } from "./lib/desk.mjs";
import { until } from "./lib/until.mjs";
import { desk as t, office } from "./lib/words.mjs";

// Whoever seals a booking writes what they want. A corpus of what is bad in
// pages, lists, tables and calendars goes through every sealed field, and does
// nothing anywhere.

const corpus = [
  "<script>globalThis.pwned=1</script>",
  "<img src=x onerror=globalThis.pwned=1>",
  "\"><svg onload=globalThis.pwned=1>",
  "' onfocus=globalThis.pwned=1 autofocus x='",
  "javascript:globalThis.pwned=1",
  "{{constructor.constructor('globalThis.pwned=1')()}}",
  "${globalThis.pwned=1}",
  "</title></textarea></style><script>globalThis.pwned=1</script>",
  "<a href=data:text/html,x>x</a><base href=//evil.example>",
  "<iframe srcdoc='<script>parent.pwned=1</script>'>",
  "=1+1", "+1", "-1", "@SUM(A1)", "=HYPERLINK(\"http://evil.example\",\"x\")", "=cmd|' /C calc'!A0",
  "a\";\"b", "a;b,c|d",
  "Z\u0351\u0363\u0349\u0324a\u0300\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308l\u0334\u0335\u0336go",
  "\u200f\u05e9\u05dc\u05d5\u05dd\u200e \u0645\u0631\u062d\u0628\u0627",
  "X".repeat(100),
  "\ud83d\udc69\u200d\ud83d\udc69\u200d\ud83d\udc67\u200d\ud83d\udc66".repeat(8),
  "END:VEVENT BEGIN:VEVENT", "\\n\\;\\,",
  "__proto__", "constructor", "null", "NaN",
];
/** What our own form refuses to seal, but a form of one's own would not: only in the note, past the screen. */
const refusedByForm = ["\u202egnp.exe", "a\u0000b", "a\u2028b", "\u2066x\u2069"];

let demo, browser, practice, visitor, page;

before(async () => {
  [demo, browser] = await Promise.all([start({ ahead: true }), launch()]);
  practice = demo.practice("praxis-sonnenberg");
  visitor = await visit(browser, { viewport: { width: 1280, height: 900 }, acceptDownloads: true });
  page = visitor.page;
  await signIn(page, practice);
});

after(async () => {
  await browser?.close();
  await demo?.drop();
});

/** enter books with a text in each field that takes any. */
async function enter(text, n) {
  await page.keyboard.press("n");
  await page.locator("#panel [role=combobox]").waitFor();
  await page.keyboard.type("x");
  await page.locator("#panel [role=combobox]").press("Tab");
  const field = (name) => page.locator("#panel").getByLabel(t(`field.${name}`), { exact: true });
  await field("family").fill(text);
  await field("given").fill(text);
  await field("birth").fill(`${(n % 28) + 1}.3.1960`);
  await page.locator("#panel").getByText(t("new.more"), { exact: true }).click();
  await field("note").fill(text);
  await page.locator("#panel .slotlist input").first().waitFor();
  await page.locator("#panel").getByRole("button", { name: new RegExp(`^${t("new.save")}`) }).click();
}

const tame = async (where) => {
  const found = await page.evaluate(() => ({
    ran: globalThis.pwned,
    elements: document.querySelectorAll("script:not([src]), iframe, object, embed, base, [onerror], [onload], [onfocus], a[href^=javascript], a[href^=data], img, style:not([data-vite])").length,
    proto: Object.keys(Object.prototype).length,
  }));
  assert.deepEqual(found, { ran: undefined, elements: 0, proto: 0 }, where);
};

test("each text is booked and stands in the plan as text", async () => {
  for (const [n, text] of corpus.entries()) {
    await enter(text, n);
    await page.getByRole("heading", { name: t("made.title") }).waitFor();
    await page.keyboard.press("Escape");
    await tame(text);
  }
  await until("all are there", () => page.evaluate(() => document.querySelectorAll(".entry").length).then((count) => count >= corpus.length));
  const shown = await page.locator(".coming").innerText();
  for (const text of ["<script>globalThis.pwned=1</script>", "=1+1", "${globalThis.pwned=1}"]) assert.ok(shown.includes(`${text}, ${text}`), text);
});

test("what would turn a screen around is refused in front of whoever types it", async () => {
  for (const text of refusedByForm) {
    await enter(text.includes("\u0000") ? "a\u0001b" : text, 3);
    await page.locator("#panel [role=alert]").waitFor();
    await page.keyboard.press("Escape");
  }
});

test("day, week, month, search, details, lists, paper and absences show it and run nothing", async () => {
  const press = async (key, where) => {
    await page.keyboard.press(key);
    await page.locator(where).first().waitFor();
    await tame(where);
  };
  await press("w", ".grid.several");
  await press("o", ".month");
  await press("d", ".cal");
  const blocks = await page.locator(".coming .entry").count();
  for (let n = 0; n < blocks; n++) {
    await page.locator(".coming .entry").nth(n).click();
    await page.locator("#detail-title").waitFor();
    await tame(`detail ${n}`);
    await page.keyboard.press("Escape");
    await page.locator(".coming .entry").nth(n).waitFor();
  }
  for (const query of ["<script", "=1", "__proto__", "xxxx", "\u05e9"]) {
    await page.locator("#find").fill(query);
    await tame(`search ${query}`);
  }
  await page.locator("#find").fill("");
  await page.emulateMedia({ media: "print" });
  await tame("paper");
  const wide = await page.evaluate(() => document.querySelector(".paper").scrollWidth - document.querySelector(".paper").clientWidth);
  assert.ok(wide <= 1, `paper is ${wide} px too wide`);
  await page.emulateMedia({ media: "screen" });
  await page.getByRole("navigation", { name: office("areas") }).getByRole("button", { name: t("tab.absence") }).click();
  const day = new Date(Date.now() + 86_400_000 * 14).toISOString().slice(0, 10);
  await page.locator("#ab-until").fill(day);
  await page.getByRole("button", { name: t("absence.next") }).click();
  await page.locator(".cases li").first().waitFor();
  await tame("absence");
  await page.getByRole("navigation", { name: office("areas") }).getByRole("button", { name: office("title.open") }).click();
});

test("tables and calendars hold text: no formula, no further cell, row, event or property", async () => {
  await page.keyboard.press("o");
  await page.locator(".month").waitFor();
  const download = async (name) => {
    await page.locator("summary").filter({ hasText: t("export") }).click();
    const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name, exact: true }).click()]);
    return readFile(await file.path(), "utf8");
  };
  const rows = (await download(t("export.csv"))).trimEnd().split("\r\n");
  assert.ok(rows.length > 10);
  for (const row of rows) {
    const cells = row.replace(/^\ufeff/, "").match(/"(?:[^"]|"")*"/g);
    assert.equal(cells.length, 13, row);
    for (const cell of cells) assert.doesNotMatch(cell.slice(1), /^[\s]*[=+\-@]/, cell);
  }
  const calendar = await download(t("export.ics"));
  assert.equal(calendar.match(/^BEGIN:VEVENT/gm).length, rows.length - 1);
  for (const line of calendar.trimEnd().split("\r\n")) {
    assert.match(line, /^( |BEGIN:(VCALENDAR|VEVENT)$|END:(VCALENDAR|VEVENT)$|VERSION:|PRODID:|CALSCALE:|UID:|DTSTAMP:|DTSTART:|DTEND:|SUMMARY:|LOCATION:|DESCRIPTION:|STATUS:|CLASS:)/);
    assert.ok(Buffer.byteLength(line) <= 75);
  }
  await page.keyboard.press("d");
});

test("locked, none of it is left; opened again, it is text as before", async () => {
  await page.getByRole("button", { name: new RegExp(`^${office("lock")}`) }).click();
  await page.getByRole("heading", { name: office("unlock.title") }).waitFor();
  const html = await page.evaluate(() => document.documentElement.outerHTML);
  assert.ok(!html.includes("pwned") && !html.includes("evil.example"));
  await openAgain(page, practice.sign_ins[0].password);
  await tame("opened again");
});

test("the whole run broke no content security policy, threw nothing and opened no dialog", () => {
  assert.deepEqual(visitor.complaints, []);
});
