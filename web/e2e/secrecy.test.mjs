// The proof: what patients write into sealed fields is found nowhere outside
// of the two browsers, in no spelling, while words planted in each place are.

import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import net from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { desktop, launch, phone, visit } from "./lib/browser.mjs";
import { descendants, start } from "./lib/demo.mjs";
import { signIn } from "./lib/desk.mjs";
import { ask } from "./lib/http.mjs";
import { codeIn, linkIn, message, messages } from "./lib/mailbox.mjs";
import { begin, confirm, fill, list, submit, take } from "./lib/patient.mjs";
import { Search } from "./lib/search.mjs";
import { content, files, memory, psql, Redis, tables } from "./lib/stores.mjs";
import { until } from "./lib/until.mjs";
import { de, office as t, sealed as ts } from "./lib/words.mjs";

// A birth date is looked for in the ways that dates are written, a birth year wherever it stands by itself.
const birthDates = () => Object.values(people).flatMap(({ day, month, year }) => {
  const [dd, mm] = [day.padStart(2, "0"), month.padStart(2, "0")];
  return [`${year}-${mm}-${dd}`, `${dd}.${mm}.${year}`, `${day}.${month}.${year}`, `${year}${mm}${dd}`, `${mm}/${dd}/${year}`, `${year}, ${mm}, ${dd}`];
});
const birthYear = () => new RegExp(`(?<![\\w.+/=-])(${Object.values(people).map(({ year }) => year).join("|")})(?![\\w+/=])`);
/** Ids, keys and fractions of seconds are digits too. */
const plain = (text) => text.replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\\?\\x[0-9a-f]+|:\d\d\.\d+/gi, "");
function bornIn(text, where) {
  for (const date of birthDates()) assert.ok(!text.includes(date), `${where} has the birth date ${date}`);
  const found = birthYear().exec(plain(text));
  assert.equal(found, null, `${where} has a birth year: ${found && plain(text).slice(Math.max(0, found.index - 80), found.index + 80)}`);
}

const letters = "abcdefghijklmnopqrstuvwxyz";
const random = (alphabet, length) => Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join("");
const digits = (length) => random("123456789", length);

// Sealed fields carry one word that nobody ever wrote; phone numbers are digits of their own.
const sealed = { text: `k${random(letters, 15)}`, phone: digits(9) };
const contact = { mail: `c${random(letters, 15)}`, "booker's mail": `b${random(letters, 15)}`, mobile: `151${digits(8)}` };
const planted = `p${random(letters, 15)}`;

const people = {
  self: {
    service: "Gesundheits-Check-up", answers: ["PKV"], age: "55", held: "by_video",
    given: `Gwen${sealed.text}`, family: `Fürst${sealed.text}`, day: "17", month: "4", year: "1971",
    mail: `${contact.mail}@example.org`, phone: `0721 ${sealed.phone}`, note: `Notiz ${sealed.text}`, gender: "female",
  },
  child: {
    service: "Impfung", answers: ["GKV"], booker: `Bea ${sealed.text}`, relation: "parent",
    given: `Kim${sealed.text}`, family: `Kurz${sealed.text}`, day: "2", month: "9", year: "2018",
    mail: `${contact["booker's mail"]}@example.org`, phone: `0721 ${sealed.phone}`, note: `Kind ${sealed.text}`, gender: "other",
  },
  mobile: {
    service: "Blutabnahme", answers: ["GKV"],
    given: `Max${sealed.text}`, family: `Moll${sealed.text}`, day: "30", month: "12", year: "1958", mobile: `0${contact.mobile}`, gender: "male", referral: `R${sealed.text}`,
  },
};

let demo, browser, practice, redis, waiting, confirmed;
const visits = [];
const plaintexts = [];
const controls = new Set();

const open = async (options) => {
  const visitor = await visit(browser, { viewport: phone, ...options });
  visits.push(visitor);
  // What goes into a seal, seen where it happens and nowhere else.
  await visitor.context.addInitScript(() => {
    const { encrypt } = SubtleCrypto.prototype;
    globalThis.intoSeals = [];
    SubtleCrypto.prototype.encrypt = function (algorithm, key, data) {
      globalThis.intoSeals.push(new TextDecoder().decode(data));
      return encrypt.call(this, algorithm, key, data);
    };
  });
  return visitor;
};

async function toConfirm(person) {
  const { page } = await open();
  await begin(page, practice.patients, person.service, { answers: [...person.answers.map((kind) => de(`insurance.${kind}`)), de("ask.no")], age: person.age });
  await list(page);
  await take(page);
  const note = () => page.locator("main form").evaluate((form) => [...form.elements].filter(({ localName }) => localName !== "button" && localName !== "fieldset").map(({ id, name }) => id || name));
  for (const name of await note()) controls.add(name);
  await fill(page, person);
  for (const name of await note()) controls.add(name);
  await submit(page);
  const into = await page.evaluate(() => globalThis.intoSeals);
  plaintexts.push(...into.filter((text) => text.includes("booking_id")).map((text) => JSON.parse(text)));
  return page;
}

before(async () => {
  [demo, browser] = await Promise.all([start(), launch()]);
  practice = demo.practice("praxis-sonnenberg");
  redis = await Redis.open(demo);
  await psql(demo, `update service set referral = true where name = 'Blutabnahme'`);
  // Times depend on all that is asked before the list: insurance, new or known, and age.
  await psql(demo, `update service set held = 'either' where name = 'Gesundheits-Check-up'`);
  await psql(demo, `update service set min_age = 50 where name = 'Gesundheits-Check-up'`);
  await psql(demo, `update opening set patients = 'new' where name = 'Onlinetermine'`);
  await psql(demo, `update practice set asks = asks || '{"gender": "Für die Anmeldung."}', version = version + 1 where name = 'Praxis Sonnenberg'`);
  // What nobody told the server it remembers for a moment as it was.
  await until("the practice asks for it", async () => (await ask(practice.patients, "/api/v1/practice")).text.includes("Für die Anmeldung."));
});

after(async () => {
  redis?.close();
  await browser?.close();
  await demo?.drop();
});

test("patients fill in every sealed field and confirm; the practice reads all of it", async () => {
  const [self, child] = await Promise.all([toConfirm(people.self), toConfirm(people.child)]);
  const mobile = await toConfirm(people.mobile);
  // The room of a visit by video is looked for as what people type is.
  sealed.room = plaintexts.find(({ video }) => video).video;

  waiting = await redis.everything();

  for (const [page, person] of [[self, people.self], [child, people.child]]) {
    await page.close();
    const there = await open();
    await confirm(there.page, linkIn(await message(demo, person.mail)));
  }
  await mobile.getByLabel(de("code.label")).fill(codeIn(await message(demo, `+49${contact.mobile}`)));
  await mobile.getByRole("button", { name: de("code.submit") }).click();
  await mobile.getByRole("heading", { name: de("booked.title") }).waitFor();
  confirmed = performance.now();

  const desk = await open({ viewport: desktop });
  await signIn(desk.page, practice);
  for (const { family, given, note, gender, answers, booker, service, mail } of Object.values(people)) {
    await desk.page.getByRole("button", { name: `${t("inbox.open")} ${family}, ${given}`, exact: true }).click();
    const detail = desk.page.locator("#detail");
    for (const text of [`${family}, ${given}`, service, note, t(`gender.${gender}`), t(`insurance.${answers[0]}`), booker, mail ?? `+49${contact.mobile}`, t("mark.new")].filter(Boolean)) {
      await detail.getByText(text).first().waitFor();
    }
    if (mail) await detail.getByText(sealed.phone).waitFor();
    await desk.page.keyboard.press("Escape");
  }
  await until("every envelope became a card", async () => (await psql(demo, "select (select count(*) from envelope) || '/' || (select count(*) from card)")) === "0/3");
});

test("what waits for a confirmation waits encrypted, for an hour at most", () => {
  const search = new Search({ ...sealed, ...contact });
  for (const { key, bytes } of waiting) search.in(bytes, key);
  assert.deepEqual(search.report(), []);
  const pending = waiting.filter(({ key }) => key.includes(":pending:"));
  assert.equal(pending.length, 3, waiting.map(({ key }) => key).join("\n"));
  for (const { key, left } of pending) assert.ok(left > 0 && left <= 3_600_000, `${key} lives ${left} ms`);
});

/** Everything that is written down somewhere: files, rows, keys, logs. */
async function written(words, known) {
  const places = {};
  const into = (place) => (places[place] ??= new Search(words, known));
  await psql(demo, "checkpoint");
  for (const path of files(demo.data)) {
    const place = path.includes("/pg_wal/") ? "WAL" : path.startsWith(join(demo.data, "postgres", "data")) ? "Postgres files" : path.endsWith(".log") ? "logs of the stores" : "other files";
    const search = into(place);
    content(path, search.overlap, (piece) => search.in(piece, path));
  }
  // Rows once more as they read: in files, long values are compressed.
  for (const table of await tables(demo)) into("rows").in(Buffer.from(await psql(demo, `select t::text from "${table}" t`)), table);
  for (const { key, bytes } of await redis.everything()) into("Redis keys").in(bytes, key);
  into("logs of server and plugins").in(demo.logged(), "stdout and stderr");
  return places;
}

const children = (name) => descendants(demo.pid).filter((one) => one.name.startsWith(name));
const pluginPID = () => Number(/plugin started.*\bpid=(\d+)/.exec(demo.logged())[1]);

/** What processes hold in memory, as a core dump would show it. */
async function remembered(words, known) {
  const places = {};
  const look = (place, pid, options) => {
    const search = (places[place] ??= new Search(words, known));
    const bytes = memory(pid, search.overlap, (piece, where) => search.in(piece, `process ${pid} at ${where}`), options);
    assert.ok(bytes > 1 << 20 || options?.comesAndGoes, `${place}: only ${bytes} bytes could be read`);
  };
  // A request of which the end is still to come stands in the server's memory.
  const { hostname, port } = new URL(practice.patients);
  const half = net.connect(Number(port), "127.0.0.1");
  half.write(`POST /api/v1/holds HTTP/1.1\r\nHost: ${hostname}:${port}\r\nX-Planted: ${planted}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{`);
  await until("the half request has arrived", async () => (await ask(practice.patients, "/healthz").catch(() => ({}))).status !== undefined);
  look("memory of the server", demo.servers.siegel);
  half.destroy();
  look("memory of the plugin", pluginPID());
  look("memory of Redis", demo.servers.redis);
  look("memory of Postgres", demo.servers.postgres);
  for (const { pid } of children("postgres")) if (pid !== demo.servers.postgres) look("memory of Postgres", pid, { shared: false, comesAndGoes: true });
  return places;
}

test("what was typed into sealed fields is nowhere in files, WAL, rows, Redis, logs and memory", async (t) => {
  await psql(demo, `create table planted (word text); insert into planted values ('${planted}'); do $$ begin raise warning '${planted}'; end $$`);
  await redis.send("SET", "planted", planted);
  // The server logs no text of others, and the plugin is told none: words that they know are looked for there.
  const known = { planted, logged: "plugin started", told: new URL(demo.mailbox).host };
  const began = performance.now();
  const places = { ...(await written(sealed, known)), ...(await remembered(sealed, known)) };
  await redis.send("DEL", "planted");

  const instead = { "logs of server and plugins": "logged", "memory of the plugin": "told" };
  const expected = ["WAL", "Postgres files", "logs of the stores", "rows", "Redis keys", "logs of server and plugins", "memory of the server", "memory of the plugin", "memory of Redis", "memory of Postgres"];
  for (const place of expected) assert.ok(places[place]?.names.includes(instead[place] ?? "planted"), `the search does not work in: ${place}`);
  const bytes = Object.values(places).reduce((sum, search) => sum + search.bytes, 0);
  t.diagnostic(Object.entries(places).map(([place, { bytes }]) => `${place}: ${(bytes / (1 << 20)).toFixed(1)} MiB`).join(", "));
  t.diagnostic(`${Math.round(bytes / (1 << 20))} MiB searched in ${((performance.now() - began) / 1000).toFixed(1)} s`);
  for (const [place, search] of Object.entries(places)) assert.deepEqual(search.report(...Object.keys(sealed)), [], place);

  const mails = new Search(sealed);
  mails.in(Buffer.from(JSON.stringify(await messages(demo))), "the mailbox");
  assert.deepEqual(mails.report(), [], "messages carry nothing of it either");
});

/** Requests of patients' browsers that carried a body, with what the JSON says. */
const sent = () => visits.flatMap(({ requests }) => requests).filter(({ url }) => url.startsWith(practice.patients)).map((request) => ({ ...request, path: new URL(request.url).pathname, json: request.body ? JSON.parse(request.body) : undefined }));

const leaves = (value, path = "") => (value !== null && typeof value === "object" ? Object.entries(value).flatMap(([key, inner]) => leaves(inner, Array.isArray(value) ? path : path ? `${path}.${key}` : key)) : [{ path, value }]);

test("no request carries a sealed field in the clear, in no spelling", () => {
  const search = new Search(sealed);
  const addresses = new Search(contact);
  for (const { url, body, headers, path } of sent()) {
    search.in(Buffer.from([url, body, JSON.stringify(headers)].join("\n")), path);
    if (path !== "/api/v1/bookings") addresses.in(Buffer.from([url, body, JSON.stringify(headers)].join("\n")), path);
  }
  assert.ok(search.bytes > 10_000);
  assert.deepEqual(search.report(), []);
  assert.deepEqual(addresses.report(), [], "the address goes where the confirmation is asked for, and nowhere else");
});

test("insurance, gender, the new-patient answer, age and birth year travel inside the envelope only", () => {
  assert.throws(() => bornIn(`{"born":${people.self.year}}`, "this"), "a birth year is found where one is");
  assert.throws(() => bornIn(`patient ${people.child.year}-09-02`, "this"), "and a birth date");
  // They did travel.
  assert.deepEqual(plaintexts.map(({ patient }) => patient.birth_date).sort(), ["1958-12-30", "1971-04-17", "2018-09-02"]);
  assert.deepEqual(plaintexts.map(({ patient, new_patient }) => [patient.insurance, patient.gender, new_patient]).sort(), [["GKV", "male", true], ["GKV", "other", true], ["PKV", "female", true]]);
  const bookings = sent().filter(({ path }) => path === "/api/v1/bookings");
  assert.equal(bookings.length, 3);
  for (const { json } of bookings) {
    const { proof, secret, ...always } = json;
    assert.deepEqual(Object.keys(always).sort(), ["address", "channel", "copy", "envelope", "language", "secret_hash", "token"]);
    assert.deepEqual(Object.keys(always.envelope).sort(), ["ct", "enc", "envelope_id", "kid", "suite", "tenant", "v"]);
    assert.equal(secret === undefined, always.channel === "sms");
    if (proof) assert.deepEqual(Object.keys(proof).sort(), ["algorithm", "challenge", "number", "salt", "signature"]);
  }
  const telling = /^(GKV|PKV|BEI|BG|SEL|SOZ|female|male|other|unknown|new|known|true|false)$/i;
  for (const { url, path, json } of sent()) {
    const { envelope: _, ...clear } = json ?? {};
    const said = [...new URL(url).searchParams, ...leaves(clear).map(({ path, value }) => [path, String(value)])];
    bornIn(JSON.stringify(said), path);
    for (const [name, value] of said) {
      assert.ok(value !== people.self.age && !/^(.*\.)?(age|born|year)$/i.test(name), `${path} says ${name}=${value}`);
      assert.ok(!telling.test(value), `${path} says ${name}=${value}`);
      assert.ok(!/insur|gender|sex|patient|known|birth|name|note|phone/i.test(name), `${path} has a field ${name}`);
    }
  }
});

test("no row keeps the service, the insurance, the gender, the new-patient answer or the birth year", async () => {
  const { json } = await ask(practice.patients, "/api/v1/practice");
  const services = Object.fromEntries(Object.values(people).flatMap(({ service }) => {
    const id = json.services.find(({ name }) => name === service).id.slice("svc_".length);
    return [[`name of ${service}`, service], [`id of ${service}`, id], [`bytes of ${service}'s id`, id.replaceAll("-", "")]];
  }));
  const rows = async (table) => Buffer.from(await psql(demo, `select t::text from "${table}" t`));
  const works = new Search(services);
  works.in(await rows("service"), "service");
  assert.equal(works.names.length, 6, "the search finds names and ids where they belong");

  const offer = new Set(["service", "service_practitioner", "service_need", "opening", "quota", "chain", "chain_step", "practice", "practitioner", "location", "resource"]);
  const others = (await tables(demo)).filter((table) => !offer.has(table));
  for (const table of ["appointment", "occupation", "envelope", "card", "patient_copy", "outbox"]) assert.ok(others.includes(table), `no table ${table}`);
  const search = new Search(services);
  for (const table of others) {
    const text = await rows(table);
    search.in(text, table);
    bornIn(text.toString(), table);
    if (table !== "account") assert.ok(!/\b(GKV|PKV|female|male|weiblich|männlich|divers)\b/i.test(text.toString()), `${table} says what it must not:\n${text}`);
  }
  for (const { key, bytes } of await redis.everything()) {
    search.in(bytes, `Redis, ${key}`);
    bornIn(`${key} ${bytes.toString("latin1")}`, `Redis, ${key}`);
  }
  search.in(demo.logged(), "logs");
  bornIn(demo.logged().toString(), "the log");
  assert.deepEqual(search.report(), []);

  const columns = await psql(demo, `select table_name || '.' || column_name from information_schema.columns
    where table_schema = 'public' and table_name in ('appointment', 'occupation', 'envelope', 'card', 'patient_copy', 'outbox')`);
  assert.ok(columns.split("\n").length > 30);
  assert.deepEqual(columns.split("\n").filter((name) => /\.\w*(service|insur|gender|sex|new_|known|birth|note|name|phone|mail|contact|booker|address|reason_)/.test(name)), []);
  assert.equal(await psql(demo, "select count(*) from appointment where status = 'booked'"), "3");
});

test("the page on what is sealed names the fields of the form and of the envelope, no more and no less", async () => {
  const { page } = await open();
  await page.goto(`${practice.patients}/sealed`);
  const row = page.getByRole("row").filter({ hasText: ts("sealed.you_list") });
  const named = (await row.locator(".list").innerText()).split(/,\s+/);
  const [service, time, address] = ["sealed.service", "sealed.time", "sealed.address"].map((key) => ts(key));
  for (const title of [service, time, address]) await page.getByRole("rowheader", { name: title, exact: true }).waitFor();
  const someoneElse = "und wer für jemand anderen bucht";
  const how = "of the message itself"; // says nothing about anybody

  const inEnvelope = {
    "patient.family_name": "Name", "patient.given_name": "Name", "patient.birth_date": "Geburtsdatum", "patient.gender": "Geschlecht", "patient.insurance": "Versicherung",
    "patient.phone": "Telefon", "patient.email": "E-Mail", new_patient: "neu oder bekannt", referral: "Überweisung", note: "Nachricht",
    "booker.name": someoneElse, "booker.relation": someoneElse, "booker.contact": someoneElse,
    "service.id": service, "service.name": service,
    "practitioner.id": time, "practitioner.name": time, "location.id": time, "location.name": time, starts: time, ends: time, zone: time, tenant: time,
    video: "Videoraum", v: how, booking_id: how, language: how,
  };
  const inForm = {
    given: "Name", family: "Name", day: "Geburtsdatum", month: "Geburtsdatum", year: "Geburtsdatum", gender: "Geschlecht",
    mail: "E-Mail", mobile: "Telefon", phone: "Telefon", referral: "Überweisung", note: "Nachricht", who: someoneElse, bookerName: someoneElse, relation: someoneElse, held: "Videoraum", channel: how,
  };
  assert.equal(plaintexts.length, 3);
  assert.deepEqual([...new Set(plaintexts.flatMap((one) => leaves(one)).map(({ path }) => path))].sort(), Object.keys(inEnvelope).sort());
  assert.deepEqual([...controls].sort(), Object.keys(inForm).sort());
  const used = new Set([...Object.values(inEnvelope), ...Object.values(inForm)]);
  assert.deepEqual([...used].filter((word) => ![service, time, how].includes(word)).sort(), named.sort());
});

test("sixty seconds after the confirmation the contact address is nowhere in files, WAL, rows, Redis, logs and spools", async () => {
  assert.ok(confirmed, "nothing was confirmed");
  await until("sixty seconds have passed", () => performance.now() - confirmed > 60_000, { within: 61_000 });
  await psql(demo, `insert into planted values ('${planted}')`);
  const places = await written(contact, { planted });
  for (const place of ["WAL", "Postgres files", "rows"]) assert.ok(places[place].names.includes("planted"), `the search does not work in: ${place}`);
  for (const [place, search] of Object.entries(places)) assert.deepEqual(search.report(...Object.keys(contact)), [], place);
  // The stores never had it readable, so their memory has not either; the server's and the plugin's may keep copies, as the page on sealing says.
  for (const [place, pid] of [["memory of Redis", demo.servers.redis], ["memory of Postgres", demo.servers.postgres]]) {
    const search = new Search(contact);
    memory(pid, search.overlap, (piece, where) => search.in(piece, where));
    assert.deepEqual(search.report(), [], place);
  }
});
