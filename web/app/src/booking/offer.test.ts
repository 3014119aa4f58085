import { describe, expect, test } from "vitest";
import type { Admission, Condition, Practice, Service } from "../api/types.ts";
import { ageOf, choicesOf, groupChoices, insurancesFor, judge, judgeAll, minutesOf, noAnswers, questionsFor, quotasFor, type Answers, type Verdict } from "./offer.ts";

const said = (insurance: Answers["insurance"] = "", known: Answers["known"] = "", rest: Partial<Answers> = {}): Answers => ({ ...noAnswers, insurance, known, ...rest });
const who = (insurance: Admission["insurance"] = [], patients: Admission["patients"] = "all", ...quotas: string[]): Admission => ({ insurance, patients, ...(quotas.length > 0 ? { quotas } : {}) });
const only = (...alternatives: Admission[]): Condition => ({ alternatives });
const all = only(who());

describe("judge", () => {
  test.each<[string, Condition, Answers, Verdict]>([
    ["what is for all needs no answer", all, said(), { kind: "offered" }],
    ["a matching insurance is offered", only(who(["PKV", "SEL"])), said("SEL"), { kind: "offered" }],
    ["another insurance is refused and told for whom it is", only(who(["SEL", "PKV"])), said("GKV"), { kind: "refused", because: "insurance", only: ["PKV", "SEL"] }],
    ["an unanswered insurance is open, not refused", only(who(["PKV"])), said(), { kind: "open", asks: ["insurance"] }],
    ["new patients only", only(who([], "new")), said("", "known"), { kind: "refused", because: "only_new" }],
    ["known patients only", only(who([], "known")), said("", "new"), { kind: "refused", because: "only_known" }],
    ["a refusal stands while the other question is open", only(who(["PKV"], "new")), said("GKV"), { kind: "refused", because: "insurance", only: ["PKV"] }],
    ["both questions open", only(who(["PKV"], "new")), said(), { kind: "open", asks: ["insurance", "known"] }],

    ["one of several alternatives is enough", only(who(["PKV"]), who(["GKV"], "known")), said("GKV", "known"), { kind: "offered" }],
    ["what misses is told of the alternative that nearly fits", only(who(["PKV"]), who(["GKV"], "known")), said("GKV", "new"), { kind: "refused", because: "only_known" }],
    ["who fits none by insurance reads all of them", only(who(["PKV"]), who(["SEL"], "known")), said("GKV"), { kind: "refused", because: "insurance", only: ["PKV", "SEL"] }],
    ["alternatives that together are for all need no answer", only(who([], "new"), who([], "known")), said(), { kind: "offered" }],
    ["unless they use up different quotas", only(who([], "new", "quo_1"), who([], "known")), said(), { kind: "open", asks: ["known"] }],
    ["a question that changes nothing is not asked", only(who(["PKV"]), who(["GKV"], "known")), said("PKV"), { kind: "offered" }],
    ["nobody left: the quota is used up", only(), said("GKV", "new"), { kind: "refused", because: "quota" }],

    ["too young", { ...all, min_age: 18 }, said("", "", { age: "17" }), { kind: "refused", because: "age", min: 18 }],
    ["just old enough", { ...all, min_age: 18 }, said("", "", { age: "18" }), { kind: "offered" }],
    ["too old", { ...all, min_age: 6, max_age: 17 }, said("", "", { age: "18" }), { kind: "refused", because: "age", min: 6, max: 17 }],
    ["just young enough", { ...all, max_age: 17 }, said("", "", { age: "17" }), { kind: "offered" }],
    ["newborn", { ...all, max_age: 1 }, said("", "", { age: "0" }), { kind: "offered" }],
    ["the age is open", { ...all, min_age: 18 }, said(), { kind: "open", asks: ["age"] }],
    ["what is no age is no answer", { ...all, min_age: 18 }, said("", "", { age: "viel" }), { kind: "open", asks: ["age"] }],

    ["no referral", { ...all, referral: true }, said("", "", { referral: "no" }), { kind: "refused", because: "referral" }],
    ["a referral", { ...all, referral: true }, said("", "", { referral: "yes" }), { kind: "offered" }],
    ["the referral is open", { ...all, referral: true }, said(), { kind: "open", asks: ["referral"] }],
    ["a refusal comes before any question", { ...only(who(["PKV"])), min_age: 18 }, said("", "", { age: "12" }), { kind: "refused", because: "age", min: 18 }],
    ["all questions, in the order in which they are asked", { ...only(who(["PKV"], "new")), min_age: 18, referral: true }, said(), { kind: "open", asks: ["insurance", "known", "age", "referral"] }],
  ])("%s", (_, given, answers, verdict) => {
    expect(judge(given, answers)).toEqual(verdict);
  });

  test("of several conditions one refusal decides, and all questions are asked", () => {
    expect(judgeAll([all, only(who(["PKV"])), { ...all, min_age: 18 }], said("GKV"))).toMatchObject({ kind: "refused", because: "insurance" });
    expect(judgeAll([{ ...all, min_age: 18 }, only(who(["PKV"]))], said())).toEqual({ kind: "open", asks: ["insurance", "age"] });
    expect(judgeAll([all, all], said())).toEqual({ kind: "offered" });
  });
});

test("a booking names the quotas of the alternative that the patient fits", () => {
  const condition = only(who(["GKV"], "new", "quo_b", "quo_a"), who(["GKV"], "known", "quo_a"), who(["PKV"]));
  expect(quotasFor(condition, said("GKV", "new"))).toEqual(["quo_a", "quo_b"]);
  expect(quotasFor(condition, said("GKV", "known"))).toEqual(["quo_a"]);
  expect(quotasFor(condition, said("PKV"))).toEqual([]);
  expect(quotasFor(all, said())).toEqual([]);
});

test("an age is a number that people reach", () => {
  expect(["34", " 0 ", "130", "131", "-1", "3.5", "", "1e1"].map((age) => ageOf({ age }))).toEqual([34, 0, 130, undefined, undefined, undefined, undefined, undefined]);
});

test("only questions that something depends on are asked", () => {
  expect(questionsFor([all])).toEqual([]);
  expect(questionsFor([all, only(who([], "new"))])).toEqual(["known"]);
  expect(questionsFor([only(who(["GKV"])), only(who([], "known")), { ...all, max_age: 17 }])).toEqual(["insurance", "known", "age"]);
});

test("rare insurances are offered only where something depends on them", () => {
  expect(insurancesFor([only(who(["GKV"]))])).toEqual(["GKV", "PKV", "SEL"]);
  expect(insurancesFor([only(who(["PKV"]), who(["BG"]))])).toEqual(["GKV", "PKV", "SEL", "BG"]);
});

const service = (id: string, rest: Partial<Service> = {}): Service => ({ id, name: id, category: "one", description: "", instructions: "", duration_minutes: 10, insurance: [], patients: "all", confirmation: "at_once", cancel_minutes: 0, move_minutes: 0, practitioners: ["p", "q"], ...rest });

test("no service disappears, the practice's order stays, and chains come last", () => {
  const practice: Pick<Practice, "services" | "chains"> = {
    services: [service("a"), service("b", { category: "two", patients: "known" }), service("c")],
    chains: [{ id: "d", name: "d", description: "", steps: [{ service: "a", optional: false }, { service: "b", optional: false }] }],
  };
  const groups = groupChoices(choicesOf(practice), said("", "new"));
  expect(groups.map(({ category, chains, choices }) => [category, chains, choices.map(({ choice, verdict }) => [choice.id, verdict.kind])])).toEqual([
    ["one", false, [["a", "offered"], ["c", "offered"]]],
    ["two", false, [["b", "refused"]]],
    ["", true, [["d", "refused"]]],
  ]);
});

describe("a chain", () => {
  const steps = [{ service: "a", optional: false }, { service: "b", optional: true }, { service: "c", optional: false }];
  const services = [service("a", { price_cents: 1000 }), service("b", { patients: "known", price_cents: 500 }), service("c", { durations: { q: 30 } })];
  const [chain] = choicesOf({ services, chains: [{ id: "d", name: "d", description: "", steps }] }).slice(-1);

  test("takes as long as its steps that are always there, and costs as much", () => {
    expect(chain && minutesOf(chain)).toEqual({ least: 20, most: 40 });
    expect(chain?.price_cents).toBe(1000);
  });
  test("is not refused for a step that may be left out", () => {
    expect(chain && judgeAll(chain.conditions, said("", "new"))).toEqual({ kind: "offered" });
  });
  test("is none where one of its services is not offered", () => {
    expect(choicesOf({ services, chains: [{ id: "d", name: "d", description: "", steps: [{ service: "gone", optional: false }] }] })).toHaveLength(3);
  });
});

test("with whom decides how long it takes", () => {
  const [choice] = choicesOf({ services: [service("a", { durations: { q: 30 } })], chains: [] });
  expect(choice && [minutesOf(choice), minutesOf(choice, "p"), minutesOf(choice, "q")]).toEqual([{ least: 10, most: 30 }, { least: 10, most: 10 }, { least: 30, most: 30 }]);
});
