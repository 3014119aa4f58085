/**
 * Taking rows over, some at a time: sealed here, one after the other, and known
 * again by a source that is keyed with a secret of the practice. A run that
 * breaks off is simply run again.
 */
import type { Practice } from "../../api/types.ts";
import { bareId, fromBase64, fromUtf8, random, toBase64, utf8 } from "../../seal/bytes.ts";
import { SealError } from "../../seal/error.ts";
import type { Booking } from "../../seal/plaintext.ts";
import { newBookingId, stamp } from "../desk/book.ts";
import type { RecordKeys } from "../unlock.ts";
import type { Outcome, Row, Underway } from "./client.ts";
import { type Candidate, type Mapping, noMapping } from "./read.ts";

/** How many rows are sealed and sent at once, and how many only looked at. */
export const together = 50;
export const atOnce = 500;

/** What a practice keeps of a takeover, under its book key. */
export interface Kept {
  v: 1;
  secret: string;
  mapping: Mapping;
}

export const begin = (): Kept => ({ v: 1, secret: toBase64(random(32)), mapping: noMapping });

/** keep seals it; of more words than fit, the last are forgotten. */
export async function keep(keys: Pick<RecordKeys, "sealRecord">, tenant: string, version: number, kept: Kept): Promise<{ version: number; epoch: number; ciphertext: string }> {
  for (let most = 400; ; most = Math.floor(most / 2)) {
    const short = (words: Record<string, string>) => Object.fromEntries(Object.entries(words).slice(0, most));
    const { columns, doctors, rooms, types, location } = kept.mapping;
    const json = utf8(JSON.stringify({ ...kept, mapping: { columns: short(columns) as Mapping["columns"], doctors: short(doctors), rooms: short(rooms), types: short(types), location } }));
    try {
      return await keys.sealRecord("takeover", bareId("ten", tenant), version, json);
    } catch (thrown) {
      if (!(thrown instanceof SealError && thrown.code === "plaintext_too_long") || most < 1) throw thrown;
    }
  }
}

/** recall opens what is kept. Throws a SealError. */
export async function recall(keys: Pick<RecordKeys, "openRecord">, tenant: string, { version, epoch = 0, ciphertext = "" }: Underway): Promise<Kept> {
  const kept = JSON.parse(fromUtf8(await keys.openRecord("takeover", bareId("ten", tenant), { version, epoch, ciphertext }))) as Kept;
  return { ...kept, mapping: { ...noMapping, ...kept.mapping } };
}

/** sources are what rows are known again by: HMAC-SHA-256 of their identities. */
export async function sources(secret: string, identities: readonly string[]): Promise<string[]> {
  const key = await crypto.subtle.importKey("raw", fromBase64(secret), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return Promise.all(identities.map(async (one) => toBase64(new Uint8Array(await crypto.subtle.sign("HMAC", key, utf8(one))))));
}

export interface Ready {
  candidate: Candidate;
  source: string;
  bookingId: string;
  overflow: boolean;
  test: boolean;
}

/** ready gives each row its source and a booking's id. Of two rows that are the same, the first is meant. */
export async function ready(candidates: readonly Candidate[], secret: string, now: number): Promise<Ready[]> {
  const all = await sources(secret, candidates.map(({ identity }) => identity));
  const seen = new Set<string>();
  return candidates.flatMap((candidate, n) => {
    const source = all[n]!;
    if (seen.has(source)) return [];
    seen.add(source);
    return [{ candidate, source, bookingId: newBookingId(now), overflow: false, test: false }];
  });
}

const wire = ({ candidate, source, bookingId, overflow, test }: Ready): Row => ({
  source, booking_id: bookingId, practitioner: candidate.practitioner, location: candidate.location,
  ...(candidate.resource ? { resources: [candidate.resource] } : {}),
  starts: stamp(candidate.starts), ends: stamp(candidate.ends), ...(overflow ? { overflow } : {}), ...(test ? { test } : {}),
});

/** plaintext is what a row's card says. */
export function plaintext({ candidate, bookingId }: Ready, practice: Practice, tenant: string): Booking {
  const { patient, service, note } = candidate;
  const named = (list: readonly { id: string; name: string }[], id: string) => ({ id, name: list.find((one) => one.id === id)?.name || "–" });
  return {
    v: 1, booking_id: bareId("bkg", bookingId), tenant: bareId("ten", tenant),
    service: { id: service!.id, name: service!.name },
    practitioner: named(practice.practitioners, candidate.practitioner), location: named(practice.locations, candidate.location),
    starts: stamp(candidate.starts), ends: stamp(candidate.ends),
    zone: practice.locations.find(({ id }) => id === candidate.location)?.zone ?? practice.zone,
    patient: {
      family_name: patient.family, given_name: patient.given, birth_date: patient.birth,
      ...(patient.insurance ? { insurance: patient.insurance } : {}), ...(patient.email ? { email: patient.email } : {}), ...(patient.phone ? { phone: patient.phone } : {}),
    },
    new_patient: false,
    ...(note ? { note } : {}),
    language: "de",
  };
}

export interface Way {
  send(rows: Row[], tries: boolean): Promise<{ rows: Outcome[] }>;
  seal(booking: Booking): Promise<{ epoch: number; ciphertext: string }>;
  /** Told how many are done, after each batch. */
  done(count: number): void;
}

/** look asks what would become of rows. A row of an earlier batch that stands in the way is found when they are taken over. */
export async function look(rows: readonly Ready[], way: Pick<Way, "send" | "done">): Promise<Map<string, Outcome>> {
  const found = new Map<string, Outcome>();
  for (let from = 0; from < rows.length; from += atOnce) {
    const some = rows.slice(from, from + atOnce);
    const { rows: outcomes } = await way.send(some.map(wire), true);
    outcomes.forEach((outcome, n) => found.set(some[n]!.source, { ...outcome, ...(outcome.rows ? { rows: outcome.rows.map((at) => some[at]!.candidate.row) } : {}) }));
    way.done(from + some.length);
  }
  return found;
}

/** carry seals and takes over; what arrived before it throws is told to `arrived`. */
export async function carry(rows: readonly Ready[], practice: Practice, tenant: string, way: Way, arrived: (source: string, outcome: Outcome) => void): Promise<void> {
  for (let from = 0; from < rows.length; from += together) {
    const some = rows.slice(from, from + together);
    const sealed = await Promise.all(some.map(async (one) => ({ ...wire(one), ...pick(await way.seal(plaintext(one, practice, tenant))) })));
    const { rows: outcomes } = await way.send(sealed, false);
    outcomes.forEach((outcome, n) => arrived(some[n]!.source, { ...outcome, ...(outcome.rows ? { rows: outcome.rows.map((at) => some[at]!.candidate.row) } : {}) }));
    way.done(from + some.length);
  }
}

const pick = ({ epoch, ciphertext }: { epoch: number; ciphertext: string }) => ({ epoch, ciphertext });
