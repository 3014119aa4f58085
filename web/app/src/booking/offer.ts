// What a patient can book, given the answers that never leave the browser. No
// service and no slot disappears silently: what is not for this patient comes
// with its reason.

import type { Admission, Chain, Condition, Insurance, Patients, Practice, Service } from "../api/types.ts";

export interface Answers {
  insurance: Insurance | "";
  known: "new" | "known" | "";
  /** In full years on the day of the appointment, as typed. */
  age: string;
  referral: "yes" | "no" | "";
}

export const noAnswers: Answers = { insurance: "", known: "", age: "", referral: "" };

export const questions = ["insurance", "known", "age", "referral"] as const;
export type Question = (typeof questions)[number];

/** Why something is not for this patient, or what is still to be answered before that is known. */
export type Refusal =
  | { kind: "refused"; because: "insurance"; only: Insurance[] }
  | { kind: "refused"; because: "age"; min?: number; max?: number }
  | { kind: "refused"; because: "only_new" | "only_known" | "referral" | "quota" };
export type Verdict = { kind: "offered" } | Refusal | { kind: "open"; asks: Question[] };

const kinds = ["GKV", "PKV", "BEI", "BG", "SEL", "SOZ"] as const satisfies readonly Insurance[];

/** ageOf is the age as a number, undefined where none was typed that a person can have. */
export const ageOf = ({ age }: Pick<Answers, "age">): number | undefined => (/^\d{1,3}$/.test(age.trim()) && Number(age) <= 130 ? Number(age) : undefined);

const admits = ({ insurance, patients }: Admission, kind: Insurance, known: Exclude<Patients, "all">) =>
  (insurance.length === 0 || insurance.includes(kind)) && (patients === "all" || patients === known);

interface Standing {
  kind: Insurance;
  known: Exclude<Patients, "all">;
  /** The quotas that such a patient uses up; undefined where nobody like this is admitted. */
  quotas: string | undefined;
}

/** standings are all that the patient can still be, given the answers. */
function standings({ alternatives }: Condition, { insurance, known }: Answers): Standing[] {
  const found: Standing[] = [];
  for (const kind of insurance ? [insurance] : kinds) {
    for (const is of known ? [known] : (["new", "known"] as const)) {
      const admitted = alternatives.find((alternative) => admits(alternative, kind, is));
      found.push({ kind, known: is, quotas: admitted && [...(admitted.quotas ?? [])].sort().join() });
    }
  }
  return found;
}

/** judge weighs a condition against the answers. A refusal by one answer stands even while others are missing. */
export function judge(condition: Condition, answers: Answers): Verdict {
  const { alternatives, min_age: min, max_age: max } = condition;
  if (alternatives.length === 0) return { kind: "refused", because: "quota" };
  const asks = new Set<Question>();

  const all = standings(condition, answers);
  if (all.every(({ quotas }) => quotas === undefined)) {
    const { insurance } = answers;
    const inside = alternatives.filter((one) => !insurance || one.insurance.length === 0 || one.insurance.includes(insurance));
    if (inside.length === 0) return { kind: "refused", because: "insurance", only: kinds.filter((kind) => alternatives.some((one) => one.insurance.includes(kind))) };
    return { kind: "refused", because: answers.known === "new" ? "only_known" : "only_new" };
  }
  for (const one of all) {
    for (const other of all) {
      if (one.quotas === other.quotas) continue;
      if (one.known === other.known) asks.add("insurance");
      if (one.kind === other.kind) asks.add("known");
    }
  }

  if (min !== undefined || max !== undefined) {
    const age = ageOf(answers);
    if (age === undefined) asks.add("age");
    else if (!ageFits(condition, age)) return { kind: "refused", because: "age", ...ages(condition) };
  }
  if (condition.referral) {
    if (answers.referral === "no") return { kind: "refused", because: "referral" };
    if (!answers.referral) asks.add("referral");
  }
  return asks.size > 0 ? { kind: "open", asks: questions.filter((question) => asks.has(question)) } : { kind: "offered" };
}

/** judgeAll weighs several conditions that have to fit together: the steps of a chain. */
export function judgeAll(conditions: readonly Condition[], answers: Answers): Verdict {
  const verdicts = conditions.map((condition) => judge(condition, answers));
  const refused = verdicts.find(({ kind }) => kind === "refused");
  if (refused) return refused;
  const asks = new Set(verdicts.flatMap((verdict) => (verdict.kind === "open" ? verdict.asks : [])));
  return asks.size > 0 ? { kind: "open", asks: questions.filter((question) => asks.has(question)) } : { kind: "offered" };
}

/** quotasFor are those that a patient uses up to whom the condition is offered. */
export const quotasFor = (condition: Condition, answers: Answers): string[] => standings(condition, answers)[0]?.quotas?.split(",").filter(Boolean) ?? [];

export const ages = ({ min_age, max_age }: Pick<Condition, "min_age" | "max_age">): { min?: number; max?: number } => ({
  ...(min_age !== undefined ? { min: min_age } : {}),
  ...(max_age !== undefined ? { max: max_age } : {}),
});

export const ageFits = ({ min_age, max_age }: Pick<Condition, "min_age" | "max_age">, age: number): boolean => age >= (min_age ?? 0) && age <= (max_age ?? 130);

/** conditionOf is for whom a service is, whenever it is. Who chooses one that needs a referral has read so: that is asked in the form. */
export const conditionOf = ({ insurance, patients, min_age, max_age }: Service): Condition => ({
  alternatives: [{ insurance, patients }],
  ...(min_age !== undefined ? { min_age } : {}),
  ...(max_age !== undefined ? { max_age } : {}),
});

/** questionsFor lists the questions whose answers matter to any of these conditions. */
export function questionsFor(conditions: readonly Condition[]): Question[] {
  const asks = new Set(conditions.flatMap((condition) => {
    const verdict = judge(condition, noAnswers);
    return verdict.kind === "open" ? verdict.asks : [];
  }));
  return questions.filter((question) => asks.has(question));
}

/** questionsUpFront lists what the first screen asks: what services depend on, and insurance where the practice wants to know it. */
export function questionsUpFront(practice: Practice): Question[] {
  const found = new Set(questionsFor(practice.services.map(conditionOf)));
  if (practice.asks.insurance) found.add("insurance");
  return questions.filter((question) => found.has(question));
}

/** insurancesFor offers the three usual answers, and the rarer ones only where something depends on them. */
export function insurancesFor(conditions: readonly Condition[]): Insurance[] {
  const named = new Set(conditions.flatMap(({ alternatives }) => alternatives.flatMap(({ insurance }) => insurance)));
  return (["GKV", "PKV", "BEI", "SEL", "BG", "SOZ"] as const).filter((kind) => ["GKV", "PKV", "SEL"].includes(kind) || named.has(kind));
}

/** Choice is what can be chosen on the first screen: a service, or a chain of them. */
export interface Choice {
  id: string;
  name: string;
  category: string;
  description: string;
  /** One, or those of the chain's steps. */
  services: Service[];
  chain?: Chain;
  /** So many appointments, with so many days between two. */
  series?: { count: number; every: number };
  /** All of them have to fit the patient. */
  conditions: Condition[];
  price_cents?: number;
}

/** choicesOf lists services in the practice's order, then the chains. A chain whose services are not all offered is none. */
export function choicesOf({ services, chains }: Pick<Practice, "services" | "chains">): Choice[] {
  const single = services.map((service): Choice => {
    const { id, name, category, description, price_cents, series_count: count, series_every_days: every } = service;
    return { ...(count && every ? { series: { count, every } } : {}), id, name, category, description, services: [service], conditions: [conditionOf(service)], ...(price_cents !== undefined ? { price_cents } : {}) };
  });
  const linked = chains.flatMap((chain): Choice[] => {
    const steps = chain.steps.map((step) => services.find(({ id }) => id === step.service));
    if (steps.length === 0 || !steps.every((step) => step !== undefined)) return [];
    const needed = steps.filter((_, i) => !chain.steps[i]?.optional);
    const prices = needed.flatMap(({ price_cents }) => price_cents ?? []);
    const { id, name, description } = chain;
    return [{ id, name, category: "", description, services: steps, chain, conditions: needed.map(conditionOf), ...(prices.length > 0 ? { price_cents: prices.reduce((sum, cents) => sum + cents) } : {}) }];
  });
  return [...single, ...linked];
}

/** minutesOf is how long a choice takes with somebody, or from the shortest to the longest with anybody. Waiting between steps comes on top. */
export function minutesOf({ services, chain }: Choice, practitioner = "any"): { least: number; most: number } {
  let [least, most] = [0, 0];
  services.forEach(({ duration_minutes, durations = {}, practitioners }, i) => {
    if (chain?.steps[i]?.optional) return;
    const all = (practitioner === "any" ? practitioners : [practitioner]).map((who) => durations[who] ?? duration_minutes);
    if (all.length === 0) all.push(duration_minutes);
    least += Math.min(...all);
    most += Math.max(...all);
  });
  return { least, most };
}

export interface Group {
  category: string;
  chains: boolean;
  choices: { choice: Choice; verdict: Verdict }[];
}

/** groupChoices keeps the practice's order; a category stands where its first service does, the chains last. */
export function groupChoices(choices: readonly Choice[], answers: Answers): Group[] {
  const groups = new Map<string, Group>();
  for (const choice of choices) {
    const chains = Boolean(choice.chain);
    const id = `${chains}|${choice.category}`;
    let group = groups.get(id);
    if (!group) groups.set(id, (group = { category: choice.category, chains, choices: [] }));
    group.choices.push({ choice, verdict: judgeAll(choice.conditions, answers) });
  }
  return [...groups.values()];
}
