import { beforeAll, describe, expect, test } from "vitest";
import { fromBase64, fromUtf8, toBase64, utf8 } from "./bytes.ts";
import { checkDirectory, openDirectory, type SealTarget, type SignedDirectory } from "./directory.ts";
import { type Envelope, openBooking, openEnvelope, parseEnvelope, sealBooking, sealEnvelope } from "./envelope.ts";
import { type PrivateKey, privateKey } from "./hpke.ts";
import { type Booking, parseBooking } from "./plaintext.ts";
import { BOOKING_1, BOOKING_2, codeOf, readVector, type Splice, splice, TENANT_A, TENANT_B } from "./testkit.ts";

interface Vectors {
  seed: string;
  public: string;
  kid: string;
  cases: { name: string; booking_id: string; envelope: Envelope; plaintext: string }[];
  rejections: { name: string; booking_id: string; envelope: Envelope; error: string }[];
  good: string;
  malformed: { name: string; splice: Splice; text_only?: boolean }[];
}

const v = readVector<Vectors>("envelope.json");
let key: PrivateKey;
let target: SealTarget;
beforeAll(async () => {
  key = await privateKey(fromBase64(v.seed));
  const d = readVector<{ tenant: string; now: string; directory: SignedDirectory }>("directory.json");
  target = checkDirectory(await openDirectory(d.directory), { tenant: d.tenant, now: new Date(d.now) });
});

describe("vectors of the other side", () => {
  test("the seed gives the key", () => {
    expect(toBase64(key.publicKey)).toBe(v.public);
    expect(key.kid).toBe(v.kid);
  });

  test.each(v.cases.map((c) => [c.name, c] as const))("opens %s", async (_, c) => {
    expect(fromUtf8(await openEnvelope(key, c.envelope, c.booking_id))).toBe(c.plaintext);
  });

  test.each(v.rejections.map((c) => [c.name, c] as const))("refuses %s", async (_, c) => {
    expect(await codeOf(() => openEnvelope(key, c.envelope, c.booking_id))).toBe(c.error);
  });

  test.each(v.malformed.filter((c) => !c.text_only).map((c) => [c.name, c] as const))("is no envelope: %s", async (_, c) => {
    const text = fromUtf8(splice(utf8(v.good), c.splice));
    expect(await codeOf(() => parseEnvelope(JSON.parse(text)))).toBe("malformed_envelope");
  });

  test("is one before it is spoiled", () => {
    expect(parseEnvelope(JSON.parse(v.good)).kid).toBe(v.kid);
  });
});

function booking(name: string, change: Partial<Booking> = {}): Booking {
  const b = JSON.parse(v.cases[0]!.plaintext) as Booking;
  return { ...b, patient: { ...b.patient, given_name: name }, ...change };
}

describe("sealBooking", () => {
  test("opens as it was sealed", async () => {
    const to = { ...key, tenant: TENANT_A } as unknown as SealTarget;
    const e = await sealBooking(to, booking("Þóra"));
    const opened = await openBooking(new Map([[key.kid, key]]), TENANT_A, e, BOOKING_1);
    expect(opened).toEqual(booking("Þóra"));
  });

  test("length does not tell the name, and no enc comes twice", async () => {
    const encs = new Set<string>();
    const lengths = new Set<number>();
    for (const n of [1, 2, 50, 100]) {
      const e = await sealBooking(target, booking("Ż".repeat(n)));
      encs.add(e.enc);
      lengths.add(e.ct.length);
    }
    expect([encs.size, lengths.size]).toEqual([4, 1]);
  });

  test("refuses another tenant's booking and what the office would not read", async () => {
    expect(await codeOf(() => sealBooking(target, booking("A", { tenant: TENANT_B })))).toBe("directory_foreign");
    expect(await codeOf(() => sealBooking(target, booking("A\u202e")))).toBe("malformed_booking");
    expect(await codeOf(() => sealBooking(target, booking("")))).toBe("malformed_booking");
    const extra = { ...booking("A"), insurer: "x" };
    expect(await codeOf(() => sealBooking(target, extra))).toBe("malformed_booking");
  });

  test("leaves out what is undefined", async () => {
    const to = { ...key, tenant: TENANT_A } as unknown as SealTarget;
    const e = await sealBooking(to, booking("A", { note: undefined, new_patient: undefined }));
    const json = fromUtf8(await openEnvelope(key, e, BOOKING_1));
    expect(json).not.toContain("note");
    expect(json).not.toContain("new_patient");
  });

  test("binds to uuids alone, and 14 KiB at most", async () => {
    const to = { tenant: TENANT_A, kid: key.kid, publicKey: key.publicKey };
    expect(await codeOf(() => sealEnvelope(to, "1", BOOKING_1, new Uint8Array(1)))).toBe("malformed_id");
    expect(await codeOf(() => sealEnvelope(to, BOOKING_2, "a|b", new Uint8Array(1)))).toBe("malformed_id");
    const long = new Uint8Array(7 * 2048 + 1);
    expect(await codeOf(() => sealEnvelope(to, BOOKING_2, BOOKING_1, long))).toBe("plaintext_too_long");
  });
});

describe("openBooking", () => {
  test("knows its tenant and its keys", async () => {
    const keys = new Map([[key.kid, key]]);
    const to = { tenant: TENANT_B, kid: key.kid, publicKey: key.publicKey };
    const foreign = await sealEnvelope(to, BOOKING_2, BOOKING_1, new Uint8Array(1));
    expect(await codeOf(() => openBooking(keys, TENANT_A, foreign, BOOKING_1))).toBe("tampered");
    expect(await codeOf(() => openBooking(new Map(), TENANT_A, v.cases[0]!.envelope, BOOKING_1))).toBe("unknown_key");
  });
});

describe("parseBooking, on what an attacker sealed", () => {
  const good = v.cases[0]!.plaintext;
  const parse = (text: string) =>
    parseBooking(new TextEncoder().encode(text), { tenant: TENANT_A, bookingId: BOOKING_1 });

  test("reads a good one", () => {
    expect(parse(good)).toEqual(JSON.parse(good));
    expect(parse(`${good}   `).patient.birth_date).toBe("1984-02-29");
  });

  test("shows markup as the text it is", () => {
    const payload = "<img src=x onerror=alert(1)> =cmd|' /C calc'!A0 javascript:x";
    expect(parse(good.replace("O’Neill-Łuczak", payload)).patient.family_name).toBe(payload);
  });

  test.each<[string, string, string]>([
    ["unknown field", `{"booking_id"`, `{"x":1,"booking_id"`],
    ["unknown field of the patient", `"birth_date"`, `"ssn":"1","birth_date"`],
    ["repeated field", `"language":"de"`, `"language":"de","language":"en"`],
    ["missing field", `"language":"de",`, ``],
    ["another version", `"v":1`, `"v":2`],
    ["another tenant", TENANT_A, TENANT_B],
    ["another booking", BOOKING_1, BOOKING_2],
    ["a number for a name", `"O’Neill-Łuczak"`, `1`],
    ["a list for a name", `"O’Neill-Łuczak"`, `["a"]`],
    ["null for a name", `"O’Neill-Łuczak"`, `null`],
    ["an empty name", "O’Neill-Łuczak", ""],
    ["a megabyte of name", "O’Neill-Łuczak", "a".repeat(1 << 20)],
    ["NUL in a name", "O’Neill-Łuczak", "a\\u0000"],
    ["a line break in a name", "O’Neill-Łuczak", "a\\nb"],
    ["a paragraph separator", "O’Neill-Łuczak", "a\u2029b"],
    ["an override in the note", "Rollstuhlrampe", "\u202egnp.exe"],
    ["half a pair", "Rollstuhlrampe", "\\ud800"],
    ["a day that is none", "1984-02-29", "1985-02-29"],
    ["a date with time", "1984-02-29", "1984-02-29T00:00:00Z"],
    ["unknown insurance", `"GKV"`, `"XXX"`],
    ["an address without a host", "thora@example.org", "thora"],
    ["an address of two lines", "thora@example.org", "thora@example.org\\nBcc: x@example.org"],
    ["an id of another kind", `"svc_`, `"prc_`],
    ["an end before the start", `"ends":"2026-11-26T08:40:00Z"`, `"ends":"2026-11-26T08:20:00Z"`],
    ["a time with an offset", `"starts":"2026-11-26T08:20:00Z"`, `"starts":"2026-11-26T09:20:00+01:00"`],
    ["a zone that is a path", "Europe/Berlin", "../../etc/passwd"],
    ["a language that is markup", `"de"`, `"<b>"`],
    ["a text for a boolean", `"new_patient":true`, `"new_patient":"true"`],
  ])("refuses %s", async (_, old, replacement) => {
    expect(good).toContain(old);
    expect(await codeOf(() => parse(good.replace(old, replacement)))).toBe("malformed_booking");
  });
});
