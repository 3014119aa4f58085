// A demo of its own for one test file: the built binary on a free port, with an
// empty data folder that goes with it.

import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ask } from "./http.mjs";
import { wall } from "./setup.mjs";
import { psql } from "./stores.mjs";
import { until } from "./until.mjs";

const binary = process.env.SIEGEL_BINARY ?? fileURLToPath(new URL("../../../bin/siegel", import.meta.url));

/** roomy is where a demo's files go: into memory where that has room. */
function roomy() {
  try {
    const { bavail, bsize } = statfsSync("/dev/shm");
    if (bavail * bsize >= 4 * 2 ** 30) return "/dev/shm";
  } catch {
    // there is none
  }
  return tmpdir();
}

/** folder makes an empty folder that the servers, who are somebody else, can walk down to. */
export function folder() {
  const dir = mkdtempSync(join(roomy(), "siegel-e2e-"));
  chmodSync(dir, 0o755);
  return dir;
}

/**
 * start runs `siegel demo` until it says that it is ready. `stop` ends it as
 * Ctrl-C does and tells how that went; `drop` also removes the folder. With
 * `ahead` the practices are closed today and tomorrow and on no leave later:
 * whatever is booked is then among what is coming, within a week and early on
 * its day, whenever tests run.
 */
export async function start({ data = folder(), fresh = true, names = false, providers = false, ahead = false, tls = false } = {}) {
  // What anybody spools goes to a folder that the tests can look into.
  const spool = join(data, "tmp");
  mkdirSync(spool, { recursive: true });
  chmodSync(spool, 0o1777);
  const began = performance.now();
  const args = ["demo", "--json", "--addr", "127.0.0.1:0", "--data", data, ...(fresh ? ["--fresh"] : []), ...(names ? ["--names"] : []), ...(providers ? ["--providers"] : []), ...(tls ? ["--tls"] : [])];
  const child = spawn(binary, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, TMPDIR: spool } });
  const output = [];
  let line = "";
  child.stdout.on("data", (chunk) => {
    output.push(chunk);
    line += chunk;
  });
  child.stderr.on("data", (chunk) => output.push(chunk));
  const ended = new Promise((resolve) => child.once("close", (code, signal) => resolve({ code, signal })));
  const logged = () => Buffer.concat(output);
  // Whatever ends this process ends the demo too.
  const last = () => child.kill("SIGINT");
  process.once("exit", last);

  let over = false;
  void ended.then(() => (over = true));
  await until("the demo is ready", () => over || line.includes("\n"), { within: 60_000 });
  if (over) throw new Error(`the demo ended at once:\n${logged()}`);
  const ready = performance.now() - began;
  const table = JSON.parse(line.slice(0, line.indexOf("\n")));

  let stopped;
  const stop = () =>
    (stopped ??= (async () => {
      const family = over ? [] : descendants(child.pid);
      child.kill("SIGINT");
      const killer = setTimeout(() => child.kill("SIGKILL"), 30_000);
      const how = await ended;
      clearTimeout(killer);
      process.off("exit", last);
      return { ...how, family, left: family.filter(alive) };
    })());
  if (ahead) await closeTwoDays(table);
  return {
    ...table,
    ready,
    pid: child.pid,
    logged,
    stop,
    practice: (slug) => {
      const found = table.practices.find(({ patients }) => new URL(patients).hostname.startsWith(`${slug}.`));
      if (!found) throw new Error(`the demo has no practice ${slug}`);
      return found;
    },
    drop: async () => {
      const how = await stop();
      rmSync(data, { recursive: true, force: true });
      return how;
    },
  };
}

/** closeTwoDays closes all practices today and tomorrow instead of their own leave, and waits until the server knows: for a moment it remembers what nobody told it. */
async function closeTwoDays(table) {
  await psql(table, `delete from closure;
    insert into closure (tenant_id, id, starts_on, ends_on)
    select tenant_id, gen_random_uuid(), today, today + 1 from practice, (select (now() at time zone 'Europe/Berlin')::date) as clock (today);
    update practice set version = version + 1`);
  const closed = [0, 1].map((days) => wall(Date.now() + days * 86_400_000).day);
  for (const { patients } of table.practices) {
    const { services } = (await ask(patients, "/api/v1/practice")).json;
    await until("the practice is closed", async () => {
      const next = await Promise.all(services.map(({ id }) => ask(patients, `/api/v1/slots/next?service=${id}&practitioner=any&n=1`, { headers: { "Cache-Control": "no-cache" } })));
      return next.every(({ json }) => json.slots.every(({ starts }) => !closed.includes(wall(starts).day)));
    });
  }
}

const stat = (pid) => {
  try {
    // The name is in brackets and may hold anything: what follows the last one counts.
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return { pid, name: text.slice(text.indexOf("(") + 1, text.lastIndexOf(")")), state: fields[0], parent: Number(fields[1]), began: fields[19] };
  } catch {
    return undefined; // it is gone
  }
};

const processes = () => readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map((name) => stat(Number(name))).filter(Boolean);

/** descendants are all processes below one, that one included. */
export function descendants(pid) {
  const all = processes();
  const found = all.filter((one) => one.pid === pid);
  for (let i = 0; i < found.length; i++) found.push(...all.filter(({ parent }) => parent === found[i].pid));
  return found;
}

/** alive tells whether a process seen earlier still runs; another one with its number does not count. */
const alive = ({ pid, began }) => {
  const now = stat(pid);
  return now !== undefined && now.began === began && now.state !== "Z";
};
