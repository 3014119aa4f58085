/** What the portal asks of the server. */
import { withProof } from "../account/prove.ts";
import { send } from "../api/http.ts";

const root = "/api/v1/portal";

export interface Trouble { code: string; level: number; at?: string; count?: number }

export interface Tenant {
  id: string; slug: string; name: string; status: string; plan: string; reseller?: string;
  trial_ends?: string; notice_ends?: string; erase_after?: string; handed_over: boolean;
  level: number; troubles: Trouble[]; unknown: string[]; owners: number; bookings: number; days: number[];
  patients: string; office: string;
}

export interface Handover { id: string; name: string; email: string; sent: number; expires: string }
export type OneTenant = Tenant & { handover?: Handover };

export interface Wanted {
  slug: string; specialty: string; contact: string; company: string; street: string; postal_code: string; city: string; phone: string; email: string;
  plan?: string; owner?: string; owner_email?: string;
}

export interface Detail { where: string; why: string }
export interface Row extends Wanted { line: number; errors: Detail[] }

export interface Brand {
  name: string; sender_name: string; sender_email: string; support_phone: string; support_email: string; accent: string; imprint: string; logo?: string; logo_type?: string;
}
export interface Price { plan: string; name: string; monthly_cents: number; sms_part_micros: number }
export interface Reseller {
  id: string; version: number; status: string; brand: Brand; contract_model: string; zone: string; trial_days: number; prices?: Price[]; max_tenants?: number; tenants: number;
}

export interface Host { name: string; shown: string; record: string; challenge: string; verified?: string; checked?: string; problem?: string }

export interface Count {
  tenant: string; slug: string; plan: string; status: string; monthly_cents: number | null; bookings: number; bookings_staff: number; sms_parts: number | null; sms_micros: number | null;
}
export interface Counts {
  month: string; zone: string; closed?: string; rows: Count[];
  corrections: { tenant: string; slug: string; concerns: string; what: string; delta: number; note: string }[];
}

export interface Person { account: string; name: string; email: string; role: string; since: string; self: boolean }
export interface Invited { id: string; name: string; email: string; role: string; by: string; expires: string }

const of = (reseller: string) => (reseller ? `?${new URLSearchParams({ reseller })}` : "");

export const fleet = () => send<{ tenants: Tenant[] }>(`${root}/tenants`).then(({ tenants }) => tenants);
export const tenant = (id: string) => send<OneTenant>(`${root}/tenants/${id}`);
export const create = (wanted: Wanted) => send<{ id: string; slug: string; handover_sent: boolean }>(`${root}/tenants`, { method: "POST", body: wanted });
export const preview = (csv: string) => send<{ rows: Row[]; wrong: number; columns: string[] }>(`${root}/imports/preview`, { method: "POST", body: { csv }, safe: true });
export const confirmImport = (csv: string) => send<{ rows: { line: number; slug: string; id?: string; reason?: string }[] }>(`${root}/imports`, { method: "POST", body: { csv } });
export type Act = { act: "suspend"; reason: string } | { act: "resume" } | { act: "set_plan"; plan: string } | { act: "hand_over"; owner?: string; owner_email?: string };
export const act = (tenants: string[], what: Act) =>
  send<{ results: { tenant: string; reason?: string }[] }>(`${root}/tenants/act`, { method: "POST", body: { tenants, ...what } }).then(({ results }) => results);
export const rename = (id: string, slug: string) => send<void>(`${root}/tenants/${id}/slug`, { method: "PUT", body: { slug } });
export const notice = (id: string, ends: string, reason: string) => withProof(() => send<void>(`${root}/tenants/${id}/notice`, { method: "PUT", body: { ends, reason } }));
export const withdrawNotice = (id: string) => send<void>(`${root}/tenants/${id}/notice`, { method: "DELETE" });
export const move = (id: string, reseller: string) => withProof(() => send<void>(`${root}/tenants/${id}/reseller`, { method: "PUT", body: { reseller } }));
export const erase = (id: string, slug: string, reason: string) =>
  withProof(() => send<{ id: string; tables: Record<string, number> }>(`${root}/tenants/${id}/erase`, { method: "POST", body: { slug, reason } }));
export const specialties = () => send<{ specialties: { code: string }[] }>("/api/v1/specialties").then((found) => found.specialties.map(({ code }) => code));

export const brand = () => send<Reseller>(`${root}/brand`);
export const saveBrand = (version: number, value: Brand) => send<Reseller>(`${root}/brand`, { method: "PUT", body: { version, brand: value } });
export const savePrices = (version: number, prices: Price[]) => send<Reseller>(`${root}/prices`, { method: "PUT", body: { version, prices } });
export const saveContract = (version: number, contract_model: string, zone: string, trial_days: number) =>
  withProof(() => send<Reseller>(`${root}/contract-model`, { method: "PUT", body: { version, contract_model, zone, trial_days } }));

export const bases = () => send<{ hosts: Host[] }>(`${root}/bases`).then(({ hosts }) => hosts);
export const addBase = (name: string) => send<Host>(`${root}/bases`, { method: "POST", body: { name } });
export const verifyBase = (name: string) => send<Host>(`${root}/bases/${name}/verify`, { method: "POST", body: {} });
export const removeBase = (name: string) => send<void>(`${root}/bases/${name}`, { method: "DELETE" });

export interface HostCertificate { host: string; shown: string; tenant?: string; slug?: string; state: "good" | "soon" | "over" | "none" | "unknown"; ends?: string }
export const hostCertificates = () => send<{ certificates: HostCertificate[] }>(`${root}/host-certificates`).then(({ certificates }) => certificates);

export const months = (reseller: string) => send<{ running: string; closed: string[] }>(`${root}/counts${of(reseller)}`);
export const counts = (month: string, reseller: string) => send<Counts>(`${root}/counts/${month}${of(reseller)}`);
export const countsFile = (month: string, reseller: string, format: string) => `${root}/counts/${month}/file?${new URLSearchParams({ format, ...(reseller ? { reseller } : {}) })}`;
export const correct = (reseller: string, body: { tenant: string; concerns: string; what: string; delta: number; note: string }) =>
  withProof(() => send<void>(`${root}/corrections${of(reseller)}`, { method: "POST", body }));

export const people = (reseller: string) => send<{ people: Person[]; invitations: Invited[] }>(`${root}/people${of(reseller)}`);
export const invite = (reseller: string, body: { email: string; name: string; role: string; language: string }) =>
  withProof(() => send<Invited>(`${root}/people${of(reseller)}`, { method: "POST", body }));
export const withdraw = (reseller: string, id: string) => send<void>(`${root}/invitations/${id}${of(reseller)}`, { method: "DELETE" });
export const resendInvitation = (reseller: string, id: string) => send<void>(`${root}/invitations/${id}/resend${of(reseller)}`, { method: "POST", body: {} });
export const setRole = (reseller: string, id: string, role: string) => withProof(() => send<void>(`${root}/people/${id}/role${of(reseller)}`, { method: "PUT", body: { role } }));
export const remove = (reseller: string, id: string) => withProof(() => send<void>(`${root}/people/${id}${of(reseller)}`, { method: "DELETE" }));

export const resellers = () => send<{ resellers: Reseller[] }>(`${root}/resellers`).then((found) => found.resellers);
export const createReseller = (name: string) => send<Reseller>(`${root}/resellers`, { method: "POST", body: { name } });
export const limit = (id: string, status: string, max_tenants?: number) =>
  withProof(() => send<void>(`${root}/resellers/${id}/limits`, { method: "PUT", body: { status, ...(max_tenants === undefined ? {} : { max_tenants }) } }));

export interface Asked { of: string; name: string; email: string; role: string; by: string; account: string; known: boolean }
export const peekJoin = (token: string) => send<Asked>(`${root}/join/peek`, { method: "POST", body: { token }, safe: true });
export const join = (body: unknown) => send<{ email: string }>(`${root}/join`, { method: "POST", body });
