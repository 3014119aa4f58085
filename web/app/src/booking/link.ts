const secret = /^[A-Za-z0-9_-]{22}$/;

/**
 * pinned reads the fingerprint that a printed code or an embedding page puts
 * into the fragment: "#key=…". A mangled one is taken as it is, and fits no key.
 */
export const pinned = (hash: string): string | undefined => (hash.startsWith("#key=") ? hash.slice("#key=".length) || "nothing" : undefined);

/** What a fragment asks the first page for, besides a new booking. */
export type Errand = { kind: "move" | "again" | "offer"; secret: string; /** Which of several appointments; "all" of them together. */ which: string };

/**
 * errandOf reads "#move=…", the secret of a booking that its patient moves, with
 * ".2" or ".all" for one or all of several; "#again=…" of one that is to be booked
 * once more; "#offer=…" of a place on the waiting list.
 */
export function errandOf(hash: string): Errand | undefined {
  const [, kind, given = "", which = ""] = /^#(move|again|offer)=([A-Za-z0-9_-]{22})(?:\.(all|\d{1,2}))?$/.exec(hash) ?? [];
  return secret.test(given) ? { kind: kind as Errand["kind"], secret: given, which } : undefined;
}

/** readLink reads the fragment of a mailed link: "#secret.code", or "#secret" of the page that stays. undefined where a part is broken off. */
export function readLink(hash: string): { secret: string; code: string } | undefined {
  const [first = "", second = "", ...rest] = hash.replace(/^#/, "").split(".");
  if (!secret.test(first) || rest.length > 0 || (second !== "" && !secret.test(second))) return undefined;
  return { secret: first, code: second };
}
