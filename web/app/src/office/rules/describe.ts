/** Rules in a few words, as tables and lists show them. */
import { language } from "../../i18n/catalogue.svelte.ts";
import { date } from "../format.ts";
import type { Change } from "./diff.ts";
import { clockOf, minutesOf, spanOf } from "./times.ts";
import type { Closure, Insurance, ListKind, Patients, Quota, Rules, Window } from "./types.ts";
import { type Key, has, maybe, t, word } from "./words.ts";

/** weekdaysText is "Mo–Fr", "Mo, Di, Do" or "täglich". */
export function weekdaysText(days: readonly number[]): string {
  const sorted = [...days].sort((a, b) => a - b);
  if (sorted.length === 7) return t("daily");
  const name = (day: number) => word(`weekday.${day}`);
  const parts: string[] = [];
  for (let at = 0; at < sorted.length; ) {
    let end = at;
    while (sorted[end + 1] === sorted[end]! + 1) end++;
    if (end - at >= 2) parts.push(`${name(sorted[at]!)}–${name(sorted[end]!)}`);
    else for (let one = at; one <= end; one++) parts.push(name(sorted[one]!));
    at = end + 1;
  }
  return parts.join(", ");
}

/** clockText is an end that may lie after midnight: "02:00 am Tag danach". */
export function clockText(clock: string): string {
  const minutes = minutesOf(clock);
  return minutes > 1440 ? t("next_day", { time: clockOf(minutes - 1440) }) : clock;
}

export function timeText({ from, until }: Pick<Window, "from" | "until">): string {
  return `${from}–${clockText(until)}`;
}

export function spanText(minutes: number): string {
  const { count, unit } = spanOf(minutes);
  return t(`span.${unit}`, { count });
}

/** hoursText is "2,3 Std." or, below one, "45 Min." */
export function hoursText(minutes: number): string {
  if (minutes < 60) return t("span.minutes", { count: minutes });
  return t("hours", { hours: new Intl.NumberFormat(language(), { maximumFractionDigits: 1 }).format(minutes / 60) });
}

/** whomText is "alle", "neue", "PKV, Selbstzahler, bekannte". */
export function whomText(insurance: readonly Insurance[], patients: Patients): string {
  const parts = insurance.map((code) => word(`insurance.${code}`));
  if (patients !== "all") parts.push(word(`patients.${patients}`));
  return parts.length > 0 ? parts.join(", ") : t("all");
}

export function namesText(ids: readonly string[], list: readonly { id: string; name: string }[], all: string): string {
  return ids.length === 0 ? all : ids.map((id) => list.find((one) => one.id === id)?.name ?? t("gone")).join(", ");
}

export function day(text: string): string {
  return date(text, language());
}

/** spanOfDays is "ab 1.11.2026", "bis …", "1.11. bis …" or nothing. */
export function validText({ valid_from: from, valid_until: until }: { valid_from?: string; valid_until?: string }): string {
  if (from && until) return from === until ? t("valid.on", { day: day(from) }) : t("valid.between", { from: day(from), until: day(until) });
  if (from) return t("valid.from", { day: day(from) });
  return until ? t("valid.until", { day: day(until) }) : "";
}

export function quotaText({ max, per, patients, insurance }: Quota): string {
  const whom = patients === "all" && insurance.length === 0 ? "" : whomText(insurance, patients);
  return t("quota.short", { max, whom, per: word(`per_one.${per}`) }).replace(/\s+/g, " ");
}

/** limitsOf are the quotas that count something of a window. */
export function limitsOf(window: Window, quotas: readonly Quota[]): Quota[] {
  const meets = (a: readonly string[], b: readonly string[]) => a.length === 0 || b.length === 0 || a.some((one) => b.includes(one));
  return quotas.filter(
    ({ windows, practitioners, services }) =>
      window.audience === "online" && (windows.length === 0 || windows.includes(window.id)) && meets(practitioners, window.practitioner ? [window.practitioner] : []) && meets(services, window.services),
  );
}

/** marksOf is what else is special about a window. */
export function marksOf(window: Window): string[] {
  const marks: string[] = [];
  if (window.audience !== "online") marks.push(word(`audience.${window.audience}`));
  if (window.every_weeks > 1) marks.push(t("every_weeks", { count: window.every_weeks }));
  const valid = validText(window);
  if (valid) marks.push(valid);
  if (window.release) marks.push(t("released", { count: window.release.days, time: window.release.time }));
  if (window.open_to_all_days !== undefined && (window.insurance.length > 0 || window.patients !== "all")) marks.push(t("open_to_all", { count: window.open_to_all_days }));
  if (window.school_holidays !== "any") marks.push(word(`school.${window.school_holidays}`));
  if (window.referral) marks.push(t("window.referral"));
  if (window.capacity !== undefined) marks.push(t("capacity", { count: window.capacity }));
  if (window.horizon_days !== undefined) marks.push(t("horizon", { count: window.horizon_days }));
  return marks;
}

/** windowName is how a window is called where its table is not at hand. */
export function windowName(window: Window, rules: Rules, whose = true): string {
  const owner = rules.practitioners.find(({ id }) => id === window.practitioner) ?? rules.resources.find(({ id }) => id === window.resource);
  const when = `${weekdaysText(window.weekdays)} ${timeText(window)}`;
  return [whose ? owner?.name : "", window.name ? `${window.name} (${when})` : when].filter(Boolean).join(", ");
}

export function scopeText({ practitioner, resource, location }: Closure, rules: Rules): string {
  const person = rules.practitioners.find(({ id }) => id === practitioner)?.name;
  const thing = rules.resources.find(({ id }) => id === resource)?.name;
  const place = rules.locations.find(({ id }) => id === location)?.name;
  return [person ?? thing, place].filter(Boolean).join(", ") || t("scope.all");
}

/** whenText is "24.12.2026 bis 01.01.2027" or "26.11.2026, 11:30–18:00". */
export function whenText(closure: Closure): string {
  const whole = closure.from_time === "00:00" && closure.until_time === "24:00";
  if (closure.from === closure.until) return whole ? day(closure.from) : `${day(closure.from)}, ${closure.from_time}–${closure.until_time}`;
  const [from, until] = whole ? ["", ""] : [`, ${closure.from_time}`, `, ${closure.until_time}`];
  return t("from_until", { from: day(closure.from) + from, until: day(closure.until) + until });
}

const formOf: Record<string, string> = {
  practice: "profile", windows: "window", closures: "closure", services: "service", quotas: "quota", chains: "chain", resources: "resource", locations: "location", practitioners: "practitioner", legs: "leg",
};

/** fieldText is what a form calls a field of the JSON. */
export function fieldText(kind: string, field: string): string {
  const form = formOf[kind] ?? kind;
  return maybe(`${form}.${field}`) ?? maybe(`holidays.${field}`) ?? maybe(`field.${field}`) ?? field;
}

/** changeText is one change that somebody else made, in a sentence. */
export function changeText({ kind, how, name, fields, value }: Change): string {
  const called = kind === "windows" ? [name, `${weekdaysText((value as Window).weekdays)} ${timeText(value as Window)}`].filter(Boolean).join(", ") : name;
  const what = [word(`one.${kind}`), called && `„${called}“`].filter(Boolean).join(" ");
  return t(`change.${how}`, { what, fields: fields.map((field) => fieldText(kind, field)).join(", ") });
}

/** refusedText is the sentence for a reason of the server's. */
export function refusedText(reason: string): string {
  const key = `refused.${reason}`;
  return has(key) ? t(key as Key) : t("refused.other", { reason });
}

/** neededText names the rules that stand in the way. */
export function neededText(needed: readonly { kind: string; id: string }[], rules: Rules): string {
  const names = needed.map(({ kind, id }) => {
    const list = rules[kind as ListKind] as { id?: string; name?: string }[] | undefined;
    const one = list?.find((rule) => rule.id === id);
    const name = kind === "windows" && one ? windowName(one as Window, rules) : one?.name;
    return [word(`one.${kind}`), name && `„${name}“`].filter(Boolean).join(" ");
  });
  return names.length > 0 ? t("needed", { names: [...new Set(names)].join(", ") }) : "";
}
