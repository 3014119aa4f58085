import { expect, test, vi } from "vitest";
import { probe } from "./probe.ts";
import { toBase64, utf8 } from "../seal/bytes.ts";
import { SealError } from "../seal/error.ts";
import type { EnvelopeJSON } from "../api/types.ts";

const id = "01890000-0000-7000-8000-000000000001";
const envelope: EnvelopeJSON = { v: 1, suite: 2, tenant: id, kid: "k", envelope_id: id, enc: "", ct: "" };
const word = toBase64(new Uint8Array(32).fill(7));
const due = "2026-11-24T17:00:00Z";

/** A server with a probe, and keys that open it as `text`. */
const set = (text: string | SealError, late = false) => {
  const answer = vi.fn(async () => undefined);
  const get = async () => ({ envelope, due, late });
  const openSealed = async (_: unknown, bound: string) => {
    expect(bound).toBe(id);
    if (text instanceof SealError) throw text;
    return utf8(text);
  };
  return { http: { get, answer }, keys: { openSealed }, answer };
};

test("a word is opened and sent back", async () => {
  const { http, keys, answer } = set(JSON.stringify({ probe: word }), true);
  expect(await probe(http, keys)).toEqual({ state: "fine" });
  expect(answer).toHaveBeenCalledExactlyOnceWith(`env_${id}`, word);
});

test("what is not exactly a word never leaves the office", async () => {
  const line = JSON.stringify({ v: 1, text: "Bitte rufen Sie mich an" });
  for (const text of [line, `{"probe":"${word}","text":"x"}`, `{"probe":"${word}","probe":"${word}"}`, `{"probe":"${toBase64(utf8("Bitte rufen Sie mich an"))}"}`, `"${word}"`, "{}", "no JSON"]) {
    const { http, keys, answer } = set(text);
    expect(await probe(http, keys), text).toEqual({ state: "failed", reason: "malformed_envelope" });
    expect(answer).not.toHaveBeenCalled();
  }
});

test("keys that do not open it are said to fail, in time or not", async () => {
  for (const late of [false, true]) {
    const { http, keys, answer } = set(new SealError("tampered"), late);
    expect(await probe(http, keys)).toEqual({ state: "failed", reason: "tampered" });
    expect(answer).not.toHaveBeenCalled();
  }
});

test("without keys an office only says that it is late", async () => {
  expect(await probe(set("{}").http, null)).toEqual({ state: "fine" });
  expect(await probe(set("{}", true).http, null)).toEqual({ state: "late", due });
  expect(await probe({ get: async () => ({ envelope: null, due: null, late: false }), answer: async () => undefined }, null)).toEqual({ state: "fine" });
});
