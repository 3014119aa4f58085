import { describe, expect, test } from "vitest";
import type { Condition, Service } from "../api/types.ts";
import { groupServices, insurancesFor, judge, questionsFor, type Answers } from "./offer.ts";

const answers = (insurance: Answers["insurance"] = "", known: Answers["known"] = ""): Answers => ({ insurance, known });
const condition = (insurance: Condition["insurance"] = [], patients: Condition["patients"] = "all"): Condition => ({ insurance, patients });

describe("judge", () => {
  test.each([
    ["what is for all needs no answer", condition(), answers(), { kind: "offered" }],
    ["a matching insurance is offered", condition(["PKV", "SEL"]), answers("SEL"), { kind: "offered" }],
    ["another insurance is refused and told for whom it is", condition(["PKV", "SEL"]), answers("GKV"), { kind: "refused", because: "insurance", only: ["PKV", "SEL"] }],
    ["an unanswered insurance is open, not refused", condition(["PKV"]), answers(), { kind: "open", asks: ["insurance"] }],
    ["new patients only", condition([], "new"), answers("", "known"), { kind: "refused", because: "only_new" }],
    ["known patients only", condition([], "known"), answers("", "new"), { kind: "refused", because: "only_known" }],
    ["a refusal stands while the other question is open", condition(["PKV"], "new"), answers("GKV"), { kind: "refused", because: "insurance", only: ["PKV"] }],
    ["both questions open", condition(["PKV"], "new"), answers(), { kind: "open", asks: ["insurance", "known"] }],
  ])("%s", (_, given, said, verdict) => {
    expect(judge(given, said)).toEqual(verdict);
  });
});

test("only questions that something depends on are asked", () => {
  expect(questionsFor([condition()])).toEqual([]);
  expect(questionsFor([condition(), condition([], "new")])).toEqual(["known"]);
  expect(questionsFor([condition(["GKV"]), condition([], "known")])).toEqual(["insurance", "known"]);
});

test("rare insurances are offered only where something depends on them", () => {
  expect(insurancesFor([condition(["GKV"])])).toEqual(["GKV", "PKV", "SEL"]);
  expect(insurancesFor([condition(["BG"])])).toEqual(["GKV", "PKV", "SEL", "BG"]);
});

test("no service disappears, and the practice's order stays", () => {
  const service = (id: string, category: string, patients: Service["patients"] = "all"): Service => ({ id, name: id, category, description: "", instructions: "", duration_minutes: 10, insurance: [], patients, practitioners: [] });
  const groups = groupServices([service("a", "one"), service("b", "two", "known"), service("c", "one")], answers("", "new"));
  expect(groups.map(({ category, services }) => [category, services.map(({ service, verdict }) => [service.id, verdict.kind])])).toEqual([
    ["one", [["a", "offered"], ["c", "offered"]]],
    ["two", [["b", "refused"]]],
  ]);
});
