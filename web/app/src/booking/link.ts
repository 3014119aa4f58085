const secret = /^[A-Za-z0-9_-]{22}$/;

/**
 * pinned reads the fingerprint that a printed code or an embedding page puts
 * into the fragment: "#key=…". A mangled one is taken as it is, and fits no key.
 */
export const pinned = (hash: string): string | undefined => (hash.startsWith("#key=") ? hash.slice("#key=".length) || "nothing" : undefined);

/** movedBy reads the secret of the booking that its patient wants to move: "#move=…". */
export function movedBy(hash: string): string | undefined {
  const [, given = ""] = /^#move=(.*)$/.exec(hash) ?? [];
  return secret.test(given) ? given : undefined;
}

/** readLink reads the fragment of a mailed link: "#secret.code", or "#secret" of the page that stays. undefined where a part is broken off. */
export function readLink(hash: string): { secret: string; code: string } | undefined {
  const [first = "", second = "", ...rest] = hash.replace(/^#/, "").split(".");
  if (!secret.test(first) || rest.length > 0 || (second !== "" && !secret.test(second))) return undefined;
  return { secret: first, code: second };
}
