import { ask } from "./http.mjs";
import { until } from "./until.mjs";

/** messages are all that the demo's mailbox got, to one address if given. */
export async function messages(demo, to) {
  const { json } = await ask(demo.mailbox, "/messages.json");
  return json.messages.filter((message) => to === undefined || message.to === to);
}

/** message waits for the n-th message to an address, counted from 1. */
export const message = (demo, to, n = 1) => until(`message ${n} to ${to}`, async () => (await messages(demo, to)).sort((a, b) => a.id - b.id)[n - 1]);

/** linkIn is the link to confirm in a mail. */
export function linkIn({ text }) {
  const found = /https?:\/\/\S+\/confirm#[\w.-]+/.exec(text);
  if (!found) throw new Error(`no link in the mail:\n${text}`);
  return found[0];
}

/** codeIn is the code in a text message. */
export function codeIn({ text }) {
  const found = /\b\d{6}\b/.exec(text);
  if (!found) throw new Error(`no code in the message:\n${text}`);
  return found[0];
}
