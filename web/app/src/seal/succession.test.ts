import { beforeAll, describe, expect, test } from "vitest";
import { type Bytes, fromBase64, kidOf, random } from "./bytes.ts";
import { checkDirectory, openDirectory, type SignedDirectory } from "./directory.ts";
import { makeKeyring, type NewKeyring, type ServedKeyring, unlockKeyring } from "./keyring.ts";
import { type Bare, nextKeyring, openBare } from "./keyring-next.ts";
import { makeMemberKey, unwrapMemberKey, vouchFor, wrapMemberKey } from "./member.ts";
import { KDF, type Secrets, splitPassword } from "./password.ts";
import { newRecoveryCode, onPaper, recoverySigner } from "./recovery.ts";
import { ACCOUNT, codeOf, readVector, TENANT_A, writeVector } from "./testkit.ts";

interface Vectors {
  tenant: string;
  now: string;
  recovery_code: string;
  directory: SignedDirectory;
  fingerprints: string[];
  account: string;
  member_key: string;
  vouch: string;
  hostile?: { name: string; directory: SignedDirectory; pin?: string; error: string }[];
}

const NOW = new Date("2026-11-22T08:00:00Z");
const LEAVER = "0197f000-0000-7000-8000-0000000000ad";
const holder = { tenant: TENANT_A, account: ACCOUNT };
const zeros = new Uint8Array(32);

let secrets: Secrets;
let stored: NewKeyring;
let recoveryCode: string;
let leaver: { publicKey: string; wrapped: string; unlock: Bytes };
/** With two owners, and then with the one who stays. */
let both: ServedKeyring;
let after: Awaited<ReturnType<typeof nextKeyring>>;
let bareBoth: Bare;

beforeAll(async () => {
  const salt = random(16);
  secrets = await splitPassword("sechs gute worte zum testen hier", KDF, salt);
  ({ stored, recoveryCode } = await makeKeyring({ ...holder, salt, secrets, now: NOW }));
  const unlock = random(32);
  leaver = { ...(await makeMemberKey(LEAVER, unlock)), unlock };
  const publicKey = fromBase64(leaver.publicKey);
  const bare = await openBare(stored, holder, { unlock: secrets.unlock });
  const joined = await nextKeyring(bare, { now: NOW, members: [...bare.directory.members, { account: LEAVER, role: "owner", kid: await kidOf(publicKey), publicKey }] });
  both = { ...stored, directory: joined.directory, keys: [...stored.keys, ...joined.keys] };
  bareBoth = await openBare(both, holder, { unlock: secrets.unlock });
  after = await nextKeyring(bareBoth, { now: NOW, members: bare.directory.members, rotate: true, succeed: { code: recoveryCode } });
  if (process.env["UPDATE_VECTORS"] === "1") {
    const seed = await unwrapMemberKey(secrets.unlock, ACCOUNT, stored.member_key.wrapped);
    writeVector("succession-browser.json", {
      tenant: TENANT_A,
      now: NOW.toISOString(),
      recovery_code: recoveryCode,
      directory: after.directory,
      fingerprints: [after.opened.fingerprint, ...after.opened.former],
      account: ACCOUNT,
      member_key: await wrapMemberKey(zeros, ACCOUNT, seed),
      vouch: stored.vouch,
    } satisfies Vectors);
  }
});

describe.each(["succession.json", "succession-browser.json"])("%s", (name) => {
  const v = readVector<Vectors>(name);
  const check = async (directory: SignedDirectory, pin?: string) =>
    checkDirectory(await openDirectory(directory), { tenant: v.tenant, now: new Date(v.now), pin });

  test("an older pin, and one that names the next too, find the way", async () => {
    const d = await openDirectory(v.directory);
    expect([d.fingerprint, ...d.former]).toEqual(v.fingerprints);
    for (const pin of [...v.fingerprints, `next.${v.fingerprints[1]}`]) await check(v.directory, pin);
  });

  test("only the practice's code opens the signer", async () => {
    const { recovery } = await openDirectory(v.directory);
    await recoverySigner(v.recovery_code, v.tenant, recovery);
    expect(await codeOf(async () => recoverySigner(await newRecoveryCode(), v.tenant, recovery))).toBe("tampered");
  });

  test("who vouched for the first identity goes along, and vouches anew", async () => {
    const served: ServedKeyring = { directory: v.directory, member_key: { wrapped: v.member_key, method: "password" }, vouch: v.vouch, keys: [] };
    const unlock = (vouch: string) => unlockKeyring({ ...served, vouch }, { tenant: v.tenant, account: v.account }, { unlock: zeros });
    const { vouch } = await unlock(v.vouch);
    expect(vouch).toBeDefined();
    expect((await unlock(vouch!)).vouch).toBeUndefined();
    const stranger = await vouchFor(zeros, v.member_key, { tenant: v.tenant, account: v.account }, "A".repeat(43));
    expect(await codeOf(() => unlock(stranger))).toBe("directory_pin");
  });

  test.each((v.hostile ?? []).map((one) => [one.name, one] as const))("refused: %s", async (_, one) => {
    expect(await codeOf(() => check(one.directory, one.pin))).toBe(one.error);
  });
});

describe("an owner's leaving", () => {
  test("gives who stays a new identity and its wraps, and recovery too", async () => {
    expect(after.opened.fingerprint).not.toBe(bareBoth.directory.fingerprint);
    expect(after.opened.former).toEqual([bareBoth.directory.fingerprint]);
    const served = { ...both, directory: after.directory, keys: [...both.keys.filter(({ kind }) => kind !== "identity"), ...after.keys] };
    const keyring = await unlockKeyring(served, holder, { unlock: secrets.unlock });
    expect([keyring.identity !== undefined, keyring.data.size, keyring.books.size]).toEqual([true, 2, 2]);
    expect((await unlockKeyring({ ...served, vouch: "" }, { ...holder, pin: after.opened.fingerprint }, { recoveryCode })).identity).toBeDefined();
    const { kid } = (await openDirectory(both.directory)).members.find(({ account }) => account === LEAVER)!;
    expect(after.keys.some((wrap) => wrap.holder === kid)).toBe(false);
  });

  test("the next directory keeps the lineage", async () => {
    const served = { ...both, directory: after.directory, vouch: both.vouch, keys: [...both.keys.filter(({ kind }) => kind !== "identity"), ...after.keys] };
    const again = await nextKeyring(await openBare(served, holder, { unlock: secrets.unlock }), { now: NOW, rotate: true });
    expect(again.opened.lineage).toEqual(after.opened.lineage);
  });

  test("needs the code that is on paper", async () => {
    const other = await newRecoveryCode();
    expect(await codeOf(() => nextKeyring(bareBoth, { now: NOW, succeed: { code: other } }))).toBe("tampered");
    expect(await codeOf(() => nextKeyring(bareBoth, { now: NOW, succeed: { code: `X${recoveryCode.slice(1)}` } }))).toBe("recovery_code_mistyped");
    const { signer: _, ...unsigned } = bareBoth.directory.recovery;
    const older: Bare = { ...bareBoth, directory: { ...bareBoth.directory, recovery: unsigned } };
    expect(await codeOf(() => nextKeyring(older, { now: NOW, succeed: { code: recoveryCode } }))).toBe("unknown_key");
  });

  test("who left and kept the old identity cannot name the next one alone", async () => {
    const code = await newRecoveryCode();
    const forged: Bare = { ...bareBoth, directory: { ...bareBoth.directory, recovery: await onPaper(code, TENANT_A) } };
    const next = await nextKeyring(forged, { now: NOW, succeed: { code } });
    // It holds for itself; that its signer is not the practice's is what who has seen the practice sees.
    expect(next.opened.lineage[0]!.signer).not.toEqual(bareBoth.directory.recovery.signer!.publicKey);
  });
});
