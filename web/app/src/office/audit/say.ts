import type { Entry } from "./client.ts";
import { word } from "./words.ts";

/** What was done, in a few words: "Termin abgesagt". A word that has none stays as the server has it. */
export function actText(act: string): string {
  const [subject = "", verb = ""] = act.split(".");
  return `${word(`subject.${subject}`, subject)}: ${word(`verb.${verb}`, verb)}`;
}

/** Who did it: a name where there is one. */
export const actorText = ({ actor }: Entry): string => actor.name || word(`kind.${actor.kind}`);

/** What more is known, in the server's words. */
export const detailText = ({ detail }: Entry): string =>
  Object.entries(detail ?? {})
    .map(([key, value]) => `${key}: ${value}`)
    .join(", ");

/** The subjects that can be chosen, by their words. */
export const subjects = ["appointment", "session", "window", "closure", "service", "practitioner", "location", "resource", "quota", "chain", "calendar", "practice", "keyring", "member", "invitation", "agreement", "token", "webhook", "feed", "audit", "tenant", "person", "support", "customer", "request", "host"] as const;
