import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { easter, holidays, lands, municipalitiesOf, readYearly, yearlyIn } from "./holidays.ts";

// The server's golden table: "DE-BY augsburg 2018", then a line for each day.
const golden = readFileSync(new URL("../../../../../tenants/schedule/testdata/holidays.golden", import.meta.url), "utf8");

test("agrees with the server's table in every Land, municipality and year", () => {
  let written = "";
  const seen = new Set<string>();
  for (const [, land = "", municipality = "", year = ""] of golden.matchAll(/^(DE-\w\w) (\S+) (\d{4})$/gm)) {
    seen.add(land);
    const days = holidays(land, municipality === "-" ? "" : municipality, Number(year));
    written += `${land} ${municipality} ${year}\n${days.map(({ day, name }) => `  ${day} ${name}\n`).join("")}`;
  }
  expect([...seen].sort()).toEqual([...lands].sort());
  expect(written).toBe(golden);
});

test("what is no Land has no holidays, and municipalities belong to three", () => {
  expect(holidays("", "", 2026)).toEqual([]);
  expect(lands.filter((land) => municipalitiesOf(land).length > 0)).toEqual(["DE-BY", "DE-SN", "DE-TH"]);
});

test("own days off: by date, by Easter, not on 29 February of a common year", () => {
  expect(easter(2027)).toBe("2027-03-28");
  expect([yearlyIn("12-24", 2026), yearlyIn("rosenmontag", 2027), yearlyIn("02-29", 2026), yearlyIn("02-29", 2028), yearlyIn("nonsense", 2026)]).toEqual(["2026-12-24", "2027-02-08", null, "2028-02-29", null]);
  expect(["24.12.", "1.5", " 31. 12. ", "12-24", "31.2.", "Weihnachten"].map(readYearly)).toEqual(["12-24", "05-01", "12-31", "12-24", null, null]);
});
