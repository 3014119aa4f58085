// The vectors that this side shares with platform/seal. from-browser.json is
// written here: UPDATE_VECTORS=1 npx vitest run src/seal

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Bytes, concat, fromBase64 } from "./bytes.ts";
import { SealError, type SealErrorCode } from "./error.ts";

function path(name: string): string {
  return fileURLToPath(new URL(`../../../../platform/seal/testdata/vectors/${name}`, import.meta.url));
}

export function readVector<T>(name: string): T {
  return JSON.parse(readFileSync(path(name), "utf8")) as T;
}

export function writeVector(name: string, value: unknown): void {
  writeFileSync(path(name), `${JSON.stringify(value, null, 2)}\n`);
}

/** How a vector says a text that differs little from a good one. */
export interface Splice {
  at: number;
  remove: number;
  insert: string;
}

export function splice(good: Bytes, by: Splice | undefined): Bytes {
  if (by === undefined) return good;
  return concat(good.subarray(0, by.at), fromBase64(by.insert), good.subarray(by.at + by.remove));
}

/** The code that the work fails with; "" where it succeeds. */
export async function codeOf(work: () => unknown): Promise<SealErrorCode | ""> {
  try {
    await work();
    return "";
  } catch (error) {
    if (error instanceof SealError) return error.code;
    throw error;
  }
}

export const TENANT_A = "0197f000-0000-7000-8000-00000000000a";
export const TENANT_B = "0197f000-0000-7000-8000-00000000000b";
export const ACCOUNT = "0197f000-0000-7000-8000-0000000000ac";
export const BOOKING_1 = "0197f000-0000-7000-8000-000000000b01";
export const BOOKING_2 = "0197f000-0000-7000-8000-000000000b02";
