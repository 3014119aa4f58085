// The web app's sealing, as a module for tests that have no browser.

import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const app = new URL("../../app/", import.meta.url);

/** sealing is what web/app/src/seal exports of the named files, together. */
export async function sealing(...files) {
  const { build } = await import(pathToFileURL(createRequire(new URL("package.json", app)).resolve("vite")).href);
  const out = mkdtempSync(join(tmpdir(), "siegel-seal-"));
  try {
    const input = Object.fromEntries(files.map((name) => [name, fileURLToPath(new URL(`src/seal/${name}.ts`, app))]));
    await build({
      configFile: false,
      logLevel: "error",
      root: fileURLToPath(app),
      ssr: { noExternal: true },
      build: { ssr: true, outDir: out, emptyOutDir: false, minify: false, rollupOptions: { input, output: { entryFileNames: "[name].mjs", chunkFileNames: "[name].mjs" } } },
    });
    const parts = await Promise.all(files.map((name) => import(pathToFileURL(join(out, `${name}.mjs`)).href)));
    return Object.assign({}, ...parts);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}
