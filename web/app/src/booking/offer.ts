// What a patient can book, given the answers that never leave the browser. No
// service and no slot disappears silently: what is not for this patient comes
// with its reason.

import type { Condition, Insurance, Patients, Practice, Service } from "../api/types.ts";

export interface Answers {
  insurance: Insurance | "";
  known: "new" | "known" | "";
}

/** Why something is not for this patient, or what is still to be answered before that is known. */
export type Verdict =
  | { kind: "offered" }
  | { kind: "refused"; because: "insurance"; only: Insurance[] }
  | { kind: "refused"; because: "only_new" | "only_known" }
  | { kind: "open"; asks: Question[] };

export type Question = "insurance" | "known";

/** judge weighs a condition against the answers. A refusal by one answer stands even while the other is missing. */
export function judge(condition: { insurance: readonly Insurance[]; patients: Patients }, answers: Answers): Verdict {
  const { insurance, patients } = condition;
  if (insurance.length > 0 && answers.insurance && !insurance.includes(answers.insurance)) return { kind: "refused", because: "insurance", only: [...insurance] };
  if (patients === "new" && answers.known === "known") return { kind: "refused", because: "only_new" };
  if (patients === "known" && answers.known === "new") return { kind: "refused", because: "only_known" };
  const asks: Question[] = [];
  if (insurance.length > 0 && !answers.insurance) asks.push("insurance");
  if (patients !== "all" && !answers.known) asks.push("known");
  return asks.length > 0 ? { kind: "open", asks } : { kind: "offered" };
}

/** questionsFor lists the questions whose answers matter to any of these conditions. */
export function questionsFor(conditions: readonly Condition[]): Question[] {
  const found: Question[] = [];
  if (conditions.some(({ insurance }) => insurance.length > 0)) found.push("insurance");
  if (conditions.some(({ patients }) => patients !== "all")) found.push("known");
  return found;
}

/** questionsUpFront lists what the first screen asks: what services depend on, and insurance where the practice wants to know it. */
export function questionsUpFront(practice: Practice): Question[] {
  const found = new Set(questionsFor(practice.services));
  if (practice.asks.insurance) found.add("insurance");
  return (["insurance", "known"] as const).filter((question) => found.has(question));
}

/** insurancesFor offers the three usual answers, and the rarer ones only where something depends on them. */
export function insurancesFor(conditions: readonly Condition[]): Insurance[] {
  const named = new Set(conditions.flatMap(({ insurance }) => insurance));
  return (["GKV", "PKV", "BEI", "SEL", "BG", "SOZ"] as const).filter((kind) => ["GKV", "PKV", "SEL"].includes(kind) || named.has(kind));
}

export interface Group {
  category: string;
  services: { service: Service; verdict: Verdict }[];
}

/** groupServices keeps the practice's order; a category stands where its first service does. */
export function groupServices(services: readonly Service[], answers: Answers): Group[] {
  const groups = new Map<string, Group>();
  for (const service of services) {
    let group = groups.get(service.category);
    if (!group) groups.set(service.category, (group = { category: service.category, services: [] }));
    group.services.push({ service, verdict: judge(service, answers) });
  }
  return [...groups.values()];
}
