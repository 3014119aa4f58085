import { describe, expect, test } from "vitest";
import { fromBase64, toBase64, utf8 } from "./bytes.ts";
import { gcmKey } from "./gcm.ts";
import { openRecord, RECORD_MAX, RECORD_STEP, sealRecord } from "./record.ts";

const tenant = "0197a000-0000-7000-8000-000000000001";
const id = "0197a000-0000-7000-8000-000000000002";
const key = await gcmKey(new Uint8Array(32).fill(7));
const text = utf8(JSON.stringify({ family_name: "Schröder" }));

describe("a record", () => {
  test("opens as what was sealed", async () => {
    expect(await openRecord(key, tenant, "customer", id, 3, await sealRecord(key, tenant, "customer", id, 3, text))).toEqual(text);
  });

  test("opens as no other record, kind, version, tenant or key's", async () => {
    const sealed = await sealRecord(key, tenant, "customer", id, 3, text);
    const other = await gcmKey(new Uint8Array(32).fill(8));
    for (const open of [
      () => openRecord(key, tenant, "request", id, 3, sealed),
      () => openRecord(key, tenant, "customer", tenant, 3, sealed),
      () => openRecord(key, tenant, "customer", id, 2, sealed),
      () => openRecord(key, id, "customer", id, 3, sealed),
      () => openRecord(other, tenant, "customer", id, 3, sealed),
    ]) await expect(open()).rejects.toMatchObject({ code: "tampered" });
    const bytes = fromBase64(sealed);
    bytes[40]! ^= 1;
    await expect(openRecord(key, tenant, "customer", id, 3, toBase64(bytes))).rejects.toMatchObject({ code: "tampered" });
    await expect(openRecord(key, tenant, "customer", id, 3, toBase64(bytes.subarray(1)))).rejects.toMatchObject({ code: "malformed_ciphertext" });
  });

  test("shows its length in steps of a kilobyte, and has a greatest one", async () => {
    const size = async (n: number) => fromBase64(await sealRecord(key, tenant, "customer", id, 1, new Uint8Array(n).fill(65))).length - 28;
    expect(await Promise.all([0, 1, RECORD_STEP, RECORD_STEP + 1, RECORD_MAX].map(size))).toEqual([1024, 1024, 1024, 2048, RECORD_MAX]);
    await expect(size(RECORD_MAX + 1)).rejects.toMatchObject({ code: "plaintext_too_long" });
  });
});
