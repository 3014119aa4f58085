import { describe, expect, test } from "vitest";
import { changes, rebase } from "./diff.ts";
import { rules } from "./example.ts";

describe("what somebody else changed", () => {
  test("nothing is nothing", () => expect(changes(rules(), rules())).toEqual([]));

  test("added, removed and changed, with the fields", () => {
    const after = rules();
    after.version++;
    after.windows = [{ ...after.windows[0]!, until: "13:00", lead_minutes: 60 }, after.windows[1]!];
    after.quotas = [];
    after.closures = [...after.closures, { id: "cls_2", from: "2026-12-01", from_time: "00:00", until: "2026-12-02", until_time: "24:00", reason: "Fortbildung", text: "" }];
    after.practice = { ...after.practice, land: "DE-BY" };
    expect(changes(rules(), after).map(({ kind, how, name, fields }) => [kind, how, name, fields])).toEqual([
      ["practice", "changed", "Praxis", ["land"]],
      ["windows", "changed", "Vormittag", ["until", "lead_minutes"]],
      ["closures", "added", "Fortbildung", []],
      ["quotas", "removed", "Neue", []],
    ]);
  });

  test("a way between two locations is known by both", () => {
    const after = rules();
    after.legs = [{ a: "loc_1", b: "loc_2", minutes: 25 }];
    expect(changes(rules(), after)).toEqual([{ kind: "legs", id: "loc_1.loc_2", how: "changed", name: "", fields: ["minutes"], value: after.legs[0] }]);
  });
});

describe("one's own changes on top of theirs", () => {
  const base = { id: "x", from: "08:00", until: "12:00", name: "", lead_minutes: 60 as number | undefined };

  test("what only one of us changed is kept from both", () => {
    expect(rebase(base, { ...base, name: "Labor" }, { ...base, until: "13:00" })).toEqual({ value: { ...base, name: "Labor", until: "13:00" }, conflicts: [] });
  });

  test("what both changed stays one's own and is told", () => {
    expect(rebase(base, { ...base, until: "11:00" }, { ...base, until: "13:00" })).toEqual({ value: { ...base, until: "11:00" }, conflicts: ["until"] });
  });

  test("the same change is no conflict, and something taken away stays away", () => {
    expect(rebase(base, { ...base, until: "13:00" }, { ...base, until: "13:00" }).conflicts).toEqual([]);
    const { lead_minutes: _, ...mine } = base;
    expect(rebase(base, mine as typeof base, { ...base, until: "13:00" }).value).toEqual({ ...mine, until: "13:00" });
  });
});
