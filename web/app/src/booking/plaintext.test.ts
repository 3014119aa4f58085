import { describe, expect, test } from "vitest";
import { parseBooking } from "../seal/plaintext.ts";
import { utf8 } from "../seal/bytes.ts";
import type { Practice, Service } from "../api/types.ts";
import { emptyForm, withPersons, type Form } from "./form.ts";
import { noAnswers } from "./offer.ts";
import { plaintextOf } from "./plaintext.ts";
import { place } from "./slots.ts";

const practice = {
  tenant: "ten_01970000-0000-7000-8000-000000000001",
  asks: {},
  practitioners: [{ id: "prc_1", name: "Frau Dr. Sommer" }],
  locations: [{ id: "loc_1", name: "Ettlingen" }],
} as unknown as Practice;
const slot = place({ starts: "2026-11-26T08:20:00Z", ends: "2026-11-26T08:35:00Z", practitioner: "prc_1", location: "loc_1", condition: { alternatives: [{ insurance: [], patients: "all" }] } }, "Europe/Berlin");
const service = { id: "svc_1", name: "Sprechstunde" } as Service;
const chosen = { bookingID: "bkg_01970000-0000-7000-8000-000000000600", service, slot, person: 0 };
const filled = (change: Partial<Form> = {}): Form => ({ ...emptyForm(["mail", "sms"]), given: " Lena ", family: "Beispiel", day: "3", month: "4", year: "1985", mail: "lena@beispiel.example", ...change });
const made = (change: Partial<Form> = {}, asks: Practice["asks"] = {}, insurance: "" | "GKV" = "GKV") =>
  plaintextOf(filled(change), { ...noAnswers, insurance, known: "new" }, chosen, { ...practice, asks }, { language: "de", relation: "Mutter" });

test("ids that keys are bound to are bare, the others keep their kind", () => {
  expect(made()).toMatchObject({ booking_id: "01970000-0000-7000-8000-000000000600", tenant: "01970000-0000-7000-8000-000000000001", service: { id: "svc_1" } });
});

describe("what the practice did not ask for is not sent, even if typed", () => {
  const typed = { gender: "female", note: "Rollstuhl" } as const;
  test("nothing asked", () => {
    expect(made(typed).patient).toEqual({ family_name: "Beispiel", given_name: "Lena", birth_date: "1985-04-03", email: "lena@beispiel.example" });
    expect(made(typed)).not.toHaveProperty("note");
  });
  test("all asked", () => {
    const all = made(typed, { gender: "why", insurance: "why", note: "why" });
    expect(all.patient).toMatchObject({ gender: "female", insurance: "GKV" });
    expect(all.note).toBe("Rollstuhl");
  });
  test("asked but not answered", () => {
    const all = made({}, { gender: "why", insurance: "why", note: "why" }, "");
    expect(Object.keys(all.patient)).toEqual(["family_name", "given_name", "birth_date", "email"]);
    expect(all).not.toHaveProperty("note");
  });
});

test("who books for somebody else gives an own contact, not the patient's", () => {
  const other = made({ who: "other", bookerName: "Maria Beispiel", relation: "parent" });
  expect(other.booker).toEqual({ name: "Maria Beispiel", relation: "Mutter", contact: "lena@beispiel.example" });
  expect(other.patient).not.toHaveProperty("email");
});

test("by text message the number is the patient's phone", () => {
  expect(made({ channel: "sms", mobile: "0151 23456789" }).patient).toMatchObject({ phone: "+4915123456789" });
});

describe("the referral", () => {
  const typed = filled({ referral: " ABCD-EFGH-JKLM " });
  const words = { language: "de", relation: "" };
  const of = (stop: typeof chosen) => plaintextOf(typed, noAnswers, stop, practice, words).referral;

  test("is sealed where the service or the slot needs one, and nowhere else", () => {
    expect(of(chosen)).toBeUndefined();
    expect(of({ ...chosen, service: { ...service, referral: true } })).toBe("ABCD-EFGH-JKLM");
    expect(of({ ...chosen, slot: { ...slot, condition: { ...slot.condition, referral: true } } })).toBe("ABCD-EFGH-JKLM");
  });

  test("is read back from an envelope", () => {
    const id = (tail: string) => `01970000-0000-7000-8000-${tail}`;
    const named = (kind: string) => ({ id: `${kind}_${id("000000000009")}`, name: kind });
    const booking = { ...plaintextOf(typed, noAnswers, { ...chosen, service: { ...service, referral: true } }, practice, words), service: named("svc"), practitioner: named("prc"), location: named("loc") };
    expect(parseBooking(utf8(JSON.stringify(booking)), { tenant: booking.tenant, bookingId: booking.booking_id }).referral).toBe("ABCD-EFGH-JKLM");
  });
});

describe("of several persons", () => {
  const form = withPersons(filled({ relation: "parent", channel: "mail" }), 2);
  const second = form.more[0];
  if (second) Object.assign(second, { given: "Kim", day: "2", month: "9", year: "2018" });
  const words = { language: "de", relation: "Mutter" };

  test("each has an envelope about nobody else", () => {
    const kim = plaintextOf(form, noAnswers, { ...chosen, person: 1 }, practice, words);
    expect(kim.patient).toEqual({ family_name: "Beispiel", given_name: "Kim", birth_date: "2018-09-02" });
    expect(kim.booker).toEqual({ name: "Lena Beispiel", relation: "Mutter", contact: "lena@beispiel.example" });
  });

  test("the one who books for herself and others is her own contact", () => {
    const lena = plaintextOf(form, noAnswers, chosen, practice, words);
    expect(lena.patient).toMatchObject({ given_name: "Lena", email: "lena@beispiel.example" });
    expect(lena).not.toHaveProperty("booker");
  });
});
