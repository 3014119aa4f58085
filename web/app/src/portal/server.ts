/** What the portal asks of the server. */
import { withProof } from "../account/prove.ts";
import type { Answer, Sent } from "../api/answers.ts";
import { addressOf, call } from "../api/call.ts";

/** A reseller's people see their own; the platform's say whose. */
const of = (reseller: string) => (reseller ? { reseller } : {});

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

export type Corrected = Sent<"correctCounts">["what"];

export type Person = Answer<"listPortalPeople">["people"][number];
export type Role = Person["role"];
export type Invited = Answer<"listPortalPeople">["invitations"][number];

export const fleet = () => call("GET", "/portal/tenants").then(({ tenants }) => tenants);
export const tenant = (id: string) => call("GET", "/portal/tenants/{id}", { path: { id } });
export const create = (wanted: Wanted) => call("POST", "/portal/tenants", { body: wanted });
export const preview = (csv: string) => call("POST", "/portal/imports/preview", { body: { csv }, safe: true });
/** confirmImport creates the practices of a file from a line on; `next` is the line to go on with. */
export const confirmImport = (csv: string, from: number) => call("POST", "/portal/imports", { body: { csv, from } });
export type Act = { act: "suspend"; reason: string } | { act: "resume" } | { act: "set_plan"; plan: string } | { act: "hand_over"; owner?: string; owner_email?: string };
export const act = (tenants: string[], what: Act) =>
  call("POST", "/portal/tenants/act", { body: { tenants, ...what } }).then(({ results }) => results);
export const rename = (id: string, slug: string) => call("PUT", "/portal/tenants/{id}/slug", { path: { id }, body: { slug } });
export const notice = (id: string, ends: string, reason: string) => withProof(() => call("PUT", "/portal/tenants/{id}/notice", { path: { id }, body: { ends, reason } }));
export const withdrawNotice = (id: string) => call("DELETE", "/portal/tenants/{id}/notice", { path: { id } });
export const move = (id: string, reseller: string) => withProof(() => call("PUT", "/portal/tenants/{id}/reseller", { path: { id }, body: { reseller } }));
export const erase = (id: string, slug: string, reason: string) =>
  withProof(() => call("POST", "/portal/tenants/{id}/erase", { path: { id }, body: { slug, reason } }));
export const specialties = () => call("GET", "/specialties").then((found) => found.specialties.map(({ code }) => code));

export const brand = () => call("GET", "/portal/brand");
export const saveBrand = (version: number, value: Brand) => call("PUT", "/portal/brand", { body: { version, brand: value } });
export const savePrices = (version: number, prices: Price[]) => call("PUT", "/portal/prices", { body: { version, prices } });
export const saveContract = (version: number, contract_model: Reseller["contract_model"], zone: string, trial_days: number) =>
  withProof(() => call("PUT", "/portal/contract-model", { body: { version, contract_model, zone, trial_days } }));

export const bases = () => call("GET", "/portal/bases").then(({ hosts }) => hosts);
export const addBase = (name: string) => call("POST", "/portal/bases", { body: { name } });
export const verifyBase = (name: string) => call("POST", "/portal/bases/{name}/verify", { path: { name } });
export const removeBase = (name: string) => call("DELETE", "/portal/bases/{name}", { path: { name } });

export type HostCertificate = Answer<"listHostCertificates">["certificates"][number];
export const hostCertificates = () => call("GET", "/portal/host-certificates").then(({ certificates }) => certificates);

export const months = (reseller: string) => call("GET", "/portal/counts", { query: of(reseller) });
export const counts = (month: string, reseller: string) => call("GET", "/portal/counts/{month}", { path: { month }, query: of(reseller) });
export const countsFile = (month: string, reseller: string, format: "csv" | "json") => addressOf("/portal/counts/{month}/file", { path: { month }, query: { format, ...of(reseller) } });
export const correct = (reseller: string, body: Sent<"correctCounts">) =>
  withProof(() => call("POST", "/portal/corrections", { query: of(reseller), body }));

export const people = (reseller: string) => call("GET", "/portal/people", { query: of(reseller) });
export const invite = (reseller: string, body: Sent<"invitePortalPerson">) =>
  withProof(() => call("POST", "/portal/people", { query: of(reseller), body }));
export const withdraw = (reseller: string, id: string) => call("DELETE", "/portal/invitations/{id}", { path: { id }, query: of(reseller) });
export const resendInvitation = (reseller: string, id: string) => call("POST", "/portal/invitations/{id}/resend", { path: { id }, query: of(reseller) });
export const setRole = (reseller: string, id: string, role: Sent<"setPortalRole">["role"]) => withProof(() => call("PUT", "/portal/people/{id}/role", { path: { id }, query: of(reseller), body: { role } }));
export const remove = (reseller: string, id: string) => withProof(() => call("DELETE", "/portal/people/{id}", { path: { id }, query: of(reseller) }));

export const resellers = () => call("GET", "/portal/resellers").then((found) => found.resellers);
export const createReseller = (name: string) => call("POST", "/portal/resellers", { body: { name } });
export const limit = (id: string, status: Reseller["status"], max_tenants?: number) =>
  withProof(() => call("PUT", "/portal/resellers/{id}/limits", { path: { id }, body: { status, ...(max_tenants === undefined ? {} : { max_tenants }) } }));

export type Asked = Answer<"peekPortalInvitation">;
export const peekJoin = (token: string) => call("POST", "/portal/join/peek", { body: { token }, safe: true });
export const join = (body: Sent<"acceptPortalInvitation">) => call("POST", "/portal/join", { body });

export type Problem = Answer<"listProblems">["reports"][number];
export type Announcement = Answer<"listAnnouncements">["announcements"][number];
export const problems = () => call("GET", "/portal/problems").then(({ reports }) => reports);
export const settle = (id: string) => call("DELETE", "/portal/problems/{id}", { path: { id } });
export const announcements = () => call("GET", "/portal/announcements").then((found) => found.announcements);
export const announce = (id: string, body: Sent<"putAnnouncement">) => call("PUT", "/portal/announcements/{id}", { path: { id }, body });
export const withdrawAnnouncement = (id: string) => call("DELETE", "/portal/announcements/{id}", { path: { id } });
