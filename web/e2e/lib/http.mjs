// Requests beside the browser. Node resolves no *.localhost, so the address is
// fixed and the host is a header.

import { randomBytes } from "node:crypto";
import http from "node:http";

/** ask sends one request to a host of the demo and returns status, headers and what the answer's JSON says. */
export function ask(base, path, { method, body, headers = {} } = {}) {
  const url = new URL(path, base);
  const sent = body === undefined ? undefined : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const request = http.request({
      host: "127.0.0.1",
      port: url.port,
      path: url.pathname + url.search,
      method: method ?? (sent === undefined ? "GET" : "POST"),
      agent: false,
      headers: { Host: url.host, ...(sent === undefined ? {} : { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(sent) }), ...headers },
    });
    request.once("error", reject);
    request.once("response", (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.once("error", reject);
      response.once("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        let json;
        try {
          json = JSON.parse(text);
        } catch {
          // pages are no JSON
        }
        resolve({ status: response.statusCode, headers: response.headers, text, json });
      });
    });
    request.end(sent);
  });
}

export const b64 = (bytes) => Buffer.from(bytes).toString("base64url");
export const idempotent = () => ({ "Idempotency-Key": b64(randomBytes(16)) });

/** slots are the free ones of a service in the next four weeks, as the server lists them. */
export async function slots(base, service) {
  const day = (offset) => new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 10);
  const query = new URLSearchParams({ service, practitioner: "any", from: day(0), to: day(28) });
  const { status, json } = await ask(base, `/api/v1/slots?${query}`);
  if (status !== 200) throw new Error(`slots: ${status} ${JSON.stringify(json)}`);
  return json.slots.map((slot) => ({ ...slot, practitioner: json.practitioners[slot.practitioner], location: json.locations[slot.location] }));
}

/** hold takes a slot from under everybody else's nose. */
export const hold = (base, service, { practitioner, location, starts }) =>
  ask(base, "/api/v1/holds", { body: { token: b64(randomBytes(16)), service, practitioner, location, starts }, headers: idempotent() });
