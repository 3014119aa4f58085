import { describe, expect, test } from "vitest";
import { parseBooking } from "../../seal/plaintext.ts";
import type { Practice } from "../../api/types.ts";
import { random, toBase64, utf8 } from "../../seal/bytes.ts";
import { csvField } from "../desk/export.ts";
import { tenant, uuid } from "../example.ts";
import { instantOf } from "../zone.ts";
import { cells, delimiterOf, limits, tableOf, textOf, Unreadable } from "./table.ts";
import { guess, likely, type Mapping, minuteIn, minutesIn, noMapping, read, readTime, under, wordsOf } from "./read.ts";
import type { Outcome, Row } from "./client.ts";
import { begin, carry, keep, look, plaintext, ready, sources, together } from "./run.ts";

const today = "2026-11-24";
const zone = "Europe/Berlin";
const doctor = `prc_${uuid(1)}`;
const place = `loc_${uuid(2)}`;
const service = `svc_${uuid(3)}`;
const practice = {
  tenant: `ten_${tenant}`, name: "Praxis", zone, locations: [{ id: place, name: "Haus", zone }], practitioners: [{ id: doctor, name: "Dr. med. Eva Sommer", role: "" }],
  services: [{ id: service, name: "Sprechstunde", duration_minutes: 15, practitioners: [doctor] }],
} as unknown as Practice;

const head = "Datum;Uhrzeit;Dauer;Arzt;Terminart;Nachname;Vorname;Geburtsdatum;Telefon;Notiz";
const line = "01.12.2026;08:30;20;Dr. Sommer;Kontrolle;Nowak;Lukas;30.06.1984;07243 000199;Rollstuhl";

function mapped(text: string, change: Partial<Mapping> = {}) {
  const table = tableOf(text);
  const columns = guess(table);
  const mapping: Mapping = { ...noMapping, columns, location: place, ...change };
  for (const { word } of wordsOf(table, mapping, "doctor")) mapping.doctors = { ...mapping.doctors, [under(word)]: doctor };
  for (const { word } of wordsOf(table, mapping, "type")) mapping.types = { ...mapping.types, [under(word)]: service };
  for (const { word } of wordsOf(table, mapping, "room")) mapping.rooms = { ...mapping.rooms, [under(word)]: "" };
  if (!Object.values(columns).includes("doctor")) mapping.doctors = { [under("")]: doctor };
  if (!Object.values(columns).includes("type")) mapping.types = { [under("")]: service };
  return { table, mapping, found: read(table, mapping, practice, today) };
}

describe("a table", () => {
  test("is read with its heads, whatever parts the cells", () => {
    for (const sign of [";", ",", "\t", "|"]) {
      const { found } = mapped([head, line, line.replace("08:30", "09:00")].join("\r\n").replaceAll(";", sign));
      expect(found.map(({ starts, ends, trouble }) => [starts, ends, trouble])).toEqual([
        [instantOf("2026-12-01", 510, zone), instantOf("2026-12-01", 530, zone), []],
        [instantOf("2026-12-01", 540, zone), instantOf("2026-12-01", 560, zone), []],
      ]);
      expect(found[0]!.patient).toMatchObject({ family: "Nowak", given: "Lukas", birth: "1984-06-30", phone: "07243000199" });
    }
  });
  test("keeps quoted breaks and quotes in their cell, and says on which line a row began", () => {
    expect(cells('a;"b\n""c"""\r\nd;e', ";")).toEqual([{ cells: ["a", 'b "c"'], line: 1 }, { cells: ["d", "e"], line: 3 }]);
    expect(delimiterOf('"a;b;c",d\n"e;f",g')).toBe(",");
  });
  test("is decoded as practice software wrote it", () => {
    expect(textOf(new Uint8Array([0x4d, 0xfc, 0x6c]))).toBe("Mül");
    expect(textOf(utf8("Mül"))).toBe("Mül");
    expect(textOf(new Uint8Array([0xff, 0xfe, 0x4d, 0, 0xfc, 0]))).toBe("\ufeffMü".slice(1));
  });
  test("without a head is read too", () => {
    expect(tableOf("01.12.2026 08:30\tNowak, Lukas\n02.12.2026 09:00\tOtt, Eva").columns).toEqual(["1", "2"]);
  });
});

describe("an iCalendar", () => {
  const event = (lines: string) => `BEGIN:VCALENDAR\r\nVERSION:2.0\r\nX-WR-CALNAME:Dr. Sommer\r\nBEGIN:VEVENT\r\n${lines}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n`;
  test("gives time, name and identity", () => {
    const { found } = mapped(event("UID:a@b\r\nDTSTART;TZID=Europe/Berlin:20261201T083000\r\nDURATION:PT20M\r\nSUMMARY:Nowak\\, Lukas 30.6.1984\r\nBEGIN:VALARM\r\nDESCRIPTION:x\r\nEND:VALARM"));
    expect(found[0]).toMatchObject({ starts: instantOf("2026-12-01", 510, zone), ends: instantOf("2026-12-01", 530, zone), identity: "id|a@b", trouble: [], patient: { family: "Nowak", given: "Lukas", birth: "1984-06-30" }, note: "" });
  });
  test("of another zone is the same instant", () => {
    expect(mapped(event("DTSTART:20261201T073000Z\r\nDTEND:20261201T075000Z\r\nSUMMARY:A B")).found[0]!.starts).toBe(instantOf("2026-12-01", 510, zone));
    expect(mapped(event("DTSTART;TZID=America/New_York:20261201T023000\r\nDTEND:20261201T075000Z\r\nSUMMARY:A B")).found[0]!.starts).toBe(instantOf("2026-12-01", 510, zone));
    expect(mapped(event("DTSTART;TZID=Moon/Crater:20261201T023000\r\nDTEND:20261201T075000Z\r\nSUMMARY:A B")).found[0]!.trouble).toContain("starts");
  });
  test("says what it leaves out, and where", () => {
    const all = ["STATUS:CANCELLED\r\nDTSTART:20261201T073000Z", "RRULE:FREQ=DAILY\r\nDTSTART:20261201T073000Z", "DTSTART;VALUE=DATE:20261201", "DTSTART:morgen", "SUMMARY:x"].map((lines) => event(lines).replace(/^BEGIN:VCALENDAR\r\n|END:VCALENDAR\r\n$/g, "")).join("");
    const table = tableOf(`BEGIN:VCALENDAR\r\n${all}END:VCALENDAR`);
    expect(table.rows).toEqual([]);
    expect(table.left.map(({ why, lines }) => [why, lines.length])).toEqual([["cancelled", 1], ["repeats", 1], ["all_day", 1], ["unreadable", 2]]);
  });
});

describe("times", () => {
  test.each([
    ["1.12.26", { day: "2026-12-01", minute: null }], ["Di, 01.12.2026 um 8:30 Uhr", { day: "2026-12-01", minute: 510 }], ["2026-12-01T08:30:00", { day: "2026-12-01", minute: 510 }],
    ["2026-12-01T08:30:00+02:00", { day: "2026-12-01", minute: 510, instant: Date.parse("2026-12-01T06:30Z") }], ["2026-12-01T08:30:00.000Z", { day: "2026-12-01", minute: 510, instant: Date.parse("2026-12-01T08:30Z") }],
    ["31.2.2026", null], ["1.13.2026", null], ["morgen", null], ["", null], ["1.12.1999", null],
  ])("%s", (text, wanted) => expect(readTime(text)).toEqual(wanted));
  test.each([["8:30", 510], ["08.30 Uhr", 510], ["0830", 510], ["8 Uhr", 480], ["8:30 pm", 1230], ["12:00 am", 0], ["24:00", null], ["8", null], ["", null]])("%s of the day", (text, wanted) => expect(minuteIn(text)).toBe(wanted));
  test.each([["15", 15], ["15 min", 15], ["0:45", 45], ["1 Std.", 60], ["+20", 20], ["lange", null]])("%s long", (text, wanted) => expect(minutesIn(text)).toBe(wanted));
  test("an hour that the clocks leave out is said, not guessed", () => {
    expect(mapped([head, line.replace("01.12.2026;08:30", "28.03.2027;02:30")].join("\n")).found[0]!.trouble).toEqual(["gap"]);
  });
});

test("what is not decided, or left out, stays in the list", () => {
  const table = tableOf([head, line].join("\n"));
  const columns = guess(table);
  const found = read(table, { ...noMapping, columns, location: place }, practice, today);
  expect(found[0]!.trouble).toEqual(["doctor", "type"]);
  const out = read(table, { ...noMapping, columns, location: place, doctors: { [under("Dr. Sommer")]: doctor }, types: { [under("Kontrolle")]: "" } }, practice, today);
  expect(out[0]).toMatchObject({ out: true, trouble: [] });
  expect(likely("Fr. Dr. Winter", practice.practitioners)).toBe(undefined);
  expect(likely("Eva Sommer", practice.practitioners)).toBe(doctor);
});

// What a calendar can bring: markup, formulas, direction, control characters,
// names of an object's own, and text without end.
const hostile = [
  "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "javascript:alert(1)", "=HYPERLINK(\"http://x\")", "+1+cmd|' /C calc'!A0", "@SUM(1)", "-2+3", "\t=1",
  "\u202egnp.exe", "\u2066x\u2069", "a\u0000b\u0007c", "\u2028x", "x".repeat(50_000), "Z̷".repeat(3000), "\ud800", "\ue000", "__proto__", "constructor", "toString", "hasOwnProperty",
  "BEGIN:VEVENT", "END:VCALENDAR", "${7*7}", "{{7*7}}", "' or 1=1--", "../../etc/passwd", "👩‍👩‍👧‍👦".repeat(200),
];

describe("a hostile calendar", () => {
  test.each(hostile.map((text, n) => [n, text] as const))("payload %i ends as a card that reads back, or as a row that says why not", async (_, text) => {
    const quoted = `"${text.replaceAll('"', '""')}"`;
    const { table, found } = mapped([head, `01.12.2026;08:30;20;${quoted};${quoted};${quoted};${quoted};${quoted};${quoted};${quoted}`].join("\n"));
    expect(found).toHaveLength(1);
    expect(table.rows[0]!.every((one) => one.length <= limits.cell && !/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u.test(one))).toBe(true);
    const ok = found.filter(({ trouble }) => trouble.length === 0);
    for (const one of await ready(ok, toBase64(random(32)), Date.now())) {
      const made = plaintext(one, practice, `ten_${tenant}`);
      const back = parseBooking(utf8(JSON.stringify(made)), { tenant, bookingId: made.booking_id });
      expect(back.patient.family_name).toBe(made.patient.family_name);
      expect(csvField(back.patient.family_name)).not.toMatch(/^"?[=+@\t-]/);
    }
    if (ok.length === 0) expect(found[0]!.trouble).not.toEqual([]);
  });
  test.each(hostile)("%s as a head or an event breaks nothing", (text) => {
    expect(() => mapped([`Datum;Uhrzeit;Dauer;Nachname;${text.replaceAll(/[\r\n;"]/g, " ")}`, "01.12.2026;08:30;20;Ott;x"].join("\n"))).not.toThrow();
    const { found } = mapped(`BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART:20261201T073000Z\nDURATION:PT15M\nSUMMARY:${text}\nEND:VEVENT\nEND:VCALENDAR`);
    expect(found.length).toBeLessThanOrEqual(1);
  });
  test("what is no table is refused with its reason", () => {
    const why = (text: string) => {
      try {
        tableOf(text);
        return "";
      } catch (thrown) {
        return thrown instanceof Unreadable ? thrown.why : String(thrown);
      }
    };
    expect([why(""), why("  \n"), why("ein Satz"), why("a;b\n".repeat(limits.rows + 10)), why("BEGIN:VCALENDAR\nEND:VCALENDAR"), why("\0".repeat(100))]).toEqual(["empty", "empty", "no_table", "too_many", "empty", "no_table"]);
    expect(() => textOf(new Uint8Array(limits.bytes + 1))).toThrow(Unreadable);
  });
  test("rubbish of any kind never hangs and never throws anything else", () => {
    let seed = 7;
    const next = (n: number) => (seed = (seed * 1103515245 + 12345) % 2147483648) % n;
    const signs = [...'";,\t\n\r:=\\ABEGINVT0129. ', "BEGIN:VCALENDAR\n", "BEGIN:VEVENT\n", "END:VEVENT\n", "DTSTART:20261201T073000Z\n"];
    for (let i = 0; i < 500; i++) {
      const text = Array.from({ length: next(200) }, () => signs[next(signs.length)]).join("");
      try {
        mapped(text);
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(Unreadable);
      }
    }
  });
});

describe("a run", () => {
  const many = [head, ...Array.from({ length: 500 }, (_, n) => line.replace("01.12.2026;08:30", `${String((n % 28) + 1).padStart(2, "0")}.${n < 250 ? "12.2026" : "01.2027"};${String(8 + (n % 9)).padStart(2, "0")}:${String((n % 12) * 5).padStart(2, "0")}`).replace("Nowak", `Nowak${n}`))].join("\n");
  test("of 500 goes in bounded batches, sealed, and shows the server no name", async () => {
    const { found } = mapped(many);
    const rows = await ready(found, toBase64(random(32)), Date.now());
    const sent: Row[][] = [];
    const arrived = new Map<string, Outcome>();
    const done: number[] = [];
    await carry(rows, practice, `ten_${tenant}`, {
      send: async (some) => (sent.push(some), { rows: some.map(() => ({ outcome: "taken" as const })) }),
      seal: async () => ({ epoch: 1, ciphertext: toBase64(random(64)) }),
      done: (count) => done.push(count),
    }, (source, outcome) => arrived.set(source, outcome));
    expect(sent.map((some) => some.length)).toEqual(Array(10).fill(together));
    expect([arrived.size, done.at(-1)]).toEqual([500, 500]);
    expect(JSON.stringify(sent)).not.toMatch(/Nowak|Lukas|30\.06\.1984|1984-06-30|Rollstuhl|Kontrolle|svc_019a/);
  });
  test("knows the same row again, and the secret is what it takes", async () => {
    const one = toBase64(random(32));
    const [a, b] = [await ready(mapped(many).found, one, 0), await ready(mapped(many).found, one, 0)];
    expect(a.map(({ source }) => source)).toEqual(b.map(({ source }) => source));
    expect(new Set(a.map(({ source }) => source)).size).toBe(500);
    expect(await sources(toBase64(random(32)), ["x"])).not.toEqual(await sources(one, ["x"]));
    // Twice in one file is once.
    expect(await ready(mapped([head, line, line].join("\n")).found, one, 0)).toHaveLength(1);
  });
  test("looks before it acts, and names rows by their number in the table", async () => {
    const rows = await ready(mapped(many).found, toBase64(random(32)), 0);
    const found = await look(rows, { send: async (some) => ({ rows: some.map((_, n) => (n === 3 ? { outcome: "conflict", rows: [1] } : { outcome: "taken" })) }), done: () => {} });
    expect(found.get(rows[3]!.source)).toEqual({ outcome: "conflict", rows: [1] });
  });
  test("what is kept fits, however many words there are", async () => {
    const kept = { ...begin(), mapping: { ...noMapping, types: Object.fromEntries(Array.from({ length: 400 }, (_, n) => [under("Wort ".repeat(40) + n), service])) } };
    const sealed: number[] = [];
    const { pad } = await import("../../seal/gcm.ts");
    const { RECORD_MAX, RECORD_STEP } = await import("../../seal/record.ts");
    await keep({ sealRecord: async (_, __, version, json) => (sealed.push(pad(json, RECORD_STEP, RECORD_MAX).length), { version, epoch: 1, ciphertext: "" }) }, `ten_${tenant}`, 1, kept);
    expect(sealed).toHaveLength(1);
  });
});
