import { expect, test } from "vitest";
import { newSecret, openCopy, sealCopy } from "./copy.ts";
import { type Booking, parseBooking, writeBooking } from "./plaintext.ts";
import { readVector } from "./testkit.ts";
import { newRoom, ROOM, videoHost, videoLink } from "./video.ts";

const given = JSON.parse(readVector<{ cases: { plaintext: string }[] }>("envelope.json").cases[0]!.plaintext) as Booking;
const booking = (change: Partial<Booking>): Booking => ({ ...given, ...change });
const address = "https://video.example/r/{room}?lang=de";

test("a room is 128 random bits that fit into an address as they are", () => {
  const rooms = Array.from({ length: 500 }, newRoom);
  for (const room of rooms) expect(room).toMatch(ROOM);
  expect(new Set(rooms).size).toBe(500);
  // Each place takes each letter that it can; the last one holds three bits.
  for (let at = 0; at < 26; at++) expect(new Set(rooms.map((room) => room[at])).size, `place ${at}`).toBe(at === 25 ? 8 : 32);
});

test("who opens the copy and who opens the booking have the same link", async () => {
  const room = newRoom();
  const sealed = booking({ video: room });
  const secret = newSecret();
  const copy = { v: 1, practice: "", service: "", practitioner: "", location: "", instructions: "", video: room } as const;
  const patient = await openCopy(secret, sealed.tenant, sealed.booking_id, await sealCopy(secret, sealed.tenant, sealed.booking_id, copy));
  const office = parseBooking(writeBooking(sealed), { tenant: sealed.tenant, bookingId: sealed.booking_id });
  const link = videoLink(address, patient.video ?? "");
  expect(link).toBe(`https://video.example/r/${room}?lang=de`);
  expect(videoLink(address, office.video ?? "")).toBe(link);
  expect(videoHost(link ?? "")).toBe("video.example");
});

test("an address without a place for the room is everybody's", () => {
  expect(videoLink("https://video.example/praxis", newRoom())).toBe("https://video.example/praxis");
});

test.each(["http://video.example/{room}", "javascript:alert(1)//{room}", "https://{room}.evil.example/", "https://video.example@evil.example/{room}", "https://video.example\\@evil.example/{room}", "https://", "https:///evil.example", "", "//video.example/{room}"])("%s leads nowhere", (bad) => {
  expect(videoLink(bad, newRoom())).toBeUndefined();
});

test.each(["", "..", "a/../../b", "x".repeat(26).toUpperCase(), `${"a".repeat(26)}&x=1`])("the room %j is none of ours", (room) => {
  expect(videoLink(address, room)).toBeUndefined();
  expect(() => writeBooking(booking({ video: room }))).toThrow("malformed_booking");
});
