// Every kind of mail, read by programs that share no code with the one that
// wrote it: mailparser for the format, mailauth for the signature, ical.js for
// the calendar.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import ICAL from "ical.js";
import { dkimVerify } from "mailauth/lib/dkim/verify.js";
import { simpleParser } from "mailparser";

let dir;
const mails = new Map();
before(async () => {
  dir = mkdtempSync(join(tmpdir(), "siegel-mails-"));
  execFileSync("go", ["test", "-count=1", "-run=^TestMailsAreSignedAndSayTheSameTwice$", "./tenants/notify", "-args", "-mails", dir], { cwd: join(import.meta.dirname, "../.."), stdio: "pipe" });
  for (const file of readdirSync(dir).filter((name) => name.endsWith(".eml"))) {
    const raw = readFileSync(join(dir, file));
    mails.set(file.replace(".eml", ""), { raw, read: await simpleParser(raw, { skipTextToHtml: true }) });
  }
  assert.ok(mails.size >= 14, [...mails.keys()].join());
});
after(() => rmSync(dir, { recursive: true, force: true }));

const shown = (page) =>
  page
    .replace(/^[\s\S]*?<body[^>]*>/, "")
    .replace(/<\/?a\b[^>]*>/g, "")
    .replace(/<[^>]*>/g, " ")
    .replace(/&(amp|lt|gt|quot|#34|#39);/g, (_, name) => ({ amp: "&", lt: "<", gt: ">", quot: '"', "#34": '"', "#39": "'" })[name])
    .split(/\s+/).join(" ").trim();

test("a mail is well formed, to one person, from a neutral name, and answers go to the practice", () => {
  for (const [name, { raw, read }] of mails) {
    assert.ok(raw.toString("latin1").split("\r\n").every((line) => line.length <= 998 && !line.includes("\n")), name);
    assert.ok(raw.every((byte) => byte < 0x80), `${name} has octets of eight bits`);
    assert.equal(read.to.value.length, 1, name);
    assert.equal(read.from.value[0].name, "Praxis Sonnenberg & Söhne <Markt>", name);
    assert.equal(read.replyTo.value[0].address, "praxis@sonnenberg.example", name);
    assert.match(read.messageId, /^<[0-9a-f-]{36}@siegel\.example>$/, name);
    assert.ok(read.date instanceof Date && !Number.isNaN(read.date.getTime()), name);
    assert.equal(read.headers.get("auto-submitted"), "auto-generated", name);
  }
});

test("plain text and HTML say the same", () => {
  for (const [name, { read }] of mails) {
    assert.ok(read.text.includes("030 1234567"), name);
    assert.equal(shown(read.html), read.text.split(/\s+/).join(" ").trim(), name);
  }
});

test("the signature is that of the sender's domain", async () => {
  const dns = JSON.parse(readFileSync(join(dir, "dns.json"), "utf8"));
  const resolver = async (name) => {
    if (dns[name]) return [[dns[name]]];
    throw Object.assign(new Error("no such name"), { code: "ENOTFOUND" });
  };
  for (const [name, { raw, read }] of mails) {
    const { results } = await dkimVerify(raw, { resolver });
    const domain = name.endsWith("reseller") ? "termine-sued.example" : "siegel.example";
    assert.equal(read.from.value[0].address, `termine@${domain}`, name);
    assert.deepEqual(results.map((one) => [one.status.result, one.signingDomain]), [["pass", domain]], name);
    const { results: changed } = await dkimVerify(Buffer.from(raw.toString("latin1").replace(/Praxis am Markt/, "Praxis am Ring"), "latin1"), { resolver });
    assert.notEqual(changed[0].status.result, "pass", `${name}, changed`);
  }
});

test("a calendar is updated by what follows, nobody is asked to answer, and times are those of the place", () => {
  const event = (name) => {
    const { read } = mails.get(name);
    const part = read.attachments.find(({ contentType }) => contentType === "text/calendar");
    const root = new ICAL.Component(ICAL.parse(part.content.toString("utf8")));
    for (const zone of root.getAllSubcomponents("vtimezone")) ICAL.TimezoneService.register(zone);
    const found = root.getFirstSubcomponent("vevent");
    return { method: root.getFirstPropertyValue("method"), type: part.headers.get("content-type"), found, starts: new ICAL.Event(found).startDate };
  };
  for (const language of ["de", "en"]) {
    const steps = ["receipt", "moved", "cancelled"].map((one) => event(`${language}-${one}`));
    assert.deepEqual(steps.map(({ method }) => method), ["REQUEST", "REQUEST", "CANCEL"]);
    assert.deepEqual(steps.map(({ type }) => type.params.method), ["REQUEST", "REQUEST", "CANCEL"]);
    assert.deepEqual(steps.map(({ found }) => found.getFirstPropertyValue("sequence")), [0, 1, 2]);
    assert.deepEqual(steps.map(({ found }) => found.getFirstPropertyValue("status")), ["CONFIRMED", "CONFIRMED", "CANCELLED"]);
    for (const { found, starts } of steps) {
      assert.match(found.getFirstPropertyValue("uid"), /^[0-9a-f-]{36}@siegel\.example$/);
      assert.equal(found.getFirstPropertyValue("organizer"), "mailto:praxis@sonnenberg.example");
      const attendee = found.getFirstProperty("attendee");
      assert.equal(attendee.getFirstValue(), "mailto:mila.kanarienvogel@example.org");
      assert.equal(attendee.getParameter("rsvp"), "FALSE");
      assert.equal(starts.zone.tzid, "Europe/Berlin");
      assert.equal(starts.toJSDate().toISOString(), "2026-11-26T08:20:00.000Z");
      assert.equal(starts.toString(), "2026-11-26T09:20:00");
    }
  }
});
