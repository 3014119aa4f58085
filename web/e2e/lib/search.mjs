// Finding a word in bytes, however it is written there.

/** spellings are the ways in which a word may stand in a store: plain, wide, hex, base64 at each alignment, escaped. */
function spellings(word) {
  const plain = Buffer.from(word, "utf8");
  const wide = Buffer.from(word, "utf16le");
  const hex = plain.toString("hex");
  const found = new Map([
    ["plain", plain],
    ["utf-16le", wide],
    ["utf-16be", Buffer.from(wide).swap16()],
    ["hex", Buffer.from(hex)],
    ["hex, upper case", Buffer.from(hex.toUpperCase())],
    ["base64 of hex", middle(Buffer.from(hex), 0)],
    ["JSON escapes", Buffer.from([...plain].map((byte) => `\\u00${byte.toString(16)}`).join(""))],
    ["percent escapes", Buffer.from([...plain].map((byte) => `%${byte.toString(16).toUpperCase()}`).join(""))],
    ["reversed", Buffer.from(plain).reverse()],
  ]);
  for (const shift of [0, 1, 2]) {
    const inner = middle(plain, shift);
    found.set(`base64 at ${shift}`, inner);
    found.set(`base64url at ${shift}`, Buffer.from(inner.toString().replaceAll("+", "-").replaceAll("/", "_")));
  }
  return found;
}

/** middle is what base64 makes of a word after `shift` other bytes, without the digits that its neighbours have a part in. */
function middle(bytes, shift) {
  const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString("base64").replace(/=+$/, "");
  const from = shift === 0 ? 0 : shift + 1;
  const until = Math.floor(((shift + bytes.length) * 8) / 6);
  return Buffer.from(text.slice(from, until));
}

/**
 * Search looks for several words at once and remembers where it found which.
 * Words that are `known` to be there only show that the search works; they are
 * looked for as they are.
 */
export class Search {
  constructor(words, known = {}) {
    this.patterns = Object.entries(known).map(([name, word]) => ({ name, spelling: "plain", bytes: Buffer.from(word) }));
    for (const [name, word] of Object.entries(words)) {
      const seen = new Set();
      for (const [spelling, bytes] of spellings(word)) {
        const key = bytes.toString("latin1");
        if (seen.has(key)) continue;
        seen.add(key);
        this.patterns.push({ name, spelling, bytes });
      }
    }
    this.overlap = Math.max(...this.patterns.map(({ bytes }) => bytes.length)) - 1;
    this.found = [];
    this.bytes = 0;
  }

  in(buffer, place) {
    this.bytes += buffer.length;
    for (const { name, spelling, bytes } of this.patterns) {
      const at = buffer.indexOf(bytes);
      if (at < 0) continue;
      const around = buffer.toString("latin1", Math.max(0, at - 60), at + bytes.length + 60).replace(/[^\x20-\x7e]+/g, "·");
      this.found.push({ name, spelling, place, around });
    }
  }

  /** names are which words were found, once each. */
  get names() {
    return [...new Set(this.found.map(({ name }) => name))].sort();
  }

  /** report says where, in one line each. */
  report(...names) {
    return this.found.filter(({ name }) => names.length === 0 || names.includes(name)).map(({ name, spelling, place, around }) => `${name} (${spelling}) in ${place}: ${around}`);
  }
}
