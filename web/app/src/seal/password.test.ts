import { expect, test } from "vitest";
import { fromBase64, random, toBase64 } from "./bytes.ts";
import { KDF, splitPassword } from "./password.ts";
import { codeOf, readVector } from "./testkit.ts";

const vectors = readVector<{ password: string; salt: string; sign_in: string; unlock: string }[]>("password.json");

test.each(vectors)("splits %j as the other side does", { timeout: 30_000 }, async (v) => {
  const secrets = await splitPassword(v.password, KDF, fromBase64(v.salt));
  expect(toBase64(secrets.signIn)).toBe(v.sign_in);
  expect(toBase64(secrets.unlock)).toBe(v.unlock);
});

test.each([
  ["less memory", "argon2id-1024-2-1", 16],
  ["fewer passes", "argon2id-19456-1-1", 16],
  ["more memory", "argon2id-65536-3-4", 16],
  ["another function", "pbkdf2-600000", 16],
  ["upper case", KDF.toUpperCase(), 16],
  ["nothing", "", 16],
  ["no salt", KDF, 0],
  ["a short salt", KDF, 15],
  ["a long salt", KDF, 17],
])("refuses a server that asks for %s", async (_, kdf, size) => {
  expect(await codeOf(() => splitPassword("password", kdf, random(size)))).toBe("kdf_refused");
});
