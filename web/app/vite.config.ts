import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";
import { words } from "./words.plugin.ts";

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

// A static site of several pages. Everything that a page needs before it can be
// used is one script and one style: a phone on a slow line pays for each request.
export default defineConfig({
  plugins: [svelte(), words()],
  base: "/",
  worker: { format: "es" },
  build: {
    target: ["chrome111", "edge111", "firefox114", "safari16.4"],
    manifest: true,
    emptyOutDir: true,
    assetsInlineLimit: 0, // no data: addresses, the content security policy has none
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 200,
    rolldownOptions: {
      output: {
        // Practices' own pages name the loader: its name stays the same.
        entryFileNames: ({ name }) => (name === "embed" ? "embed.js" : "assets/[name]-[hash].js"),
        codeSplitting: {
          groups: [
            {
              // What several pages share is one script: without this it were ten.
              // Late code (sealing, other languages) stays apart.
              name: "shared",
              test: /[\\/](node_modules[\\/](svelte|clsx|esm-env)|src[\\/](i18n|api|ui|booking))[\\/](?!(Standing|Proposals|Booked|Cancelled|Change|Remind|Rights|rights|Wait|Waiter|WaitingPage|Ways|WishForm|Offer|CallBack|Line|wait|waiting|offered|moving|chosen|check|Video|video|Slip|calendar|copy|plaintext|slotwords|stops|later|Dialog|Field|Text|Tick|account|office|portal|register|support|hooks|visits)\.)(?!.*\.css$)/,
              minShareCount: 2,
              priority: 2,
            },
            {
              // What the office has of them: it does without the patients' screens.
              name: "fields",
              test: /src[\\/](booking[\\/]copy|ui[\\/](Field|Tick)|seal[\\/](text|error))\.(?!en\.)/,
              priority: 2,
            },
            {
              // What the pages after the first share: the slip, what is booked, their words.
              name: "appointment",
              test: /src[\\/](booking[\\/](Standing|Proposals|Booked|Cancelled|Change|Remind|Rights|Video|video|Wait|WishForm|Offer|Line|wait|Slip|calendar|plaintext|slotwords|stops)|i18n[\\/](later|waiting))\.(?!en\.)/,
              priority: 1,
            },
          ],
        },
      },
      input: {
        index: at("index.html"),
        confirm: at("confirm.html"),
        booking: at("booking.html"),
        sealed: at("sealed.html"),
        document: at("document.html"),
        waiting: at("waiting.html"),
        embed: at("src/embed/loader.ts"),
        office: at("office.html"),
        portal: at("portal.html"),
        register: at("register.html"),
      },
    },
  },
  test: {
    include: ["src/**/*.test.ts"],
    environment: "node",
  },
});
