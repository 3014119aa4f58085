/**
 * What this browser remembers of a practice's key directory, so that it notices
 * an older or another one: fingerprints, a number and a key, all public. It is the
 * only thing that the office leaves on a device.
 */
export interface Seen {
  fingerprint: string;
  sequence: number;
  /** The signing key of the recovery code, a point; known since directories list one. */
  signer?: string | undefined;
  /** Fingerprints of the identities that were before. */
  former?: readonly string[] | undefined;
}

const key = (tenant: string) => `siegel.directory.${tenant}`;

/** recall gives null where nothing is remembered or the browser keeps nothing. */
export function recall(tenant: string, store: Pick<Storage, "getItem"> = localStorage): Seen | null {
  try {
    const kept: unknown = JSON.parse(store.getItem(key(tenant)) ?? "null");
    const { fingerprint, sequence, signer, former } = (kept ?? {}) as Partial<Seen>;
    if (typeof fingerprint !== "string" || !Number.isSafeInteger(sequence)) return null;
    return {
      fingerprint,
      sequence: sequence!,
      ...(typeof signer === "string" ? { signer } : {}),
      ...(Array.isArray(former) ? { former: former.filter((one) => typeof one === "string") } : {}),
    };
  } catch {
    return null;
  }
}

export function remember(tenant: string, { fingerprint, sequence, signer, former }: Seen, store: Pick<Storage, "setItem"> = localStorage): void {
  try {
    store.setItem(key(tenant), JSON.stringify({ fingerprint, sequence, signer, former }));
  } catch {
    // A browser that keeps nothing checks less; it must not lock anybody out.
  }
}
