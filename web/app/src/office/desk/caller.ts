/**
 * What somebody types while a caller spells it: one line, in whatever order it
 * comes, read into fields. Nothing is guessed that is not there: what is not
 * recognised stays part of the name, where it is seen.
 */
import type { Insurance } from "../../api/types.ts";

export interface Caller {
  family: string;
  given: string;
  /** YYYY-MM-DD, or empty. */
  birth: string;
  phone: string;
  email: string;
  insurance: Insurance | "";
}

export const nobody: Caller = { family: "", given: "", birth: "", phone: "", email: "", insurance: "" };

const kinds: readonly [RegExp, Insurance][] = [
  [/^(gkv|gesetzlich|kasse|aok|barmer|tk)$/i, "GKV"],
  [/^(pkv|privat)$/i, "PKV"],
  [/^beihilfe$/i, "BEI"],
  [/^bg$/i, "BG"],
  [/^(sel|selbst|selbstzahler(in)?)$/i, "SEL"],
  [/^(soz|sozialamt)$/i, "SOZ"],
];
/** Words that belong to the family name that follows. */
const particles = /^(von|vom|van|zu|zur|zum|de|del|della|di|da|dos|der|den|ten|ter|le|la|el|al|ben|bin|mc|st\.?)$/i;

const two = (n: number) => String(n).padStart(2, "0");

/** real is the date where there is such a day, not after today and not before 1900. */
function real(year: number, month: number, day: number, today: string): string {
  const text = `${year}-${two(month)}-${two(day)}`;
  const at = new Date(`${text}T00:00:00Z`);
  if (Number.isNaN(at.getTime()) || !at.toISOString().startsWith(text)) return "";
  return text <= today && year >= 1900 ? text : "";
}

/** birthOf reads 30.6.1984, 30.06.84, 30061984, 300684 and 1984-06-30; empty for what is no birthday. Two digits mean the latest such year that is not in the future. */
export function birthOf(text: string, today: string): string {
  const line = text.trim();
  const iso = /^(\d{4})-(\d{1,2})-(\d{1,2})$/.exec(line);
  if (iso) return real(Number(iso[1]), Number(iso[2]), Number(iso[3]), today);
  const found = /^(\d{1,2})[./\s-](\d{1,2})[./\s-](\d{4}|\d{2})$/.exec(line) ?? /^(\d{2})(\d{2})(\d{4}|\d{2})$/.exec(line);
  if (!found) return "";
  const [day, month, short] = [Number(found[1]), Number(found[2]), found[3]!];
  if (short.length === 4) return real(Number(short), month, day, today);
  const century = Number(today.slice(0, 2)) * 100;
  return real(century + Number(short), month, day, today) || real(century - 100 + Number(short), month, day, today);
}

/** phoneOf is a telephone number without what people put between digits; undefined for what is none. */
export function phoneOf(text: string): string | undefined {
  const line = text.trim().replace(/^00/, "+").replace(/\(0\)/, "");
  const plain = `${line.startsWith("+") ? "+" : ""}${line.replace(/\D/g, "")}`;
  return /^\+?[\d\s().\/-]+$/.test(line) && /^\+?\d{5,17}$/.test(plain) ? plain : undefined;
}

/** readCaller takes one line apart. */
export function readCaller(line: string, today: string): Caller {
  const caller = { ...nobody };
  let rest = ` ${line.normalize("NFC").replace(/\s+/g, " ")} `;
  const take = (pattern: RegExp, keep: (text: string) => boolean) => {
    rest = rest.replace(pattern, (whole: string) => (keep(whole.trim().replace(/[,;]$/, "")) ? " " : whole));
  };
  take(/ \S+@\S+\.\S+(?= )/, (text) => Boolean((caller.email = text)));
  take(/ (\d{4}-\d{1,2}-\d{1,2}|\d{1,2}[./]\d{1,2}[./](\d{4}|\d{2})|\d{8}|\d{6}),?(?= )/, (text) => Boolean((caller.birth = birthOf(text, today))));
  take(/ (\+|0)[\d ()/.-]{4,28}\d(?=[ ,;])/, (text) => Boolean((caller.phone = text)));
  const words = rest.split(" ").filter((word) => {
    const kind = caller.insurance === "" ? kinds.find(([pattern]) => pattern.test(word.replace(/[,;]$/, ""))) : undefined;
    if (kind) caller.insurance = kind[1];
    return word !== "" && !kind;
  });
  const names = words.join(" ").replace(/[,;\s]+$/, "");
  const comma = names.indexOf(",");
  if (comma >= 0) {
    caller.family = names.slice(0, comma).trim();
    caller.given = names.slice(comma + 1).replaceAll(",", " ").trim();
  } else {
    const parts = names.split(" ").filter(Boolean);
    let from = Math.max(0, parts.length - 1);
    while (from > 1 && particles.test(parts[from - 1]!)) from--;
    caller.family = parts.slice(from).join(" ");
    caller.given = parts.slice(0, from).join(" ");
  }
  return caller;
}
