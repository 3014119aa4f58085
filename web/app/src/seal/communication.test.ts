import { describe, expect, test } from "vitest";
import { openCommunication, sealCommunication, type Communication } from "./communication.ts";
import type { SealTarget } from "./directory.ts";
import { generateKey } from "./hpke.ts";
import { codeOf, TENANT_A, TENANT_B } from "./testkit.ts";

const call: Communication = { kind: "call_back", name: "Erika Muster", phone: "07243 1234", time: "vormittags", topic: "", language: "de" };

describe("a word to the practice", async () => {
  const { key: pair } = await generateKey();
  const keys = new Map([[pair.kid, pair]]);
  const target = { ...pair, tenant: TENANT_A } as unknown as SealTarget;

  test("opens as it was sealed", async () => {
    expect(await openCommunication(keys, TENANT_A, await sealCommunication(target, call))).toEqual(call);
    const line: Communication = { kind: "line", text: "Ich komme zehn Minuten\nspäter", language: "de" };
    expect(await openCommunication(keys, TENANT_A, await sealCommunication(target, line))).toEqual(line);
  });

  test("is another's or another one's by no change of its id or tenant", async () => {
    const sealed = await sealCommunication(target, call);
    expect(await codeOf(() => openCommunication(keys, TENANT_B, sealed))).toBe("tampered");
    expect(await codeOf(() => openCommunication(keys, TENANT_A, { ...sealed, envelope_id: crypto.randomUUID() }))).toBe("tampered");
    expect(await codeOf(() => openCommunication(new Map(), TENANT_A, sealed))).toBe("unknown_key");
  });

  test.each([
    { ...call, name: "" },
    { ...call, phone: "javascript:alert(1)" },
    { ...call, name: "a\u202eb" },
    { ...call, topic: "x".repeat(5000) },
    { kind: "line", text: "", language: "de" },
    { kind: "other", text: "x", language: "de" },
  ])("refuses %j before it is sealed", async (word) => {
    expect(await codeOf(() => sealCommunication(target, word as Communication))).toBe("malformed_booking");
  });
});
