import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, test } from "node:test";
import { folder, start } from "./lib/demo.mjs";
import { ask } from "./lib/http.mjs";
import { psql } from "./lib/stores.mjs";

const data = folder();
after(() => rmSync(data, { recursive: true, force: true }));

const tenant = async (demo) => (await ask(demo.practice("praxis-sonnenberg").patients, "/api/v1/practice")).json.tenant;
const codes = (demo) => demo.practices.map(({ recovery_code }) => recovery_code);

/** Runs a demo for as long as a look at it takes, and ends it as Ctrl-C does. */
async function run(options, look) {
  const demo = await start({ data, ...options });
  try {
    await look(demo);
  } finally {
    const began = performance.now();
    const { code, signal, left, family } = await demo.stop();
    demo.stopping = performance.now() - began;
    assert.deepEqual({ code, signal }, { code: 0, signal: null }, `${demo.logged()}`);
    const names = family.map(({ name }) => name);
    assert.ok(names.some((name) => name.startsWith("postgres")) && names.some((name) => name.startsWith("redis")), `the search finds processes: ${names}`);
    assert.ok(family.length >= 5, `${names}`);
    assert.deepEqual(left, [], "a process was left");
  }
  return demo;
}

let first;

test("a cold demo becomes ready, answers on every host, and Ctrl-C leaves no process", async (t) => {
  const demo = await run({ fresh: true }, async (demo) => {
    assert.equal(demo.practices.length, 3);
    for (const { patients, office, sign_ins } of demo.practices) {
      const answer = await ask(patients, "/api/v1/practice");
      assert.deepEqual([answer.status, answer.json.booking], [200, "open"]);
      assert.equal((await ask(office, "/api/v1/session")).status, 401);
      assert.equal(sign_ins[0].role, "owner");
    }
    assert.deepEqual((await ask(demo.mailbox, "/messages.json")).json, { messages: [] });
    assert.deepEqual(Object.keys(demo.servers).sort(), ["mailbox", "postgres", "redis", "siegel"]);
    assert.equal(demo.servers.siegel, demo.pid);
    first = { codes: codes(demo), tenant: await tenant(demo) };
  });
  t.diagnostic(`cold: ready after ${Math.round(demo.ready)} ms, stopped after ${Math.round(demo.stopping)} ms`);
  assert.ok(demo.ready < 60_000);
});

test("a warm demo finds what the last one left", async (t) => {
  const demo = await run({ fresh: false }, async (demo) => {
    assert.deepEqual({ codes: codes(demo), tenant: await tenant(demo) }, first);
  });
  t.diagnostic(`warm: ready after ${Math.round(demo.ready)} ms, stopped after ${Math.round(demo.stopping)} ms`);
  assert.ok(demo.ready < 60_000);
});

test("--fresh begins anew, and --providers has stand-ins that took the accounts' settings", async (t) => {
  const demo = await run({ fresh: true, providers: true }, async (demo) => {
    assert.equal(await psql(demo, "select string_agg(plugin, ' ' order by kind, position) from provider where scope = 'platform'"), "mittwald ionos loopback lox24 seven sipgate twilio");
    assert.notEqual(await tenant(demo), first.tenant);
    assert.ok(codes(demo).every((code) => !first.codes.includes(code)));
  });
  t.diagnostic(`fresh: ready after ${Math.round(demo.ready)} ms`);
  assert.ok(demo.ready < 60_000);
});
