import { describe, expect, test } from "vitest";
import de from "../../i18n/office.rules.de.json";
import { type Draft, type Field, type Form, type Plain, draftOf, fieldFor, moved, writeForm } from "./form.ts";
import { blank, formsOf, keyOf } from "./forms.ts";
import { rules } from "./example.ts";
import type { Closure, Leg, Profile, Window } from "./types.ts";

const all = rules();
const forms = formsOf(all, (key) => key, [{ value: "win_1", label: "Vormittag" }]);
const cases: [string, Form, object[]][] = [
  ["windows of people", forms.windows(true) as unknown as Form, [all.windows[0]!]],
  ["windows of rooms", forms.windows(false) as unknown as Form, [all.windows[1]!]],
  ["closures", forms.closures as unknown as Form, [...all.closures, { ...blank("closures", all, "2026-11-23"), resource: "res_2" }]],
  ["services", forms.services as unknown as Form, all.services],
  ["quotas", forms.quotas as unknown as Form, all.quotas],
  ["chains", forms.chains as unknown as Form, all.chains],
  ["resources", forms.resources as unknown as Form, [all.resources[1]!]],
  ["locations", forms.locations as unknown as Form, all.locations],
  ["practitioners", forms.practitioners as unknown as Form, all.practitioners],
  ["legs", forms.legs as unknown as Form, all.legs],
  ["holidays", forms.holidays as unknown as Form, [all.practice]],
  ["profile", forms.profile as unknown as Form, [all.practice]],
];

describe.each(cases)("the form of %s", (_, form, values) => {
  test("gives back what it was opened with", () => {
    for (const value of values) expect(writeForm(form, draftOf(form, value as Plain), value as Plain)).toEqual({ value, errors: {} });
  });

  test("has a word for every field and heading", () => {
    const words: Record<string, unknown> = de;
    const missing = form.fields.filter(({ key, label }) => label === undefined && words[`${form.name}.${key}`] === undefined).map(({ key }) => key);
    expect(missing).toEqual([]);
    for (const more of new Set(form.fields.map((field) => field.more).filter(Boolean))) expect(words[`more.${form.name}.${more}`], more).toBeTypeOf("string");
  });
});

/** What a form says after some fields were typed into. */
function typed<T extends object>(form: Form<T>, value: T, change: Draft) {
  return writeForm(form, { ...draftOf(form, value), ...change }, value);
}

describe("a window", () => {
  const form = forms.windows(true);
  const value = all.windows[0]!;

  test("times are read as people type them, and may end after midnight", () => {
    expect(typed(form, value, { from: "8", until: "26:00" }).value).toMatchObject({ from: "08:00", until: "26:00" });
    expect(typed(form, value, { from: "25:00" }).errors).toHaveProperty("from");
  });

  test.each([
    [{ weekdays: [] }, "weekdays"],
    [{ until: "08:00" }, "until"],
    [{ from: "01:00", until: "26:00" }, "until"],
    [{ valid_until: "2026-10-01" }, "valid_until"],
    [{ "release.time": "" }, "release.time"],
    [{ "release.days": "" }, "release.days"],
    [{ anchor: "" }, "anchor"],
    [{ lead_minutes: "x" }, "lead_minutes"],
    [{ capacity: "0" }, "capacity"],
  ] as [Draft, string][])("%o is refused at the field", (change, field) => {
    expect(Object.keys(typed(form, value, change).errors)).toEqual([field]);
  });

  test("what is emptied goes: release, lead, anchor", () => {
    const { value: written, errors } = typed(form, value, { "release.days": "", "release.time": "", lead_minutes: "", every_weeks: "1" });
    expect(errors).toEqual({});
    for (const key of ["release", "lead_minutes", "anchor"]) expect(written).not.toHaveProperty(key);
  });

  test("a lead is typed in the unit that fits", () => {
    expect(draftOf(form, value)).toMatchObject({ lead_minutes: "1", "lead_minutes|unit": "days" });
    expect(typed(form, value, { lead_minutes: "90", "lead_minutes|unit": "minutes" }).value.lead_minutes).toBe(90);
  });
});

describe("a closure", () => {
  const form = forms.closures;
  const value = all.closures[0]!;

  test("is of the practice, a person, a room or a location", () => {
    const of = (scope: string) => {
      const { practitioner, resource, location } = typed<Closure>(form, value, { scope }).value;
      return [practitioner, resource, location];
    };
    expect([of("all"), of("prc_2"), of("res_2"), of("loc_2")]).toEqual([
      [undefined, undefined, undefined],
      ["prc_2", undefined, undefined],
      [undefined, "res_2", undefined],
      [undefined, undefined, "loc_2"],
    ]);
  });

  test("keeps the place of a person's absence at one place only", () => {
    const there = { ...value, location: "loc_2" };
    expect(typed<Closure>(form, there, { reason: "x" }).value.location).toBe("loc_2");
    expect(typed<Closure>(form, there, { scope: "prc_2" }).value.location).toBeUndefined();
  });

  test("of whole days has no times", () => {
    expect(typed<Closure>(form, value, { whole: true }).value).toMatchObject({ from_time: "00:00", until_time: "24:00" });
  });

  test("without any word on a substitute has none; with a phone alone it lacks the name", () => {
    expect(typed<Closure>(form, value, { "substitute.name": "", "substitute.phone": "" }).value.substitute).toBeUndefined();
    expect(Object.keys(typed<Closure>(form, value, { "substitute.name": "" }).errors)).toEqual(["substitute.name"]);
  });

  test("does not end before it begins", () => {
    expect(Object.keys(typed<Closure>(form, value, { until: "2026-12-23" }).errors)).toEqual(["until"]);
    expect(Object.keys(typed<Closure>(form, value, { until_time: "11:00" }).errors)).toEqual(["until_time"]);
  });
});

describe("a service", () => {
  const form = forms.services;
  test("durations belong to those who do it", () => {
    expect(typed(form, all.services[0]!, { who: ["prc_2"], "took.prc_2": "25" }).value.practitioners).toEqual([{ id: "prc_2", minutes: 25 }]);
  });
  test("a price is euros and cents", () => {
    expect(typed(form, all.services[0]!, { price_cents: "48" }).value.price_cents).toBe(4800);
    expect(typed(form, all.services[0]!, { price_cents: "" }).value).not.toHaveProperty("price_cents");
    expect(typed(form, all.services[0]!, { price_cents: "viel" }).errors).toHaveProperty("price_cents");
  });
  test("what the server says of practitioners is shown where they are chosen", () => {
    expect(fieldFor(form, "practitioners")?.key).toBe("who");
    expect(fieldFor(forms.windows(true), "release")?.key).toBe("release.days");
    expect(fieldFor(form, "unheard_of")).toBeUndefined();
  });
});

describe("a chain", () => {
  test("its first step waits for nothing, whichever becomes the first", () => {
    const draft = draftOf(forms.chains, all.chains[0]!);
    const { value } = writeForm(forms.chains, { ...draft, steps: moved(draft["steps"] as Draft[], 0, 1) }, all.chains[0]!);
    expect(value.steps).toEqual([
      { service: "svc_2", least_minutes: 0, greatest_minutes: 0, optional: false },
      { service: "svc_1", least_minutes: 0, greatest_minutes: 0, optional: false },
    ]);
  });
  test("needs two steps, and waits not longer at least than at most", () => {
    const draft = draftOf(forms.chains, all.chains[0]!);
    const steps = draft["steps"] as Draft[];
    expect(Object.keys(writeForm(forms.chains, { ...draft, steps: steps.slice(0, 1) }, all.chains[0]!).errors)).toEqual(["steps"]);
    expect(Object.keys(writeForm(forms.chains, { ...draft, steps: [steps[0]!, { ...steps[1]!, least_minutes: "90" }] }, all.chains[0]!).errors)).toEqual(["steps.1.greatest_minutes"]);
  });
});

test("a way is put under its ends in order", () => {
  const { value } = typed<Leg>(forms.legs, { a: "loc_2", b: "loc_1", minutes: 20 }, {});
  expect(keyOf(value)).toBe(`${value.a}.${value.b}`);
  expect(Object.keys(typed<Leg>(forms.legs, { a: "loc_1", b: "loc_1", minutes: 20 }, {}).errors)).toEqual(["b"]);
});

test("own days off are typed as dates and ticked by name", () => {
  const { value, errors } = typed<Profile>(forms.holidays, all.practice, { carnival: [], dates: [{ day: "24.12." }, { day: "31.12" }, { day: "24.12." }] });
  expect([value.closed_days, errors]).toEqual([["12-24", "12-31"], {}]);
  expect(Object.keys(typed<Profile>(forms.holidays, all.practice, { dates: [{ day: "31.2." }] }).errors)).toEqual(["dates.0.day"]);
});

test("every blank rule but those without a name could be saved as it is", () => {
  const fields = (form: Form, value: object) => Object.keys(writeForm(form, draftOf(form, value as Plain), value as Plain).errors);
  const today = "2026-11-23";
  expect(fields(forms.closures as unknown as Form, blank("closures", all, today))).toEqual([]);
  expect(fields(forms.windows(true) as unknown as Form, blank("windows", all, today))).toEqual(["weekdays"]);
  expect(fields(forms.services as unknown as Form, blank("services", all, today))).toEqual(["name"]);
  expect(fields(forms.quotas as unknown as Form, blank("quotas", all, today))).toEqual(["name"]);
  expect(fields(forms.chains as unknown as Form, blank("chains", all, today))).toEqual(["name"]);
  expect(fields(forms.legs as unknown as Form, blank("legs", all, today))).toEqual([]);
});

test("what the form has no field for stays", () => {
  const window = { ...all.windows[0]!, unheard_of: 1 } as Window;
  expect(typed(forms.windows(true), window, { name: "x" }).value).toHaveProperty("unheard_of", 1);
});

test("a number's bounds are said in the unit that was typed", () => {
  const field: Field = { key: "n", kind: "span", least: 0, most: 2880, units: ["hours"] };
  expect(writeForm({ name: "x", fields: [field] }, { n: "49", "n|unit": "hours" }, {}).errors["n"]?.params).toEqual({ least: 0, most: 48 });
});
