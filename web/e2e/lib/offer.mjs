// Answers that a practice with every kind of rule would get, put between page
// and server: screens can be looked at in states that a demo is not in today.

import { ask } from "./http.mjs";
import { wall } from "./setup.mjs";

/** Instants of local wall times in Berlin. */
function at(day, time) {
  const zone = new Intl.DateTimeFormat("en", { timeZone: "Europe/Berlin", timeZoneName: "longOffset" }).formatToParts(new Date(`${day}T${time}:00Z`));
  const offset = zone.find(({ type }) => type === "timeZoneName").value.slice("GMT".length);
  return new Date(`${day}T${time}:00${offset}`).toISOString().replace(".000Z", "Z");
}
export const plus = (day, count) => new Date(Date.parse(`${day}T00:00:00Z`) + count * 86_400_000).toISOString().slice(0, 10);
const ends = (starts, minutes) => new Date(Date.parse(starts) + minutes * 60_000).toISOString().replace(".000Z", "Z");
const mondayAfter = (day) => plus(day, 8 - (new Date(`${day}T00:00:00Z`).getUTCDay() || 7));

/** The Monday on which the made-up week begins: the next one. */
export const monday = mondayAfter(wall(Date.now()).day);

export const everyone = { alternatives: [{ insurance: [], patients: "all" }] };

/**
 * offer puts answers in place of the server's own: `change` makes a practice of
 * the real one, `week` says what is in the made-up week: slots as rows of
 * [day of the week from 0, time, condition, more], days without any, and open
 * consultation hours.
 */
export async function offer(page, { change = (practice) => practice, conditions = [everyone], rows = [], itineraries, closed = [], walkIn = [], minutes = 15 }) {
  const asked = [];
  let practice;
  await page.route("**/api/v1/practice", async (route) => {
    const { json } = await ask(route.request().url(), "/api/v1/practice");
    practice = change(json);
    await route.fulfill({ json: practice });
  });
  const days = closed.map(({ day, ...rest }) => ({ date: plus(monday, day), ...rest }));
  const answer = () => {
    const zone = "Europe/Berlin";
    const slots = rows.map(([day, time, condition = 0, { practitioner = 0, location = 0, step, last = minutes } = {}]) => {
      const starts = at(plus(monday, day), time);
      return { starts, ends: ends(starts, last), practitioner, location, condition, ...(step === undefined ? {} : { step }) };
    });
    const hours = walkIn.map(({ day, from, until, name, practitioner = null, location = 0 }) => ({ starts: at(plus(monday, day), from), ends: at(plus(monday, day), until), practitioner, location, name }));
    return { zone, practitioners: practice.practitioners.map(({ id }) => id), locations: practice.locations.map(({ id }) => id), conditions, slots, ...(itineraries ? { itineraries } : {}), days: [], closed: days, walk_in: hours };
  };
  await page.route(/\/api\/v1\/slots/, async (route) => {
    const url = new URL(route.request().url());
    asked.push(url);
    const { zone, slots, ...rest } = answer();
    const until = plus(monday, 28);
    if (url.pathname.endsWith("/days")) {
      const dates = [...new Set(rows.map(([day]) => day))].sort((a, b) => a - b);
      const body = dates.map((day) => {
        const here = rows.filter((row) => row[0] === day);
        return { date: plus(monday, day), free: here.length, conditions: [...new Set(here.map(([, , condition = 0]) => condition))] };
      });
      return route.fulfill({ json: { zone, from: url.searchParams.get("from"), to: until, conditions, days: body, closed: days } });
    }
    const from = url.searchParams.get("from") ?? "";
    const inWeek = url.pathname.endsWith("/next") || (from <= plus(monday, 6) && url.searchParams.get("to") > monday);
    const none = { slots: [], days: [], walk_in: [], closed: [], ...(itineraries ? { itineraries: [] } : {}) };
    return route.fulfill({ json: { zone, from, to: until, ...rest, slots, ...(inWeek ? {} : none) } });
  });
  return { asked };
}
