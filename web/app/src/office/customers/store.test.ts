import { describe, expect, test } from "vitest";
import { get } from "svelte/store";
import { newId, nameOf } from "./model.ts";
import { Customers } from "./store.ts";
import { keys, person, Server, tenant } from "./testkit.ts";

const desk = async (server: Server, epochs = 1) => {
  const made = new Customers({ tenant, fetch: server.fetch, store: server.store, signedOut: () => {} });
  await made.unlock(await keys(epochs));
  return made;
};
const listed = (store: Customers) => store.all.map(({ customer }) => nameOf(customer));

describe("two desks", () => {
  test("hear of each other's changes and deletions by asking for what is new", async () => {
    const server = new Server();
    const [a, b] = [await desk(server), await desk(server)];
    const ids = Array.from({ length: 7 }, newId);
    for (const [n, id] of ids.entries()) await a.put(id, 0, person({ family_name: `N${n}` }));
    await b.refresh();
    expect(listed(b)).toEqual(listed(a));
    await a.put(ids[0]!, 1, person({ family_name: "Anders" }));
    await a.remove(ids[1]!, 1);
    server.asked = [];
    await b.refresh();
    expect(server.asked).toEqual([7]);
    expect(listed(b)).toEqual(["Anders, Jörg", "N2, Jörg", "N3, Jörg", "N4, Jörg", "N5, Jörg", "N6, Jörg"]);
    expect(get(b.view)).toMatchObject({ state: "ready", failed: 0, trouble: null });
  });

  test("overwrite nothing: the second is given what the first has stored", async () => {
    const server = new Server();
    const [a, b] = [await desk(server), await desk(server)];
    const id = newId();
    await a.put(id, 0, person());
    await b.refresh();
    await a.put(id, 1, person({ phone: "0721 1" }));
    const got = await b.put(id, 1, person({ phone: "0721 2" }));
    expect("conflict" in got && got.conflict?.version).toBe(2);
    expect("conflict" in got && got.conflict?.customer.phone).toBe("0721 1");
    expect(b.get(id)?.customer.phone).toBe("0721 1");
    expect(await b.put(id, 2, person({ phone: "0721 2" }))).toMatchObject({ saved: { version: 3 } });
  });

  test("who writes or deletes what another has deleted is told so", async () => {
    const server = new Server();
    const [a, b] = [await desk(server), await desk(server)];
    const id = newId();
    await a.put(id, 0, person());
    await b.refresh();
    await a.remove(id, 1);
    expect(await b.put(id, 1, person({ phone: "1" }))).toEqual({ conflict: null });
    expect(b.get(id)).toBeUndefined();
    expect(await b.remove(id, 1)).toEqual({});
  });

  test("who deletes what another has changed keeps it, and sees it", async () => {
    const server = new Server();
    const [a, b] = [await desk(server), await desk(server)];
    const id = newId();
    await a.put(id, 0, person());
    await b.refresh();
    await a.put(id, 1, person({ phone: "1" }));
    expect((await b.remove(id, 1)).conflict?.customer.phone).toBe("1");
    await a.refresh();
    expect(a.get(id)?.customer.phone).toBe("1");
  });

  test("the practice's own fields are one list for all", async () => {
    const server = new Server();
    const [a, b] = [await desk(server), await desk(server)];
    expect(await a.putFields([{ id: "f1", name: "Kundennummer" }])).toBe(true);
    expect(await b.putFields([{ id: "f2", name: "Verein" }])).toBe(false);
    expect(b.fields).toEqual([{ id: "f1", name: "Kundennummer" }]);
    expect(await b.putFields([...b.fields, { id: "f2", name: "Verein" }])).toBe(true);
    await a.refresh();
    expect(a.fields.map(({ name }) => name)).toEqual(["Kundennummer", "Verein"]);
    expect(a.all).toEqual([]);
  });
});

test("an answer that got lost behind its write is no conflict", async () => {
  const server = new Server();
  const a = await desk(server);
  const id = newId();
  server.lost = 1;
  await expect(a.put(id, 0, person())).rejects.toThrow();
  expect(await a.put(id, 0, person())).toMatchObject({ saved: { version: 1 } });
  const held = a.get(id)!;
  server.lost = 1;
  await expect(a.remove(id, held.version)).rejects.toThrow();
  expect(await a.remove(id, held.version)).toEqual({});
});

test("locking drops what was opened; unlocking opens it again and fetches only what is new", async () => {
  const server = new Server();
  const a = await desk(server);
  for (let n = 0; n < 5; n++) await a.put(newId(), 0, person({ family_name: `N${n}` }));
  await a.refresh();
  a.lock();
  expect([a.all, a.find("N1"), a.who(person()), get(a.view).state]).toEqual([[], [], [], "sealed"]);
  await expect(a.put(newId(), 0, person())).rejects.toMatchObject({ code: "unknown_key" });
  server.asked = [];
  await a.unlock(await keys());
  expect(a.all.length).toBe(5);
  expect(server.asked).toEqual([5]);
});

test("records under an older key are sealed anew under the newest, once", async () => {
  const server = new Server();
  const old = await desk(server);
  for (let n = 0; n < 4; n++) await old.put(newId(), 0, person({ family_name: `N${n}` }));
  const fresh = await desk(server, 2);
  expect([...server.rows.values()].map(({ epoch, version }) => [epoch, version])).toEqual([[2, 2], [2, 2], [2, 2], [2, 2]]);
  expect(fresh.all.length).toBe(4);
  const { counter } = server;
  await desk(server, 2);
  expect(server.counter).toBe(counter);
});

test("what does not open is counted, hidden and left alone", async () => {
  const server = new Server();
  const a = await desk(server);
  const [good, bad] = [newId(), newId()];
  await a.put(good, 0, person());
  await a.put(bad, 0, person({ family_name: "Zweite" }));
  const [one, two] = [server.rows.get(`cus_${good}`)!, server.rows.get(`cus_${bad}`)!];
  server.rows.set(two.id, { ...two, ciphertext: one.ciphertext! }); // one record's text in another's place
  const b = await desk(server);
  expect(listed(b)).toEqual(["Müller, Jörg"]);
  expect(get(b.view).failed).toBe(1);
});

describe("opening again after a lock", () => {
  /** Keys that count what is opened. */
  const counted = async () => {
    const inner = await keys();
    const opened: string[] = [];
    return { opened, keys: { ...inner, openRecord: (...[kind, id, record]: Parameters<typeof inner.openRecord>) => (opened.push(id), inner.openRecord(kind, id, record)) } };
  };

  test("takes what was laid aside, and opens one by one only what is new since", async () => {
    const server = new Server();
    const other = await desk(server);
    const ids = Array.from({ length: 7 }, newId);
    for (const [n, id] of ids.entries()) await other.put(id, 0, person({ family_name: `N${n}` }));
    const first = await counted();
    const store = new Customers({ tenant, fetch: server.fetch, store: server.store, signedOut: () => {} });
    await store.unlock(first.keys);
    expect(first.opened.sort()).toEqual([...ids].sort());
    const before = listed(store);

    store.lock();
    expect(store.all).toEqual([]);
    expect(store.get(ids[0]!)).toBeUndefined();
    await other.put(ids[0]!, 1, person({ family_name: "Anders" }));
    await other.remove(ids[1]!, 1);
    const again = await counted();
    await store.unlock(again.keys);
    expect(again.opened).toEqual([ids[0]]);
    expect(listed(store)).toEqual(["Anders, Jörg", ...before.filter((name) => !/^N[01],/.test(name))]);
    expect(store.find("n3").map(({ id }) => id)).toEqual([ids[3]]);
    expect(store.who({ family_name: "N4", given_name: "Jörg", birth_date: "1984-06-30" }).map(({ one }) => one.id)).toEqual([ids[4]]);
    expect(get(store.view)).toMatchObject({ state: "ready", failed: 0 });
  });

  test("what is laid aside is ciphertext, and where it does not open everything is opened one by one", async () => {
    const server = new Server();
    const ids = Array.from({ length: 4 }, newId);
    const other = await desk(server);
    for (const [n, id] of ids.entries()) await other.put(id, 0, person({ family_name: `Canary${n}` }));
    const laid: Uint8Array[] = [];
    const inner = await keys();
    const store = new Customers({ tenant, fetch: server.fetch, store: server.store, signedOut: () => {} });
    await store.unlock({ ...inner, sealAside: async (json) => {
      expect(new TextDecoder().decode(json)).toContain("Canary2");
      const aside = await inner.sealAside(json);
      laid.push(aside.bytes);
      return aside;
    } });
    expect(laid).toHaveLength(1);
    for (const bytes of laid) expect(new TextDecoder("latin1").decode(bytes)).not.toContain("Canary");
    store.lock();
    laid[0]![40]! ^= 1;
    const again = await counted();
    await store.unlock(again.keys);
    expect(again.opened.sort()).toEqual([...ids].sort());
    expect(listed(store)).toEqual(ids.map((_, n) => `Canary${n}, Jörg`));
  });

  test("a lock while it is laid aside leaves no half of it", async () => {
    const server = new Server();
    const other = await desk(server);
    const id = newId();
    await other.put(id, 0, person());
    const inner = await keys();
    const store = new Customers({ tenant, fetch: server.fetch, store: server.store, signedOut: () => {} });
    await store.unlock({ ...inner, sealAside: (json) => (store.lock(), inner.sealAside(json)) });
    expect(store.all).toEqual([]);
    const again = await counted();
    await store.unlock(again.keys);
    expect(again.opened).toEqual([id]);
    expect(listed(store)).toEqual(["Müller, Jörg"]);
  });
});
