import { get } from "svelte/store";
import { beforeAll, describe, expect, test } from "vitest";
import { Problem } from "../api/problem.ts";
import { sealCard as sealTheCard } from "../seal/card.ts";
import { checkDirectory, openDirectory } from "../seal/directory.ts";
import { sealBooking } from "../seal/envelope.ts";
import { type NewKeyring, makeKeyring } from "../seal/keyring.ts";
import type { Booking } from "../seal/plaintext.ts";
import { random } from "../seal/bytes.ts";
import { Bookings, type Entry } from "./bookings.ts";
import { aBooking, account, tenant, uuid } from "./example.ts";
import type { AppointmentBody, CardRequest } from "./server.ts";
import { openKeyring } from "./unlock.ts";

const now = Date.parse("2026-11-24T08:00:00Z");
const secret = random(32);
let stored: NewKeyring;
let envelopeOf: (booking: Booking, id?: string) => Promise<AppointmentBody["envelope"]>;

const noMemory = { recall: () => null, remember: () => undefined };
const secrets = () => ({ signIn: random(32), unlock: secret.slice() });
const open = () => openKeyring({ tenant: `ten_${tenant}`, account: `acc_${account}` }, stored, secrets(), noMemory);

beforeAll(async () => {
  ({ stored } = await makeKeyring({ tenant, account, salt: random(16), secrets: secrets(), now: new Date(now) }));
  const target = checkDirectory(await openDirectory(stored.directory), { tenant, now: new Date(now) });
  envelopeOf = (booking, id = booking.booking_id) => sealBooking(target, booking, id);
});

function body(booking: Booking, change: Partial<AppointmentBody> = {}): AppointmentBody {
  return {
    id: `apt_${booking.booking_id}`,
    booking_id: `bkg_${booking.booking_id}`,
    status: "booked",
    source: "online",
    practitioner: booking.practitioner.id,
    location: booking.location.id,
    starts: booking.starts,
    ends: booking.ends,
    received: "2026-11-23T08:00:00Z",
    envelope: null,
    card: null,
    ...change,
  };
}

/** A server of our own in memory: what the real one promises about cards and envelopes. */
function setup(start: AppointmentBody[]) {
  const server = { appointments: start, cards: [] as CardRequest[], fail: null as Problem | null, fetches: 0, arrived: [] as number[], signedOut: 0 };
  const bookings = new Bookings({
    zone: "Europe/Berlin",
    now: () => now,
    fetch: async (from, to) => {
      server.fetches++;
      if (server.fail?.reason === "unreachable") throw server.fail;
      return { appointments: structuredClone(server.appointments.filter(({ starts }) => Date.parse(starts) >= from && Date.parse(starts) < to)) };
    },
    putCard: async (card) => {
      if (server.fail) throw server.fail;
      const found = server.appointments.find(({ id }) => id === card.appointment);
      if (!found?.envelope) throw new Problem({ status: 409, reason: "card_exists" });
      found.envelope = null;
      found.card = { version: card.version, epoch: card.epoch, ciphertext: card.ciphertext };
      server.cards.push(card);
    },
    arrived: (count) => server.arrived.push(count),
    signedOut: () => server.signedOut++,
  });
  const entries = () => get(bookings.view).entries;
  const only = (): Entry => {
    expect(entries()).toHaveLength(1);
    return entries()[0]!;
  };
  return { bookings, server, entries, only, view: () => get(bookings.view) };
}

describe("opening", () => {
  test("while locked there are times and no names", async () => {
    const { bookings, only } = setup([body(aBooking(), { envelope: await envelopeOf(aBooking()) })]);
    await bookings.refresh();
    expect(only().reading).toEqual({ state: "sealed" });
    expect(only().waiting).toBe(true);
    expect(JSON.stringify(only())).not.toContain("Novák");
  });

  test("an envelope opens, becomes a card under the newest book key, and only then is gone", async () => {
    const { bookings, server, only } = setup([body(aBooking(), { envelope: await envelopeOf(aBooking()) })]);
    await bookings.unlock((await open()).keys);
    expect(only().reading).toMatchObject({ state: "open", booking: aBooking(), differences: [] });
    expect(server.cards).toMatchObject([{ appointment: `apt_${uuid(1100)}`, envelope: `env_${uuid(1100)}`, version: 1, epoch: 1 }]);
    expect(JSON.stringify(server.cards)).not.toContain("Novák");
    expect(only().waiting).toBe(false);

    // Another browser of the practice reads the card.
    const other = setup(server.appointments);
    await other.bookings.unlock((await open()).keys);
    expect(other.only().reading).toMatchObject({ state: "open", booking: aBooking() });
    expect(other.server.cards).toEqual([]);
  });

  test("an envelope whose card could not be stored stays open here and is stored later", async () => {
    const { bookings, server, only, view } = setup([body(aBooking(), { envelope: await envelopeOf(aBooking()) })]);
    const { keys } = await open();
    server.fail = new Problem({ status: 503, reason: "database_unavailable" });
    await bookings.unlock(keys);
    expect(only().reading.state).toBe("open");
    expect(view().unsaved).toBe(1);
    server.fail = null;
    await bookings.refresh();
    expect(view().unsaved).toBe(0);
    expect(server.cards).toHaveLength(1);
  });

  test("where somebody else was first, their card is read", async () => {
    const { keys } = await open();
    const { bookings, server, only } = setup([body(aBooking(), { envelope: await envelopeOf(aBooking()) })]);
    await bookings.refresh();
    const { card } = await cardOf(aBooking());
    const put = server.appointments[0]!;
    const envelope = put.envelope;
    // The other browser is quicker by exactly the time between our fetch and our card.
    const fetches = server.fetches;
    Object.defineProperty(put, "envelope", { configurable: true, enumerable: true, get: () => (server.fetches > fetches + 1 ? null : envelope) });
    Object.defineProperty(put, "card", { configurable: true, enumerable: true, get: () => (server.fetches > fetches + 1 ? card : null) });
    server.fail = new Problem({ status: 409, reason: "card_exists" });
    await bookings.unlock(keys);
    expect(only()).toMatchObject({ waiting: false, reading: { state: "open", booking: aBooking() } });
    expect(server.cards).toEqual([]);
  });

  test("a server that keeps saying card_exists is asked again once, not forever", async () => {
    const { bookings, server } = setup([body(aBooking(), { envelope: await envelopeOf(aBooking()) })]);
    server.fail = new Problem({ status: 409, reason: "card_exists" });
    await bookings.unlock((await open()).keys);
    expect(server.fetches).toBeLessThanOrEqual(3);
  });
});

async function cardOf(booking: Booking) {
  const { keys } = await open();
  return { card: await keys.sealCard(booking) };
}

describe("what does not belong", () => {
  test("an altered envelope reads as tampered, and stays on the server", async () => {
    const envelope = (await envelopeOf(aBooking()))!;
    const ct = (envelope.ct[0] === "A" ? "B" : "A") + envelope.ct.slice(1);
    const { bookings, server, only } = setup([body(aBooking(), { envelope: { ...envelope, ct } })]);
    await bookings.unlock((await open()).keys);
    expect(only().reading).toEqual({ state: "failed", why: "tampered" });
    expect(server.cards).toEqual([]);
    expect(server.appointments[0]!.envelope).not.toBeNull();
  });

  test("another booking's envelope and another booking's card read as tampered", async () => {
    const [mine, other] = [aBooking(1), aBooking(2)];
    const { card } = await cardOf(other);
    const { bookings, entries } = setup([
      body(mine, { envelope: await envelopeOf(other) }),
      body(aBooking(3), { card }),
    ]);
    await bookings.unlock((await open()).keys);
    expect(entries().map(({ reading }) => reading)).toEqual([
      { state: "failed", why: "tampered" },
      { state: "failed", why: "tampered" },
    ]);
  });

  test("an envelope for a key that nobody here has says so", async () => {
    const envelope = { ...(await envelopeOf(aBooking()))!, kid: "AAAAAAAAAAAAAAAAAAAAAA" };
    const { bookings, only } = setup([body(aBooking(), { envelope })]);
    await bookings.unlock((await open()).keys);
    expect(only().reading).toEqual({ state: "failed", why: "key_missing" });
  });

  test("a card of an epoch that nobody here has says so", async () => {
    const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt"]);
    const card = { version: 1, epoch: 9, ciphertext: await sealTheCard(key, 1, aBooking()) };
    const { bookings, only } = setup([body(aBooking(), { card })]);
    await bookings.unlock((await open()).keys);
    expect(only().reading).toEqual({ state: "failed", why: "key_missing" });
  });

  test("times that differ from the calendar are shown with a warning, and again when only the calendar moves", async () => {
    const { bookings, server, only } = setup([body(aBooking(), { envelope: await envelopeOf(aBooking()) })]);
    await bookings.unlock((await open()).keys);
    expect(only().reading).toMatchObject({ differences: [] });
    server.appointments[0]!.starts = "2026-11-24T10:05:00Z";
    await bookings.refresh();
    expect(only().reading).toMatchObject({ state: "open", differences: ["time"] });
  });

  test("one that fails does not keep the others from being read", async () => {
    const bad = { ...(await envelopeOf(aBooking(1)))!, enc: "" };
    const { bookings, entries } = setup([body(aBooking(1), { envelope: bad }), body(aBooking(2), { envelope: await envelopeOf(aBooking(2)) })]);
    await bookings.unlock((await open()).keys);
    expect(entries().map(({ reading }) => reading.state)).toEqual(["failed", "open"]);
  });
});

describe("locking", () => {
  test("drops everything that was opened and the keys", async () => {
    const { bookings, entries } = setup([body(aBooking(1), { envelope: await envelopeOf(aBooking(1)) })]);
    const { keys } = await open();
    await bookings.unlock(keys);
    expect(JSON.stringify(entries())).toContain("Novák");
    bookings.lock();
    expect(JSON.stringify(entries())).not.toContain("Novák");
    await expect(keys.sealCard(aBooking())).rejects.toThrow();
    await bookings.refresh();
    expect(JSON.stringify(entries())).not.toContain("Novák");
  });

  test("an opening that is under way when the office locks shows nothing afterwards and stores nothing", async () => {
    const { bookings, server, entries } = setup([body(aBooking(1), { envelope: await envelopeOf(aBooking(1)) })]);
    const { keys } = await open();
    let release = () => undefined as void;
    const held = new Promise<void>((resolve) => (release = resolve));
    const slow = { ...keys, openEnvelope: async (...of: Parameters<typeof keys.openEnvelope>) => {
      const opened = await keys.openEnvelope(...of);
      bookings.lock();
      await held;
      return opened;
    } };
    const running = bookings.unlock(slow);
    release();
    await running;
    expect(JSON.stringify(entries())).not.toContain("Novák");
    expect(server.cards).toEqual([]);
  });

  test("a session that ended ends the office", async () => {
    const { bookings, server } = setup([body(aBooking(), { envelope: await envelopeOf(aBooking()) })]);
    server.fail = new Problem({ status: 401, reason: "signed_out" });
    await bookings.unlock((await open()).keys);
    expect(server.signedOut).toBe(1);
  });
});

describe("what is new", () => {
  test("a booking that nobody opened yet is new until it is looked at, but is not announced at the start", async () => {
    const { bookings, server, view, only } = setup([body(aBooking(), { envelope: await envelopeOf(aBooking()) })]);
    await bookings.unlock((await open()).keys);
    expect([...view().fresh]).toEqual([only().id]);
    expect(server.arrived).toEqual([]);
    bookings.seen(only().id);
    expect(view().fresh.size).toBe(0);
    await bookings.refresh();
    expect(view().fresh.size).toBe(0);
  });

  test("one that comes later is announced, even where another browser opened it first", async () => {
    const { bookings, server, view } = setup([]);
    await bookings.refresh();
    server.appointments.push(body(aBooking(1), { card: (await cardOf(aBooking(1))).card }), body(aBooking(2), { envelope: await envelopeOf(aBooking(2)) }));
    await bookings.refresh();
    expect(server.arrived).toEqual([2]);
    expect(view().fresh.size).toBe(2);
  });

  test("looking at another day announces nothing", async () => {
    const old = aBooking(5, { starts: "2026-10-01T10:00:00Z", ends: "2026-10-01T10:15:00Z" });
    const { bookings, server, entries } = setup([body(old, { card: (await cardOf(old)).card })]);
    await bookings.refresh();
    expect(entries()).toEqual([]);
    await bookings.look("2026-10-01");
    expect(entries()).toHaveLength(1);
    expect(server.arrived).toEqual([]);
  });

  test("cancelled appointments leave the plan", async () => {
    const { bookings, server, entries } = setup([body(aBooking(), { card: (await cardOf(aBooking())).card })]);
    await bookings.unlock((await open()).keys);
    server.appointments[0]!.status = "cancelled";
    await bookings.refresh();
    expect(entries()).toEqual([]);
  });
});

test("when the server cannot be reached, what is known stays and says why it may be old", async () => {
  const { bookings, server, only, view } = setup([body(aBooking(), { card: (await cardOf(aBooking())).card })]);
  await bookings.unlock((await open()).keys);
  server.fail = new Problem({ status: 0, reason: "unreachable" });
  await bookings.refresh();
  expect(only().reading.state).toBe("open");
  expect(view().trouble).toBe("unreachable");
  server.fail = null;
  await bookings.refresh();
  expect(view().trouble).toBeNull();
});
