/** People and a server for tests. The server does what the real one promises: versions, a counter, tombstones. */
import { gcmKey, gcmOpen, gcmSeal } from "../../seal/gcm.ts";
import { openFile, sealFile } from "../../seal/file.ts";
import { openRecord, sealRecord } from "../../seal/record.ts";
import { SealError } from "../../seal/error.ts";
import type { RecordKeys } from "../unlock.ts";
import type { Body, Page } from "./client.ts";
import { type Customer, empty } from "./model.ts";

export const tenant = "0197a000-0000-7000-8000-00000000beef";

export const person = (change: Partial<Customer> = {}): Customer => ({ ...empty(), family_name: "Müller", given_name: "Jörg", birth_date: "1984-06-30", ...change });

export async function keys(epochs = 1): Promise<RecordKeys & { wipe(): void }> {
  const books = new Map<number, CryptoKey>();
  for (let n = 1; n <= epochs; n++) books.set(n, await gcmKey(new Uint8Array(32).fill(n)));
  return {
    openRecord: async (kind, id, { version, epoch, ciphertext }) => {
      const book = books.get(epoch);
      if (!book) throw new SealError("unknown_key");
      return openRecord(book, tenant, kind, id, version, ciphertext);
    },
    sealRecord: async (kind, id, version, json) => ({ version, epoch: epochs, ciphertext: await sealRecord(books.get(epochs)!, tenant, kind, id, version, json) }),
    sealFile: async (id, content) => ({ epoch: epochs, ciphertext: await sealFile(books.get(epochs)!, tenant, id, content) }),
    openFile: async (id, size, { epoch, ciphertext }) => {
      const book = books.get(epoch);
      if (!book) throw new SealError("unknown_key");
      return openFile(book, tenant, id, size, ciphertext);
    },
    openSealed: () => Promise.reject(new SealError("unknown_key")),
    sealAside: async (json) => ({ epoch: epochs, bytes: await gcmSeal(books.get(epochs)!, json, tenant) }),
    openAside: async ({ epoch, bytes }) => {
      const book = books.get(epoch);
      if (!book) throw new SealError("unknown_key");
      return gcmOpen(book, bytes, tenant);
    },
    epoch: () => epochs,
    wipe: () => books.clear(),
  };
}

export class Server {
  readonly rows = new Map<string, Body & { changed: number }>();
  counter = 0;
  asked: number[] = [];
  /** Answers that get lost behind what they did. */
  lost = 0;

  fetch = (after: number): Promise<Page> => {
    this.asked.push(after);
    const limit = 3;
    const all = [...this.rows.values()].filter(({ changed }) => changed > after).sort((a, b) => a.changed - b.changed);
    const part = all.slice(0, limit);
    return Promise.resolve({
      cursor: part.at(-1)?.changed ?? after,
      total: [...this.rows.values()].filter(({ ciphertext }) => ciphertext !== undefined).length,
      more: all.length > limit,
      customers: part.map(({ changed: _, ...body }) => body),
    });
  };

  store = (bodies: readonly Body[]): Promise<{ current: Body[] }> => {
    const current: Body[] = [];
    for (const body of bodies) {
      const row = this.rows.get(body.id);
      if (row ? row.ciphertext !== undefined && row.version === body.version - 1 : body.version === 1) this.rows.set(body.id, { ...body, changed: ++this.counter });
      else current.push(row ? { id: row.id, version: row.version, epoch: row.epoch, ...(row.ciphertext === undefined ? {} : { ciphertext: row.ciphertext }) } : { id: body.id, version: 0, epoch: 0 });
    }
    if (this.lost > 0) {
      this.lost--;
      return Promise.reject(new TypeError("the answer got lost"));
    }
    return Promise.resolve({ current });
  };
}
