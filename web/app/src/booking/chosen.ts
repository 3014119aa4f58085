// What appointments that stand are for, among what can be chosen.

import type { Choice } from "./offer.ts";

/** A service, by name and, where that was kept, by id. */
export type Copied = { service: string; service_id?: string; video?: string };

/** choiceOf finds what appointments are for: a service, or, of several, the chain whose steps they are. */
export function choiceOf(copies: readonly Copied[], choices: readonly Choice[]): Choice | undefined {
  const is = ({ service, service_id }: Copied, { id, name }: { id: string; name: string }) => (service_id ? id === service_id : name === service);
  const [first] = copies;
  if (copies.length === 1 && first) return choices.find((choice) => !choice.chain && is(first, choice));
  return choices.find(({ chain, services }) => {
    if (!chain) return false;
    // Of the steps only optional ones may be missing.
    let next = 0;
    const fits = services.every((service, i) => {
      const copy = copies[next];
      if (copy && is(copy, service)) return ++next > 0;
      return chain.steps[i]?.optional === true;
    });
    return fits && next === copies.length;
  });
}
