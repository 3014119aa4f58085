/** Examples for tests; nothing of the product imports this. */
import type { Rules } from "./types.ts";

/** rules is a small practice with something of each kind, fresh each time. */
export function rules(): Rules {
  return {
    version: 7,
    practice: {
      name: "Praxis", tagline: "", phone: "+49 7243 000120", email: "", zone: "Europe/Berlin", accent: "", imprint: "", hours: "", channels: ["mail"], asks: {}, sms_sender: "",
      land: "DE-BW", municipality: "", closed_days: ["12-24", "rosenmontag"],
    },
    locations: [
      { id: "loc_1", name: "Mitte", street: "Weg 1", postal_code: "76275", city: "Ettlingen", phone: "", hours: "", access: "", zone: "Europe/Berlin", position: 0 },
      { id: "loc_2", name: "Nord", street: "Weg 2", postal_code: "76275", city: "Ettlingen", phone: "", hours: "", access: "", zone: "Europe/Berlin", land: "DE-BY", municipality: "augsburg", position: 1 },
    ],
    resources: [
      { id: "res_1", kind: "practitioner", name: "Dr. Sommer", capacity: 1 },
      { id: "res_2", kind: "room", name: "Labor", capacity: 2, location: "loc_1" },
    ],
    practitioners: [
      { id: "prc_1", resource: "res_1", name: "Dr. Sommer", role: "Ärztin", position: 0 },
      { id: "prc_2", name: "Dr. Berg", role: "", position: 1 },
    ],
    services: [
      {
        id: "svc_1", name: "Sprechstunde", category: "Sprechstunde", description: "", instructions: "", minutes: 15, buffer_before: 0, buffer_after: 5, step: 15, lead_minutes: 240,
        horizon_days: 60, price_cents: 4850, insurance: ["PKV", "SEL"], patients: "known", min_age: 18, max_age: 65, referral: true, referral_code: true, seats: 1, confirmation: "by_staff",
        cancel_minutes: 1440, move_minutes: 90, practitioners: [{ id: "prc_1", minutes: 20 }, { id: "prc_2" }], needs: [{ role: "Labor", resources: ["res_2"] }], position: 0,
      },
      {
        id: "svc_2", name: "Impfung", category: "Vorsorge", description: "", instructions: "", minutes: 10, buffer_before: 0, buffer_after: 0, step: 10, lead_minutes: 0, horizon_days: 30,
        insurance: [], patients: "all", referral: false, seats: 1, confirmation: "at_once", cancel_minutes: 0, move_minutes: 0, practitioners: [{ id: "prc_1" }], needs: [], position: 1,
      },
    ],
    windows: [
      {
        id: "win_1", name: "Vormittag", practitioner: "prc_1", location: "loc_1", weekdays: [1, 2, 4], from: "08:00", until: "12:30", valid_from: "2026-11-01", valid_until: "2026-12-31",
        every_weeks: 2, anchor: "2026-11-02", services: ["svc_1"], insurance: ["GKV"], patients: "new", open_to_all_days: 0, audience: "online", capacity: 2, lead_minutes: 1440,
        horizon_days: 14, release: { days: 0, time: "07:30" }, school_holidays: "not", referral: true,
      },
      {
        id: "win_2", name: "", resource: "res_2", location: "loc_1", weekdays: [1, 2, 3, 4, 5], from: "07:00", until: "26:00", every_weeks: 1, services: [], insurance: [], patients: "all",
        audience: "online", school_holidays: "any", referral: false,
      },
    ],
    closures: [
      { id: "cls_1", practitioner: "prc_1", from: "2026-12-24", from_time: "12:00", until: "2026-12-24", until_time: "18:00", reason: "Urlaub", text: "Wir sind weg", substitute: { name: "Praxis Nord", address: "", phone: "0721" } },
    ],
    quotas: [
      { id: "quo_1", name: "Neue", max: 4, per: "week", services: ["svc_1"], windows: ["win_1"], practitioners: ["prc_1"], insurance: ["GKV"], patients: "new", release_days: 2, valid_from: "2026-11-01", valid_until: "2027-01-31" },
    ],
    chains: [
      {
        id: "chn_1", name: "Check", description: "", position: 0,
        steps: [
          { service: "svc_1", least_minutes: 0, greatest_minutes: 0, optional: false },
          { service: "svc_2", least_minutes: 10, greatest_minutes: 60, optional: true },
        ],
      },
    ],
    calendars: [{ id: "cal_1", name: "Ferien", kind: "school_holidays", imported: "2026-11-20T10:00:00Z", entries: 6 }],
    legs: [{ a: "loc_1", b: "loc_2", minutes: 20 }],
  };
}
