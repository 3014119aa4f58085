/** What the portal asks of the server. */
import { withProof } from "../account/prove.ts";
import type { Answer, Sent } from "../api/answers.ts";
import { send } from "../api/http.ts";

const root = "/api/v1/portal";

export type Tenant = Answer<"listFleet">["tenants"][number];
export type Trouble = Tenant["troubles"][number];
export type OneTenant = Answer<"getFleetTenant">;
export type Handover = NonNullable<OneTenant["handover"]>;
export type Wanted = Sent<"createTenant">;
export type Row = Answer<"previewTenants">["rows"][number];
export type Detail = Row["errors"][number];

export type Reseller = Answer<"getBrand">;
/** What a form changes. */
export type Brand = { -readonly [Field in keyof Reseller["brand"]]: Reseller["brand"][Field] };
export type Price = Sent<"putPrices">["prices"][number];
export type Host = Answer<"listBases">["hosts"][number];

export type Counts = Answer<"getCounts">;
export type Count = Counts["rows"][number];

export type Person = Answer<"listPortalPeople">["people"][number];
export type Invited = Answer<"listPortalPeople">["invitations"][number];

const of = (reseller: string) => (reseller ? `?${new URLSearchParams({ reseller })}` : "");

export const fleet = () => send<Answer<"listFleet">>(`${root}/tenants`).then(({ tenants }) => tenants);
export const tenant = (id: string) => send<OneTenant>(`${root}/tenants/${id}`);
export const create = (wanted: Wanted) => send<Answer<"createTenant">>(`${root}/tenants`, { method: "POST", body: wanted });
export const preview = (csv: string) => send<Answer<"previewTenants">>(`${root}/imports/preview`, { method: "POST", body: { csv }, safe: true });
export const confirmImport = (csv: string) => send<Answer<"createTenants">>(`${root}/imports`, { method: "POST", body: { csv } });
export type Act = { act: "suspend"; reason: string } | { act: "resume" } | { act: "set_plan"; plan: string } | { act: "hand_over"; owner?: string; owner_email?: string };
export const act = (tenants: string[], what: Act) =>
  send<Answer<"actOnTenants">>(`${root}/tenants/act`, { method: "POST", body: { tenants, ...what } }).then(({ results }) => results);
export const rename = (id: string, slug: string) => send<void>(`${root}/tenants/${id}/slug`, { method: "PUT", body: { slug } });
export const notice = (id: string, ends: string, reason: string) => withProof(() => send<void>(`${root}/tenants/${id}/notice`, { method: "PUT", body: { ends, reason } }));
export const withdrawNotice = (id: string) => send<void>(`${root}/tenants/${id}/notice`, { method: "DELETE" });
export const move = (id: string, reseller: string) => withProof(() => send<void>(`${root}/tenants/${id}/reseller`, { method: "PUT", body: { reseller } }));
export const erase = (id: string, slug: string, reason: string) =>
  withProof(() => send<Answer<"eraseTenant">>(`${root}/tenants/${id}/erase`, { method: "POST", body: { slug, reason } }));
export const specialties = () => send<Answer<"listSpecialties">>("/api/v1/specialties").then((found) => found.specialties.map(({ code }) => code));

export const brand = () => send<Reseller>(`${root}/brand`);
export const saveBrand = (version: number, value: Brand) => send<Reseller>(`${root}/brand`, { method: "PUT", body: { version, brand: value } });
export const savePrices = (version: number, prices: Price[]) => send<Reseller>(`${root}/prices`, { method: "PUT", body: { version, prices } });
export const saveContract = (version: number, contract_model: string, zone: string, trial_days: number) =>
  withProof(() => send<Reseller>(`${root}/contract-model`, { method: "PUT", body: { version, contract_model, zone, trial_days } }));

export const bases = () => send<Answer<"listBases">>(`${root}/bases`).then(({ hosts }) => hosts);
export const addBase = (name: string) => send<Host>(`${root}/bases`, { method: "POST", body: { name } });
export const verifyBase = (name: string) => send<Host>(`${root}/bases/${name}/verify`, { method: "POST", body: {} });
export const removeBase = (name: string) => send<void>(`${root}/bases/${name}`, { method: "DELETE" });

export type HostCertificate = Answer<"listHostCertificates">["certificates"][number];
export const hostCertificates = () => send<Answer<"listHostCertificates">>(`${root}/host-certificates`).then(({ certificates }) => certificates);

export const months = (reseller: string) => send<Answer<"listMonths">>(`${root}/counts${of(reseller)}`);
export const counts = (month: string, reseller: string) => send<Counts>(`${root}/counts/${month}${of(reseller)}`);
export const countsFile = (month: string, reseller: string, format: string) => `${root}/counts/${month}/file?${new URLSearchParams({ format, ...(reseller ? { reseller } : {}) })}`;
export const correct = (reseller: string, body: { tenant: string; concerns: string; what: string; delta: number; note: string }) =>
  withProof(() => send<void>(`${root}/corrections${of(reseller)}`, { method: "POST", body }));

export const people = (reseller: string) => send<Answer<"listPortalPeople">>(`${root}/people${of(reseller)}`);
export const invite = (reseller: string, body: { email: string; name: string; role: string; language: string }) =>
  withProof(() => send<Invited>(`${root}/people${of(reseller)}`, { method: "POST", body }));
export const withdraw = (reseller: string, id: string) => send<void>(`${root}/invitations/${id}${of(reseller)}`, { method: "DELETE" });
export const resendInvitation = (reseller: string, id: string) => send<void>(`${root}/invitations/${id}/resend${of(reseller)}`, { method: "POST", body: {} });
export const setRole = (reseller: string, id: string, role: string) => withProof(() => send<void>(`${root}/people/${id}/role${of(reseller)}`, { method: "PUT", body: { role } }));
export const remove = (reseller: string, id: string) => withProof(() => send<void>(`${root}/people/${id}${of(reseller)}`, { method: "DELETE" }));

export const resellers = () => send<Answer<"listResellers">>(`${root}/resellers`).then((found) => found.resellers);
export const createReseller = (name: string) => send<Reseller>(`${root}/resellers`, { method: "POST", body: { name } });
export const limit = (id: string, status: string, max_tenants?: number) =>
  withProof(() => send<void>(`${root}/resellers/${id}/limits`, { method: "PUT", body: { status, ...(max_tenants === undefined ? {} : { max_tenants }) } }));

export type Asked = Answer<"peekPortalInvitation">;
export const peekJoin = (token: string) => send<Asked>(`${root}/join/peek`, { method: "POST", body: { token }, safe: true });
export const join = (body: unknown) => send<Answer<"acceptPortalInvitation">>(`${root}/join`, { method: "POST", body });

export type Problem = Answer<"listProblems">["reports"][number];
export type Announcement = Answer<"listAnnouncements">["announcements"][number];
export const problems = () => send<Answer<"listProblems">>(`${root}/problems`).then(({ reports }) => reports);
export const settle = (id: string) => send<void>(`${root}/problems/${id}`, { method: "DELETE" });
export const announcements = () => send<Answer<"listAnnouncements">>(`${root}/announcements`).then((found) => found.announcements);
export const announce = (id: string, body: Sent<"putAnnouncement">) => send<void>(`${root}/announcements/${id}`, { method: "PUT", body });
export const withdrawAnnouncement = (id: string) => send<void>(`${root}/announcements/${id}`, { method: "DELETE" });
