/**
 * What this browser remembers of a practice's key directory, so that it notices
 * an older or another one: a fingerprint and a number, both public. It is the
 * only thing that the office leaves on a device.
 */
export interface Seen {
  fingerprint: string;
  sequence: number;
}

const key = (tenant: string) => `siegel.directory.${tenant}`;

/** recall gives null where nothing is remembered or the browser keeps nothing. */
export function recall(tenant: string, store: Pick<Storage, "getItem"> = localStorage): Seen | null {
  try {
    const kept: unknown = JSON.parse(store.getItem(key(tenant)) ?? "null");
    const { fingerprint, sequence } = (kept ?? {}) as Partial<Seen>;
    return typeof fingerprint === "string" && Number.isSafeInteger(sequence) ? { fingerprint, sequence: sequence! } : null;
  } catch {
    return null;
  }
}

export function remember(tenant: string, { fingerprint, sequence }: Seen, store: Pick<Storage, "setItem"> = localStorage): void {
  try {
    store.setItem(key(tenant), JSON.stringify({ fingerprint, sequence }));
  } catch {
    // A browser that keeps nothing checks less; it must not lock anybody out.
  }
}
