import { describe, expect, test } from "vitest";
import { newId, write } from "./model.ts";
import { decode, exportable, guess, readCSV, readJSON, readVCard, type Target, toCSV, toCustomer, toJSON, toVCard } from "./files.ts";
import { person } from "./testkit.ts";

const today = "2026-11-22";
const made = (texts: [Target, string][]) => toCustomer(texts, today, "Sabine", newId);
/** What people put into names so that something happens elsewhere. */
const attacks = [
  `=HYPERLINK("http://evil.example";"x")`, `+1+cmd|' /C calc'!A0`, `-2+3`, `@SUM(A1)`, ` =1`, `\t=1`, `＝1`, `'=1`, `"=1"`, `|calc`, `%0A=1`, `=1\r\n=2`,
  `</script><script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `javascript:alert(1)`, `x\r\nTEL:0190`, `x\nEND:VCARD\nBEGIN:VCARD`, `a;b,c\\;d`, `\u2028TEL:0190`, `\u202egnp.exe`, `\u0000\u0007`, `${"A".repeat(5000)}`,
];

describe("a table", () => {
  test.each([
    ["semicolons", `Name;Ort\nMüller;"Ulm; Donau"\n`, [["Müller", "Ulm; Donau"]]],
    ["commas", `Name,Ort\r\n"Müller, Jörg","sagt ""hallo"""\r\n`, [["Müller, Jörg", `sagt "hallo"`]]],
    ["tabs", "Name\tOrt\rMüller\tUlm", [["Müller", "Ulm"]]],
    ["line breaks in quotes", `Name;Notiz\n"Müller";"eins\nzwei"\n`, [["Müller", "eins\nzwei"]]],
    ["a mark and empty rows", `\ufeffName;Ort\n\n;;\nMüller;\n`, [["Müller", ""]]],
    ["a quote that is never closed", `Name\n"Müller`, [["Müller"]]],
  ])("with %s", (_, text, rows) => expect(readCSV(text).rows).toEqual(rows));

  test("of an older program is read in its signs", () => {
    expect(decode(new Uint8Array([0x4d, 0xfc, 0x6c, 0x6c, 0x65, 0x72]))).toBe("Müller");
    expect(decode(new TextEncoder().encode("Müller"))).toBe("Müller");
    expect(decode(new Uint8Array([0xff, 0xfe, 0x4d, 0x00, 0xfc, 0x00]))).toBe("Mü");
  });

  test("tells by its header what is what, each once", () => {
    expect(guess(["Nachname", "Vorname", "Geburtsdatum", "Tel.", "Handy", "E-Mail", "PLZ", "Wohnort", "Strasse", "Telefon", "Diagnose"])).toEqual(["family_name", "given_name", "birth_date", "phone", "phone2", "email", "postal_code", "city", "street", "", ""]);
  });
});

describe("a row becomes a record", () => {
  test("with what can be read, and says what cannot", () => {
    const { customer, problems } = made([["name", "Dr. Jörg Müller"], ["birth_date", "30.6.84"], ["phone", "keine"], ["email", "jörg@"], ["insurance", "AOK Baden"], ["gender", "Herr"], ["tags", "VIP, #neu"]]);
    expect(customer).toMatchObject({ family_name: "Müller", given_name: "Dr. Jörg", birth_date: "1984-06-30", phone: "", email: "", insurance: "", insurer: "AOK Baden", gender: "male", tags: ["VIP", "neu"] });
    expect(problems.sort()).toEqual(["email", "phone"]);
    expect(made([["city", "Ulm"]]).problems).toEqual(["nameless"]);
    expect(made([["family_name", "M"], ["birth_date", "31.2.1990"]])).toMatchObject({ customer: { birth_date: "" }, problems: ["birth"] });
  });

  test.each(attacks)("%j is text of a bounded length, or nothing", (attack) => {
    for (const target of ["family_name", "phone", "email", "tags", "note", "birth_date", "city", "name"] as const) {
      const { customer } = made([["given_name", "Jörg"], [target, attack]]);
      expect(() => write(customer)).not.toThrow();
      if (target !== "note") expect(JSON.stringify(customer)).not.toMatch(/\\n|\\r|\\u202e|\\u0000/);
    }
  });
});

describe("a card", () => {
  test("of any version is read", () => {
    const [two, three, four] = readVCard(
      ["BEGIN:VCARD", "VERSION:2.1", "N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;J=C3=B6rg", "TEL;CELL:0151 1", "END:VCARD",
        "BEGIN:VCARD", "VERSION:3.0", "N:Groß;Zoë;Maria;Dr.;", "item1.TEL;TYPE=HOME:+49 721 1", "item1.TEL;TYPE=CELL:0151 2", "BDAY:19900102", "ADR;TYPE=HOME:;;Weg 1;Ulm;;89073;DE", "NOTE:eins\\nzwei\\, drei", "PHOTO;ENCODING=b:AAAA", " BBBB", "END:VCARD",
        "BEGIN:VCARD", "VERSION:4.0", "FN:Ann", " a Weber", "TEL;VALUE=uri:tel:+49-721-3", "CATEGORIES:a\\,b,c", "END:VCARD"].join("\r\n"),
    ).map((texts) => toCustomer(texts, today, "", newId).customer);
    expect(two).toMatchObject({ family_name: "Müller", given_name: "Jörg", phone: "0151 1" });
    expect(three).toMatchObject({ family_name: "Groß", given_name: "Zoë Maria", title: "Dr.", birth_date: "1990-01-02", phone: "+49 721 1", phone2: "0151 2", street: "Weg 1", city: "Ulm", postal_code: "89073" });
    expect(three!.notes[0]?.text).toBe("eins\nzwei, drei");
    expect(four).toMatchObject({ family_name: "Weber", given_name: "Anna", phone: "+49-721-3", tags: ["a", "b", "c"] });
  });
  test("that is none gives none", () => expect(readVCard("N:Müller\nEND:VCARD\n:::\n")).toEqual([]));
});

describe("what goes out", () => {
  const fields = [{ id: "f1", name: "Nummer" }];
  const all = attacks.map((attack) => made([["family_name", attack], ["given_name", "Jörg"], ["note", attack], ["city", attack]]).customer).map((c, n) => ({ ...c, fields: { f1: c.city }, phone: n % 2 ? "+49 721 1" : "" }));

  test("as a table starts no formula, and has a row for each record", () => {
    const table = readCSV(toCSV(all, fields, (field) => field));
    expect(table.rows.length).toBe(all.length);
    for (const row of table.rows) for (const field of row) expect(field).not.toMatch(/^[\s"]*[=+\-@＝|%]/);
    expect(table.header.at(-1)).toBe("Nummer");
  });

  test("as cards has one card a record, and no property that nobody wrote", () => {
    const text = toVCard(all);
    const lines = text.replace(/\r\n /g, "").split("\r\n");
    expect(lines.filter((line) => line === "BEGIN:VCARD").length).toBe(all.length);
    expect(lines.filter((line) => line.startsWith("TEL")).every((line) => line === "TEL;VALUE=uri:tel:+497211")).toBe(true);
    for (const line of lines) expect(line).toMatch(/^($|BEGIN:VCARD|END:VCARD|VERSION:4\.0|(N|FN|BDAY|GENDER|TEL|EMAIL|ADR|CATEGORIES)[;:])/);
    for (const line of text.split("\r\n")) expect(new TextEncoder().encode(line).length).toBeLessThanOrEqual(75);
  });

  test("comes back as it was: table, cards and JSON", () => {
    const c = person({ title: "Dr.", phone: "+49 721 555019", phone2: "0151 2", email: "j@example.org", street: "Weg 1", postal_code: "89073", city: "Ulm", insurance: "PKV", insurer: "Debeka", gender: "male", tags: ["VIP", "neu"], language: "de" });
    const table = readCSV(toCSV([c], [], (field) => ({ family_name: "Nachname", given_name: "Vorname", title: "Titel", birth_date: "Geburtstag", gender: "Geschlecht", insurance: "Versicherung", insurer: "Krankenkasse", phone: "Telefon", phone2: "Mobil", email: "E-Mail", street: "Straße", postal_code: "Postleitzahl", city: "Ort", language: "Sprache", tags: "Schlagwörter", note: "Notizen" })[field]));
    const targets = guess(table.header);
    expect(toCustomer(table.rows[0]!.map((text, n) => [targets[n]!, text] as const), today, "", newId)).toEqual({ customer: c, problems: [] });
    const { insurance, insurer, language, ...rest } = c;
    expect(toCustomer(readVCard(toVCard([c]))[0]!, today, "", newId).customer).toMatchObject({ ...rest, phone: "+49721555019", phone2: "01512" });
    const json = readJSON(toJSON([{ ...c, bookings: ["b"], household: "h" }], [], "now"), today)!;
    expect(json).toEqual([{ customer: { ...c, made: today, source: "import" }, problems: [] }]);
    expect(readJSON(`{"format":"siegel-persons","persons":[{"family_name":3},null]}`, today)!.map(({ problems }) => problems.includes("nameless"))).toEqual([true, true]);
    expect([readJSON("{", today), readJSON("{}", today), readJSON("[]", today)]).toEqual([null, null, null]);
  });

  test("has nobody in it who is restricted", () => {
    expect(exportable([{ customer: person({ restricted: today }) }, { customer: person() }]).length).toBe(1);
  });
});
