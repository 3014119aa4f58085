import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { scan } from "./lib/axe.mjs";
import { desktop, launch, phone, visit } from "./lib/browser.mjs";
import { start } from "./lib/demo.mjs";
import { enter, lock, signIn } from "./lib/desk.mjs";
import { ask, b64, hold } from "./lib/http.mjs";
import { linkIn, message } from "./lib/mailbox.mjs";
import { offer } from "./lib/offer.mjs";
import { begin, book, fill, list, listed, request, someone, submit, take } from "./lib/patient.mjs";
import { de, en, office as t } from "./lib/words.mjs";

// Every screen that people see, walked through once and looked at in each of
// its appearances.

let demo, browser, practice;

before(async () => {
  [demo, browser] = await Promise.all([start({ ahead: true }), launch()]);
  practice = demo.practice("praxis-sonnenberg");
});

after(async () => {
  await browser?.close();
  await demo?.drop();
});

const patient = (options) => visit(browser, { viewport: phone, ...options });
const heading = (page, name) => page.getByRole("heading", { name }).first().waitFor();
const refuse = (page, path, status, body) =>
  page.route(`**/api/v1/${path}`, (route) => route.fulfill({ status, contentType: "application/problem+json", body: JSON.stringify({ type: "about:blank", status, ...body }) }));

// Two at a time: axe works in the page, and there are two pages.
describe("axe finds nothing, and nothing is wider than the screen at 400 % zoom", { concurrency: 2 }, () => {
  test("the way from the first page to the booked one has no finding on any screen", async () => {
    const { page, close } = await patient();
    await page.goto(practice.patients);
    await heading(page, de("what.title"));
    await page.getByRole("button", { name: de("what.show") }).click();
    await page.getByText(de("what.service_missing")).waitFor();
    await scan(page, "what, nothing chosen");
    for (const path of ["datenschutz", "impressum", "barrierefreiheit"]) {
      await page.goto(`${practice.patients}/${path}`);
      await heading(page, /./);
      await scan(page, path);
    }
    await begin(page, practice.patients, "Allgemeine Sprechstunde", { answers: [de("insurance.GKV"), de("ask.no")] });
    await page.locator("details.lang summary").click();
    await scan(page, "what, chosen, menu of languages open");
    await list(page);
    await scan(page, "when");
    await take(page);
    await scan(page, "who");
    await page.locator("form button.main").click();
    await page.getByRole("alert").first().waitFor();
    await scan(page, "who, errors");
    await page.getByRole("radio", { name: de("who.other") }).check();
    await page.getByRole("radio", { name: de("who.channel_sms") }).check();
    await scan(page, "who, for somebody else, by text message");
    await page.getByRole("radio", { name: de("who.channel_mail") }).check();
    await refuse(page, "bookings", 429, { reason: "too_many_messages" });
    const person = someone({ booker: "Jana Nováková", relation: "parent", note: "Ich komme mit Rollstuhl." });
    await fill(page, person);
    await page.locator("form button.main").click();
    await page.locator("#failure").waitFor();
    await scan(page, "who, refused");
    await page.unroute("**/api/v1/bookings");
    await submit(page);
    await scan(page, "check your mail");
    const link = linkIn(await message(demo, person.mail));
    await page.goto(link);
    await heading(page, de("confirm.title"));
    await scan(page, "confirm");
    await page.getByRole("button", { name: de("confirm.submit") }).click();
    await heading(page, de("booked.title"));
    await page.getByText("Allgemeine Sprechstunde").waitFor();
    await scan(page, "booked");
    await close();
  });

  test("the code by text message, the hold's last minutes and its end have no finding", async () => {
    const { page, close } = await patient();
    await page.clock.install();
    await request(page, practice.patients, "Gesundheits-Check-up", someone({ mobile: "0151 98765432" }));
    await page.getByLabel(de("code.label")).fill("12");
    await page.getByRole("button", { name: de("code.submit") }).click();
    await page.getByText(de("code.shape")).waitFor();
    await scan(page, "code, wrong");
    await page.clock.fastForward(3_600_000);
    await page.getByText(de("sent.expired")).waitFor();
    await scan(page, "code, too late");

    await begin(page, demo.practice("physio-lindenhof").patients, "Krankengymnastik");
    await list(page);
    await take(page);
    await page.clock.fastForward(500_000);
    await page.locator(".hold.ending").waitFor();
    await scan(page, "who, hold ending");
    await page.clock.fastForward(120_000);
    await page.locator("#over").waitFor();
    await scan(page, "who, hold over");
    await close();
  });

  test("what goes wrong has no finding: taken, too many, no slots, no connection, unknown, expired, cut off, gone", async () => {
    const { page, close } = await patient();
    const base = demo.practice("zahnarzt-am-markt").patients;
    await begin(page, base, "Kontrolle");
    const [free] = await listed(page);
    const { json } = await ask(base, "/api/v1/practice");
    const service = json.services.find(({ name }) => name === "Kontrolle").id;
    assert.equal((await hold(base, service, free)).status, 201);
    await page.locator("section[aria-labelledby=next] .slot").first().click();
    await page.locator("section[aria-labelledby=near] .slot").first().waitFor();
    await scan(page, "when, slot taken");

    await page.goto(base);
    await page.getByRole("radio", { name: /^Kontrolle/ }).check();
    await page.route(/\/api\/v1\/slots/, (route) => route.abort());
    await page.getByRole("button", { name: de("what.show") }).click();
    await page.getByText(de("when.failed")).waitFor();
    await scan(page, "when, no connection");
    await page.unroute(/\/api\/v1\/slots/);
    await offer(page, { rows: [] });
    await page.goto(base);
    await page.getByRole("radio", { name: /^Kontrolle/ }).check();
    await page.getByRole("button", { name: de("what.show") }).click();
    await page.getByText(de("when.nothing_hint")).waitFor();
    await scan(page, "when, nothing free");
    await page.unrouteAll();

    const made = `#${b64(randomBytes(16))}.${b64(randomBytes(16))}`;
    for (const [path, text] of [
      [`/confirm${made}`, "expired.title"],
      ["/confirm#cut-off", "broken.title"],
      [`/booking#${b64(randomBytes(16))}`, "gone.title"],
    ]) {
      await page.goto("about:blank");
      await page.goto(base + path);
      await heading(page, de(text));
      await scan(page, path.replace(/#.*/, ` ${text}`));
    }

    await refuse(page, "bookings/peek", 409, { reason: "slot_taken", alternatives: [{ starts: free.starts, practitioner: free.practitioner, location: free.location }] });
    await page.goto("about:blank");
    await page.goto(`${base}/confirm${made}`);
    await heading(page, de("taken.title"));
    await scan(page, "confirm, taken");
    await page.unroute("**/api/v1/bookings/peek");

    await refuse(page, "practice", 503, { reason: "database_unavailable" });
    await page.goto(base);
    await heading(page, de("page.failed"));
    await scan(page, "no connection");
    await page.unroute("**/api/v1/practice");
    await page.route("**/api/v1/practice", (route) => route.fulfill({ json: { ...json, booking: "closed", closed_reason: "keys_missing" } }));
    await page.goto(base);
    await page.getByText(de("what.closed_hint")).waitFor();
    await scan(page, "booking closed");
    await close();
  });

  test("the page on what is sealed has no finding, in both languages", async () => {
    const { page, close } = await patient();
    for (const [lang, title] of [["de", de("sealed.title")], ["en", en("sealed.title")]]) {
      await page.goto(`${practice.patients}/sealed?lang=${lang}`);
      await heading(page, title);
      await page.locator("p.print-key:not(.muted)").waitFor();
      await page.locator("details.why summary").click();
      await scan(page, `sealed, ${lang}`);
    }
    await close();
  });

  test("the office has no finding on any screen", async () => {
    const one = someone({ note: "Ich komme mit Rollstuhl.", phone: "07243 000199", booker: "Jana Nováková", relation: "parent" });
    const visitor = await patient();
    const { held } = await book(visitor.page, demo, practice.patients, "Allgemeine Sprechstunde", one, { answers: [de("insurance.GKV"), de("ask.no")] });
    await book(visitor.page, demo, practice.patients, "Blutabnahme", someone());
    await visitor.close();

    const { page, close } = await visit(browser, { viewport: desktop });
    await page.goto(practice.office);
    await heading(page, t("sign_in.title"));
    await scan(page, "sign in");
    await enter(page, practice.sign_ins[0].email, "falsch");
    await page.getByText(t("problem.sign_in_failed")).waitFor();
    await scan(page, "sign in, refused");
    await signIn(page, practice);
    await page.getByText(`${one.family}, ${one.given}`).first().waitFor();
    await scan(page, "today, inbox and what is coming");
    await page.locator("summary.me").click();
    await scan(page, "today, menu open");
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: new RegExp(`^${t("inbox.open")} ${one.family}`) }).click();
    await page.locator("#detail").waitFor();
    await scan(page, "a booking");
    await page.locator("#detail .daylink").click(); // the plan of that day, with the booking in it
    await page.locator(".appt").first().waitFor();
    await scan(page, `the plan of ${held.starts}`);
    await page.keyboard.press("Escape");

    await page.setViewportSize(phone);
    for (const tab of ["coming", "inbox", "day"]) {
      await page.getByRole("navigation", { name: t("areas") }).getByRole("button", { name: new RegExp(`^${t(`tab.${tab}`)}`) }).click();
      await scan(page, `on the phone, ${tab}`);
    }
    await page.setViewportSize(desktop);
    await lock(page);
    await heading(page, t("unlock.title"));
    await scan(page, "locked");
    await page.locator("#unlock-password").fill("falsch");
    await page.getByRole("button", { name: t("unlock.do"), exact: true }).click();
    await page.getByText(t("problem.wrong_password")).waitFor();
    await scan(page, "locked, wrong password");
    await close();

    const offline = await visit(browser);
    await offline.page.route("**/api/v1/session", (route) => route.abort());
    await offline.page.goto(practice.office);
    await offline.page.getByText(t("problem.unreachable")).waitFor();
    await scan(offline.page, "no connection");
    await offline.close();
  });
});
