import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { desktop, launch, visit } from "./lib/browser.mjs";
import { start } from "./lib/demo.mjs";
import { ask } from "./lib/http.mjs";
import { message } from "./lib/mailbox.mjs";
import { someone } from "./lib/patient.mjs";
import { en, tables } from "./lib/words.mjs";

let demo, browser;

before(async () => {
  [demo, browser] = await Promise.all([start(), launch()]);
});

after(async () => {
  await browser?.close();
  await demo?.drop();
});

/** Seconds that an average typist needs for a key (Card, Moran and Newell's keystroke-level model). */
const perKey = 0.28;

/** Hands are on the keyboard and stay there. Each stop of the focus is looked at. */
class Keyboard {
  constructor(page) {
    this.page = page;
    this.keys = 0;
    this.stops = 0;
  }

  async press(key) {
    this.keys++;
    await this.page.keyboard.press(key);
  }

  async type(text) {
    this.keys += text.length;
    await this.page.keyboard.type(text);
  }

  /** where says what has the focus: its accessible name is near enough, and whether one can see it. */
  where() {
    return this.page.evaluate(() => {
      const at = document.activeElement;
      const label = at.labels?.[0]?.innerText ?? at.getAttribute("aria-label") ?? at.innerText ?? "";
      const shows = (element) => {
        const style = getComputedStyle(element);
        const outline = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 && !/, 0\)$|transparent/.test(style.outlineColor);
        return outline || style.boxShadow !== "none";
      };
      const box = (at.closest("label") ?? at).getBoundingClientRect();
      const within = box.bottom > 0 && box.top < innerHeight && box.width > 0 && box.height > 0;
      const candidates = [at, at.closest("label"), at.nextElementSibling].filter(Boolean);
      return { id: at.id, tag: at.localName, type: at.type, name: at.name, label: label.replace(/\s+/g, " ").trim(), visible: at.matches(":focus-visible") && candidates.some(shows), within };
    });
  }

  /** reach presses Tab until the focus is at what is wanted, and looks at each stop on the way. */
  async reach(what, wanted) {
    const passed = [];
    for (let i = 0; i < 60; i++) {
      await this.press("Tab");
      this.stops++;
      const at = await this.where();
      passed.push(at.label || at.tag);
      assert.ok(at.visible, `the focus cannot be seen on ${JSON.stringify(at)}`);
      assert.ok(at.within, `the focus is outside of the window on ${JSON.stringify(at)}`);
      if (wanted(at)) return at;
    }
    assert.fail(`Tab never reached ${what}: ${passed.join(" | ")}`);
  }
}

// What of German a screen in English may show: only what the practice wrote.
const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
const texts = (entry) => (typeof entry === "string" ? [entry] : Object.values(entry));
const onlyGerman = Object.entries(tables.patient.de)
  .flatMap(([key, entry]) => texts(entry).filter((text) => !texts(tables.patient.en[key] ?? "").includes(text)).map((text) => ({ key, text })))
  .filter(({ text }) => /\p{L}{2}/u.test(text.replace(/\{\w+\}/g, "")))
  .map(({ key, text }) => ({ key, whole: new RegExp(`^${escaped(text).replace(/\\\{\w+\\\}/g, ".+?")}$`, "u"), pieces: text.split(/\{\w+\}/).map((piece) => piece.trim()).filter((piece) => piece.length >= 9) }));

/** words are all the texts of a page, visible or spoken, one by one. */
const words = (page) =>
  page.evaluate(() => {
    const found = [document.title];
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) if (!walk.currentNode.parentElement.closest("noscript, script, [lang=de]")) found.push(walk.currentNode.data);
    for (const element of document.querySelectorAll("*")) for (const name of ["aria-label", "title", "placeholder", "alt"]) found.push(element.getAttribute(name) ?? "");
    return found.map((text) => text.replace(/\s+/g, " ").trim()).filter(Boolean);
  });

async function assertEnglish(page, practice, screen) {
  const own = JSON.stringify(practice);
  assert.equal(await page.evaluate(() => document.documentElement.lang), "en");
  const german = [];
  for (const text of await words(page)) {
    assert.ok(!/^[a-z]+\.[a-z_]+$/.test(text), `${screen}: a key instead of its text: ${text}`);
    if (own.includes(JSON.stringify(text).slice(1, -1))) continue;
    for (const { key, whole, pieces } of onlyGerman) if (whole.test(text) || pieces.some((piece) => text.includes(piece))) german.push(`${key}: ${text}`);
  }
  assert.deepEqual(german, [], `${screen} shows German`);
}

test("both languages have the same texts, and none is missing", () => {
  for (const [name, { de, en }] of Object.entries(tables)) {
    assert.deepEqual(Object.keys(en).sort(), Object.keys(de).sort(), name);
    for (const table of [de, en]) for (const [key, entry] of Object.entries(table)) for (const text of texts(entry)) assert.ok(text.trim(), `${name}: ${key}`);
  }
});

for (const [how, options, query] of [["?lang=en", { locale: "de-DE" }, "?lang=en"], ["the browser's language", { locale: "en-GB" }, ""]]) {
  test(`from the first page to "check your mail" with the keyboard alone, in English by ${how}, within a minute`, async (t) => {
    const { page, complaints, close } = await visit(browser, { viewport: desktop, ...options });
    const base = demo.practice("praxis-sonnenberg").patients;
    const { json: practice } = await ask(base, "/api/v1/practice");
    const person = someone();
    const began = performance.now();
    await page.goto(base + query);
    await page.getByRole("heading", { name: en("what.title") }).waitFor();
    const hands = new Keyboard(page);

    const first = await hands.reach("the skip link", () => true);
    assert.equal(first.label, en("page.skip"));
    await hands.press("Enter");
    assert.equal((await hands.where()).id, "main", "the skip link leads to the content");
    await hands.reach("the services", ({ name }) => name === "service");
    // Arrow keys walk a group of choices.
    for (let i = 0; i < 10 && !(await hands.where()).label.startsWith("Allgemeine Sprechstunde"); i++) await hands.press("ArrowDown");
    if (!(await page.getByRole("radio", { name: /^Allgemeine Sprechstunde/ }).isChecked())) await hands.press("Space");
    assert.ok(await page.getByRole("radio", { name: /^Allgemeine Sprechstunde/ }).isChecked());
    await assertEnglish(page, practice, "what");
    await hands.reach("the way on", ({ tag, label }) => tag === "button" && label === en("what.show"));
    await hands.press("Enter");

    await page.locator("section[aria-labelledby=next] .slot").first().waitFor();
    assert.equal((await hands.where()).label, en("when.title"), "a new screen begins at its heading");
    await assertEnglish(page, practice, "when");
    await hands.reach("a slot", ({ tag, label }) => tag === "button" && /^\d{1,2}:\d\d/.test(label));
    await hands.press("Enter");

    await page.locator("#given").waitFor();
    assert.equal((await hands.where()).label, en("who.title"));
    await assertEnglish(page, practice, "who");
    for (const field of ["given", "family", "day", "month", "year", "mail"]) {
      await hands.reach(field, ({ id }) => id === field);
      await hands.type(person[field]);
    }
    await hands.press("Enter");

    await page.getByRole("heading", { name: en("sent.title") }).waitFor();
    assert.match((await hands.where()).label, new RegExp(escaped(en("sent.title"))));
    await assertEnglish(page, practice, "sent");
    const took = (performance.now() - began) / 1000;
    const needed = hands.keys * perKey + took;
    t.diagnostic(`${hands.keys} keys, ${hands.stops} stops of the focus, ${took.toFixed(1)} s here, ${needed.toFixed(0)} s for an average typist`);
    assert.ok(needed < 60, `${needed} s`);
    const mail = await message(demo, person.mail);
    assert.ok(!/\b(Termin|bestätigen|Guten Tag)\b/.test(mail.subject + mail.text), `the mail is in English:\n${mail.subject}\n${mail.text}`);
    assert.deepEqual(complaints, []);
    await close();
  });
}

test("an empty form names each missing answer, and the focus goes to the first", async () => {
  const { page, close } = await visit(browser, { locale: "en-GB" });
  const base = demo.practice("zahnarzt-am-markt").patients;
  await page.goto(base);
  await page.getByRole("button", { name: en("what.show") }).waitFor();
  const hands = new Keyboard(page);
  await hands.reach("the way on", ({ tag, label }) => tag === "button" && label === en("what.show"));
  await hands.press("Enter");
  await page.getByText(en("what.service_missing")).waitFor();
  assert.equal((await hands.where()).name, "service");
  await hands.press("Space");
  await hands.reach("the way on", ({ tag, label }) => tag === "button" && label === en("what.show"));
  await hands.press("Enter");
  await page.locator("section[aria-labelledby=next] .slot").first().waitFor();
  await hands.reach("a slot", ({ tag, label }) => tag === "button" && /^\d{1,2}:\d\d/.test(label));
  await hands.press("Enter");
  await page.locator("#given").waitFor();
  await hands.reach("the given name", ({ id }) => id === "given");
  await hands.press("Enter");
  await page.getByRole("alert").getByText(en("error.family_missing")).waitFor();
  assert.equal((await hands.where()).id, "given");
  for (const field of ["given", "family", "mail"]) {
    const input = page.locator(`#${field}`);
    assert.equal(await input.getAttribute("aria-invalid"), "true");
    const described = (await input.getAttribute("aria-describedby")).split(" ").at(-1);
    assert.equal((await page.locator(`#${described}`).innerText()).trim(), en(`error.${field}_missing`));
  }
  await close();
});
