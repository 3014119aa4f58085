// Looking into what a running demo stores: rows, files, keys, memory. All of it
// is done as whoever could: the machine's administrator.

import { execFile } from "node:child_process";
import { closeSync, openSync, readFileSync, readSync, readdirSync, statSync } from "node:fs";
import net from "node:net";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

const commandLine = (pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");

/** psql sends statements as the superuser and returns what they print. */
export async function psql(demo, sql) {
  const line = commandLine(demo.servers.postgres);
  const sockets = line.find((part) => part.startsWith("unix_socket_directories=")).split("=")[1];
  const program = join(dirname(line[0]), "psql");
  const { stdout } = await run(program, ["-h", sockets, "-U", "postgres", "-d", "siegel", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql], { maxBuffer: 1 << 28 });
  return stdout.trimEnd();
}

/** tables are all that hold rows of the product. */
export const tables = async (demo) =>
  (await psql(demo, "select table_name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE' order by 1")).split("\n");

/** Redis speaks RESP over its socket, byte for byte. */
export class Redis {
  static async open(demo) {
    const path = commandLine(demo.servers.redis).join(" ").match(/unixsocket[: ](\S+)/)[1];
    const redis = new Redis();
    redis.socket = net.connect(path);
    await new Promise((resolve, reject) => redis.socket.once("connect", resolve).once("error", reject));
    redis.buffer = Buffer.alloc(0);
    redis.waiting = [];
    redis.socket.on("data", (chunk) => {
      redis.buffer = Buffer.concat([redis.buffer, chunk]);
      for (let answer; redis.waiting.length > 0 && (answer = parse(redis.buffer, 0)); ) {
        redis.buffer = redis.buffer.subarray(answer.end);
        const { resolve, reject } = redis.waiting.shift();
        if (answer.value instanceof Error) reject(answer.value);
        else resolve(answer.value);
      }
    });
    return redis;
  }

  send(...args) {
    const parts = args.flatMap((arg) => {
      const bytes = Buffer.from(arg);
      return [Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from("\r\n")];
    });
    this.socket.write(Buffer.concat([Buffer.from(`*${args.length}\r\n`), ...parts]));
    return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
  }

  /** everything is each key of each database: its name, its value as Redis would dump it, and as it is. */
  async everything() {
    const found = [];
    const read = {
      string: ["GET"], hash: ["HGETALL"], set: ["SMEMBERS"], list: ["LRANGE", "0", "-1"], zset: ["ZRANGE", "0", "-1", "WITHSCORES"], stream: ["XRANGE", "-", "+"],
    };
    for (const line of (await this.send("INFO", "keyspace")).toString().matchAll(/^db(\d+):/gm)) {
      await this.send("SELECT", line[1]);
      for (const key of await this.send("KEYS", "*")) {
        const kind = (await this.send("TYPE", key)).toString();
        const [command, ...rest] = read[kind] ?? [];
        const values = command ? [await this.send(command, key, ...rest)].flat(3) : [];
        const dump = await this.send("DUMP", key);
        const left = Number((await this.send("PTTL", key)).toString());
        found.push({ key: key.toString("latin1"), left, bytes: Buffer.concat([key, dump ?? Buffer.alloc(0), ...values.filter(Boolean)]) });
      }
    }
    await this.send("SELECT", "0");
    return found;
  }

  close() {
    this.socket.destroy();
  }
}

/** parse reads one answer; undefined as long as it is not all there. */
function parse(buffer, at) {
  const line = buffer.indexOf("\r\n", at);
  if (line < 0) return undefined;
  const kind = String.fromCharCode(buffer[at]);
  const text = buffer.toString("latin1", at + 1, line);
  let end = line + 2;
  if (kind === "+" || kind === ":") return { value: Buffer.from(text), end };
  if (kind === "-") return { value: new Error(text), end };
  const length = Number(text);
  if (length < 0) return { value: null, end };
  if (kind === "$") return buffer.length < end + length + 2 ? undefined : { value: buffer.subarray(end, end + length), end: end + length + 2 };
  const items = [];
  for (let i = 0; i < length; i++) {
    const item = parse(buffer, end);
    if (!item) return undefined;
    items.push(item.value);
    end = item.end;
  }
  return { value: items, end };
}

/** files are all regular files below a folder. */
export function files(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return files(path);
    return entry.isFile() ? [path] : [];
  });
}

const block = 8 << 20;

/** content calls back with the pieces of a file; they overlap, so that nothing hides at a seam. */
export function content(path, overlap, call) {
  let size;
  try {
    size = statSync(path).size;
  } catch {
    return; // servers remove files of their own
  }
  const file = openSync(path, "r");
  try {
    pieces(file, 0, size, overlap, call);
  } finally {
    closeSync(file);
  }
}

function pieces(file, from, size, overlap, call) {
  const buffer = Buffer.allocUnsafe(Math.min(size, block) + overlap);
  let kept = 0;
  for (let at = 0; at < size; ) {
    const read = readSync(file, buffer, kept, Math.min(block, size - at, buffer.length - kept), from + at);
    if (read === 0) return at;
    call(buffer.subarray(0, kept + read), from + at - kept);
    at += read;
    const tail = Math.min(overlap, kept + read);
    buffer.copyWithin(0, kept + read - tail, kept + read);
    kept = tail;
  }
  return size;
}

/**
 * memory calls back with what a core dump of a process would hold: all that it
 * can read, but the unwritable pages of programs and libraries. It returns how
 * many bytes that were, and throws where they may not be read. A process that
 * `comesAndGoes` may have gone: that is 0 bytes.
 */
export function memory(pid, overlap, call, { shared = true, comesAndGoes = false } = {}) {
  let maps, file;
  try {
    maps = readFileSync(`/proc/${pid}/maps`, "utf8").trim().split("\n");
    file = openSync(`/proc/${pid}/mem`, "r");
  } catch (thrown) {
    if (comesAndGoes && (thrown.code === "ENOENT" || thrown.code === "ESRCH")) return 0;
    throw thrown;
  }
  if (maps.length < 2 && comesAndGoes) maps = [];
  let total = 0;
  try {
    for (const line of maps) {
      const [, from, to, rights, name] = /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \d+\s*(.*)$/.exec(line);
      if (!rights.startsWith("r") || name === "[vvar]" || name === "[vsyscall]" || name === "[vvar_vclock]") continue;
      if ((!shared && rights.endsWith("s")) || (name.startsWith("/") && rights[1] !== "w")) continue;
      const begin = Number.parseInt(from, 16);
      try {
        total += pieces(file, begin, Number.parseInt(to, 16) - begin, overlap, (piece) => call(piece, `${from} ${name}`));
      } catch (thrown) {
        // Mapped beyond the end of its file, or unmapped since; memory of its own has no such excuse.
        if (!comesAndGoes && (thrown.code !== "EIO" || name === "[heap]" || name === "[stack]")) throw thrown;
      }
    }
  } finally {
    closeSync(file);
  }
  return total;
}
