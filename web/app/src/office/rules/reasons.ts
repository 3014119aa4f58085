/** Why a quarter of an hour is not offered, in words and with the numbers of the rules. */
import { spanText, whomText } from "./describe.ts";
import { holidays, yearlyIn } from "./holidays.ts";
import { minutesOf } from "./times.ts";
import type { Alternative, Closure, Rules, Service } from "./types.ts";
import type { Block } from "./week.ts";
import { maybe, t, word } from "./words.ts";

const groups = (conditions: readonly Alternative[]) => [...new Set(conditions.map(({ insurance, patients }) => whomText(insurance, patients)))].join(" / ");

/** closedBy is what closes a time of one person at one place: a closure's reason, or the holiday's name. */
export function closedBy({ day, from, to }: Pick<Block, "day" | "from" | "to">, practitioner: string, location: string | undefined, rules: Rules): string {
  const covers = (one: Closure) =>
    (!one.practitioner || one.practitioner === practitioner) &&
    (!one.location || one.location === location) &&
    !one.resource &&
    (one.from < day || (one.from === day && minutesOf(one.from_time) < to)) &&
    (one.until > day || (one.until === day && minutesOf(one.until_time) > from));
  const closure = rules.closures.find(covers);
  if (closure) return closure.reason || closure.text || word("one.closures");
  const place = rules.locations.find(({ id }) => id === location);
  const [land, municipality] = place?.land ? [place.land, place.municipality ?? ""] : [rules.practice.land, rules.practice.municipality];
  const year = Number(day.slice(0, 4));
  const holiday = holidays(land, municipality, year).find((one) => one.day === day);
  if (holiday) return holiday.name;
  const own = rules.practice.closed_days.find((text) => yearlyIn(text, year) === day);
  return own ? (maybe(`yearly.${own}`) ?? t("own_day")) : "";
}

export function reasonText(block: Block, rules: Rules, service: Service, practitioner: string, minutes: number): string {
  const window = rules.windows.find(({ id }) => id === block.window);
  switch (block.reason) {
    case "other_insurance":
    case "other_patients":
      return t("reason.only", { whom: groups(block.conditions ?? []) });
    case "other_age":
      if (service.min_age !== undefined && service.max_age !== undefined) return t("reason.ages", { least: service.min_age, most: service.max_age });
      return service.min_age !== undefined ? t("reason.from_age", { count: service.min_age }) : t("reason.to_age", { count: service.max_age ?? 0 });
    case "lead":
      return t("reason.lead", { span: spanText(window?.lead_minutes ?? service.lead_minutes) });
    case "horizon":
      return t("reason.horizon", { count: window?.horizon_days ?? service.horizon_days });
    case "not_released":
      return window?.release ? t("released", { count: window.release.days, time: window.release.time }) : word("reason.not_released");
    case "busy":
    case "too_short":
      return t(`reason.${block.reason}`, { count: minutes });
    case "quota":
    case "need":
      return block.detail ? t(`reason.${block.reason}_named`, { name: block.detail }) : word(`reason.${block.reason}`);
    case "closed": {
      const name = closedBy(block, practitioner, window?.location, rules);
      return name ? t("reason.closed_named", { name }) : word("reason.closed");
    }
    default:
      return word(`reason.${block.reason}`);
  }
}
