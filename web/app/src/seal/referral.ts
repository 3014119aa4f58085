/**
 * The code on a referral by way of 116117 (Vermittlungscode): twelve letters
 * and digits, printed in three groups of four. Whether it is good, the practice
 * checks; here it is only whether it can be one.
 */
const code = /^[A-Z0-9]{12}$/;
const groups = /^[A-Za-z0-9]{4}([-\s])[A-Za-z0-9]{4}\1[A-Za-z0-9]{4}$/;
const attempt = /^[A-Z0-9]+([-\s]+[A-Z0-9]+)*$/;

/** codeOf is a code as it is printed, ABCD-EFGH-JKLM; undefined where the text is none. */
export function codeOf(text: string): string | undefined {
  const trimmed = text.trim();
  const bare = trimmed.replace(/[-\s]/g, "").toUpperCase();
  // A word of twelve letters is no code: that is a name, such as Kinderklinik.
  if (!code.test(bare) || !(groups.test(trimmed) || /\d/.test(bare) || trimmed === trimmed.toUpperCase())) return undefined;
  return `${bare.slice(0, 4)}-${bare.slice(4, 8)}-${bare.slice(8)}`;
}

/** meansCode tells whether somebody wanted to write a code and not who refers them: capitals, digits and hyphens, with a digit or in groups. */
export function meansCode(text: string): boolean {
  const trimmed = text.trim();
  return codeOf(trimmed) !== undefined || (attempt.test(trimmed) && (/\d/.test(trimmed) || trimmed.includes("-"))) || /^[a-z0-9]{1,6}([-\s][a-z0-9]{1,6}){2}$/i.test(trimmed) && /\d/.test(trimmed);
}
