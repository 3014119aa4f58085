// What rules do to the patient's page: who is shown what, why not, and that
// nothing of the answers leaves the browser.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { scan } from "./lib/axe.mjs";
import { desktop, launch, phone, visit } from "./lib/browser.mjs";
import { start } from "./lib/demo.mjs";
import { signIn, unlock } from "./lib/desk.mjs";
import { ask } from "./lib/http.mjs";
import { linkIn, message } from "./lib/mailbox.mjs";
import { everyone, monday, offer, plus } from "./lib/offer.mjs";
import { begin, confirm, fill, forth, list, slotsShown, someone, submit, take } from "./lib/patient.mjs";
import { wall } from "./lib/setup.mjs";
import { look } from "./lib/shots.mjs";
import { psql, Redis, tables } from "./lib/stores.mjs";
import { counts, until } from "./lib/until.mjs";
import { de, desk, office, sealed as ts } from "./lib/words.mjs";

let demo, browser, base;

before(async () => {
  [demo, browser] = await Promise.all([start(), launch()]);
  base = demo.practice("praxis-sonnenberg").patients;
});

after(async () => {
  await browser?.close();
  await demo?.drop();
});

const patient = (options) => visit(browser, { viewport: phone, ...options });
const only = (insurance, patients = "all", rest = {}) => ({ alternatives: [{ insurance, patients, ...rest }] });
const text = async (page) => (await page.locator("main").innerText()).replace(/\s+/g, " ");
const onto = (change) => (practice) => {
  for (const [name, with_] of Object.entries(change)) Object.assign(practice.services.find((service) => service.name === name), with_);
  return practice;
};

/** everything is on the screen: all slots of the week, day by day, and what is named as the next ones. */
async function everySlot(page) {
  const found = await slotsShown(page);
  for (const day of await page.locator("button.day").all()) {
    await day.click();
    found.push(...(await page.locator(".slots .slot").allInnerTexts()).map((text) => text.replace(/\s+/g, " ")));
  }
  return found;
}

describe("the list is for who looks at it", () => {
  const conditions = [everyone, { ...only(["PKV", "SEL"]), price_cents: 4800 }, only([], "known"), { ...everyone, min_age: 60 }, { alternatives: [] }, { ...everyone, referral: true }, { ...everyone, max_age: 17 }];
  const rows = [[0, "08:00"], [0, "09:00", 2], [0, "16:00", 1], [2, "10:00", 3], [2, "12:00", 4], [3, "11:00", 5], [3, "15:00", 6], [4, "08:20"]];
  const closed = [
    { day: 1, reason: "holiday", name: "Probetag" },
    { day: 5, reason: "later", opens: "2031-02-28T23:00:00Z" },
  ];
  const open = async (page, answers, age) => {
    await offer(page, { conditions, rows, closed, change: onto({ "Ruhe-EKG": { min_age: 12 } }) });
    await begin(page, base, "Allgemeine Sprechstunde", { answers: answers.map((key) => de(key)), age });
    await list(page);
  };

  test("a statutory patient's list holds no self-pay slot, and says why", async () => {
    const { page, complaints, close } = await patient();
    await open(page, ["insurance.GKV", "ask.no"], "34");
    const shown = await everySlot(page);
    assert.ok(shown.length >= 4, shown.join("\n"));
    assert.deepEqual(shown.filter((slot) => /€|16:00/.test(slot)), []);
    assert.match(await text(page), /16:00 bis 16:15 Uhr Sprechstunde für privat Versicherte und Menschen, die selbst zahlen\. Sie sind gesetzlich versichert\./);
    assert.deepEqual(complaints, []);
    await close();
  });

  test("a self-pay slot carries its price in the list of those who may have it", async () => {
    const { page, close } = await patient();
    await open(page, ["insurance.SEL", "ask.no"], "34");
    const shown = (await everySlot(page)).filter((slot) => slot.includes("16:00"));
    assert.ok(shown.length > 0 && shown.every((slot) => /48,00 €/.test(slot)), shown.join("\n"));
    await close();
  });

  test("each reason can be read, on the screen and by axe", async () => {
    const { page, close } = await patient();
    await open(page, ["insurance.GKV", "ask.no"], "34");
    let all = "";
    const reasons = [
      de("when.why_only_known"),
      de("when.why_age", { ages: de("ages.min", { min: 60 }) }),
      de("when.why_age", { ages: de("ages.max", { max: 17 }) }),
      de("when.why_quota"),
      de("when.why_open"),
      de("when.why_holiday", { name: "Probetag" }),
      de("when.why_later", { opens: "1. März" }),
    ].map((reason) => reason.replace(/\s+/g, " "));
    await until("every reason is there", async () => ((all = await text(page)), reasons.every((reason) => all.includes(reason)))).catch(() => undefined);
    for (const reason of reasons) assert.ok(all.includes(reason), `${reason}\n${all}`);
    await scan(page, "when, everything with its reason");
    await page.getByRole("radio", { name: de("ask.referral_no"), exact: true }).check();
    assert.ok((await text(page)).includes(de("when.why_referral")));
    await page.getByRole("radio", { name: de("ask.referral_yes") }).check();
    const day = page.locator("b", { hasText: new RegExp(`^${plus(monday, 3).slice(8).replace(/^0/, "")}\\.$`) });
    await page.locator("button.day").filter({ has: day }).click();
    await page.locator(".slots .slot").filter({ hasText: "11:00" }).waitFor();
    await close();
  });

  test("what opens later says when, even if nothing else is free", async () => {
    const { page, close } = await patient();
    const tomorrow = plus(wall(Date.now()).day, 1);
    await offer(page, { rows: [], closed: [{ day: 0, reason: "later", opens: `${tomorrow}T06:30:00Z` }] });
    await begin(page, base, "Akute Beschwerden");
    await page.getByRole("button", { name: de("what.show") }).click();
    await page.getByText(/Buchbar ab morgen, [78]:30/).waitFor();
    await scan(page, "when, nothing but what opens later");
    await close();
  });

  test("a day that is only for others is told as such", async () => {
    const { page, close } = await patient();
    await offer(page, { conditions: [only(["PKV"])], rows: [[1, "09:00"]] });
    await begin(page, base, "Allgemeine Sprechstunde", { answers: [de("insurance.GKV")] });
    await page.getByRole("button", { name: de("what.show") }).click();
    await page.getByText(/ist nichts frei, was für Sie gilt/).waitFor();
    assert.match(await text(page), /9:00 bis 9:15 Uhr Sprechstunde für privat Versicherte/);
    await close();
  });

  test("one time at one place shows once, whoever has it", async () => {
    const { page, close } = await patient();
    await offer(page, { conditions: [everyone, only([], "all")], rows: [[0, "08:00", 0, { practitioner: 0 }], [0, "08:00", 1, { practitioner: 1 }], [0, "08:00", 0, { practitioner: 1, location: 1 }]] });
    await begin(page, base, "Allgemeine Sprechstunde");
    await list(page);
    await counts(page.locator(".slots .slot"), 2);
    await close();
  });

  test("the hold names the quotas of the alternative that the patient fits, and nothing else", async () => {
    const { page, requests, close } = await patient();
    const [one, other] = ["quo_01970000-0000-7000-8000-000000000001", "quo_01970000-0000-7000-8000-000000000002"];
    await offer(page, { conditions: [{ alternatives: [{ insurance: ["GKV"], patients: "new", quotas: [one, other] }, { insurance: ["GKV"], patients: "known", quotas: [other] }, { insurance: ["PKV"], patients: "all" }] }], rows: [[0, "08:00"]] });
    await page.route("**/api/v1/holds", (route) => route.fulfill({ status: 409, contentType: "application/problem+json", body: JSON.stringify({ status: 409, reason: "quota_full" }) }));
    await begin(page, base, "Allgemeine Sprechstunde", { answers: [de("insurance.GKV"), de("ask.yes")] });
    await list(page);
    await page.locator("section[aria-labelledby=next] .slot").first().click();
    await page.getByText(de("back.quota_full")).waitFor();
    const { quotas, ...rest } = JSON.parse(requests.find(({ url }) => url.endsWith("/api/v1/holds")).body);
    assert.deepEqual(quotas, [other]);
    assert.deepEqual(Object.keys(rest).sort(), ["location", "practitioner", "service", "starts", "token"]);
    await close();
  });
});

test("open consultation hours are shown and cannot be booked", async () => {
  const { page, close } = await patient();
  await offer(page, { rows: [[0, "08:00"]], walkIn: [{ day: 1, from: "11:00", until: "12:30", name: "Akutsprechstunde" }] });
  await begin(page, base, "Allgemeine Sprechstunde");
  await list(page);
  const hours = page.locator("section[aria-labelledby=walk-in]");
  await hours.getByRole("heading", { name: de("when.walk_in") }).waitFor();
  assert.match((await hours.innerText()).replace(/\s+/g, " "), /11:00 bis 12:30 Uhr Akutsprechstunde/);
  assert.equal(await hours.locator("button, a, input").count(), 0);
  await scan(page, "when, open consultation hours");
  await close();
});

test("what to know comes before the click: instructions, referral, deadline, and that staff has the last word", async () => {
  const { page, close } = await patient();
  await offer(page, { rows: [[0, "08:00"]], change: onto({ Blutabnahme: { referral: true, confirmation: "by_staff", cancel_minutes: 2880 } }) });
  await page.goto(base);
  await page.getByText(de("only.referral")).first().waitFor();
  await begin(page, base, "Blutabnahme");
  await list(page);
  const all = await text(page);
  for (const said of ["Bitte nüchtern kommen.", de("when.referral"), de("when.by_staff"), de("when.cancel_before", { time: de("when.days", { count: 2 }) })]) assert.ok(all.includes(said), `${said}\n${all}`);
  await scan(page, "when, with all notices");
  await close();
});

/** holds answers for a server, several appointments at once. */
const holds = (page) =>
  page.route("**/api/v1/holds", (route) => {
    const { items, token: _, ...single } = route.request().postDataJSON();
    const all = (items ?? [single]).map(({ starts }, i) => ({ booking_id: `bkg_01970000-0000-7000-8000-00000000010${i}`, starts, ends: starts }));
    return route.fulfill({ status: 201, json: { hold: "hld_01970000-0000-7000-8000-000000000001", ...all[0], expires: new Date(Date.now() + 600_000).toISOString(), extensions_left: 2, ...(items ? { items: all } : {}) } });
  });
const bodyOf = (requests, path) => JSON.parse(requests.findLast(({ url, method }) => method === "POST" && url.endsWith(path)).body);
const accept = (page) => page.route("**/api/v1/bookings", (route) => route.fulfill({ status: 202, json: { booking_id: "bkg_01970000-0000-7000-8000-000000000100", channel: "mail", expires: new Date(Date.now() + 3_600_000).toISOString(), sends_left: 2 } }));

test("where only a code of 116117 will do, no time can be taken without one, and the code stays in the browser", async () => {
  const { page, requests, close } = await patient();
  await offer(page, { rows: [[0, "08:00"]], change: onto({ Blutabnahme: { referral: true, referral_code: true } }) });
  await holds(page);
  await begin(page, base, "Blutabnahme");
  await list(page);
  const [code, slot, held] = [page.locator("#code"), page.locator("section[aria-labelledby=next] .slot").first(), () => requests.filter(({ url, method }) => method === "POST" && url.endsWith("/holds"))];
  for (const said of [de("when.code_hint"), de("when.code_lock"), "116\u00a0117".replace("\u00a0", " ")]) assert.ok((await text(page)).includes(said), said);
  assert.equal(await code.getAttribute("aria-invalid"), null, "nobody is scolded before the first time was chosen");
  for (const [written, error] of [["", "error.code_missing"], ["Praxis Dr. Huber", "error.referral_code"], ["ABCD-EFGH-JKL", "error.referral_code"]]) {
    await code.fill(written);
    await slot.click();
    await page.locator("#code-error").getByText(de(error)).waitFor();
    await page.waitForFunction(() => document.activeElement?.id === "code");
  }
  await scan(page, "when, a code is missing");
  assert.equal(held().length, 0, "nothing was held");
  await code.fill("abcd efgh jkl4");
  await slot.click();
  await page.locator("#given").waitFor();
  assert.equal(held().length, 1);
  assert.equal(await page.locator("#referral").inputValue(), "abcd efgh jkl4");
  assert.equal(requests.filter(({ url, body }) => /jkl4/i.test(`${url} ${body ?? ""}`)).length, 0, "the server is not told");
  await close();
});

test("a chain is one entry with its steps and one form, and each step has an envelope of its own", async () => {
  const { page, requests, complaints, close } = await patient();
  await offer(page, { rows: [[0, "08:00", 0, { practitioner: 2, step: 0 }], [0, "08:20", 0, { practitioner: 2, step: 1 }], [0, "09:00", 0, { step: 2 }], [1, "08:00", 0, { practitioner: 2, step: 0 }]], itineraries: [[0, 1, 2]] });
  await holds(page);
  await accept(page);
  await begin(page, base, "Herz-Check", { answers: [de("insurance.GKV"), de("ask.yes")], age: "47" });
  await list(page);
  await page.locator(".slots .slot").first().waitFor();
  await counts(page.locator(".slots .slot"), 1, "steps by themselves are no entries");
  assert.match((await slotsShown(page))[0], /8:00 .*8:00 bis 9:15 Uhr 8:00 Blutabnahme, .* 8:20 Ruhe-EKG, .* 9:00 Befund besprechen/);
  await scan(page, "when, a chain");
  await page.locator("section[aria-labelledby=next] .slot").first().click();
  await page.locator("#given").waitFor();
  const { items, token: _, ...rest } = bodyOf(requests, "/holds");
  assert.equal(items.length, 3);
  assert.deepEqual(rest, {});
  await fill(page, someone());
  await scan(page, "who, a chain");
  await submit(page);
  await scan(page, "check your mail, a chain");
  const sent = bodyOf(requests, "/bookings");
  assert.deepEqual([sent.envelopes.length, sent.copies.length, sent.envelope, sent.copy], [3, 3, undefined, undefined]);
  assert.equal(new Set(sent.envelopes.map(({ envelope_id }) => envelope_id)).size, 3);
  assert.deepEqual(complaints, []);
  await close();
});

test("a family books together: each person once, the contact once, with the keyboard alone", async () => {
  const { page, requests, complaints, close } = await visit(browser, { viewport: desktop });
  const { asked } = await offer(page, { minutes: 10, rows: [[0, "08:00", 0, { practitioner: 2 }], [0, "08:10", 0, { practitioner: 2 }]], itineraries: [[0, 1]] });
  await holds(page);
  await accept(page);
  await begin(page, base, "Impfung");
  await page.getByRole("button", { name: de("what.show") }).click();
  await page.getByRole("button", { name: de("when.persons_more") }).focus();
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.activeElement?.getAttribute("name") === "persons");
  await page.keyboard.press("ArrowRight");
  await page.locator(".slots .slot").first().waitFor();
  assert.ok(asked.some((url) => url.searchParams.get("persons") === "2"));
  await scan(page, "when, for two");
  await page.locator(".slots .slot").first().focus();
  await page.keyboard.press("Enter");
  await page.locator("#given-2").waitFor();
  await page.locator("form button.main").focus();
  await page.keyboard.press("Enter");
  await page.getByRole("alert").first().waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), "given", "the first field to mend has the focus");
  await scan(page, "who, for two, errors");
  await fill(page, someone({ given: "Jana", family: "Nováková" }));
  await page.locator("#relation").selectOption("parent");
  await counts(page.getByLabel(de("who.mail"), { exact: true }), 1);
  for (const [field, value] of [["given", "Kim"], ["family", "Nováková"], ["day", "2"], ["month", "9"], ["year", "2018"]]) await page.locator(`#${field}-2`).fill(value);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: de("sent.title") }).waitFor();
  assert.equal(bodyOf(requests, "/bookings").envelopes.length, 2);
  assert.deepEqual(complaints, []);
  await close();
});

describe("booked for real, all or nothing", () => {
  const finish = async (page, person, count) => {
    await submit(page);
    await page.goto(linkIn(await message(demo, person.mail)));
    await page.getByRole("button", { name: de(count > 1 ? "confirm.submit_many" : "confirm.submit"), exact: true }).click();
    await page.getByRole("heading", { name: count > 1 ? de("booked.title_many", { count }) : de("booked.title") }).waitFor();
  };
  const booked = async () => Number(await psql(demo, "select count(*) from appointment where status = 'booked'"));

  test("a chain, whose steps only the holder of the link can read", async () => {
    const { page, complaints, close } = await patient();
    const before = await booked();
    const person = someone();
    await begin(page, base, "Herz-Check", { answers: [de("insurance.GKV"), de("ask.yes")], age: "47" });
    await list(page);
    await take(page);
    await fill(page, person);
    await finish(page, person, 3);
    await page.locator(".slip .stops").getByText("Ruhe-EKG").waitFor();
    await counts(page.locator(".slip .stops li"), 3);
    assert.equal((await booked()) - before, 3);
    await scan(page, "booked, a chain");
    assert.deepEqual(complaints, []);
    await close();
  });

  test("a family", async () => {
    const { page, complaints, close } = await patient();
    const before = await booked();
    const person = someone({ given: "Jana", family: "Nováková" });
    await begin(page, base, "Impfung");
    await list(page);
    await page.getByRole("button", { name: de("when.persons_more") }).click();
    await page.locator("#persons").getByText("2", { exact: true }).click();
    await page.locator(".next .stops").first().waitFor();
    await page.locator("section[aria-labelledby=next] .slot").first().click();
    await page.locator("#given-2").waitFor();
    await fill(page, person);
    await page.locator("#relation").selectOption("parent");
    for (const [field, value] of [["given", "Kim"], ["family", "Nováková"], ["day", "2"], ["month", "9"], ["year", "2018"]]) await page.locator(`#${field}-2`).fill(value);
    await finish(page, person, 2);
    assert.equal((await booked()) - before, 2);
    assert.deepEqual(complaints, []);
    await close();
  });

  test("where somebody is away, the steps of a chain move together, and so does a family", async () => {
    const { page, complaints, close } = await visit(browser, { viewport: desktop });
    await signIn(page, demo.practice("praxis-sonnenberg"));
    for (const [count, set] of [[3, "having count(*) = 3"], [2, "having count(*) = 2"]]) {
      const [id, who, at] = (await psql(demo, `select set_id || ' ' || (array_agg(practitioner_id order by starts desc))[1] || ' ' || extract(epoch from max(starts))::bigint
        from appointment where status = 'booked' and set_id is not null group by set_id ${set}`)).split("\n")[0].split(" ");
      const { day } = wall(Number(at) * 1000);
      await page.getByRole("navigation", { name: office("areas") }).getByRole("button", { name: desk("tab.absence") }).click();
      await page.getByLabel(desk("absence.who")).selectOption(`prc_${who}`);
      for (const [field, value] of [["from", day], ["from-time", "00:00"], ["until", day]]) await page.locator(`#ab-${field}`).fill(value);
      await page.getByRole("button", { name: desk("absence.next") }).click();
      const row = page.locator(".cases > li", { hasText: desk("absence.together", { count }) });
      await row.waitFor();
      await counts(row.locator("ul li"), count);
      await page.getByRole("button", { name: desk("absence.all_cancel") }).click();
      await row.getByLabel(desk("absence.move"), { exact: true }).check();
      await row.locator("select").waitFor();
      await scan(page, "absence, together");
      await look(page, `absence-together-${count}`);
      await page.getByRole("button", { name: desk("absence.apply") }).click();
      await page.getByText(desk("absence.state_waits")).waitFor();
      await page.reload(); // sends what waits
      await unlock(page, demo.practice("praxis-sonnenberg").sign_ins.find(({ role }) => role === "owner").password);
      await until("all of them have moved", async () => (await psql(demo, `select count(*) from appointment where set_id = '${id}' and status = 'booked' and replaces_id is not null`)) === String(count));
      const moved = (await psql(demo, `select practitioner_id || ' ' || extract(epoch from starts)::bigint from appointment where set_id = '${id}' and status = 'booked' order by set_number`)).split("\n").map((line) => line.split(" "));
      assert.equal(new Set(moved.map(([, starts]) => wall(Number(starts) * 1000).day)).size, 1, "on one day");
      assert.ok(!moved.some(([whose, starts]) => whose === who && wall(Number(starts) * 1000).day === day), "none with whom is away");
    }
    assert.deepEqual(complaints, []);
    await close();
  });

  test("with a quota", async () => {
    const { page, requests, close } = await patient();
    const before = Number(await psql(demo, "select count(*) from quota_use"));
    const person = someone();
    await begin(page, base, "Erstgespräch", { answers: [de("insurance.GKV"), de("ask.no")], age: "42" });
    await list(page);
    await forth(page, 1); // next week, before it is open to all
    await page.locator(".slots .slot").first().click();
    await page.locator("#given").waitFor();
    assert.equal(bodyOf(requests, "/holds").quotas?.length, 1);
    await fill(page, person);
    await finish(page, person, 1);
    assert.equal(Number(await psql(demo, "select count(*) from quota_use")) - before, 1);
    await close();
  });
});

test("the birth date is weighed against the age of the appointment before anything is sent", async () => {
  const { page, requests, close } = await patient();
  await offer(page, { conditions: [{ ...everyone, min_age: 12 }], rows: [[0, "08:00"]] });
  await holds(page);
  await begin(page, base, "Ruhe-EKG", { age: "47" });
  await list(page);
  await take(page);
  await fill(page, someone({ year: String(new Date().getFullYear() - 5) }));
  await page.locator("form button.main").click();
  await page.getByText(de("error.age", { ages: de("ages.min", { min: 12 }) })).first().waitFor();
  assert.ok(!requests.some(({ url }) => url.endsWith("/api/v1/bookings")));
  await close();
});

describe("what becomes of a booking", () => {
  const place = { id: "loc_x", name: "Ettlingen", street: "Musterstraße 1", postal_code: "76275", city: "Ettlingen", phone: "", hours: "", access: "", zone: "Europe/Berlin" };
  const starts = `${monday}T07:00:00Z`;
  const item = (at) => ({ booking_id: `bkg_01970000-0000-7000-8000-00000000${at.replace(":", "")}`, starts: `${monday}T${at}:00Z`, ends: `${monday}T${at}:00Z`, practitioner: { id: "prc_x", name: "Praxisteam" }, location: place, copy: null });
  const view = (rest) => ({ ...item("07:00"), zone: "Europe/Berlin", appointment: "apt_x", cancel_until: starts, ics: "BEGIN:VCALENDAR", items: [item("07:00")], ...rest });
  const secret = "A".repeat(22);

  for (const [name, booking, title] of [
    ["a request that nobody has accepted yet is none", view({ status: "requested" }), de("requested.title")],
    ["several are listed with their times", view({ status: "booked", items: [item("07:00"), item("07:20"), item("08:00")] }), de("booked.title_many", { count: 3 })],
    ["what was cancelled stands no longer", view({ status: "cancelled", items: [{ ...item("07:00"), status: "cancelled" }] }), de("cancelled.title")],
  ]) {
    test(name, async () => {
      const { page, complaints, close } = await patient();
      await page.route("**/api/v1/bookings/view", (route) => route.fulfill({ json: booking }));
      await page.goto(`${base}/booking#${secret}`);
      await page.getByRole("heading", { name: title }).waitFor();
      if (booking.items.length > 1) await counts(page.locator(".slip .stops li"), booking.items.length);
      await scan(page, name);
      assert.deepEqual(complaints, []);
      await close();
    });
  }

  test("the one button says that it sends a request", async () => {
    const { page, close } = await patient();
    await page.route("**/api/v1/bookings/peek", (route) => route.fulfill({ json: view({ status: "pending", confirmation: "by_staff", expires: new Date(Date.now() + 600_000).toISOString() }) }));
    await page.goto(`${base}/confirm#${secret}.${secret}`);
    await page.getByRole("button", { name: de("confirm.submit_staff") }).waitFor();
    await scan(page, "confirm, a request");
    await close();
  });
});

test("the preview looks as whom it says, holds nothing, and cannot book", async () => {
  const { page, requests, close } = await visit(browser, { viewport: desktop });
  await page.goto(`${base}/#as=GKV,new,34`);
  await page.getByText(de("preview.as", { as: "GKV, neu, 34 Jahre" })).waitFor();
  await page.getByRole("radio", { name: /^Allgemeine Sprechstunde/ }).check();
  await list(page);
  await page.locator("section[aria-labelledby=next] .slot").first().click();
  await page.locator("#given").waitFor();
  await fill(page, someone());
  assert.ok(await page.locator("form button.main").isDisabled());
  await page.locator("#mail").press("Enter");
  await page.getByText(de("preview.as", { as: "GKV, neu, 34 Jahre" })).waitFor();
  await scan(page, "who, preview");
  await page.getByRole("button", { name: de("steps.when") }).click();
  assert.deepEqual(requests.filter(({ method }) => method !== "GET").map(({ url }) => url), []);
  assert.deepEqual(requests.filter(({ url }) => /GKV|34$/.test(url)), []);
  await close();
});

test("the page on what is sealed says what this practice's rules give away, as they are", async () => {
  const { json } = await ask(base, "/api/v1/practice");
  assert.ok(json.reveals.length > 0, "the demo has such rules");
  const { page, close } = await patient();
  await page.goto(`${base}/sealed`);
  const section = page.locator("section[aria-labelledby=reveals]");
  await section.waitFor();
  const said = (await section.innerText()).replace(/\s+/g, " ");
  for (const { kind, where, name } of json.reveals) {
    assert.ok(said.includes(ts(`sealed.reveals_${kind}`)), `${kind}\n${said}`);
    assert.ok(said.includes(ts(`sealed.reveals_${where}`, { name })), `${name}\n${said}`);
  }
  await close();
  const zahnarzt = demo.practice("zahnarzt-am-markt").patients;
  const other = await patient();
  const { json: plain } = await ask(zahnarzt, "/api/v1/practice");
  await other.page.goto(`${zahnarzt}/sealed`);
  await other.page.getByText(plain.reveals.length > 0 ? ts("sealed.reveals_lead") : ts("sealed.reveals_none")).waitFor();
  await other.close();
});

test("insurance, new or known, age and birth year are in no request, row, key or log outside of the envelope", async () => {
  const redis = await Redis.open(demo);
  const { page, requests, complaints, close } = await patient();
  const born = { day: "17", month: "5", year: "1979" };
  const person = someone(born);
  await begin(page, base, "Ruhe-EKG", { answers: [de("insurance.PKV"), de("ask.no")], age: "47" });
  await list(page);
  await take(page);
  await fill(page, person);
  const before = requests.length;
  await submit(page);
  const booking = requests.slice(before).filter(({ url }) => url.endsWith("/bookings"));
  assert.equal(booking.length, 1);

  const leaves = (value) => (value !== null && typeof value === "object" ? Object.values(value).flatMap(leaves) : [String(value)]);
  const telling = /^(GKV|PKV|BEI|BG|SEL|SOZ|new|known|all|true|false|47|1979|1979-05-17)$/;
  for (const { url, method, body, headers } of requests.filter(({ url }) => url.startsWith(base))) {
    const { envelope, copy: _, ...clear } = body ? JSON.parse(body) : {};
    const values = [...new URL(url).searchParams.values(), ...leaves(clear), ...Object.values(headers), ...(envelope ? [envelope.kid, envelope.envelope_id] : [])];
    assert.deepEqual(values.filter((value) => telling.test(value) || /1979-|(?<![\w-])PKV(?![\w-])/.test(value)), [], `${method} ${url}`);
    assert.deepEqual([...new URL(url).searchParams.keys()].filter((name) => !["service", "chain", "practitioner", "from", "to", "n", "seed", "persons", "lang"].includes(name)), [], url);
  }

  const said = /1979-05-17|17\.0?5\.1979|\bPKV\b|"known"|"new"/;
  const offered = new Set(["service", "service_practitioner", "service_need", "opening", "quota", "practice", "practitioner", "location", "resource", "chain", "chain_step", "closure", "calendar", "calendar_days"]);
  const looked = (await tables(demo)).filter((table) => !offered.has(table) && !table.startsWith("bun_"));
  assert.ok(looked.includes("appointment") && looked.includes("occupation") && looked.includes("outbox"));
  const link = linkIn(await message(demo, person.mail));
  for (const { key, bytes } of await redis.everything()) assert.ok(!said.test(bytes.toString("latin1")), key);
  await confirm(page, link);
  for (const table of looked) assert.ok(!said.test(await psql(demo, `select t::text from "${table}" t`)), table);
  for (const { key, bytes } of await redis.everything()) assert.ok(!said.test(bytes.toString("latin1")), key);
  assert.ok(!said.test(demo.logged().toString()), "log");
  redis.close();
  assert.deepEqual(complaints, []);
  await close();
});
