import { get } from "svelte/store";
import { describe, expect, test } from "vitest";
import { Problem } from "../../api/problem.ts";
import type { Service, SlotsAnswer } from "../../api/types.ts";
import type { Booking } from "../../seal/plaintext.ts";
import { parseBooking } from "../../seal/plaintext.ts";
import { fromBase64, utf8 } from "../../seal/bytes.ts";
import { openCopy } from "../../seal/copy.ts";
import { ROOM } from "../../seal/video.ts";
import type { Entry } from "../bookings.ts";
import { aBooking, slotOf, tenant, uuid } from "../example.ts";
import type { AppointmentBody } from "../server.ts";
import { instantOf, mondayOf } from "../zone.ts";
import { plan } from "../agenda.ts";
import { choicesOf, noAnswers } from "../../booking/offer.ts";
import { affected, bundled, propose } from "./absence.ts";
import { Acts, overlay } from "./acts.ts";
import { free, link, newBookingId, patientOrigin, plaintextOf, wayAround, ways } from "./book.ts";
import { birthOf, readCaller } from "./caller.ts";
import { csv, csvField, fold, ics, icsText } from "./export.ts";
import { figures, share } from "./figures.ts";
import { find, people } from "./find.ts";

const today = "2026-11-24";

function entry(n: number, change: Partial<Entry> = {}, booking: Partial<Booking> = {}): Entry {
  const made = aBooking(n, booking);
  return { ...slotOf(made), id: `apt_${uuid(n)}`, status: "booked", source: "online", received: null, waiting: false, firstStarts: null, answerUntil: null, excused: false, overridden: "", takes: [], reading: { state: "open", booking: made, differences: [] }, ...change };
}

describe("a caller's line", () => {
  test.each([
    ["Novák, Lukáš 30.6.1984 07243 000199", { family: "Novák", given: "Lukáš", birth: "1984-06-30", phone: "07243 000199" }],
    ["Lukáš Novák 30.06.84 lukas@example.org", { family: "Novák", given: "Lukáš", birth: "1984-06-30", email: "lukas@example.org" }],
    ["30061984 Anna Maria von der Heide gkv +49 151 1234567", { family: "von der Heide", given: "Anna Maria", birth: "1984-06-30", insurance: "GKV", phone: "+49 151 1234567" }],
    ["Müller", { family: "Müller", given: "" }],
    ["Ott 120458 privat", { family: "Ott", birth: "1958-04-12", insurance: "PKV" }],
    ["Li Wei 31.2.1990", { family: "31.2.1990", birth: "" }],
    ["", { family: "", given: "" }],
  ])("%s", (line, wanted) => {
    expect(readCaller(line, today)).toMatchObject(wanted);
  });

  test("a birthday is a day that was", () => {
    expect([birthOf("24.11.26", today), birthOf("25.11.26", today), birthOf("29.2.1900", today), birthOf("29.2.2024", today), birthOf("1.1.1899", today)]).toEqual(["2026-11-24", "1926-11-25", "", "2024-02-29", ""]);
  });
});

describe("finding people in memory", () => {
  const all = people([
    entry(1),
    entry(2, { starts: Date.parse("2026-12-01T08:00:00Z") }, { patient: { family_name: "Novak", given_name: "Lukas", birth_date: "1984-06-30", phone: "07243 000199" } }),
    entry(3, {}, { patient: { family_name: "Öztürk", given_name: "Ayşe", birth_date: "1991-04-12", phone: "+49 151 99" } }),
    entry(4, { reading: { state: "sealed" } }),
  ]);
  test("one person is one, whatever the accents, and keeps what any booking said", () => {
    expect(all.map(({ entries }) => entries.length)).toEqual([2, 1]);
    expect(all[0]!.patient).toMatchObject({ phone: "07243 000199", email: "l.n@example.org" });
  });
  test.each([["nov", 1], ["lukas nov", 1], ["30.6.84", 1], ["3006", 1], ["000199", 1], ["07243", 1], ["ozt", 1], ["ayse 12.4.", 1], ["xyz", 0], ["", 0], ["nov ozt", 0]])("%s finds %i", (query, count) => {
    expect(find(all, query, 0)).toHaveLength(count);
  });
  test("among 5,000 people within 100 ms", () => {
    const many = people(Array.from({ length: 5000 }, (_, n) => entry(n, {}, { patient: { family_name: `Person${n}`, given_name: "Eva", birth_date: "1970-01-01" } })));
    const took = ["person47", "person48", "person49"].map((query) => {
      const began = performance.now();
      expect(find(many, query, 0, 8)).toHaveLength(8);
      return performance.now() - began;
    });
    expect(Math.min(...took)).toBeLessThan(100); // in one of them the machine may have done something else
  });
});

describe("acts that can be taken back", () => {
  test("a message about a move goes when the move can be taken back no more, and not at all where it was", async () => {
    for (const taken of [false, true]) {
      const { acts, world, pass, act } = setup();
      let dropped = 0;
      const moved = acts.do({ ...act("moved", "x"), changes: new Map(), about: "b", back: async () => void world.sent.push("back") });
      await pass(4000);
      expect([acts.waits("b"), acts.waits("c")]).toEqual([true, false]);
      acts.do({ ...act("told", "y"), changes: new Map(), about: "b", dropped: () => dropped++ });
      acts.do({ ...act("other", "z"), changes: new Map(), about: "c" });
      await pass(3000);
      if (taken) acts.undo(moved);
      expect(world.sent).not.toContain("told");
      for (const ms of [10_000, 0, 0]) await pass(ms); // one after the other
      expect(world.sent.sort()).toEqual(taken ? ["back", "other"] : ["moved", "other", "told"]);
      expect(dropped).toBe(taken ? 1 : 0);
    }
  });

  function setup() {
    const timers: { at: number; call: () => void }[] = [];
    const world = { now: 0, sent: [] as string[], failed: [] as string[], done: 0 };
    const acts = new Acts({
      delay: 10_000,
      now: () => world.now,
      after: (ms, call) => {
        const timer = { at: world.now + ms, call };
        timers.push(timer);
        return () => void timers.splice(timers.indexOf(timer) >>> 0, timers.includes(timer) ? 1 : 0);
      },
      done: async () => void world.done++,
      failed: (reason) => world.failed.push(reason),
    });
    const pass = async (ms: number) => {
      world.now += ms;
      for (const timer of timers.filter(({ at }) => at <= world.now)) {
        timers.splice(timers.indexOf(timer), 1);
        timer.call();
      }
      for (let i = 0; i < 10; i++) await Promise.resolve();
    };
    const act = (name: string, id = "a", fail = false) => ({
      label: name,
      changes: new Map([[id, { status: name }]]),
      send: async () => {
        if (fail) throw new Problem({ status: 409, reason: "wrong_status" });
        world.sent.push(name);
      },
    });
    return { acts, world, pass, act };
  }

  test("show at once, go after ten seconds, and not at all when undone", async () => {
    const { acts, world, pass, act } = setup();
    acts.do(act("arrived"));
    expect(overlay([entry(1, { id: "a" })], get(acts.pending))[0]!.status).toBe("arrived");
    await pass(9_999);
    expect(world.sent).toEqual([]);
    expect(acts.undo()).toBe(true);
    expect(overlay([entry(1, { id: "a" })], get(acts.pending))[0]!.status).toBe("booked");
    await pass(60_000);
    expect(world.sent).toEqual([]);
    acts.do(act("arrived"));
    await pass(10_000);
    expect([world.sent, world.done, get(acts.pending)]).toEqual([["arrived"], 1, []]);
    expect(acts.undo()).toBe(false);
  });

  test("a second act on the same appointment sends the first, in order", async () => {
    const { acts, world, pass, act } = setup();
    acts.do(act("arrived"));
    acts.do(act("other", "b"));
    acts.do(act("fulfilled"));
    await pass(0);
    expect(world.sent).toEqual(["arrived"]);
    await acts.flush();
    expect(world.sent).toEqual(["arrived", "other", "fulfilled"]);
  });

  test("one that is refused says so and stops showing; the next still goes", async () => {
    const { acts, world, act } = setup();
    acts.do(act("noshow", "a", true));
    acts.do(act("arrived", "b"));
    await acts.flush();
    expect([world.failed, world.sent, get(acts.pending)]).toEqual([["wrong_status"], ["arrived"], []]);
  });

  test("what goes is not shown any more", () => {
    expect(overlay([entry(1, { id: "a" })], [{ id: 1, label: "", changes: new Map([["a", "gone"]]), until: 0, sent: false }])).toEqual([]);
  });
});

describe("booking at the desk", () => {
  const service = { id: `svc_${uuid(40)}`, name: "Sprechstunde", instructions: "" } as Service;
  const practice = { zone: "Europe/Berlin", practitioners: [{ id: `prc_${uuid(20)}`, name: "Dr. Sommer" }], locations: [{ id: `loc_${uuid(60)}`, name: "Haus", zone: "Europe/Berlin" }] } as never;
  test("the card reads back as a booking", () => {
    const id = newBookingId(Date.parse("2026-11-24T08:00:00Z"));
    expect(id).toMatch(/^bkg_01a20c91-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const caller = readCaller("Novák, Lukáš 30.6.1984 07243 000199 gkv", today);
    const made = plaintextOf({ caller, isNew: true, note: "", service, practitioner: `prc_${uuid(20)}`, location: `loc_${uuid(60)}`, starts: Date.parse("2026-11-24T09:00:00Z"), ends: Date.parse("2026-11-24T09:15:00Z"), language: "de" }, practice, `ten_${tenant}`, id);
    expect(parseBooking(utf8(JSON.stringify(made)), { tenant, bookingId: id.slice(4) })).toEqual(made);
    expect(made.patient).toEqual({ family_name: "Novák", given_name: "Lukáš", birth_date: "1984-06-30", phone: "07243 000199", insurance: "GKV" });
  });
  test("the card of a visit by video has a room, and the patient's copy has the same", async () => {
    const caller = readCaller("Novák, Lukáš 30.6.1984", today);
    const full = { ...(practice as object), name: "Praxis" } as never;
    const made = (video: boolean) => plaintextOf({ caller, isNew: true, note: "", service, practitioner: `prc_${uuid(20)}`, location: `loc_${uuid(60)}`, starts: Date.parse("2026-11-24T09:00:00Z"), ends: Date.parse("2026-11-24T09:15:00Z"), video, language: "de" }, full, `ten_${tenant}`, newBookingId(0));
    const booking = made(true);
    const { sent, secret } = await link(booking, full, service);
    const copy = await openCopy(fromBase64(secret), tenant, booking.booking_id, sent.copy ?? "");
    expect(copy.video).toMatch(ROOM);
    expect(copy.video).toBe(booking.video);
    expect(made(false)).not.toHaveProperty("video");
  });
  test("a name with marks that turn text around is refused", () => {
    const caller = { ...readCaller("Novák, Lukáš 30.6.1984", today), family: "Nov\u202eák" };
    expect(() => plaintextOf({ caller, isNew: null, note: "", service, practitioner: "", location: "", starts: 0, ends: 1, language: "de" }, practice, `ten_${tenant}`, newBookingId(0))).toThrow("text_bidi");
  });
  test("slots carry the quotas of who books, and say for whom they are not", () => {
    const answer: SlotsAnswer = {
      zone: "Europe/Berlin", from: "", to: "", practitioners: ["prc_1"], locations: ["loc_1"], days: [], closed: [], walk_in: [],
      conditions: [{ alternatives: [{ insurance: ["PKV"], patients: "all" }, { insurance: ["GKV"], patients: "all", quotas: ["quo_1"] }] }, { alternatives: [{ insurance: ["PKV"], patients: "all" }] }],
      slots: [{ starts: "2026-11-24T10:00:00Z", ends: "2026-11-24T10:15:00Z", practitioner: 0, location: 0, condition: 1 }, { starts: "2026-11-24T09:00:00Z", ends: "2026-11-24T09:15:00Z", practitioner: 0, location: 0, condition: 0 }, { starts: "2026-11-24T07:00:00Z", ends: "2026-11-24T07:15:00Z", practitioner: 0, location: 0, condition: 0 }],
    };
    const found = free(answer, { insurance: "GKV", known: "", age: "", referral: "" } as never, Date.parse("2026-11-24T08:00:00Z"));
    expect(found.map(({ quotas, fits }) => [quotas, fits])).toEqual([[["quo_1"], true], [[], false]]);
  });
  test("a refusal says what stands against it and how to go on", () => {
    const refusal = (reason: string, against: string) => wayAround(new Problem({ status: 409, reason, against }));
    expect([refusal("slot_held", "held"), refusal("slot_taken", "busy"), refusal("slot_taken", "travel"), refusal("slot_not_offered", "closed"), refusal("quota_full", "quota"), refusal("slot_not_offered", "clock_gap")]).toEqual([
      { words: "held", way: "over_hold" }, { words: "busy", way: "overflow" }, { words: "travel", way: null }, { words: "closed", way: "override" }, { words: "quota", way: "override" }, { words: "clock_gap", way: null },
    ]);
  });
  test("the patients' host is the office's without its middle", () => {
    expect(patientOrigin("https://sonnenberg.office.siegel.example")).toBe("https://sonnenberg.siegel.example");
    expect(patientOrigin("http://a.office.localhost:8080")).toBe("http://a.localhost:8080");
  });
});

describe("files", () => {
  const evil = ["=1+1", "+SUM(A1)", "-2", "@x", " =cmd|' /C calc'!A0", "\t=1", "'=1", "\"=1", "＝1", "%0A", "a\r\n=b", "\"\"; DROP", "x;y", "\u202e=1", "\u0000=1"];
  test.each(evil)("a cell %j is no formula, no new cell and no new row", (text) => {
    const field = csvField(text);
    expect(field.startsWith('"') && field.endsWith('"')).toBe(true);
    expect(field.slice(1, -1).replaceAll('""', "")).not.toMatch(/["\r\n\t\u0000\u202e]/);
    expect(field.slice(1, -1).replace(/^(\s|"")*/, "")).not.toMatch(/^[=+\-@＝＋－＠|%]/u);
  });
  test("a table has as many cells in each row, whatever is typed", () => {
    const rows = csv(evil.map((note, n) => entry(n, {}, { note, patient: { family_name: note, given_name: note, birth_date: "1984-06-30" } })), null, "Europe/Berlin", Array.from({ length: 13 }, (_, n) => `h${n}`) as never, () => "booked");
    const lines = rows.trimEnd().split("\r\n");
    expect(lines).toHaveLength(evil.length + 1);
    for (const line of lines) expect(line.match(/"(?:[^"]|"")*"/g)).toHaveLength(13);
  });
  test.each([...evil, "a\nEND:VEVENT\nBEGIN:VEVENT", "x\\;y,z", "\r\nATTACH:http://evil", "é".repeat(200), "👩‍⚕️".repeat(80)])("a calendar takes %j for text", (text) => {
    const made = ics([entry(1, {}, { note: text, patient: { family_name: text, given_name: "x", birth_date: "1984-06-30" } })], null, 0, "–");
    expect(made.match(/^BEGIN:VEVENT/gm)).toHaveLength(1);
    for (const line of made.trimEnd().split("\r\n")) {
      expect(new TextEncoder().encode(line).length).toBeLessThanOrEqual(75);
      expect(line).not.toMatch(/[\n\r\u0000\u202e]/);
      expect(line).toMatch(/^( |BEGIN:|VERSION:|PRODID:|CALSCALE:|UID:|DTSTAMP:|DTSTART:|DTEND:|SUMMARY:|LOCATION:|DESCRIPTION:|STATUS:|CLASS:|END:)/);
    }
  });
  test("text is escaped as RFC 5545 has it, and long lines fold", () => {
    expect(icsText("a\\b;c,d\ne")).toBe("a\\\\b\\;c\\,d\\ne");
    expect(fold("x".repeat(160)).split("\r\n").map(({ length }) => length)).toEqual([75, 75, 12]);
  });
});

describe("figures", () => {
  const body = (starts: string, change: Partial<AppointmentBody> = {}): AppointmentBody => ({ id: starts, booking_id: starts, status: "booked", source: "online", practitioner: "p", location: "l", starts, ends: new Date(Date.parse(starts) + 900_000).toISOString(), received: "2026-11-20T09:00:00Z", envelope: null, card: null, ...change });
  test("count what is there, by day", () => {
    const { all, bars } = figures(
      [body("2026-11-23T09:00:00Z", { status: "fulfilled" }), body("2026-11-23T10:00:00Z", { status: "noshow", excused: true }), body("2026-11-24T09:00:00Z", { source: "staff" }), body("2026-11-24T10:00:00Z", { status: "cancelled" }), body("2026-11-24T11:00:00Z", { status: "pending" }), body("2026-11-24T08:00:00Z", { test: true }), body("2026-11-24T08:30:00Z", { test: true, status: "cancelled" }), body("2026-12-24T11:00:00Z")],
      "2026-11-23", "2026-11-30", 1, "Europe/Berlin", Date.parse("2026-11-24T12:00:00Z"),
    );
    expect(all).toMatchObject({ booked: 3, minutes: 45, cancelled: 1, noshow: 1, excused: 1, due: 3, online: 2, lead: 3 });
    expect(bars.map(({ booked }) => booked)).toEqual([2, 1, 0, 0, 0, 0, 0]);
    expect([share(1, 3), share(0, 0)]).toEqual([33, null]);
  });
});

describe("an absence", () => {
  const at = (time: string) => Date.parse(`2026-11-24T${time}:00Z`);
  const slot = (practitioner: string, starts: number, fits = true) => ({ starts, ends: starts + 900_000, practitioner, location: "loc_1", quotas: [], fits });
  const mine = (n: number, starts: number, status = "booked") => entry(n, { practitioner: "prc_1", starts, ends: starts + 900_000, status });
  test("concerns who is still to come in that time", () => {
    expect(affected([mine(1, at("08:00")), mine(2, at("09:00"), "arrived"), mine(3, at("09:15")), entry(4, { practitioner: "prc_2", starts: at("09:15") }), mine(5, at("12:00")), mine(6, at("07:50"))], "prc_1", at("08:00"), at("12:00")).map(({ id }) => id)).toEqual([`apt_${uuid(6)}`, `apt_${uuid(1)}`, `apt_${uuid(3)}`]);
  });
  test("hands over nearby, moves to after it, cancels what fits nowhere, and gives no slot twice", () => {
    const slots = new Map([["service=s", [slot("prc_2", at("09:00")), slot("prc_1", at("10:00")), slot("prc_2", at("11:30"), false), slot("prc_1", at("13:00"))].map((one) => [one])]]);
    const single = [mine(1, at("09:15")), mine(2, at("09:30")), mine(3, at("10:00"))].map((one) => ({ visits: [one], services: ["s"], ask: { service: "s" } }));
    const found = propose(single, slots, "prc_1", at("08:00"), at("12:00"));
    expect(found.map(({ choice, to }) => [choice, to?.[0]?.starts ?? null])).toEqual([["hand", at("09:00")], ["move", at("13:00")], ["cancel", null]]);
  });

  const service = (id: string): Service => ({ id, name: id, category: "", description: "", instructions: "", duration_minutes: 15, insurance: [], patients: "all", confirmation: "at_once", cancel_minutes: 0, move_minutes: 0, practitioners: [] }) as unknown as Service;
  const choices = choicesOf({ services: [service("svc_lab"), service("svc_talk")], chains: [{ id: "chn_1", name: "", description: "", steps: [{ service: "svc_lab", optional: false }, { service: "svc_talk", optional: false }] }] });
  const of = new Map<string, string>();
  const part = (n: number, what: string, practitioner: string, starts: number, set = "apt_set") => {
    const made = entry(n, { practitioner, starts, ends: starts + 900_000, set });
    of.set(made.id, what);
    return made;
  };
  const bundles = (hit: Entry[], all: Entry[]) => bundled(hit, all, ({ id }) => of.get(id) ?? "", choices, (starts) => new Date(starts).toISOString().slice(0, 10));

  test("takes the steps of a chain together, those of a family on one day, and of a series each alone", () => {
    const chain = [part(1, "svc_lab", "prc_2", at("08:00")), part(2, "svc_talk", "prc_1", at("09:00"))];
    const family = [part(3, "svc_talk", "prc_1", at("10:00"), "apt_family"), part(4, "svc_talk", "prc_1", at("10:15"), "apt_family")];
    const series = [part(5, "svc_talk", "prc_1", at("11:00"), "apt_series"), part(6, "svc_talk", "prc_1", at("11:00") + 7 * 86_400_000, "apt_series")];
    const alone = part(7, "svc_talk", "prc_1", at("11:30"), "");
    const sealedOne = part(8, "", "prc_1", at("11:45"), "apt_other");
    const all = [...chain, ...family, ...series, alone, sealedOne];
    const found = bundles([chain[1]!, ...family, series[0]!, alone, sealedOne], all);
    expect(found.map(({ visits, ask }) => [visits.map(({ id }) => id), ask])).toEqual([
      [chain.map(({ id }) => id), { chain: "chn_1" }],
      [family.map(({ id }) => id), { service: "svc_talk", persons: 2 }],
      [[series[0]!.id], { service: "svc_talk" }],
      [[alone.id], { service: "svc_talk" }],
      [[sealedOne.id], null],
    ]);
    expect(found[0]!.services).toEqual(["svc_lab", "svc_talk"]);
    // A step that is over already leaves the other one for itself.
    expect(bundles([chain[1]!], [{ ...chain[0]!, status: "fulfilled" }, chain[1]!])[0]!.visits).toEqual([chain[1]]);
  });
  test("moves what belongs together to one way, as soon as none of it needs who is away", () => {
    const chain = [part(1, "svc_lab", "prc_2", at("08:00")), part(2, "svc_talk", "prc_1", at("09:00"))];
    const way = (lab: string, talk: string, who = "prc_1") => [slot("prc_2", at(lab)), slot(who, at(talk))];
    const short = [slot("prc_2", at("14:00"))];
    const [bundle] = bundles([chain[1]!], chain);
    const go = (...ways: ReturnType<typeof way>[]) => propose([bundle!], new Map([["chain=chn_1", ways]]), "prc_1", at("08:30"), at("12:00"))[0]!;
    expect(go(way("08:15", "09:30"), short, way("12:30", "13:00")).to?.map(({ starts }) => starts)).toEqual([at("12:30"), at("13:00")]);
    expect(go(way("08:15", "09:30"), short, way("12:30", "13:00")).choice).toBe("move");
    expect(go(way("08:15", "09:30", "prc_3")).to?.[1]?.practitioner).toBe("prc_3");
    expect(go(way("08:15", "09:30"), way("12:30", "12:30", "prc_2")).choice).toBe("cancel");
    // Nor does a way take what another one has got.
    const rival = { visits: [part(9, "svc_lab", "prc_2", at("11:00"), "")], services: ["svc_lab"], ask: { service: "svc_lab" } };
    const both = propose([rival, bundle!], new Map([["service=svc_lab", [[slot("prc_2", at("12:30"))]]], ["chain=chn_1", [way("12:30", "13:00"), way("14:00", "14:30")]]]), "prc_1", at("08:30"), at("12:00"));
    expect(both.map(({ to }) => to?.[0]?.starts)).toEqual([at("12:30"), at("14:00")]);
  });
  test("reads the ways of an answer, and leaves out what is past", () => {
    const answer = { zone: "UTC", from: "", to: "", practitioners: ["prc_1"], locations: ["loc_1"], conditions: [{ alternatives: [{ insurance: [], patients: "all", quotas: [] }] }], slots: ["08:00", "09:00", "10:00"].map((time) => ({ starts: new Date(at(time)).toISOString(), ends: new Date(at(time) + 900_000).toISOString(), practitioner: 0, location: 0, condition: 0 })), itineraries: [[0, 1], [1, 2]], days: [], closed: [], walk_in: [] } as unknown as SlotsAnswer;
    expect(ways(answer, noAnswers, at("08:30")).map((way) => way.map(({ starts }) => starts))).toEqual([[at("09:00"), at("10:00")]]);
  });
});

describe("several days and rooms", () => {
  test("a booking stands with its practitioner and in its room, each day of its own", () => {
    const columns = [{ kind: "practitioner" as const, id: `prc_${uuid(20)}`, name: "A" }, { kind: "resource" as const, id: "res_1", name: "Labor" }];
    const found = plan([entry(1, { takes: ["res_1"] }), entry(2, { starts: Date.parse("2026-11-25T08:00:00Z"), ends: Date.parse("2026-11-25T08:30:00Z") }), entry(3, { practitioner: "prc_x" })], ["2026-11-24", "2026-11-25"], "Europe/Berlin", columns, false);
    expect(found.lanes.map(({ day, name, blocks }) => [day, name, blocks.length])).toEqual([["2026-11-24", "A", 1], ["2026-11-24", "Labor", 1], ["2026-11-25", "A", 1], ["2026-11-25", "Labor", 0]]);
    expect(found.count).toBe(2);
  });
  test("a wall clock's minute is an instant, also where clocks change", () => {
    expect(new Date(instantOf("2026-11-24", 615, "Europe/Berlin")).toISOString()).toBe("2026-11-24T09:15:00.000Z");
    expect(new Date(instantOf("2026-10-25", 600, "Europe/Berlin")).toISOString()).toBe("2026-10-25T09:00:00.000Z");
    expect(new Date(instantOf("2026-03-29", 600, "Europe/Berlin")).toISOString()).toBe("2026-03-29T08:00:00.000Z");
    expect([mondayOf("2026-11-24"), mondayOf("2026-11-29"), mondayOf("2026-11-23")]).toEqual(["2026-11-23", "2026-11-23", "2026-11-23"]);
  });
});
