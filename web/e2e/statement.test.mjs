// What the practice and the operator say of data, as a visitor finds it; and
// that looking leaves nothing.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, phone, visit } from "./lib/browser.mjs";
import { start } from "./lib/demo.mjs";
import { ask } from "./lib/http.mjs";
import { psql, Redis } from "./lib/stores.mjs";

let demo, browser, practice;

before(async () => {
  [demo, browser] = await Promise.all([start(), launch()]);
  practice = demo.practice("praxis-sonnenberg");
});

after(async () => {
  await browser?.close();
  await demo?.drop();
});

const pages = ["datenschutz", "impressum", "barrierefreiheit"];

test("the documents are read without any script, in both languages, on all hosts", async () => {
  for (const base of [practice.patients, practice.office, demo.portal.url])
    for (const path of pages)
      for (const lang of ["de", "en"]) {
        const { status, headers, text: html } = await ask(base, `/${path}?lang=${lang}`);
        assert.equal(status, 200, `${base}/${path}`);
        assert.equal(headers["set-cookie"], undefined);
        assert.match(html, new RegExp(`<html lang="${lang}">`));
        assert.doesNotMatch(html, /<script|\{[a-z_]+\}|<!--document-->/);
        assert.ok(html.includes(base === practice.patients ? "Sonnenberg" : "Siegel Demo"), `${base}/${path} does not say whose it is`);
      }
});

test("the first page leads to them", async () => {
  const { page, close, complaints } = await visit(browser, { viewport: phone });
  await page.goto(practice.patients);
  for (const path of pages) await page.locator(`footer a[href^="/${path}"]`).waitFor();
  assert.deepEqual(complaints, []);
  await close();
});

test("whose work is in the product is told, with each text", async () => {
  const { status, headers, text } = await ask(practice.patients, "/licences.txt");
  assert.equal(status, 200);
  assert.match(headers["content-type"], /^text\/plain; charset=utf-8/);
  for (const part of ["github.com/gofiber/fiber/v2 v2.", "svelte 5.", "@noble/hashes 2.", "Permission is hereby granted, free of charge", "SIL OPEN FONT LICENSE"])
    assert.ok(text.includes(part), part);
});

test("whoever only looks leaves nothing", async () => {
  const redis = await Redis.open(demo);
  const looked = ["appointment", "envelope", "session", "audit_entry", "sign_in_history", "traffic_hour", "outbox", "message_delivery"];
  const rows = () => psql(demo, looked.map((table) => `select '${table}', count(*), md5(coalesce(string_agg(t::text, E'\\n' order by t::text), '')) from ${table} t`).join(" union all "));
  const keys = async () => (await redis.everything()).map(({ key }) => key).filter((key) => key.startsWith("t:")).sort();
  const [rowsBefore, keysBefore, logBefore] = [await rows(), await keys(), demo.logged().length];
  const { context, page, close } = await visit(browser, { viewport: phone });
  for (const path of ["", ...pages, "sealed"]) {
    await page.goto(`${practice.patients}/${path}`);
    await page.locator("h1").first().waitFor();
  }
  assert.deepEqual(await context.cookies(), []);
  assert.deepEqual(await page.evaluate(() => [localStorage.length, sessionStorage.length]), [0, 0]);
  await close();
  assert.equal(await rows(), rowsBefore);
  assert.deepEqual(await keys(), keysBefore);
  assert.doesNotMatch(demo.logged().subarray(logBefore).toString(), /datenschutz|impressum|GET|Mozilla|127\.0\.0\.1/);
  redis.close();
});
