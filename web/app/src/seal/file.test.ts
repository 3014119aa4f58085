import { expect, test } from "vitest";
import { random } from "./bytes.ts";
import { FILE_MAX, FILE_STEP, openFile, sealFile } from "./file.ts";
import { gcmKey } from "./gcm.ts";

const tenant = "0190a000-0000-7000-8000-000000000001";
const id = "11111111-1111-4111-8111-111111111111";
const bytes = (size: number) => new Uint8Array(size).map((_, i) => (i * 7) % 251);

test.each([0, 1, FILE_STEP - 1, FILE_STEP, FILE_STEP + 1, 300_000])("a document of %i bytes comes back as it was, whatever it ends with", async (size) => {
  const book = await gcmKey(random(32));
  const content = bytes(size);
  if (size > 0) content[size - 1] = 0x20;
  const opened = await openFile(book, tenant, id, size, await sealFile(book, tenant, id, content));
  expect(opened).toEqual(content);
});

test("lengths show in steps alone, and the longest is taken and no longer one", async () => {
  const book = await gcmKey(random(32));
  const [a, b] = await Promise.all([sealFile(book, tenant, id, bytes(1)), sealFile(book, tenant, id, bytes(FILE_STEP))]);
  expect(a.length).toBe(b.length);
  await sealFile(book, tenant, id, new Uint8Array(FILE_MAX));
  await expect(sealFile(book, tenant, id, new Uint8Array(FILE_MAX + 1))).rejects.toMatchObject({ code: "plaintext_too_long" });
});

test("none passes for another one, for another practice's or for a shorter one", async () => {
  const book = await gcmKey(random(32));
  const sealed = await sealFile(book, tenant, id, bytes(40_000));
  const other = "22222222-2222-4222-8222-222222222222";
  await expect(openFile(book, tenant, other, 40_000, sealed)).rejects.toMatchObject({ code: "tampered" });
  await expect(openFile(book, other, id, 40_000, sealed)).rejects.toMatchObject({ code: "tampered" });
  await expect(openFile(await gcmKey(random(32)), tenant, id, 40_000, sealed)).rejects.toMatchObject({ code: "tampered" });
  await expect(openFile(book, tenant, id, 10, sealed)).rejects.toMatchObject({ code: "tampered" });
  await expect(openFile(book, tenant, id, 40_000, sealed.slice(4))).rejects.toMatchObject({ code: "malformed_ciphertext" });
});
