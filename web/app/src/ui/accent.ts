// One accent for each practice. A practice picks any colour; what is shown is
// the nearest tone of it that can be read, on light and on dark.

type RGB = readonly [number, number, number];

const parse = (hex: string): RGB | undefined => {
  const match = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(hex);
  return match ? [parseInt(match[1]!, 16), parseInt(match[2]!, 16), parseInt(match[3]!, 16)] : undefined;
};

const luminance = (rgb: RGB): number => {
  const [r, g, b] = rgb.map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};

/** contrast is the ratio of WCAG 2, 1 to 21. */
export function contrast(a: string, b: string): number {
  const [x, y] = [luminance(parse(a) ?? [0, 0, 0]), luminance(parse(b) ?? [0, 0, 0])];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}

const hex = (rgb: readonly number[]) => `#${rgb.map((value) => Math.round(value).toString(16).padStart(2, "0")).join("")}`;

/** relit is the colour with another lightness (0 to 1, of HSL), its hue kept. */
function relit([r, g, b]: RGB, lightness: number): string {
  const [max, min] = [Math.max(r, g, b) / 255, Math.min(r, g, b) / 255];
  const light = (max + min) / 2;
  const saturation = max === min ? 0 : Math.min(0.5, (max - min) / (1 - Math.abs(2 * light - 1)));
  const span = max - min;
  const [x, y, z] = [r / 255, g / 255, b / 255];
  const hue = span === 0 ? 0 : max === x ? ((y - z) / span + 6) % 6 : max === y ? (z - x) / span + 2 : (x - y) / span + 4;
  const chroma = (1 - Math.abs(2 * lightness - 1)) * saturation;
  const channel = (n: number) => {
    const k = (n + hue * 2) % 12;
    return lightness - (chroma / 2) * Math.max(-1, Math.min(k - 3, 9 - k, 1));
  };
  return hex([channel(0) * 255, channel(8) * 255, channel(4) * 255]);
}

/** readable moves a colour's lightness until it stands `ratio`:1 against all the grounds; one that does already is left alone. */
export function readable(colour: string, towards: "dark" | "light", grounds: readonly string[], ratio = 4.8): string {
  const from = parse(colour);
  if (!from) return colour;
  const enough = (tone: string) => grounds.every((ground) => contrast(tone, ground) >= ratio);
  if (enough(colour)) return colour;
  const start = (Math.max(...from) + Math.min(...from)) / 510;
  const end = towards === "dark" ? 0 : 1;
  for (let step = 1; step <= 50; step++) {
    const tone = relit(from, start + (end - start) * (step / 50));
    if (enough(tone)) return tone;
  }
  return towards === "dark" ? "#000000" : "#ffffff";
}

// The grounds are --paper and --surface of tokens.css, and the soft tint's far end.
const light = ["#fbfaf7", "#ffffff", "#e6ecec"];
const dark = ["#11171a", "#1a2226", "#243036"];

/** accentRules is the style for a practice's accent, or "" for none or for what is no colour. */
export function accentRules(accent: string): string {
  if (!parse(accent)) return "";
  return [
    `@media screen { :root { --accent: ${readable(accent, "dark", light)}; --accent-ink: #ffffff; } }`,
    `@media screen and (prefers-color-scheme: dark) { :root { --accent: ${readable(accent, "light", dark, 7)}; --accent-ink: #0c1719; } }`,
  ].join("\n");
}

/** applyAccent sets it for the page, as a constructed style sheet, which the content security policy allows. */
export function applyAccent(accent: string): void {
  const rules = accentRules(accent);
  if (!rules) return;
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(rules);
  document.adoptedStyleSheets = [sheet];
}
