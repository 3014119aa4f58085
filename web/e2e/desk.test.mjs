import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { scan } from "./lib/axe.mjs";
import { desktop, launch, phone, visit } from "./lib/browser.mjs";
import { start } from "./lib/demo.mjs";
import { appointments, lock, openAgain as reopen, opened, signIn } from "./lib/desk.mjs";
import { openMonth } from "./lib/month.mjs";
import { book, someone } from "./lib/patient.mjs";
import { plus, wall, weekday } from "./lib/setup.mjs";
import { psql } from "./lib/stores.mjs";
import { counts, until } from "./lib/until.mjs";
import { desk as t, office } from "./lib/words.mjs";

// What the front desk does all day: booking by telephone, moving, saying what
// became of an appointment, and somebody who falls out.

let demo, browser, practice, page, visitor;
const visits = [];

const open = async (options) => {
  const made = await visit(browser, { acceptDownloads: true, ...options });
  visits.push(made);
  return made;
};

const openAgain = (tab = page) => reopen(tab, practice.sign_ins[0].password);

const panel = () => page.locator("#panel");
const when = (booking) => booking.starts;
const mine = async (id) => (await appointments(page)).find((one) => one.id === id);
const block = (id) => page.locator(`.appt[data-id="${id}"]`);

/** phoneBooking books with the keyboard alone and returns what the server answered. */
async function phoneBooking(line, { service } = {}) {
  await page.keyboard.press("n");
  await page.locator("#panel [role=combobox]").waitFor();
  await page.keyboard.type(line);
  await page.keyboard.press("Enter");
  if (service) await page.getByLabel(t("new.what")).selectOption({ label: service });
  await panel().locator(".slotlist input").first().waitFor();
  const answered = page.waitForResponse((response) => response.request().method() === "POST" && response.url().endsWith("/api/v1/appointments"));
  await page.locator("#panel select[id$=service]").press("Enter");
  const answer = await answered;
  assert.equal(answer.status(), 201, await answer.text());
  await page.getByRole("heading", { name: t("made.title") }).waitFor();
  const sent = answer.request().postDataJSON();
  const { appointment } = await answer.json();
  return { id: appointment, sent, ...(await until("it is listed", () => mine(appointment))) };
}

before(async () => {
  [demo, browser] = await Promise.all([start({ ahead: true }), launch()]);
  practice = demo.practice("praxis-sonnenberg");
  visitor = await open({ viewport: { width: 1280, height: 900 } });
  page = visitor.page;
  await signIn(page, practice);
  await page.locator(".cal").waitFor();
});

after(async () => {
  await browser?.close();
  await demo?.drop();
});

describe("booking by telephone", () => {
  test("with the keyboard alone, in under fifteen seconds, and the server sees no name", async (test) => {
    await page.evaluate(() => (document.activeElement instanceof HTMLElement) && document.activeElement.blur());
    const line = "Kaltenbrunner-Xq, Ottilie 12.4.1958 07243 555019";
    const began = performance.now();
    let keys = 0;
    const press = async (key) => {
      keys++;
      await page.keyboard.press(key);
    };
    await press("n");
    // As somebody types who hears it spelled: eight signs a second.
    await page.keyboard.type(line, { delay: 125 });
    keys += line.length;
    await press("Enter");
    const answered = page.waitForResponse((response) => response.request().method() === "POST" && response.url().endsWith("/api/v1/appointments"));
    await press("Enter");
    const answer = await answered;
    await page.getByRole("heading", { name: t("made.title") }).waitFor();
    const took = (performance.now() - began) / 1000;
    test.diagnostic(`${took.toFixed(1)} s, ${keys} keys, ${keys - line.length} of them besides the caller's details`);
    assert.equal(answer.status(), 201);
    assert.ok(took < 15, `${took} s`);
    assert.equal(keys - line.length, 3);
    const body = answer.request().postData();
    for (const word of ["Kaltenbrunner", "Ottilie", "1958", "555019"]) assert.ok(!body.includes(word), word);
    await page.locator(".appt").filter({ hasText: "Kaltenbrunner-Xq, Ottilie" }).waitFor();
  });

  test("somebody who is known is found by a birthday, and books again in three keys", async () => {
    await page.keyboard.press("Escape");
    await page.keyboard.press("n");
    await page.keyboard.type("1204");
    await page.getByRole("option", { name: /Kaltenbrunner/ }).waitFor();
    await page.keyboard.press("Enter");
    await panel().locator(".slotlist input").first().waitFor();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: t("made.title") }).waitFor();
    await page.keyboard.press("Escape");
    assert.equal((await appointments(page)).filter(({ source, status }) => source === "staff" && status === "booked").length, 2);
  });

  test("what is missing is said beside its field, and what was typed stays", async () => {
    await page.keyboard.press("n");
    await page.keyboard.type("Ohnegeburtstag");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Enter");
    await panel().getByText(t("need.given")).waitFor();
    await panel().getByText(t("need.birth")).waitFor();
    assert.equal(await panel().getByLabel(t("field.family")).inputValue(), "Ohnegeburtstag");
    await scan(page, "new booking, errors");
    await page.keyboard.press("Escape");
  });

  test("a link for the patient shows the appointment on the patients' page", async () => {
    await page.keyboard.press("n");
    await page.keyboard.type("Linkmann, Eva 1.2.1990");
    await page.keyboard.press("Enter");
    await panel().locator(".slotlist input").first().waitFor();
    await panel().getByText(t("new.more"), { exact: true }).click();
    await panel().getByLabel(t("field.link")).check();
    await panel().getByRole("button", { name: new RegExp(`^${t("new.save")}`) }).click();
    const link = await page.locator("#made-link").inputValue();
    assert.ok(link.startsWith(`${practice.patients}/booking#`), link);
    await page.locator(".slip .qr").waitFor({ state: "attached" });
    assert.ok(!(await page.locator(".slip").textContent()).includes("Linkmann"), "the slip has no name");
    await scan(page, "booked by telephone, with a link");
    const patient = await open({ viewport: phone });
    await patient.page.goto(link);
    await patient.page.getByText("Akute Beschwerden").first().waitFor();
    await patient.close();
    await page.keyboard.press("Escape");
  });

  test("a time outside of the rules is refused with its reason, and goes with a reason of one's own", async () => {
    await page.keyboard.press("n");
    await page.keyboard.type("Notfall, Kim 1.2.1990");
    await page.keyboard.press("Enter");
    await panel().getByRole("button", { name: t("when.own") }).click();
    const { day } = wall(Date.now() + 2 * 86_400_000);
    await panel().getByLabel(t("own.day")).fill(day);
    await panel().getByLabel(t("own.time"), { exact: true }).fill("22:30");
    await panel().getByRole("button", { name: new RegExp(`^${t("new.save")}`) }).click();
    await panel().getByText(t("against.no_window")).waitFor();
    await panel().getByLabel(t("way.reason")).selectOption("urgent");
    await panel().getByRole("button", { name: t("way.override") }).click();
    await page.getByRole("heading", { name: t("made.title") }).waitFor();
    const made = await until("it stands", async () => (await appointments(page)).find(({ overridden }) => overridden === "urgent"));
    assert.equal(wall(made.starts).clock, "22:30");
    // The same time again: what is taken stays taken, whatever is set aside.
    await page.keyboard.press("n");
    await page.keyboard.type("Zweiter, Kim 1.2.1991");
    await page.keyboard.press("Enter");
    await panel().getByRole("button", { name: t("when.own") }).click();
    await panel().getByLabel(t("own.day")).fill(day);
    await panel().getByLabel(t("own.time"), { exact: true }).fill("22:30");
    await panel().getByRole("button", { name: new RegExp(`^${t("new.save")}`) }).click();
    await panel().getByText(t("against.no_window")).waitFor();
    await panel().getByRole("button", { name: t("way.override") }).click();
    await panel().getByText(t("against.busy")).waitFor();
    // Nobody has allowed any beyond the capacity.
    await panel().getByRole("button", { name: t("way.overflow") }).click();
    await until("it is refused again", () => panel().getByText(t("against.busy")).isVisible());
    await scan(page, "new booking, refused"); // which turns it to a telephone and back
    assert.equal(await panel().getByLabel(t("field.family")).inputValue(), "Zweiter", "what was typed outlives that");
    await page.keyboard.press("Escape");
  });
});

describe("what becomes of an appointment", () => {
  let one;
  test("arrived shows at once, is sent ten seconds later, and can be taken back until then", async () => {
    one = await phoneBooking("Statuswechsel, Ada 3.3.1970");
    await page.keyboard.press("Escape");
    await block(one.id).click();
    await page.locator("#detail").getByRole("button", { name: t("do.arrived"), exact: true }).click();
    await page.locator(`.appt.arrived[data-id="${one.id}"]`).waitFor();
    assert.equal((await mine(one.id)).status, "booked", "nothing is sent yet");
    await page.locator(".toast").getByRole("button", { name: new RegExp(`^${t("undo")}`) }).click();
    await page.locator(`.appt.booked[data-id="${one.id}"]`).waitFor();
    await page.waitForTimeout(300);
    assert.equal((await mine(one.id)).status, "booked");
    await block(one.id).focus();
    await page.keyboard.press("a");
    await page.locator(`.appt.arrived[data-id="${one.id}"]`).waitFor();
    const began = performance.now();
    await until("it is sent", async () => (await mine(one.id)).status === "arrived", { within: 14_000 });
    assert.ok(performance.now() - began > 8000, "not before ten seconds");
  });

  test("leaving the page sends what waits", async () => {
    await block(one.id).focus();
    await page.keyboard.press("c");
    await page.locator(`.appt.checked-in[data-id="${one.id}"]`).waitFor();
    await page.reload();
    await openAgain();
    await until("it was sent", async () => (await mine(one.id)).status === "checked-in");
  });

  test("cancelling asks why, frees the time, and its history tells all of it", async () => {
    const gone = await phoneBooking("Absage, Bo 3.3.1971");
    await page.keyboard.press("Escape");
    await block(gone.id).click();
    await page.locator("#detail").getByRole("button", { name: t("do.cancel"), exact: true }).click();
    await page.getByLabel(t("cancel.why")).selectOption("double");
    await page.getByRole("button", { name: t("cancel.yes"), exact: true }).last().click();
    await block(gone.id).waitFor({ state: "detached" });
    await lock(page); // sends what waits
    await until("it is cancelled", async () => (await mine(gone.id)).status === "cancelled");
    assert.deepEqual([(await mine(gone.id)).cancelled_by, (await mine(gone.id)).cancel_reason], ["practice", "double"]);
    await openAgain();
  });

  test("moving from the keyboard: m, a digit, Enter; taken back it stands as before", async () => {
    const moved = await phoneBooking("Umzug, Cleo 3.3.1972");
    await page.keyboard.press("Escape");
    await block(moved.id).focus();
    await page.keyboard.press("m");
    await panel().locator(".slotlist input:focus").waitFor();
    await page.keyboard.press("3");
    await page.keyboard.press("Enter");
    const next = await until("it has moved", async () => (await appointments(page)).find(({ booking_id, id }) => booking_id === moved.booking_id && id !== moved.id));
    assert.notEqual(when(next), when(moved));
    assert.equal(next.first_starts, when(moved));
    await page.locator(".toast").getByRole("button", { name: new RegExp(`^${t("undo")}`) }).click();
    await until("it is back", async () => (await appointments(page)).some(({ booking_id, starts }) => booking_id === moved.booking_id && starts === when(moved)));
    const back = (await appointments(page)).find(({ booking_id }) => booking_id === moved.booking_id);
    await block(back.id).click();
    await page.locator("#detail summary").filter({ hasText: t("history.title") }).click();
    await until("three chapters", async () => (await page.locator("#detail .trail li").count()) === 3);
    await scan(page, "a booking with its history");
    await page.keyboard.press("Escape");
  });

  test("a break is drawn over empty time or entered with the keyboard, changed, and taken back", async () => {
    const closures = () => psql(demo, "select count(*) from closure where reason = 'Teamrunde-Xq'");
    const lane = page.locator(".lane[data-kind=practitioner]").first();
    const slots = await lane.locator(".slots").boundingBox();
    const seen = await page.locator(".cal").boundingBox();
    // The lower end of the day, where nothing is booked.
    await page.locator(".cal").evaluate((one) => (one.scrollTop = one.scrollHeight));
    const end = await lane.locator(".slots").boundingBox();
    const y = Math.min(end.y + end.height, seen.y + seen.height) - 60;
    await page.mouse.move(slots.x + slots.width / 2, y - 60);
    await page.mouse.down();
    await page.mouse.move(slots.x + slots.width / 2, y, { steps: 4 });
    await page.locator(".ghost").waitFor();
    await page.mouse.up();
    const dialog = page.getByRole("dialog").filter({ hasText: t("break.title") });
    await dialog.getByLabel(t("break.what"), { exact: true }).fill("Teamrunde-Xq");
    await scan(page, "a break");
    await dialog.getByRole("button", { name: t("break.save"), exact: true }).click();
    await until("it is closed", async () => (await closures()) === "1");
    await page.locator("button.shut", { hasText: "Teamrunde-Xq" }).first().waitFor();
    await page.locator(".toast button").last().click();
    await until("it is taken back", async () => (await closures()) === "0");
    // Without a mouse.
    await page.keyboard.press("b");
    await dialog.getByLabel(t("break.what"), { exact: true }).fill("Teamrunde-Xq");
    await page.keyboard.press("Enter");
    await until("it is closed again", async () => (await closures()) === "1");
    await page.locator("button.shut", { hasText: "Teamrunde-Xq" }).first().focus();
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").getByRole("button", { name: t("break.remove"), exact: true }).click();
    await until("it is removed", async () => (await closures()) === "0");
    await page.getByRole("dialog").waitFor({ state: "hidden" });
  });

  test("dragging moves and resizes, and a conflict is refused and explained", async () => {
    const first = await phoneBooking("Zieh, Dora 3.3.1973");
    await page.keyboard.press("Escape");
    const second = await phoneBooking("Zieh, Emil 3.3.1974");
    await page.keyboard.press("Escape");
    const box = await block(first.id).boundingBox();
    const unit = await page.evaluate(() => parseFloat(getComputedStyle(document.documentElement).getPropertyValue("--unit")) * 16);
    const dragTo = async (id, dx, dy) => {
      await block(id).scrollIntoViewIfNeeded();
      const at = await block(id).boundingBox();
      await page.mouse.move(at.x + 30, at.y + 6);
      await page.mouse.down();
      await page.mouse.move(at.x + 30 + dx / 2, at.y + 6 + dy / 2, { steps: 3 });
      await page.mouse.move(at.x + 30 + dx, at.y + 6 + dy, { steps: 3 });
      await page.locator(".ghost").waitFor();
      await page.mouse.up();
    };
    assert.ok(box);
    // An hour later it is free: nobody has booked there.
    await dragTo(first.id, 0, unit * 24);
    const moved = await until("it was dragged", async () => (await appointments(page)).find(({ booking_id, starts }) => booking_id === first.booking_id && starts !== first.starts));
    assert.equal(Date.parse(moved.starts) - Date.parse(first.starts), 2 * 3_600_000);
    // Onto the other one: refused, and it stays.
    await until("it is drawn", () => block(moved.id).isVisible());
    const from = await block(moved.id).boundingBox();
    const target = await block(second.id).boundingBox();
    await dragTo(moved.id, target.x - from.x, target.y - from.y);
    await page.getByRole("heading", { name: t("drag.refused") }).waitFor();
    await page.getByText(t("against.busy")).waitFor();
    await page.getByRole("button", { name: t("drag.leave") }).click();
    assert.equal((await mine(moved.id)).starts, moved.starts);
    // Its lower edge makes it longer.
    await block(moved.id).scrollIntoViewIfNeeded();
    const edge = await block(moved.id).boundingBox();
    await page.mouse.move(edge.x + 40, edge.y + edge.height - 2);
    await page.mouse.down();
    await page.mouse.move(edge.x + 40, edge.y + edge.height - 2 + unit * 4, { steps: 5 });
    await page.mouse.up();
    const longer = await until("it is longer", async () => (await appointments(page)).find(({ booking_id, id }) => booking_id === first.booking_id && id !== moved.id));
    assert.ok(Date.parse(longer.ends) - Date.parse(longer.starts) > Date.parse(moved.ends) - Date.parse(moved.starts));
    assert.equal(longer.starts, moved.starts);
  });
});

describe("looking", () => {
  test("day, week and month, by keyboard; locked they show times and no name", async () => {
    for (const [key, where] of [["w", ".grid.several"], ["o", ".month"], ["d", ".cal"]]) {
      await page.keyboard.press(key);
      await page.locator(where).waitFor();
      await page.getByText("Kaltenbrunner-Xq", { exact: false }).first().waitFor({ state: "attached" });
      await scan(page, `view ${key}`);
      await lock(page);
      await page.getByRole("heading", { name: office("unlock.title") }).waitFor();
      assert.ok(!(await opened(page)).includes("Kaltenbrunner"), `${key} locked`);
      assert.match(await page.locator(where).innerText(), /\d\d:\d\d|\d+/);
      await openAgain();
    }
  });

  test("somebody is found by name or birthday", async (test) => {
    await page.getByText("Kaltenbrunner-Xq", { exact: false }).first().waitFor({ state: "attached" });
    await page.keyboard.press("/");
    await page.keyboard.type("kalten");
    await page.getByRole("option", { name: /Kaltenbrunner/ }).first().waitFor();
    const took = await page.evaluate(async () => {
      const input = document.getElementById("find");
      input.value = "kaltenbr";
      const began = performance.now();
      input.dispatchEvent(new Event("input", { bubbles: true }));
      await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
      return performance.now() - began;
    });
    test.diagnostic(`${took.toFixed(0)} ms`);
    await page.keyboard.press("Enter");
    await page.locator("#detail-title").getByText("Kaltenbrunner-Xq").waitFor();
    await page.keyboard.press("Escape");
  });

  test("figures count, as a chart and as a table", async () => {
    await page.getByRole("button", { name: t("tab.figures") }).click();
    await page.getByRole("heading", { name: t("figures.title") }).waitFor();
    await page.getByRole("button", { name: t("mode.month") }).click();
    await page.getByText(t("figures.table")).click();
    await scan(page, "figures");
    await page.getByRole("navigation", { name: office("areas") }).getByRole("button", { name: office("title.open") }).click();
  });

  test("a booking made online arrives by itself, and the title counts it without a name", async (test) => {
    const patient = await open({ viewport: phone });
    const person = someone();
    const { booked } = await book(patient.page, demo, practice.patients, "Impfung", person);
    const began = performance.now();
    assert.ok(booked.appointment);
    await page.locator("#inbox-title").waitFor();
    await page.getByText(`${person.family}, ${person.given}`).first().waitFor();
    test.diagnostic(`${(performance.now() - began).toFixed(0)} ms after the patient saw it`);
    assert.match(await page.title(), /^\(\d+\)/);
    assert.ok(!(await page.title()).includes(person.family));
    await patient.close();
  });

  test("two tabs share one stream, and the other goes on when the first is closed", async () => {
    const context = visitor.context;
    const streams = [];
    context.on("request", (request) => request.url().endsWith("/api/v1/events") && streams.push(request.url()));
    const second = await context.newPage();
    await second.goto(practice.office);
    await openAgain(second);
    await second.waitForTimeout(1500);
    assert.equal(streams.length, 0, "the second tab opens none of its own");
    assert.equal(await second.getByText(office("offline")).count(), 0);
    await second.close();
  });
});

describe("somebody falls out", () => {
  test("each booking is cancelled, moved, handed over or kept, all at once, undoable until it is sent; then there is a list to call", async () => {
    await page.getByRole("navigation", { name: office("areas") }).getByRole("button", { name: t("tab.absence") }).click();
    const list = (await appointments(page)).filter(({ status }) => status === "booked");
    // The day and practitioner with the most to do.
    const groups = list.reduce((all, one) => ({ ...all, [`${wall(one.starts).day} ${one.practitioner}`]: [...(all[`${wall(one.starts).day} ${one.practitioner}`] ?? []), one] }), {});
    const [day, who] = Object.entries(groups).sort(([, a], [, b]) => b.length - a.length)[0][0].split(" ");
    const mineThatDay = () => appointments(page).then((all) => all.filter((one) => one.practitioner === who && wall(one.starts).day === day && one.status === "booked"));
    await page.getByLabel(t("absence.who")).selectOption(who);
    await page.locator("#ab-from").fill(day);
    await page.locator("#ab-from-time").fill("00:00");
    await page.locator("#ab-until").fill(day);
    await scan(page, "absence, who and when");
    await page.getByRole("button", { name: t("absence.next") }).click();
    await page.locator(".cases li").first().waitFor();
    const before = await mineThatDay();
    await counts(page.locator(".cases li"), before.length);
    await scan(page, "absence, each booking");
    // The first is cancelled, the second kept; what is proposed for the rest stays.
    await page.locator(".cases li").nth(0).getByLabel(t("absence.cancel")).check();
    await page.locator(".cases li").nth(1).getByLabel(t("absence.keep")).check();
    await page.getByRole("button", { name: t("absence.apply") }).click();
    await page.getByText(t("absence.state_waits")).waitFor();
    await page.locator(".toast").getByRole("button", { name: new RegExp(`^${t("undo")}`) }).click();
    await page.getByText(t("absence.state_undone")).waitFor();
    assert.deepEqual((await mineThatDay()).map(({ id }) => id), before.map(({ id }) => id), "undone: nothing was sent");
    await page.getByRole("button", { name: t("absence.again") }).click();
    await page.getByRole("button", { name: t("absence.apply") }).click();
    await page.getByText(t("absence.state_sent")).waitFor({ timeout: 30_000 });
    assert.equal(await page.locator("[role=alert]").count(), 0);
    await scan(page, "absence, whom to call");
    const kept = await mineThatDay();
    assert.ok(kept.some(({ id }) => id === before[1].id), "who was to be kept is kept");
    assert.equal((await mine(before[0].id)).status, "cancelled");
    const free = await page.evaluate(async ([day, next, who]) => {
      const services = (await (await fetch("/api/v1/practice")).json()).services;
      const found = await (await fetch(`/api/v1/desk/slots?${new URLSearchParams({ service: services[0].id, practitioner: who, from: day, to: next })}`)).json();
      return found.slots.length;
    }, [day, plus(day, 1), who]);
    assert.equal(free, 0, "nothing new is offered in that time");
    await page.getByRole("button", { name: t("absence.done") }).click();
  });

  test("on a doctor's telephone: who is next, blocked time, being ill", async () => {
    const doctor = await open({ viewport: phone });
    await signIn(doctor.page, practice);
    const my = doctor.page.locator(".myday");
    await my.waitFor();
    const options = await my.locator("#my-who option").allInnerTexts();
    await my.locator("#my-who").selectOption({ label: options.at(-1) });
    await my.getByRole("button", { name: t("my.block_day") }).click(); // half an hour is not left at midnight
    await my.getByRole("status").waitFor();
    await scan(doctor.page, "a doctor's telephone");
    await doctor.page.setViewportSize(phone);
    await my.getByRole("button", { name: t("my.ill") }).click();
    await doctor.page.getByRole("heading", { name: t("absence.title") }).waitFor();
    await doctor.close();
  });
});

test("the owner decides when names lock by themselves, and it holds for colleagues", async () => {
  await page.locator("summary.me").click();
  await page.getByLabel(t("likes.lock")).selectOption("2");
  await until("it is stored", () => page.evaluate(async () => (await (await fetch("/api/v1/desk/settings")).json()).lock_minutes === 2));
  await page.keyboard.press("Escape");
  const colleague = await open({ viewport: desktop });
  await colleague.page.clock.install();
  await signIn(colleague.page, practice, "front_desk");
  await colleague.page.getByText("Kaltenbrunner-Xq").first().waitFor();
  assert.equal(await colleague.page.evaluate(async () => (await fetch("/api/v1/desk/settings", { method: "PUT", headers: { "Content-Type": "application/json" }, body: '{"lock_minutes":60}' })).status), 403);
  await colleague.page.clock.fastForward(2 * 60_000 + 1000);
  await colleague.page.getByRole("heading", { name: office("unlock.title") }).waitFor();
  assert.ok(!(await opened(colleague.page)).includes("Kaltenbrunner"));
  await colleague.close();
});

test("without a connection what is shown says how old it is, and nothing typed is lost", async () => {
  await page.keyboard.press("n");
  await page.keyboard.type("Funkloch, Greta 4.4.1980");
  await page.keyboard.press("Enter");
  await panel().locator(".slotlist input").first().waitFor();
  await page.route("**/api/v1/**", (route) => route.abort());
  await page.locator("#panel select[id$=service]").press("Enter");
  await panel().getByText(t("against.unreachable")).waitFor();
  await page.evaluate(() => dispatchEvent(new Event("online"))); // it looks, and finds nobody
  await page.locator(".notices .notice").first().waitFor();
  assert.match(await page.locator(".notices").innerText(), /\d\d:\d\d/);
  assert.equal(await panel().getByLabel(t("field.family")).inputValue(), "Funkloch");
  await page.unroute("**/api/v1/**");
  await page.locator("#panel select[id$=service]").press("Enter");
  await page.getByRole("heading", { name: t("made.title") }).waitFor();
  await page.keyboard.press("Escape");
  assert.equal((await appointments(page)).filter(({ booking_id }, _, all) => all.filter((one) => one.booking_id === booking_id).length > 1).length, 0, "nobody is booked twice");
});

test("a month with 2,000 bookings opens, and says how long it took", async (test) => {
  const took = await openMonth(page, 2000);
  test.diagnostic(`${took.toFixed(0)} ms`);
  assert.ok(took > 0);
  await page.keyboard.press("d");
  await page.keyboard.press("t");
});

test("files hold what is opened, and only that", async () => {
  const one = await phoneBooking("Dateimann, Ilse 5.5.1950");
  await page.keyboard.press("Escape");
  assert.ok(weekday(wall(one.starts).day));
  const download = async (name) => {
    await page.locator("summary").filter({ hasText: t("export") }).click();
    const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name, exact: true }).click()]);
    return readFile(await file.path(), "utf8");
  };
  const table = await download(t("export.csv"));
  assert.ok(table.includes('"Dateimann, Ilse"'), table);
  const calendar = await download(t("export.ics"));
  assert.ok(calendar.includes("SUMMARY:Dateimann\\, Ilse"), calendar);
});

test("no page broke the content security policy, threw, or opened a dialog", () => {
  for (const { complaints } of visits) assert.deepEqual(complaints, []);
});
