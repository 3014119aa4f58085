import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { scan } from "./lib/axe.mjs";
import { desktop, launch, phone, visit } from "./lib/browser.mjs";
import { folder, start } from "./lib/demo.mjs";
import { signIn } from "./lib/desk.mjs";
import { book, someone } from "./lib/patient.mjs";
import { openSetup } from "./lib/setup.mjs";
import { look } from "./lib/shots.mjs";
import { psql } from "./lib/stores.mjs";
import { until } from "./lib/until.mjs";

// A connector from its code to its end; each test goes on where the one before
// it ended.

const words = JSON.parse(readFileSync(new URL("../app/src/i18n/office.connector.de.json", import.meta.url), "utf8"));
const t = (key, params = {}) => words[key].replace(/\{([a-z_]+)\}/g, (whole, name) => params[name] ?? whole);
const binary = process.env.SIEGEL_BINARY ?? fileURLToPath(new URL("../../bin/siegel", import.meta.url));
const state = join(folder(), "state");
const file = join(state, "..", "termine.jsonl");

let demo, browser, practice, person, visitor, page, agent;

before(async () => {
  [demo, browser] = await Promise.all([start(), launch()]);
  practice = demo.practice("praxis-sonnenberg");
  visitor = await visit(browser, { viewport: desktop });
  page = visitor.page;
});

after(async () => {
  agent?.kill("SIGKILL");
  await browser?.close();
  await demo?.drop();
});

const handed = () => (existsSync(file) ? readFileSync(file, "utf8").trim().split("\n").filter(Boolean).map((line) => JSON.parse(line)) : []);
const envelopes = async (id) => Number(await psql(demo, `select count(*) from envelope where booking_id = '${id}'`));
const keys = async (act) => {
  const dialog = page.getByRole("dialog");
  await dialog.locator("#key-password").fill(person.password);
  await dialog.getByRole("button", { name: act, exact: true }).click();
  await dialog.waitFor({ state: "detached" });
};

test("a code pairs, and six words that are the same hand over keys", async () => {
  person = await signIn(page, practice);
  await openSetup(page, "connector");
  await page.getByText(t("none")).waitFor();
  await scan(page, "systems without a connector");
  await page.getByRole("button", { name: t("pair"), exact: true }).click();
  const shown = page.locator(".paircode strong");
  await shown.waitFor();
  await look(page, "connector-code");
  mkdirSync(state, { recursive: true, mode: 0o700 });
  writeFileSync(join(state, "settings.json"), JSON.stringify({ status: "off", outlets: [{ kind: "jsonl", file }] }));
  const { stdout } = await promisify(execFile)(binary, ["connector", "pair", "--state", state, practice.office, await shown.innerText()]);
  agent = spawn(binary, ["connector", "run", "--state", state], { stdio: "ignore" });
  await page.getByRole("button", { name: t("compare"), exact: true }).click();
  const list = page.getByRole("dialog").locator(".wordlist li");
  await list.first().waitFor();
  assert.match(stdout.replace(/\s+/g, " "), new RegExp((await list.allInnerTexts()).join(" ")));
  await scan(page, "the six words");
  await page.getByRole("dialog").getByRole("checkbox").check();
  await keys(t("compare.do"));
  await page.getByText(t("seen"), { exact: true }).waitFor();
});

test("what is forwarded is in the practice's file, and no envelope is left", async () => {
  const card = page.locator(".modes > li", { has: page.getByRole("heading", { name: t("mode.forward"), exact: true }) });
  await card.getByRole("button").click();
  await page.getByText(t("mode.said.forward")).waitFor();
  await scan(page, "systems with a connector");
  await look(page, "connector-active");
  const patient = await visit(browser, { viewport: phone });
  const someoneElse = someone();
  const { held } = await book(patient.page, demo, practice.patients, "Allgemeine Sprechstunde", someoneElse);
  await patient.close();
  const id = held.booking_id.slice(4);
  const got = await until("the booking is handed over", () => handed().find((one) => one.booking === id));
  assert.equal(`${got.family_name}, ${got.given_name}`, `${someoneElse.family}, ${someoneElse.given}`);
  await until("the envelope is gone", async () => (await envelopes(id)) === 0);
});

test("ended in one go: no token, new keys, and the practice book again", async () => {
  await openSetup(page, "connector");
  await page.getByRole("button", { name: t("end"), exact: true }).click();
  await keys(t("end.do"));
  await page.getByText(t("ended")).waitFor();
  assert.equal(await psql(demo, "select count(*) from forwarding"), "0");
  await until("the connector stops", () => agent.exitCode !== null);
  assert.notEqual(agent.exitCode, 0);
});
