import { describe, expect, test } from "vitest";
import { fromBase64, toBase64 } from "./bytes.ts";
import { checkDirectory, openDirectory, type SignedDirectory } from "./directory.ts";
import { codeOf, readVector, type Splice, splice } from "./testkit.ts";

/** The good directory with a splice; a signature of its own where that is not the good one's. */
interface Case {
  name: string;
  document?: Splice;
  signature?: string;
  tenant: string;
  now: string;
  pin?: string;
  error?: string;
}

interface Vectors {
  tenant: string;
  now: string;
  fingerprint: string;
  shown: string;
  target_kid: string;
  directory: SignedDirectory;
  accepted: Case[];
  hostile: Case[];
}

const v = readVector<Vectors>("directory.json");

async function check(c: Case): Promise<void> {
  const document = toBase64(splice(fromBase64(v.directory.document), c.document));
  const directory = { document, signature: c.signature ?? v.directory.signature };
  checkDirectory(await openDirectory(directory), { tenant: c.tenant, now: new Date(c.now), pin: c.pin });
}

test("reads the other side's directory", async () => {
  const d = await openDirectory(v.directory);
  expect(d.fingerprint).toBe(v.fingerprint);
  expect(d.shownFingerprint).toBe(v.shown);
  expect(d.dataKeys.map((key) => key.epoch)).toEqual([1, 3]);
  expect(d.bookKeys.map((key) => key.epoch)).toEqual([1, 4]);
  expect(checkDirectory(d, { tenant: v.tenant, now: new Date(v.now) }).kid).toBe(v.target_kid);
});

test.each(v.accepted.map((c) => [c.name, c] as const))("accepts: %s", async (_, c) => {
  expect(await codeOf(() => check(c))).toBe("");
});

test.each(v.hostile.map((c) => [c.name, c] as const))("refuses: %s", async (_, c) => {
  expect(await codeOf(() => check(c))).toBe(c.error);
});

describe("what a server may send instead", () => {
  test.each<[string, unknown, string]>([
    ["nothing", {}, "directory_malformed"],
    ["numbers", { document: 1, signature: 2 }, "directory_malformed"],
    ["no signature", { document: v.directory.document }, "directory_unsigned"],
    ["padding", { ...v.directory, signature: `${v.directory.signature}==` }, "directory_unsigned"],
  ])("%s", async (_, served, code) => {
    expect(await codeOf(() => openDirectory(served as SignedDirectory))).toBe(code);
  });

  test("a clock that is broken refuses", async () => {
    const d = await openDirectory(v.directory);
    const now = new Date(Number.NaN);
    expect(await codeOf(() => checkDirectory(d, { tenant: v.tenant, now }))).toBe("directory_expired");
  });
});
