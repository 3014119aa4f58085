import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { chromium } from "playwright-core";

function onPath(name) {
  for (const dir of (process.env.PATH ?? "").split(delimiter)) {
    try {
      const path = join(dir, name);
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // the next one
    }
  }
  throw new Error(`${name} is not installed`);
}

const options = () => ({
  executablePath: onPath("chromium"),
  headless: true,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

/** launch starts Chromium with a fresh profile. */
export const launch = () => chromium.launch(options());

/** launchOn starts Chromium as on somebody's own computer: with a profile that stays in a folder. */
export const launchOn = (folder) => chromium.launchPersistentContext(folder, { ...options(), viewport: desktop, locale: "de-DE", timezoneId: "Europe/Berlin" });

export const phone = { width: 390, height: 844 };
export const desktop = { width: 1280, height: 800 };

const mark = "policy violation:";

/**
 * visit opens a browser of somebody else: own cookies, own storage. `requests`
 * and `complaints` gather what its pages sent and what went wrong in them:
 * breaches of the content security policy, script errors, dialogs that only
 * injected script opens.
 */
export async function visit(browser, { viewport = desktop, locale = "de-DE", ...options } = {}) {
  const context = await browser.newContext({ viewport, locale, timezoneId: "Europe/Berlin", reducedMotion: "reduce", ...options });
  context.setDefaultTimeout(15_000);
  const complaints = [];
  const requests = [];
  await context.addInitScript((mark) => {
    document.addEventListener("securitypolicyviolation", (event) => console.error(mark, event.effectiveDirective, event.blockedURI, event.sourceFile, event.lineNumber, event.sample));
  }, mark);
  context.on("console", (message) => {
    const text = message.text();
    if (text.startsWith(mark) || /content security policy|trusted ?type/i.test(text)) complaints.push(text);
  });
  context.on("weberror", (error) => complaints.push(`script error: ${error.error().stack}`));
  context.on("dialog", (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  context.on("request", (request) => requests.push({ url: request.url(), method: request.method(), body: request.postData() ?? "", headers: request.headers() }));
  return { context, complaints, requests, page: await context.newPage(), close: () => context.close() };
}
