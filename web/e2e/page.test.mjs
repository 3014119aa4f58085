import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, phone, visit } from "./lib/browser.mjs";
import { start } from "./lib/demo.mjs";
import { de, en } from "./lib/words.mjs";

let demo, browser;

before(async () => {
  [demo, browser] = await Promise.all([start(), launch()]);
});

after(async () => {
  await browser?.close();
  await demo?.drop();
});

/**
 * weigh loads a practice's first page with an empty cache and tells, for each
 * request, what it cost on the wire and whether it began before the page could
 * be used: before the button under the choices stood there.
 */
async function weigh(base, button, locale) {
  const { context, page, close, complaints } = await visit(browser, { viewport: phone, locale });
  await context.addInitScript((button) => {
    const look = () => {
      if (globalThis.usable || ![...document.querySelectorAll("form button")].some((one) => one.textContent.includes(button))) return;
      globalThis.usable = performance.now();
    };
    new MutationObserver(look).observe(document, { childList: true, subtree: true, characterData: true });
  }, button);
  const session = await context.newCDPSession(page);
  await session.send("Network.enable");
  const requests = new Map();
  let navigation;
  session.on("Network.requestWillBeSent", ({ requestId, request, type, timestamp }) => {
    navigation ??= timestamp;
    requests.set(requestId, { url: request.url, type, began: (timestamp - navigation) * 1000, bytes: 0 });
  });
  session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => (requests.get(requestId).bytes = encodedDataLength));
  await page.goto(base, { waitUntil: "networkidle" });
  const { usable, seen, icon } = await page.evaluate(() => ({
    icon: document.querySelector("link[rel=icon]").href,
    usable: globalThis.usable,
    seen: performance.getEntriesByType("resource").map(({ name, startTime }) => ({ name, startTime })),
  }));
  assert.ok(usable > 0, "the page never became usable");
  // The page's own clock tells when a request began: the button and the request may be a millisecond apart.
  for (const request of requests.values()) request.began = seen.find(({ name }) => name === request.url)?.startTime ?? request.began;
  await close();
  assert.deepEqual(complaints, []);
  // The icon of the tab is fetched when the browser likes, and nothing waits for it.
  const all = [...requests.values()].filter(({ url }) => url !== icon);
  return { usable, all, before: all.filter(({ began }) => began < usable), after: all.filter(({ began }) => began >= usable) };
}

const what = (list) => list.map(({ url, type, bytes, began }) => `${type} ${new URL(url).pathname}, ${bytes} bytes, at ${Math.round(began)} ms`).join("\n");

for (const [locale, button] of [["de-DE", de("what.show")], ["en-GB", en("what.show")]]) {
  test(`the first page (${locale}) can be used after six requests and 60 KiB of script and style at most`, async (t) => {
    const found = await weigh(demo.practice("praxis-sonnenberg").patients, button, locale);
    const code = found.before.filter(({ type }) => type === "Script" || type === "Stylesheet");
    const bytes = code.reduce((sum, { bytes }) => sum + bytes, 0);
    t.diagnostic(`${found.before.length} requests, ${(bytes / 1024).toFixed(1)} KiB of script and style on the wire, usable after ${Math.round(found.usable)} ms`);
    assert.ok(code.length >= 2 && code.every(({ bytes }) => bytes > 0), what(found.before));
    assert.ok(bytes <= 60 * 1024, `${bytes} bytes of script and style:\n${what(code)}`);
    assert.ok(found.before.length <= 6, what(found.before));
    assert.ok(!found.before.some(({ type, url }) => type === "Font" || type === "Image" || /\.(woff2|svg|png)$/.test(url)), `font and logo come after:\n${what(found.before)}`);
  });
}

test("no page of a patient or an office loads anything from elsewhere", async () => {
  const { patients, office } = demo.practice("praxis-sonnenberg");
  for (const address of [patients, `${patients}/sealed`, `${patients}/confirm`, `${patients}/booking`, office]) {
    const { page, requests, complaints, close } = await visit(browser);
    await page.goto(address, { waitUntil: "networkidle" });
    await close();
    assert.ok(requests.length > 2);
    assert.deepEqual(requests.filter(({ url }) => new URL(url).host !== new URL(address).host), []);
    assert.deepEqual(complaints, []);
  }
});
