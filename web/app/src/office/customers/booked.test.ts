import { describe, expect, test } from "vitest";
import { fromBooking, linked, newsIn } from "./booked.ts";
import { aBooking } from "../example.ts";
import { write } from "./model.ts";
import { Known, termsOf } from "./search.ts";

const today = "2026-11-22";
const booking = aBooking();

describe("a booking", () => {
  test("becomes a record that can be stored and is recognised at the next booking", () => {
    const customer = fromBooking(booking, today);
    expect(() => write(customer)).not.toThrow();
    expect(new Known([{ id: "a", customer, terms: termsOf(customer) }]).of(booking.patient)).toMatchObject([{ match: "same" }]);
    expect(newsIn(booking, customer)).toEqual([]);
    expect(JSON.stringify(customer)).not.toContain(booking.note ?? "no note");
  });

  test("tells what the record does not have yet, not what it writes in another way", () => {
    const customer = { ...fromBooking(booking, today), phone: "+49 721 555019", email: "Alt@Example.org" };
    expect(newsIn({ ...booking, patient: { ...booking.patient, phone: "0721/555 019", email: "alt@example.org", insurance: undefined } }, customer)).toEqual([]);
    expect(newsIn({ ...booking, patient: { ...booking.patient, phone: "0151 1", email: "neu@example.org", insurance: undefined } }, customer)).toEqual([{ field: "phone", value: "0151 1" }, { field: "email", value: "neu@example.org" }]);
  });

  test("is put to a record once", () => {
    const customer = fromBooking(booking, today);
    expect(linked(customer, booking.booking_id, 3)).toBe(customer);
    expect(["b", "c", "d"].reduce((c, id) => linked(c, id, 3), customer).bookings).toEqual(["b", "c", "d"]);
  });
});
