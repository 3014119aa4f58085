/** What the office does by itself for requests that nobody answered in time. */
import type { Booking } from "../seal/plaintext.ts";
import { tellPatient } from "./server.ts";

/**
 * tellLapsed lets a patient know that the request has lapsed, by mail where there
 * is an address, else or should that fail by text message. Of several offices that
 * try, the server hears one.
 */
export async function tellLapsed(appointment: string, { patient: { email, phone }, language }: Pick<Booking, "patient" | "language">): Promise<void> {
  const address = email || phone;
  if (!address) return;
  await tellPatient(appointment, {
    channel: email ? "mail" : "sms", address, ...(email && phone ? { other: phone } : {}), language: language === "en" ? "en" : "de", once: true,
  });
}
