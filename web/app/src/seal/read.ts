// Reading JSON that others wrote: whatever is missing, unknown, repeated or of
// another type is refused, nothing is passed over.

import { type Bytes, fromBase64, fromUtf8, isUuid } from "./bytes.ts";
import { SealError, type SealErrorCode } from "./error.ts";

type Fields<K extends string> = Record<K, unknown>;

/** Reads values of one format; all that it refuses carries that format's code. */
export class Reader {
  private readonly code: SealErrorCode;

  constructor(code: SealErrorCode) {
    this.code = code;
  }

  refuse(cause?: unknown): never {
    throw new SealError(this.code, { cause });
  }

  /** One JSON value in UTF-8, without repeated keys or fractions. */
  json(bytes: Uint8Array): unknown {
    let text: string;
    let value: unknown;
    try {
      text = fromUtf8(bytes);
      value = JSON.parse(text);
    } catch (cause) {
      this.refuse(cause);
    }
    // JSON.parse keeps the last of two equal keys. In valid JSON a string with
    // a colon behind it is a key, so that counting finds what went missing.
    let written = 0;
    const rest = text.replace(/"(?:[^"\\]|\\.)*"\s*(:?)/g, (_, colon: string) => {
      if (colon !== "") written++;
      return "";
    });
    // 1.0 and 1e0 are another spelling of 1, and others refuse it.
    if (written !== countKeys(value) || /\d[.eE]/.test(rest)) this.refuse();
    return value;
  }

  object<K extends string, O extends string = never>(
    value: unknown,
    required: readonly K[],
    optional: readonly O[] = [],
  ): Fields<K> & Partial<Fields<O>> {
    if (typeof value !== "object" || value === null || Array.isArray(value)) this.refuse();
    const keys = Object.keys(value);
    const known: readonly string[] = [...required, ...optional];
    if (!keys.every((key) => known.includes(key)) || !required.every((key) => Object.hasOwn(value, key))) this.refuse();
    return value as Fields<K> & Partial<Fields<O>>;
  }

  list(value: unknown): unknown[] {
    return Array.isArray(value) ? value : this.refuse();
  }

  string(value: unknown): string {
    return typeof value === "string" ? value : this.refuse();
  }

  matching(value: unknown, form: RegExp): string {
    const text = this.string(value);
    return form.test(text) ? text : this.refuse();
  }

  oneOf<T extends string>(value: unknown, allowed: readonly T[]): T {
    return allowed.find((word) => word === value) ?? this.refuse();
  }

  boolean(value: unknown): boolean {
    return typeof value === "boolean" ? value : this.refuse();
  }

  positive(value: unknown): number {
    return typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : this.refuse();
  }

  uuid(value: unknown): string {
    const text = this.string(value);
    return isUuid(text) ? text : this.refuse();
  }

  /** Base64url; with a size, exactly that many bytes. */
  bytes(value: unknown, size?: number): Bytes {
    let bytes: Bytes;
    try {
      bytes = fromBase64(this.string(value));
    } catch (cause) {
      this.refuse(cause);
    }
    return size === undefined || bytes.length === size ? bytes : this.refuse();
  }

  /** A kid, as the text it is compared by. */
  kid(value: unknown): string {
    this.bytes(value, 16);
    return this.string(value);
  }

  /** RFC 3339 in UTC to the second, and no other spelling; the text stays the text. */
  time(value: unknown): string {
    const text = this.matching(value, /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/);
    const at = new Date(text);
    if (Number.isNaN(at.getTime()) || writeTime(at) !== text) this.refuse();
    return text;
  }
}

/** RFC 3339 in UTC to the second; what is below a second is cut off. */
export function writeTime(at: Date): string {
  return `${at.toISOString().slice(0, 19)}Z`;
}

function countKeys(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const values: unknown[] = Object.values(value);
  return values.reduce<number>((n, inner) => n + countKeys(inner), Array.isArray(value) ? 0 : values.length);
}
