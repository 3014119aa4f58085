import { describe, expect, test } from "vitest";
import type { Service } from "../api/types.ts";
import { aBooking, uuid } from "./example.ts";
import { type Calendared, type Offer, type Read, type Ruled, mismatches, others, personKey, upcoming, windowsOf } from "./mismatch.ts";
import type { Booking } from "../seal/plaintext.ts";
import type { Place, Service as RuledService, Window } from "./rules/types.ts";

const now = Date.parse("2026-11-20T08:00:00Z");
const service = `svc_${uuid(40)}`;

/** A Tuesday, 11:00 to 11:15 in Berlin. */
const at = (starts = "2026-11-24T10:00:00Z", minutes = 15): Calendared => ({
  practitioner: `prc_${uuid(20)}`,
  location: `loc_${uuid(60)}`,
  starts: Date.parse(starts),
  ends: Date.parse(starts) + minutes * 60_000,
  received: now,
});

const offer = (change: Partial<Service> = {}, asks: Offer["asks"] = { insurance: "Abrechnung" }): Offer => ({
  zone: "Europe/Berlin",
  asks,
  services: [{
    id: service, name: "Sprechstunde", category: "", description: "", instructions: "", duration_minutes: 15, insurance: [], patients: "all",
    confirmation: "at_once", cancel_minutes: 0, move_minutes: 0, practitioners: [], ...change,
  }],
});

const window = (change: Partial<Window> = {}): Window => ({
  id: "win_1", name: "Vormittag", practitioner: `prc_${uuid(20)}`, location: `loc_${uuid(60)}`, weekdays: [1, 2, 3, 4, 5], from: "08:00", until: "12:00",
  every_weeks: 1, services: [], insurance: [], patients: "all", audience: "online", school_holidays: "any", referral: false, ...change,
});

const ruled = (change: Partial<RuledService>) => ({ id: service, step: 15, insurance: [], patients: "all", ...change }) as unknown as RuledService;

const rules = (...windows: Window[]): Ruled => ({
  locations: [{ id: `loc_${uuid(60)}`, zone: "Europe/Berlin" } as Place],
  services: [ruled({})],
  windows,
});

const person = (change: Partial<Booking["patient"]> = {}, rest: Partial<Booking> = {}, n = 100) =>
  aBooking(n, { patient: { family_name: "Novák", given_name: "Lukáš", birth_date: "1984-06-30", ...change }, ...rest });

describe("the service's conditions", () => {
  test.each<[string, Partial<Service>, Booking, unknown[]]>([
    ["everybody", {}, person(), []],
    ["an insurance that fits", { insurance: ["PKV", "SEL"] }, person({ insurance: "SEL" }), []],
    ["another insurance", { insurance: ["PKV"] }, person({ insurance: "GKV" }), [{ kind: "insurance", only: ["PKV"], missing: false }]],
    ["no insurance, though it is asked for", { insurance: ["PKV"] }, person(), [{ kind: "insurance", only: ["PKV"], missing: true }]],
    ["new, as wanted", { patients: "new" }, person({}, { new_patient: true }), []],
    ["known where only new fit", { patients: "new" }, person({}, { new_patient: false }), [{ kind: "patients", only: "new", missing: false }]],
    ["new where only known fit", { patients: "known" }, person({}, { new_patient: true }), [{ kind: "patients", only: "known", missing: false }]],
    ["not said whether new", { patients: "known" }, person(), [{ kind: "patients", only: "known", missing: true }]],
    ["eighteen on the day of the appointment", { min_age: 18 }, person({ birth_date: "2008-11-24" }), []],
    ["eighteen the day after", { min_age: 18 }, person({ birth_date: "2008-11-25" }), [{ kind: "age", min: 18 }]],
    ["too old", { min_age: 0, max_age: 17 }, person(), [{ kind: "age", min: 0, max: 17 }]],
    ["born after the appointment", { max_age: 17 }, person({ birth_date: "2030-01-01" }), [{ kind: "age", max: 17 }]],
    ["a referral", { referral: true }, person({}, { referral: "ABCD-EFGH-JKLM" }), []],
    ["no referral", { referral: true }, person(), [{ kind: "referral" }]],
    ["all at once, in order", { insurance: ["PKV"], patients: "new", min_age: 60, referral: true }, person({ insurance: "GKV" }, { new_patient: false }),
      [{ kind: "insurance", only: ["PKV"], missing: false }, { kind: "patients", only: "new", missing: false }, { kind: "age", min: 60 }, { kind: "referral" }]],
  ])("%s", (_, change, booking, found) => {
    expect(mismatches(booking, at(), offer(change), null, now)).toEqual(found);
  });

  test("an insurance that the practice does not ask for is not missed", () => {
    expect(mismatches(person(), at(), offer({ insurance: ["PKV"] }, {}), null, now)).toEqual([]);
  });

  test("a service that is no longer offered has no conditions", () => {
    expect(mismatches(person(), at(), { ...offer({ min_age: 90 }), services: [] }, null, now)).toEqual([]);
  });
});

describe("the window's conditions", () => {
  const gkv = person({ insurance: "GKV" });
  const kinds = (booking: Booking, slot: Calendared, ...windows: Window[]) => mismatches(booking, slot, offer(), rules(...windows), now).map(({ kind }) => kind);
  const privately = window({ id: "win_2", insurance: ["PKV"], from: "10:00", until: "12:00" });

  test("count where the window holds the appointment from start to end", () => {
    expect(kinds(gkv, at(), privately)).toEqual(["insurance"]);
    expect(kinds(gkv, at("2026-11-24T08:00:00Z"), privately)).toEqual([]);
    expect(kinds(gkv, at("2026-11-24T10:45:00Z", 15), privately)).toEqual(["insurance"]);
    expect(kinds(gkv, at("2026-11-24T10:45:00Z", 30), privately)).toEqual([]);
  });

  test.each<[string, Partial<Window>]>([
    ["somebody else's", { practitioner: `prc_${uuid(21)}` }],
    ["elsewhere", { location: `loc_${uuid(61)}` }],
    ["on other days", { weekdays: [1] }],
    ["of other services", { services: [`svc_${uuid(41)}`] }],
    ["over by then", { valid_until: "2026-11-23" }],
    ["not yet", { valid_from: "2026-11-25" }],
    ["in the other weeks", { every_weeks: 2, anchor: "2026-11-17" }],
    ["without a start there", { from: "10:05" }],
  ])("not of a window that is %s", (_, change) => {
    expect(kinds(gkv, at(), { ...privately, ...change })).toEqual([]);
  });

  test("add to the service's: both have to fit", () => {
    const both = { ...rules(window({ insurance: ["SEL", "BG"] })), services: [ruled({ insurance: ["PKV", "SEL"] })] };
    expect(mismatches(gkv, at(), offer(), both, now)).toEqual([{ kind: "insurance", only: ["SEL"], missing: false }]);
  });

  test("the service's own are the rules', which are newer than the offer", () => {
    expect(mismatches(gkv, at(), offer({ insurance: ["PKV"] }), rules(), now)).toEqual([]);
    expect(mismatches(gkv, at(), offer(), { ...rules(), services: [ruled({ min_age: 60 })] }, now)).toEqual([{ kind: "age", min: 60 }]);
  });

  test("where only a code will do, everything else", () => {
    const coded = { ...rules(), services: [ruled({ referral: true, referral_code: true })] };
    for (const [written, fits] of [["ABCD-EFGH-JKLM", true], ["abcd efgh jkl4", true], ["Praxis Dr. Huber", false], ["ABCD-EFGH-JKL", false], ["", false]] as const) {
      expect(mismatches(person({}, { referral: written }), at(), offer(), coded, now), written).toEqual(fits ? [] : [{ kind: "referral_code" }]);
    }
    expect(mismatches(person(), at(), offer({ referral: true, referral_code: true }), null, now)).toEqual([{ kind: "referral_code" }]);
  });

  test("a referral that only the window wants", () => {
    expect(kinds(gkv, at(), window({ referral: true }))).toEqual(["referral"]);
  });

  test("end where the window was open to all when the booking came", () => {
    const early = { ...at(), received: Date.parse("2026-11-10T08:00:00Z") };
    const opens = { ...privately, open_to_all_days: 7 };
    expect(kinds(gkv, at(), opens)).toEqual([]);
    expect(kinds(gkv, early, opens)).toEqual(["insurance"]);
    expect(kinds(gkv, { ...early, received: null }, opens)).toEqual([]);
  });

  test("of a night belong to the date on which it begins", () => {
    const night = window({ weekdays: [1], from: "22:00", until: "26:00", insurance: ["PKV"] });
    expect(kinds(gkv, at("2026-11-24T00:00:00Z"), night)).toEqual(["insurance"]);
    expect(kinds(gkv, at("2026-11-25T00:00:00Z"), night)).toEqual([]);
  });
});

describe("which window", () => {
  const chosen = (...windows: Window[]) => windowsOf(service, at(), rules(...windows)).map((one) => one?.id ?? null);
  const ladder: [string, Partial<Window>][] = [
    ["for the staff", { audience: "staff" }],
    ["for at most 31 dates", { valid_from: "2026-11-01", valid_until: "2026-12-01" }],
    ["for some services", { services: [service] }],
    ["for some patients", { patients: "new" }],
    ["not every week", { every_weeks: 2, anchor: "2026-11-24" }],
    ["for any dates", { valid_from: "2026-01-01" }],
    ["opening later", { from: "09:00" }],
    ["closing earlier", { until: "11:30" }],
    ["the first", {}],
    ["the second", {}],
  ];
  test.each(ladder.slice(0, -1).map(([name], i) => [name, ladder[i + 1]![0], i] as const))("%s comes before %s", (_, __, i) => {
    const [high, low] = [window({ id: "high", ...ladder[i]![1] }), window({ id: "low", ...ladder[i + 1]![1] })];
    expect(chosen(high, low)).toEqual(["high"]);
    if (i < ladder.length - 2) expect(chosen(low, high)).toEqual(["high"]);
  });

  test("32 dates are no short term, all insurances no restriction", () => {
    expect(chosen(window({ id: "long", valid_from: "2026-11-01", valid_until: "2026-12-02" }), window({ id: "group", insurance: ["PKV"] }))).toEqual(["group"]);
    expect(chosen(window({ id: "all", insurance: ["GKV", "PKV", "BEI", "BG", "SEL", "SOZ"] }), window({ id: "dated", valid_from: "2026-01-01" }))).toEqual(["dated"]);
  });

  test("a service for some has no window for others only, unless that opens to all", () => {
    const forNew = { ...rules(window(), window({ id: "others", patients: "known" })), services: [ruled({ patients: "new" })] };
    expect(windowsOf(service, at(), forNew).map((one) => one?.id)).toEqual(["win_1"]);
    const opens = { ...forNew, windows: [window({ id: "others", patients: "known", open_to_all_days: 3 })] };
    expect(windowsOf(service, at(), opens).map((one) => one?.id)).toEqual(["others"]);
  });

  test("none, and one of a room", () => {
    const { practitioner: _, ...room } = window({ resource: "res_1" });
    expect(chosen()).toEqual([null]);
    expect(chosen(room)).toEqual([null]);
  });

  test("school holidays leave it open, and then only what holds either way is said", () => {
    const holiday = window({ id: "holiday", insurance: ["PKV"], patients: "new", school_holidays: "only" });
    const usual = window({ id: "usual", insurance: ["PKV", "SEL"] });
    expect(chosen(holiday, usual)).toEqual(["holiday", "usual"]);
    expect(chosen(holiday)).toEqual(["holiday", null]);
    expect(mismatches(person({ insurance: "GKV" }, { new_patient: false }), at(), offer(), rules(holiday, usual), now).map(({ kind }) => kind)).toEqual(["insurance"]);
    expect(mismatches(person({ insurance: "GKV" }), at(), offer(), rules(holiday), now)).toEqual([]);
  });
});

describe("further appointments of one person", () => {
  const names = (family_name: string, given_name = "Anna-Lena", birth_date = "1990-01-02") => personKey({ family_name, given_name, birth_date });
  test.each([
    ["MÜLLER", "müller"],
    ["Müller", "Mueller"],
    ["Mu\u0308ller", "Müller"],
    ["Groß", "GROSS"],
    ["Novák", "Novak"],
    ["von der  Au", "Von-der-Au"],
    ["O’Neill", "O'Neill"],
  ])("%s is %s", (one, other) => expect(names(one)).toBe(names(other)));

  test("another name or birth date is another person", () => {
    expect(names("Müller")).not.toBe(names("Muller"));
    expect(names("Au")).not.toBe(names("Au", "Anna"));
    expect(names("Au")).not.toBe(names("Au", "Anna-Lena", "1990-01-03"));
    expect(names("李", "明")).not.toBe(names("王", "明"));
  });

  const entry = (n: number, starts: number, patient: Partial<Booking["patient"]> = {}): Read => ({ id: `apt_${n}`, starts, reading: { state: "open", booking: person(patient, {}, n) } });
  const told = (...entries: Read[]) => entries.map((one) => others(one, upcoming(entries, now), now));

  test("are told from the third on", () => {
    const [a, b, c, d] = [1, 2, 3, 4].map((n) => entry(n, now + n)) as [Read, Read, Read, Read];
    expect(told(a, b)).toEqual([0, 0]);
    expect(told(a, b, c)).toEqual([2, 2, 2]);
    expect(told(a, b, c, d)).toEqual([3, 3, 3, 3]);
  });

  test("do not count when over, closed or somebody else's", () => {
    const [a, b] = [entry(1, now + 1), entry(2, now + 2)];
    expect(told(a, b, entry(3, now))).toEqual([0, 0, 0]);
    expect(told(a, b, { id: "apt_3", starts: now + 3, reading: { state: "sealed" } })).toEqual([0, 0, 0]);
    expect(told(a, b, entry(3, now + 3, { birth_date: "1984-06-29" }))).toEqual([0, 0, 0]);
    expect(told(a, b, entry(3, now + 3, { family_name: "NOVAK" }))).toEqual([2, 2, 2]);
  });

  test("nameless bookings are nobody's", () => {
    const nameless = [1, 2, 3].map((n) => entry(n, now + n, { family_name: "-", given_name: "." }));
    expect(told(...nameless)).toEqual([0, 0, 0]);
  });
});
