import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Plugin } from "vite";

const read = (language: string): Record<string, unknown> =>
  JSON.parse(readFileSync(fileURLToPath(new URL(`./src/i18n/${language}.json`, import.meta.url)), "utf8")) as Record<string, unknown>;

const escape = (text: string) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

/**
 * words puts texts from the tables into the pages' HTML while building:
 * `%de:some.key%` becomes that text, escaped. So even the few words that show
 * before any script runs come from the tables. A missing key stops the build.
 */
export function words(): Plugin {
  return {
    name: "siegel-words",
    transformIndexHtml: {
      order: "pre",
      handler: (html) =>
        html.replace(/%(de|en):([a-z0-9_.]+)%/g, (_, language: string, key: string) => {
          const text = read(language)[key];
          if (typeof text !== "string") throw new Error(`no text ${key} in ${language}.json`);
          return escape(text);
        }),
    },
  };
}
