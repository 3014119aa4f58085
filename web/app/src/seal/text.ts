// What people may type: characters that a screen, a label printer and a
// practice's software all show as what they are.

import { SealError, type SealErrorCode } from "./error.ts";

export interface TextRule {
  /** Most graphemes, as people count letters. */
  readonly max: number;
  /** Whether line breaks are allowed, as in a note. */
  readonly lines?: boolean;
  /** Whether nothing at all is allowed. */
  readonly optional?: boolean;
}

/** Names and one-line fields. */
export const NAME: TextRule = { max: 100 };
/** The note to the practice. */
export const NOTE: TextRule = { max: 300, lines: true, optional: true };

/** UTF-16 units a grapheme may take on average: accents stacked without end are no text. */
export const UNITS_PER_GRAPHEME = 4;

/**
 * Returns the text in NFC without space around it, or throws one of the
 * `text_…` codes. What it returns, `unsafe` finds nothing in.
 */
export function cleanText(input: string, rule: TextRule): string {
  const text = (rule.lines ? input.replace(/\r\n?/g, "\n") : input).normalize("NFC").trim();
  const found = unsafe(text, rule.lines ?? false);
  if (found !== undefined) throw new SealError(found);
  // Only here, not where a booking is opened: a character is unassigned to an
  // old browser and a letter to a new one, and no booking may be lost by that.
  if (/\p{Cn}/u.test(text)) throw new SealError("text_unassigned");
  if (text === "" && !rule.optional) throw new SealError("text_empty");
  if (text.length > rule.max * UNITS_PER_GRAPHEME || countGraphemes(text) > rule.max) {
    throw new SealError("text_too_long");
  }
  return text;
}

/** What makes a text unfit to be shown, or undefined. */
export function unsafe(text: string, lines: boolean): SealErrorCode | undefined {
  if (/\p{Cs}/u.test(text)) return "text_surrogate";
  // Line and paragraph separator break lines as a control character does.
  if (/[\p{Cc}\u2028\u2029]/u.test(lines ? text.replaceAll("\n", "") : text)) return "text_control";
  // Embeddings, overrides and isolates turn "gnp.exe" into something else.
  // Plain marks (U+200E, U+200F, U+061C) and joiners are part of scripts.
  if (/[\u202a-\u202e\u2066-\u2069]/u.test(text)) return "text_bidi";
  if (/\p{Co}/u.test(text)) return "text_private";
  return undefined;
}

/** How many letters a person would count. */
export function countGraphemes(text: string): number {
  if (typeof Intl.Segmenter === "function") {
    let n = 0;
    for (const _ of new Intl.Segmenter("und", { granularity: "grapheme" }).segment(text)) n++;
    return n;
  }
  // Firefox before 125 has no segmenter; marks and joiners count with what they stand on.
  return Array.from(text.replace(/[\p{M}\u200d]/gu, "")).length;
}
