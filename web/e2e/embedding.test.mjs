// The patients' pages within the practice's own page: on the site that the
// practice named, and on no other. All of it over https, where cookies are what
// they are for patients.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { launch, visit } from "./lib/browser.mjs";
import { start } from "./lib/demo.mjs";
import { signIn } from "./lib/desk.mjs";
import { linkIn, message } from "./lib/mailbox.mjs";
import { confirm, fill, someone } from "./lib/patient.mjs";
import { openSetup } from "./lib/setup.mjs";
import { de } from "./lib/words.mjs";

/** Nobody vouches for the demo's certificate. */
const open = () => visit(browser, { ignoreHTTPSErrors: true });
let demo, browser, base, site, stranger, fingerprint;

/** page serves one page that holds the practice's snippet. */
const pageWith = (html) =>
  new Promise((resolve) => {
    const server = createServer((_, answer) => answer.writeHead(200, { "Content-Type": "text/html" }).end(html()));
    server.listen(0, "127.0.0.1", () => resolve({ server, origin: `http://127.0.0.1:${server.address().port}` }));
  });
const snippet = () => `<!doctype html><title>Praxis</title><h1>Willkommen</h1><script src="${base}/embed.js" data-key-fingerprint="${fingerprint}" data-lang="de"></script>`;

before(async () => {
  [demo, browser] = await Promise.all([start({ tls: true }), launch()]);
  base = demo.practice("praxis-sonnenberg").patients;
  [site, stranger] = await Promise.all([pageWith(snippet), pageWith(snippet)]);
});

after(async () => {
  site?.server.close();
  stranger?.server.close();
  await browser?.close();
  await demo?.drop();
});

test("the owner names the site and copies the snippet; there the booking shows, as high as it is, and on another site it does not", async () => {
  const office = (await open()).page;
  await signIn(office, demo.practice("praxis-sonnenberg"));
  await openSetup(office, "reach");
  const sites = office.locator("#sites");
  await sites.waitFor();
  await sites.fill(`${site.origin}/termine`);
  const saved = office.waitForResponse((response) => response.url().endsWith("/api/v1/embedding") && response.request().method() === "PUT");
  await office.locator("form:has(#sites) button.primary").click();
  assert.deepEqual((await (await saved).json()).sites, [site.origin]);
  const text = await office.locator("#site-frame").inputValue();
  fingerprint = /data-key-fingerprint="([A-Za-z0-9_-]{43})"/.exec(text)?.[1];
  assert.ok(fingerprint, text);

  const { page } = await open();
  await page.goto(site.origin);
  const frame = page.frameLocator("iframe");
  await frame.getByRole("heading", { name: de("what.title") }).waitFor();
  const element = await page.locator("iframe").elementHandle();
  const inner = await element.contentFrame();
  assert.equal(new URL(inner.url()).hash, `#key=${fingerprint}`);
  await page.waitForFunction(() => document.querySelector("iframe").getBoundingClientRect().height > 700);
  const taller = await inner.evaluate(() => {
    const height = Math.ceil(document.body.getBoundingClientRect().height) + 500;
    document.body.style.minHeight = `${height}px`;
    return height;
  });
  await page.waitForFunction((height) => Math.abs(document.querySelector("iframe").getBoundingClientRect().height - height) < 50, taller);
  // What says it comes from the frame and does not changes nothing.
  await page.evaluate(() => postMessage({ siegel: "height", height: 5 }, "*"));
  assert.ok((await page.evaluate(() => document.querySelector("iframe").getBoundingClientRect().height)) > 700);
  const cookie = (await page.context().cookies(base)).find(({ name }) => name.includes("visit"));
  assert.ok(cookie?.partitionKey, "the cookie is kept apart for this site");
  assert.deepEqual([cookie.name, cookie.path, cookie.domain, cookie.sameSite, cookie.secure, cookie.httpOnly], ["__Host-siegel-visit", "/", new URL(base).hostname, "None", true, true]);

  // A patient books there, and nowhere is the browser known by anything else.
  const person = someone();
  await frame.getByRole("radio", { name: /^Allgemeine Sprechstunde/ }).check();
  await frame.getByRole("button", { name: de("what.show") }).click();
  const [held] = await Promise.all([page.waitForRequest((request) => request.url() === `${base}/api/v1/holds`), frame.locator("section[aria-labelledby=next] .slot").first().click()]);
  assert.equal((await held.allHeaders()).cookie, `__Host-siegel-visit=${cookie.value}`);
  await fill(frame, person);
  await frame.locator("form button.main").click();
  await frame.getByRole("heading", { name: de("sent.title") }).waitFor();
  const own = (await open()).page;
  await confirm(own, linkIn(await message(demo, person.mail)));
  await own.getByRole("heading", { name: de("booked.title") }).waitFor();

  const elsewhere = (await open()).page;
  await elsewhere.goto(stranger.origin);
  await elsewhere.locator("iframe").waitFor();
  await elsewhere.waitForTimeout(1500);
  const other = await (await elsewhere.locator("iframe").elementHandle()).contentFrame();
  assert.equal(await other.locator("h1").filter({ hasText: de("what.title") }).count(), 0);
});
