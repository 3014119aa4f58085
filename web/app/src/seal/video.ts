// The room of a visit by video. It is made where the booking is sealed, and goes
// into the envelope and into the patient's copy: both sides put it into the
// address of the practice's provider, and no server knows it.

import { random } from "./bytes.ts";

/** 128 random bits in the letters of base32 (RFC 4648), lower case. */
export const ROOM = /^[a-z2-7]{26}$/;
const letters = "abcdefghijklmnopqrstuvwxyz234567";
const place = "{room}";

/** ownRoom tells whether each visit has a room of its own at an address. */
export const ownRoom = (address: string): boolean => address.includes(place);

export function newRoom(): string {
  let [bits, held, room] = [0, 0, ""];
  for (const byte of random(16)) {
    bits = (bits << 8) | byte;
    for (held += 8; held >= 5; held -= 5) room += letters[(bits >> (held - 5)) & 31];
    bits &= (1 << held) - 1;
  }
  return room + letters[(bits << (5 - held)) & 31];
}

/**
 * videoLink is where a visit is: the provider's address with the room in its
 * place. Nothing for an address that is no page of https, or where the room
 * would be anywhere but behind the host: the address comes from a server.
 */
export function videoLink(address: string, room: string): string | undefined {
  if (!ROOM.test(room) || !address.startsWith("https://")) return undefined;
  const [host] = address.slice("https://".length).split(/[/?#]/);
  try {
    const url = new URL(address.replace(place, room));
    return host && url.protocol === "https:" && url.host === host && !url.username && !url.password ? url.href : undefined;
  } catch {
    return undefined;
  }
}

/** videoHost is whose page a link leads to, for people to see before they follow it. */
export const videoHost = (link: string): string => new URL(link).host;
