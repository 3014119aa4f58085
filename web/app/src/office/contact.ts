/**
 * What a patient typed is shown as text and, at most, becomes a link that dials
 * or writes. These functions decide which link, from characters they allow, so
 * that no other kind of address can be made from a booking.
 */

// Line breaks, controls, zero-width and bidirectional marks: they hide or
// reorder what stands beside them. Joiners that scripts need (U+200C, U+200D)
// may stay.
const unseen = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Zl}\p{Zp}]+/gu;

/** shown is a patient's text made fit to stand in one line of ours. */
export function shown(text: string, limit = 300): string {
  const line = text.normalize("NFC").replace(unseen, " ").replace(/\s+/gu, " ").trim();
  const signs = [...line];
  return signs.length > limit ? `${signs.slice(0, limit - 1).join("")}…` : line;
}

/** shownLines is the same for a note, whose line breaks are part of it. */
export function shownLines(text: string, limit = 600): string {
  const lines = text.split("\n", 40).map((line) => shown(line, limit));
  return lines.join("\n").replace(/\n{3,}/g, "\n\n").trim();
}

/** phoneLink is a tel: link, or null for what is no telephone number. */
export function phoneLink(text: string): string | null {
  const line = text.trim();
  if (!/^\+?[\d\s().\/-]{4,40}$/.test(line)) return null;
  const digits = line.replace(/\(0\)/, "").replace(/\D/g, "");
  if (digits.length < 4 || digits.length > 17) return null;
  return `tel:${line.startsWith("+") ? "+" : ""}${digits}`;
}

/** mailLink is a mailto: link to exactly one address, without subject or copies, or null. */
export function mailLink(text: string): string | null {
  const found = /^([^\s@"<>(),:;[\]\\?&#]{1,64})@([\p{L}\p{N}.-]{1,253})$/u.exec(text.trim());
  if (!found?.[1] || !found[2]?.includes(".")) return null;
  return `mailto:${encodeURIComponent(found[1])}@${encodeURIComponent(found[2])}`;
}
