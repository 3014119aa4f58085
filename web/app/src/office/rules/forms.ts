/** Which fields each kind of rule has. Everything that is not plain is behind "Mehr". */
import type { Draft, Field, Form, Option, Plain } from "./form.ts";
import { videoLink } from "../../seal/video.ts";
import { lands, municipalitiesOf, movable } from "./holidays.ts";
import { legId, newId } from "./ids.ts";
import { minutesOf } from "./times.ts";
import type { Chain, Closure, Leg, ListKind, Person, Place, Profile, Quota, Resource, Rules, Service, ValueOf, Window } from "./types.ts";

/** Words is what forms need of the table of texts. */
export type Words = (key: string) => string;

const codes = ["GKV", "PKV", "BEI", "BG", "SEL", "SOZ"];
const named = (list: readonly { id: string; name: string }[]): Option[] => list.map(({ id, name }) => ({ value: id, label: name }));

export function formsOf(rules: Rules, word: Words, windowNames: Option[] = []) {
  const options = (prefix: string, values: readonly string[]): Option[] => values.map((value) => ({ value, label: word(`${prefix}.${value}`) }));
  const insurance = (more?: string): Field => ({ key: "insurance", kind: "checks", options: options("insurance", codes), none: word("all"), short: true, ...(more ? { more } : {}) });
  const patients = (more?: string): Field => ({ key: "patients", kind: "select", options: options("patients", ["all", "new", "known"]), ...(more ? { more } : {}) });
  const locations = named(rules.locations);
  const people = named(rules.practitioners);
  const things = rules.resources.filter(({ kind }) => kind !== "practitioner");
  const services = named(rules.services);
  const order = (errors: Record<string, { text: string }>, key: string, from?: string, until?: string) => {
    if (from && until && until < from && !errors[key]) errors[key] = { text: "error.order" };
  };

  const windows = (forPerson: boolean): Form<Window> => ({
    name: "window",
    drop: ["release"],
    fields: [
      { key: "weekdays", kind: "checks", options: options("weekday", ["1", "2", "3", "4", "5", "6", "7"]), number: true, short: true, required: true, wide: true },
      { key: "from", kind: "time", latest: 24, required: true },
      { key: "until", kind: "time", latest: 48, required: true },
      { key: "location", kind: "select", options: locations, required: true },
      { key: "name", kind: "text", max: 80 },
      ...(forPerson
        ? ([
            { key: "services", kind: "checks", options: services, none: word("all_services"), wide: true },
            patients(),
            { key: "lead_minutes", kind: "span", least: 0, most: 1_051_200, units: ["hours", "minutes", "days"], placeholder: word("as_service") },
            { ...insurance(), wide: true },
          ] as Field[])
        : []),
      { key: "valid_from", kind: "date", more: "when" },
      { key: "valid_until", kind: "date", more: "when" },
      { key: "every_weeks", kind: "number", least: 1, most: 52, required: true, unit: word("unit.weeks"), more: "when" },
      { key: "anchor", kind: "date", required: true, when: ({ every_weeks }) => Number(every_weeks) > 1, more: "when" },
      { key: "school_holidays", kind: "select", options: options("school", ["any", "only", "not"]), more: "when" },
      ...(forPerson
        ? ([
            { key: "audience", kind: "select", options: options("audience", ["online", "staff", "walk_in"]), more: "sale" },
            { key: "horizon_days", kind: "number", least: 0, most: 730, unit: word("unit.days"), placeholder: word("as_service"), more: "sale" },
            { key: "release.days", kind: "number", least: 0, most: 365, unit: word("unit.days_before"), more: "sale" },
            { key: "release.time", kind: "time", latest: 23, more: "sale" },
            {
              key: "open_to_all_days", kind: "number", least: 0, most: 365, unit: word("unit.days_before"), more: "sale",
              when: ({ insurance, patients }: Draft) => (insurance as string[]).length > 0 || patients !== "all",
            },
            { key: "capacity", kind: "number", least: 1, most: 100, placeholder: word("as_resource"), more: "sale" },
            { key: "referral", kind: "tick", more: "sale" },
          ] as Field[])
        : []),
    ],
    check: (value, errors) => {
      if (value.from && value.until && !errors["from"] && !errors["until"]) {
        const [from, until] = [minutesOf(value.from), minutesOf(value.until)];
        if (until <= from) errors["until"] = { text: "error.until" };
        else if (until - from > 1440) errors["until"] = { text: "error.long" };
      }
      order(errors, "valid_until", value.valid_from, value.valid_until);
      if (value.release && value.release.days === undefined) errors["release.days"] = { text: "error.missing" };
      if (value.release && value.release.time === undefined) errors["release.time"] = { text: "error.missing" };
    },
  });

  const closures: Form<Closure> = {
    name: "closure",
    alias: { practitioner: "scope", location: "scope", resource: "scope" },
    drop: ["substitute"],
    fields: [
      {
        key: "scope", kind: "select", wide: true,
        options: [
          { value: "all", label: word("scope.all") },
          ...people,
          ...locations.map(({ value, label }) => ({ value, label: `${word("scope.location")} ${label}` })),
          ...things.map(({ id, kind, name }) => ({ value: id, label: `${word(`resource_kind.${kind}`)} ${name}` })),
        ],
      },
      { key: "from", kind: "date", required: true },
      { key: "until", kind: "date", required: true },
      { key: "whole", kind: "tick", wide: true },
      { key: "from_time", kind: "time", required: true, when: ({ whole }) => whole !== true },
      { key: "until_time", kind: "time", required: true, when: ({ whole }) => whole !== true },
      { key: "reason", kind: "text", max: 100, wide: true },
      { key: "text", kind: "text", rows: 2, max: 300, wide: true },
      { key: "substitute.name", kind: "text", max: 120, more: "substitute" },
      { key: "substitute.phone", kind: "text", input: "tel", max: 40, more: "substitute" },
      { key: "substitute.address", kind: "text", max: 200, more: "substitute", wide: true },
    ],
    open: (value) => ({
      ...value,
      scope: value.practitioner ?? value.resource ?? value.location ?? "all",
      whole: value.from_time === "00:00" && value.until_time === "24:00",
    }),
    close: ({ scope, whole, ...value }) => {
      const { practitioner: _p, resource: _r, location: _l, ...rest } = value as unknown as Closure;
      const closure: Closure = whole === true ? { ...rest, from_time: "00:00", until_time: "24:00" } : rest;
      const whose = String(scope ?? "");
      if (whose.startsWith("prc_")) closure.practitioner = whose;
      else if (whose.startsWith("res_")) closure.resource = whose;
      else if (whose.startsWith("loc_")) closure.location = whose;
      // A person's absence at one place only: the form has no field for it and keeps it.
      if (closure.practitioner && _l && _p === closure.practitioner) closure.location = _l;
      return closure;
    },
    check: (value, errors) => {
      order(errors, "until", value.from, value.until);
      if (value.from && value.from === value.until && value.from_time >= value.until_time) errors["until_time"] ??= { text: "error.until" };
      if (value.substitute && !value.substitute.name) errors["substitute.name"] = { text: "error.missing" };
    },
  };

  const offered = (id: string) => (draft: Draft) => (draft["who"] as string[] | undefined)?.includes(id) ?? false;
  const serviceForm: Form<Service> = {
    name: "service",
    alias: { practitioners: "who" },
    fields: [
      { key: "name", kind: "text", required: true, max: 120, wide: true },
      { key: "category", kind: "text", max: 120 },
      { key: "minutes", kind: "number", least: 5, most: 480, required: true, unit: word("unit.minutes") },
      { key: "description", kind: "text", max: 300, wide: true },
      { key: "instructions", kind: "text", rows: 2, max: 500, wide: true },
      { key: "who", kind: "checks", options: people, wide: true },
      patients(),
      { key: "price_cents", kind: "money" },
      { ...insurance(), wide: true },
      { key: "confirmation", kind: "select", options: options("confirmation", ["at_once", "by_staff"]) },
      ...(rules.practice.video_address ? [{ key: "held", kind: "select", options: options("held", ["in_person", "by_video", "either"]) } as Field] : []),
      { key: "step", kind: "number", least: 5, most: 240, required: true, unit: word("unit.minutes"), more: "plan" },
      { key: "buffer_before", kind: "number", least: 0, most: 120, required: true, unit: word("unit.minutes"), more: "plan" },
      { key: "buffer_after", kind: "number", least: 0, most: 120, required: true, unit: word("unit.minutes"), more: "plan" },
      { key: "seats", kind: "number", least: 1, most: 100, required: true, more: "plan" },
      ...rules.practitioners.map(
        ({ id, name }): Field => ({ key: `took.${id}`, kind: "number", least: 5, most: 480, unit: word("unit.minutes"), placeholder: word("as_above"), label: word("took").replace("{name}", name), when: offered(id), more: "plan" }),
      ),
      { key: "lead_minutes", kind: "span", least: 0, most: 1_051_200, units: ["minutes", "hours", "days"], required: true, more: "deadline" },
      { key: "horizon_days", kind: "number", least: 0, most: 730, required: true, unit: word("unit.days"), more: "deadline" },
      { key: "cancel_minutes", kind: "span", least: 0, most: 43_200, units: ["minutes", "hours", "days"], required: true, more: "deadline" },
      { key: "move_minutes", kind: "span", least: 0, most: 43_200, units: ["minutes", "hours", "days"], required: true, more: "deadline" },
      { key: "series_count", kind: "number", least: 2, most: 12, more: "series" },
      { key: "series_every_days", kind: "number", least: 1, most: 92, required: true, unit: word("unit.days"), when: ({ series_count }) => series_count !== "", more: "series" },
      { key: "min_age", kind: "number", least: 0, most: 130, unit: word("unit.years"), more: "who" },
      { key: "max_age", kind: "number", least: 0, most: 130, unit: word("unit.years"), more: "who" },
      { key: "referral", kind: "tick", more: "who" },
      { key: "referral_code", kind: "tick", when: ({ referral }) => referral === true, more: "who", wide: true },
      {
        key: "needs", kind: "rows", add: word("need.add"), most: 10, more: "needs", wide: true,
        fields: [
          { key: "role", kind: "text", required: true, max: 60, label: word("need.role") },
          { key: "resources", kind: "checks", options: named(things), required: true, label: word("need.resources") },
        ],
      },
    ],
    open: ({ practitioners, ...value }) => ({
      ...value,
      who: practitioners.map(({ id }) => id),
      took: Object.fromEntries(practitioners.map(({ id, minutes }) => [id, minutes])),
    }),
    close: ({ who, took, referral_code, ...value }) => {
      const longer = (took ?? {}) as Record<string, number | undefined>;
      const practitioners = ((who ?? []) as string[]).map((id) => (longer[id] === undefined ? { id } : { id, minutes: longer[id] }));
      return { ...(value as unknown as Service), ...(referral_code === true && value["referral"] === true ? { referral_code } : {}), practitioners };
    },
    check: (value, errors) => {
      if (value.min_age !== undefined && value.max_age !== undefined && value.max_age < value.min_age) errors["max_age"] ??= { text: "error.order" };
    },
  };

  const quotas: Form<Quota> = {
    name: "quota",
    fields: [
      { key: "name", kind: "text", required: true, max: 80, wide: true },
      { key: "max", kind: "number", least: 0, most: 10_000, required: true },
      { key: "per", kind: "select", options: options("per", ["day", "week", "month"]) },
      patients(),
      { ...insurance(), wide: true },
      { key: "services", kind: "checks", options: services, none: word("all_services"), wide: true },
      { key: "practitioners", kind: "checks", options: people, none: word("all_people"), wide: true },
      { key: "windows", kind: "checks", options: windowNames, none: word("all_windows"), more: "where", wide: true },
      { key: "release_days", kind: "number", least: 0, most: 365, unit: word("unit.days_before"), more: "when" },
      { key: "valid_from", kind: "date", more: "when" },
      { key: "valid_until", kind: "date", more: "when" },
    ],
    check: (value, errors) => order(errors, "valid_until", value.valid_from, value.valid_until),
  };

  const later = (_: Draft, at: number) => at > 0;
  const chains: Form<Chain> = {
    name: "chain",
    close: ({ steps, ...value }) => ({ ...(value as unknown as Chain), steps: ((steps ?? []) as Chain["steps"]).map((step) => ({ ...step, least_minutes: step.least_minutes ?? 0, greatest_minutes: step.greatest_minutes ?? 0 })) }),
    fields: [
      { key: "name", kind: "text", required: true, max: 120, wide: true },
      { key: "description", kind: "text", rows: 2, max: 300, wide: true },
      {
        key: "steps", kind: "rows", add: word("step.add"), ordered: true, least: 2, most: 10, wide: true,
        fields: [
          { key: "service", kind: "select", options: services, required: true, label: word("step.service") },
          // The first one waits for nothing and is always there.
          { key: "least_minutes", kind: "number", least: 0, most: 1440, unit: word("unit.minutes"), label: word("step.least"), required: true, when: later },
          { key: "greatest_minutes", kind: "number", least: 0, most: 1440, unit: word("unit.minutes"), label: word("step.greatest"), required: true, when: later },
          { key: "optional", kind: "tick", label: word("step.optional"), when: later },
        ],
      },
    ],
    check: ({ steps }, errors) =>
      steps.forEach(({ least_minutes, greatest_minutes }, at) => {
        if (greatest_minutes > 0 && greatest_minutes < least_minutes) errors[`steps.${at}.greatest_minutes`] ??= { text: "error.order" };
      }),
  };

  const resources: Form<Resource> = {
    name: "resource",
    fields: [
      { key: "name", kind: "text", required: true, max: 80 },
      { key: "kind", kind: "select", options: options("resource_kind", ["room", "device"]) },
      { key: "capacity", kind: "number", least: 1, most: 100, required: true },
      { key: "location", kind: "select", options: locations, empty: word("anywhere"), optional: true },
    ],
  };

  const land = (more?: string): Field[] => [
    { key: "land", kind: "select", options: options("land", lands), empty: word(more ? "as_practice" : "no_land"), ...(more ? { more, optional: true } : {}) },
    {
      key: "municipality", kind: "select", options: options("municipality", ["catholic", "augsburg"]), empty: word("municipality.none"),
      when: ({ land }) => municipalitiesOf(String(land)).length > 0, ...(more ? { more, optional: true } : {}),
    },
  ];

  const places: Form<Place> = {
    name: "location",
    fields: [
      { key: "name", kind: "text", required: true, max: 120, wide: true },
      { key: "street", kind: "text", required: true, max: 120 },
      { key: "postal_code", kind: "text", required: true, max: 10 },
      { key: "city", kind: "text", required: true, max: 80 },
      { key: "phone", kind: "text", input: "tel", max: 40 },
      { key: "hours", kind: "text", rows: 3, max: 500, wide: true },
      { key: "access", kind: "text", rows: 2, max: 500, wide: true },
      { key: "zone", kind: "text", required: true, max: 60, more: "law" },
      ...land("law"),
    ],
  };

  const practitioners: Form<Person> = {
    name: "practitioner",
    fields: [
      { key: "name", kind: "text", required: true, max: 120 },
      { key: "role", kind: "text", max: 120 },
    ],
  };

  const legs: Form<Leg> = {
    name: "leg",
    fields: [
      { key: "a", kind: "select", options: locations, required: true },
      { key: "b", kind: "select", options: locations, required: true },
      { key: "minutes", kind: "number", least: 1, most: 480, required: true, unit: word("unit.minutes") },
    ],
    // The server knows a way by its ends in order.
    close: (value) => {
      const leg = value as unknown as Leg;
      return leg.a <= leg.b ? leg : { ...leg, a: leg.b, b: leg.a };
    },
    check: ({ a, b }, errors) => {
      if (a && a === b) errors["b"] ??= { text: "error.same_place" };
    },
  };

  const holidays: Form<Profile> = {
    name: "holidays",
    alias: { closed_days: "dates" },
    fields: [
      ...land(),
      { key: "carnival", kind: "checks", options: options("yearly", Object.keys(movable)), wide: true },
      { key: "dates", kind: "rows", add: word("yearly.add"), most: 40, wide: true, fields: [{ key: "day", kind: "yearly", label: word("yearly.day"), required: true }] },
    ],
    open: ({ closed_days, ...value }) => ({
      ...value,
      carnival: closed_days.filter((day) => day in movable),
      dates: closed_days.filter((day) => !(day in movable)).map((day) => ({ day })),
    }),
    close: ({ carnival, dates, ...value }) => {
      const days = ((dates ?? []) as Plain[]).map(({ day }) => String(day ?? "")).filter(Boolean);
      return { ...(value as unknown as Profile), closed_days: [...new Set([...days, ...((carnival ?? []) as string[])])] };
    },
  };

  const profile: Form<Profile> = {
    name: "profile",
    fields: [
      { key: "name", kind: "text", required: true, max: 120 },
      { key: "tagline", kind: "text", max: 120 },
      { key: "phone", kind: "text", input: "tel", required: true, max: 40 },
      { key: "email", kind: "text", input: "email", max: 254 },
      { key: "hours", kind: "text", rows: 3, max: 500, wide: true },
      { key: "imprint", kind: "text", rows: 4, max: 2000, wide: true },
      { key: "channels", kind: "checks", options: options("channel", ["mail", "sms"]), required: true },
      { key: "accent", kind: "text", input: "color", max: 7 },
      { key: "asks.insurance", kind: "text", optional: true, max: 200, more: "asks", wide: true },
      { key: "asks.gender", kind: "text", optional: true, max: 200, more: "asks", wide: true },
      { key: "asks.note", kind: "text", optional: true, max: 200, more: "asks", wide: true },
      { key: "video_provider", kind: "text", max: 120, optional: true, more: "video", wide: true },
      { key: "video_address", kind: "text", max: 300, optional: true, more: "video", wide: true },
      { key: "sms_sender", kind: "text", max: 11, more: "limits" },
      { key: "bookings_per_contact", kind: "number", least: 1, most: 20, more: "limits" },
    ],
    check: ({ accent, video_provider, video_address }, errors) => {
      if (video_address && !videoLink(video_address, "a".repeat(26))) errors["video_address"] = { text: "error.video" };
      if (video_provider && !video_address) errors["video_address"] = { text: "error.missing" };
      if (video_address && !video_provider) errors["video_provider"] = { text: "error.missing" };
      if (accent && !/^#[0-9a-f]{6}$/i.test(accent)) errors["accent"] = { text: "error.colour" };
    },
  };

  return { windows, closures, services: serviceForm, quotas, chains, resources, locations: places, practitioners, legs, holidays, profile };
}

export type Forms = ReturnType<typeof formsOf>;

/** blank is a new rule of a kind, with what most practices would say. */
export function blank<K extends Exclude<ListKind, "calendars">>(kind: K, rules: Rules, today: string): ValueOf<K> {
  const location = rules.locations[0]?.id ?? "";
  const position = (list: readonly { position?: number }[]) => Math.max(-1, ...list.map((one) => one.position ?? 0)) + 1;
  const made: { [Kind in Exclude<ListKind, "calendars">]: () => ValueOf<Kind> } = {
    windows: () => ({
      id: newId("windows"), name: "", location, weekdays: [], from: "08:00", until: "12:00", every_weeks: 1, services: [], insurance: [],
      patients: "all", audience: "online", school_holidays: "any", referral: false,
    }),
    closures: () => ({ id: newId("closures"), from: today, from_time: "00:00", until: today, until_time: "24:00", reason: "", text: "" }),
    services: () => ({
      id: newId("services"), name: "", category: rules.services.at(-1)?.category ?? "", description: "", instructions: "", minutes: 15, buffer_before: 0, buffer_after: 0,
      step: 15, lead_minutes: 120, horizon_days: 60, insurance: [], patients: "all", referral: false, seats: 1, confirmation: "at_once", cancel_minutes: 1440,
      move_minutes: 1440, held: "in_person", practitioners: rules.practitioners.slice(0, 1).map(({ id }) => ({ id })), needs: [], position: position(rules.services),
    }),
    quotas: () => ({ id: newId("quotas"), name: "", max: 4, per: "week", services: [], windows: [], practitioners: [], insurance: [], patients: "new" }),
    chains: () => ({
      id: newId("chains"), name: "", description: "", position: position(rules.chains),
      steps: rules.services.slice(0, 2).map(({ id }, at) => ({ service: id, least_minutes: 0, greatest_minutes: at === 0 ? 0 : 60, optional: false })),
    }),
    resources: () => ({ id: newId("resources"), kind: "room", name: "", capacity: 1, ...(location ? { location } : {}) }),
    locations: () => ({
      position: position(rules.locations), id: newId("locations"), name: "", street: "", postal_code: "", city: "", phone: "", hours: "", access: "", zone: rules.locations[0]?.zone ?? "Europe/Berlin",
    }),
    practitioners: () => ({ id: newId("practitioners"), name: "", role: "", position: position(rules.practitioners) }),
    legs: () => ({ a: location, b: rules.locations[1]?.id ?? "", minutes: 20 }),
  };
  return made[kind]() as ValueOf<K>;
}

/** keyOf is the id under which a rule is put. */
export function keyOf(value: { id?: string } | Leg): string {
  return "a" in value ? legId(value.a, value.b) : (value.id ?? "");
}
