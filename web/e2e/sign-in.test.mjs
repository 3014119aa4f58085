// Signing in, in a real browser: second factor, passkeys and their PRF, the own
// account, and cookies that a neighbour plants.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, test } from "node:test";
import { scan } from "./lib/axe.mjs";
import { launch } from "./lib/browser.mjs";
import { start } from "./lib/demo.mjs";
import { enter, lock, signIn } from "./lib/desk.mjs";
import { look } from "./lib/shots.mjs";
import { counts, until } from "./lib/until.mjs";
import { account as mine, first, office as t } from "./lib/words.mjs";

let demo;
let browser;

before(async () => {
  demo = await start();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await demo?.drop();
});

/** person is a page of its own, with an authenticator that has a PRF. */
async function person() {
  const context = await browser.newContext({ locale: "de-DE", viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  const cdp = await context.newCDPSession(page);
  await cdp.send("WebAuthn.enable");
  const { authenticatorId } = await cdp.send("WebAuthn.addVirtualAuthenticator", {
    options: { protocol: "ctap2", ctap2Version: "ctap2_1", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, hasPrf: true, automaticPresenceSimulation: true },
  });
  return { context, page, cdp, authenticatorId };
}

const account = async (page, place = "security") => {
  await page.evaluate((hash) => (location.hash = hash), `#account/${place}`);
  await page.locator(".account h1").waitFor();
};

const code = (secret, at = Date.now()) => {
  const bits = [...secret.replaceAll(" ", "")].map((c) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(c).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(at / 30_000)));
  const mac = createHmac("sha1", key).update(counter).digest();
  const offset = mac[19] & 15;
  return String((mac.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, "0");
};

/** Somebody with a passkey that unlocks, once the first test has made it. */
let keyed;

/** early waits, where the step of the codes is about to end, until the next one has begun: what is typed is then looked at in the same step. */
const early = () => until("the step of the codes is young", () => Date.now() % 30_000 < 20_000);

test("a passkey signs in and opens the names, in place of the password", async () => {
  keyed = await person();
  const { page } = keyed;
  const practice = demo.practices[0];
  const who = await signIn(page, practice);
  await account(page);
  await page.getByRole("button", { name: mine("passkeys.add") }).click();
  await page.locator("#passkey-name").fill("Empfang");
  await page.locator("#passkey-password").fill(who.password);
  await page.locator("dialog").getByRole("button", { name: mine("passkeys.add") }).click();
  await page.getByRole("heading", { name: mine("codes.title") }).waitFor();
  await counts(page.locator(".paperslip li"), 10);
  await scan(page, "the printed codes");
  await page.getByRole("button", { name: mine("codes.kept") }).click();
  await page.getByText(mine("passkeys.unlocks")).waitFor();

  // Nothing of the PRF goes to the server.
  const sent = [];
  page.on("request", (request) => sent.push(request.postData() ?? ""));
  await page.evaluate(() => fetch("/api/v1/session", { method: "DELETE" }));
  await page.goto(practice.office);
  const began = Date.now();
  await page.getByRole("button", { name: mine("sign_in.passkey") }).click();
  await page.getByRole("button", { name: new RegExp(`^${t("lock")}`) }).waitFor();
  assert.ok(Date.now() - began < 5000, "in five seconds");
  assert.ok(!sent.some((body) => /"prf"|"first"/.test(body)));

  await lock(page);
  const locked = Date.now();
  await page.getByRole("button", { name: mine("unlock.passkey") }).click();
  await page.getByRole("button", { name: new RegExp(`^${t("lock")}`) }).waitFor();
  assert.ok(Date.now() - locked < 3000, "unlocked in under three seconds");
});

test("what touches keys takes the passkey in place of the password, and only from whom it knows", async () => {
  const { page, context, cdp, authenticatorId } = keyed;
  await page.setViewportSize({ width: 390, height: 844 });
  await page.evaluate(() => (location.hash = "#setup/people"));
  const epoch = () => page.evaluate(async () => Math.max(...(await (await fetch("/api/v1/keyring")).json()).keys.map((one) => one.epoch)));
  const before = await epoch();
  const proofs = [];
  page.on("request", (request) => request.url().endsWith("/session/confirm") && proofs.push(Object.keys(request.postDataJSON())));
  const dialog = page.getByRole("dialog");
  const byPasskey = dialog.getByRole("button", { name: mine("prove.passkey") });

  await page.getByRole("button", { name: first("people.rotate"), exact: true }).click();
  await byPasskey.waitFor();
  await scan(page, "keys by passkey");
  await look(page, "keys-by-passkey");
  await byPasskey.click();
  await page.getByText(first("people.rotated")).waitFor();
  assert.deepEqual(proofs, [["assertion"]]);
  assert.equal(await epoch(), before + 1);

  // Where nothing is unwrapped it is the proof alone; what the form wants, it wants as ever.
  await page.getByRole("button", { name: first("people.invite") }).click();
  await dialog.locator("#invite-name").fill("Vera Neu");
  await dialog.locator("#invite-email").fill("vera");
  await byPasskey.click();
  await counts(dialog.locator("#invite-email:invalid"), 1);
  assert.equal(proofs.length, 1);
  await dialog.locator("#invite-email").fill("vera.neu@praxis.example");
  await byPasskey.click();
  await page.getByText(first("people.invited").replace("{email}", "vera.neu@praxis.example")).waitFor();
  assert.deepEqual(proofs, [["assertion"], ["assertion"]]);

  // The passkey opens the new keys as well.
  await page.evaluate(() => (location.hash = "#"));
  await page.reload();
  await page.getByRole("button", { name: mine("unlock.passkey") }).click();
  await page.getByRole("button", { name: new RegExp(`^${t("lock")}`) }).waitFor();

  // A finger that the device does not know.
  await page.evaluate(() => (location.hash = "#setup/people"));
  await page.getByRole("button", { name: first("people.rotate"), exact: true }).click();
  await cdp.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: false });
  await byPasskey.click();
  await dialog.getByText(mine("problem.passkey_cancelled")).waitFor();
  assert.equal(proofs.length, 2);
  assert.equal(await epoch(), before + 1);
  await context.close();
});

test("codes of an app are asked for once a day on a device, and a printed code stands in", async () => {
  const { page, context } = await person();
  const practice = demo.practices[1];
  const who = await signIn(page, practice);
  await account(page);
  await page.getByRole("button", { name: mine("totp.set_up") }).click();
  const secret = await page.locator("code.secret").innerText();
  await early();
  await early();
  await page.locator("#totp-code").fill(code(secret, Date.now() - 30_000));
  await page.getByRole("button", { name: mine("totp.confirm"), exact: true }).click();
  await page.locator(".paperslip li").first().waitFor();
  const printed = await page.locator(".paperslip li").first().innerText();
  await page.getByRole("button", { name: mine("codes.kept") }).click();

  const out = async () => {
    await page.evaluate(() => fetch("/api/v1/session", { method: "DELETE" }));
    await page.goto(practice.office);
  };
  const inside = () => page.getByRole("button", { name: new RegExp(`^${t("lock")}`) }).waitFor();
  await out();
  await enter(page, who.email, who.password);
  await page.locator("#second-code").fill("000000");
  await page.getByRole("button", { name: mine("second.do") }).click();
  await page.getByText(mine("problem.second_failed")).waitFor();
  await scan(page, "the second step");
  await page.locator("#second-code").fill(code(secret));
  await page.getByRole("button", { name: mine("second.do") }).click();
  await inside();
  await out();
  await enter(page, who.email, who.password); // the same day on the same device
  await inside();

  // Another device: the cookie of this one is not there.
  await context.clearCookies();
  await page.goto(practice.office);
  await enter(page, who.email, who.password);
  await page.getByRole("button", { name: mine("second.use_recovery") }).click();
  await page.locator("#second-code").fill(printed);
  await page.getByRole("button", { name: mine("second.do") }).click();
  await inside();
  await context.close();
});

test("a cookie that a neighbour below the domain plants signs nobody in and out", async () => {
  const { page, context } = await person();
  const practice = demo.practices[2];
  await signIn(page, practice);
  const url = new URL(practice.office);
  const session = (await context.cookies(practice.office)).find(({ name }) => name === "siegel-session");
  assert.equal(session.domain, url.hostname, "the session is the host's own");
  assert.equal(session.expires, -1, "it goes with the browser's session");
  // Tossed from a sibling: for the parent domain, with a longer path, so that browsers send it first.
  const other = await browser.newContext();
  const victim = await other.newPage();
  await other.addCookies([{ name: "siegel-session", value: session.value, domain: ".office.localhost", path: "/api", sameSite: "Lax" }]);
  const elsewhere = demo.practices[0];
  await victim.goto(elsewhere.office);
  assert.equal(await victim.evaluate(async () => (await fetch("/api/v1/session")).status), 401);
  await other.close();
  await context.close();
});

test("names are remembered only after ticking, and gone in one click", async () => {
  const { page, context } = await person();
  const practice = demo.practices[2];
  const who = practice.sign_ins[0];
  await page.goto(practice.office);
  await enter(page, who.email, who.password);
  await page.getByRole("button", { name: new RegExp(`^${t("lock")}`) }).waitFor();
  assert.ok(!(await page.evaluate(() => document.cookie)).includes("name="));
  await page.evaluate(() => fetch("/api/v1/session", { method: "DELETE" }));
  await page.goto(practice.office);
  await page.locator("#remember").check();
  await enter(page, who.email, who.password);
  await page.getByRole("button", { name: new RegExp(`^${t("lock")}`) }).waitFor();
  const kept = (await context.cookies()).find(({ name }) => name === "siegel-name");
  assert.ok(Math.abs(kept.expires - Date.now() / 1000 - 365 * 86_400) < 600, "for a year");
  await page.evaluate(() => fetch("/api/v1/session", { method: "DELETE" }));
  await page.goto(practice.office);
  await page.getByRole("button", { name: who.email, exact: true }).waitFor();
  await scan(page, "the names to choose from");
  await page.getByRole("button", { name: mine("sign_in.forget").replace("{email}", who.email) }).click();
  await page.locator("#email").waitFor();
  assert.equal((await context.cookies()).find(({ name }) => name === "siegel-name"), undefined);
  await context.close();
});

test("a session that is ended elsewhere is over within a second", async () => {
  const one = await person();
  const two = await person();
  const practice = demo.practices[2];
  await signIn(one.page, practice);
  await signIn(two.page, practice);
  await account(one.page, "sessions");
  await one.page.getByRole("button", { name: mine("sessions.others") }).click();
  await one.page.locator(".things li:only-child").waitFor();
  await new Promise((resolve) => setTimeout(resolve, 1000));
  assert.equal(await two.page.evaluate(async () => (await fetch("/api/v1/session")).status), 401);
  assert.equal(await one.page.evaluate(async () => (await fetch("/api/v1/session")).status), 200);
  for (const place of ["security", "history", "person", "rules"]) {
    await account(one.page, place);
    await one.page.waitForTimeout(300);
    await scan(one.page, `the account, ${place}`);
  }
  await one.context.close();
  await two.context.close();
});
