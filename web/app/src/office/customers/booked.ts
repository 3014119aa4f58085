/** What a booking tells of a person, for their record. */
import type { Booking } from "../../seal/plaintext.ts";
import { unknownBirth } from "../booking.ts";
import { type Customer, empty } from "./model.ts";
import { number } from "./search.ts";

/** fromBooking begins a record with a booking; notes of patients stay with their booking. */
export function fromBooking({ patient, booking_id, language }: Booking, today: string): Customer {
  return {
    ...empty(),
    family_name: patient.family_name,
    given_name: patient.given_name,
    birth_date: patient.birth_date === unknownBirth ? "" : patient.birth_date,
    gender: patient.gender ?? "",
    insurance: patient.insurance ?? "",
    phone: patient.phone ?? "",
    email: patient.email ?? "",
    language,
    bookings: [booking_id],
    source: "booking",
    made: today,
  };
}

export type News = { field: "phone" | "email" | "insurance" | "birth_date"; value: string };

/** newsIn lists what a booking says otherwise than the record. */
export function newsIn({ patient }: Booking, c: Customer): News[] {
  const news: News[] = [];
  if (patient.phone && ![c.phone, c.phone2].some((phone) => number(phone) === number(patient.phone!))) news.push({ field: "phone", value: patient.phone });
  if (patient.email && patient.email.toLowerCase() !== c.email.toLowerCase()) news.push({ field: "email", value: patient.email });
  if (patient.insurance && patient.insurance !== c.insurance) news.push({ field: "insurance", value: patient.insurance });
  if (patient.birth_date !== unknownBirth && c.birth_date === "") news.push({ field: "birth_date", value: patient.birth_date });
  return news;
}

/** linked puts a booking to a record; the latest stay where there are too many. */
export const linked = (c: Customer, booking: string, most: number): Customer => (c.bookings.includes(booking) ? c : { ...c, bookings: [...c.bookings, booking].slice(-most) });
