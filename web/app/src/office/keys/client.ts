/** What onboarding, people and keys ask of the server. Every call throws a Problem where it does not succeed. */
import { send } from "../../api/http.ts";
import type { SignedDirectory } from "../../seal/directory.ts";
import type { ServedKeyring } from "../../seal/keyring.ts";
import type { Wrap } from "../../seal/wrap.ts";

const root = "/api/v1";

export interface Business {
  specialty: string;
  company: string;
  street: string;
  postal_code: string;
  city: string;
  phone: string;
  email: string;
  responsible: string;
  chamber: string;
  professional_title: string;
  title_state: string;
  professional_rules: string;
  association: string;
  register: string;
  vat_id: string;
  protection_officer: string;
  alone: boolean;
}

export type ObstacleCode = "phone" | "imprint" | "agreement" | "keys" | "recovery" | "holder" | "directory";

export interface Overview {
  business: Business;
  medical: boolean;
  required: string[];
  open: boolean;
  first_opened?: string;
  obstacles: { code: ObstacleCode; fields?: string[] }[];
  agreement: { version: string; accepted?: string; due: boolean; until?: string };
  keys: { sequence: number; epoch: number; expires: string; members: number; recovery_proven?: string } | null;
  services: number;
  windows: number;
  patients: string;
}

export interface Agreement {
  version: string;
  language: string;
  hash: string;
  document: string;
  current: boolean;
  acceptances: { version: string; language: string; hash: string; name: string; accepted: string; document: string }[];
}

export type PersonRole = "owner" | "practitioner" | "front_desk" | "billing";
export const personRoles: readonly PersonRole[] = ["owner", "practitioner", "front_desk", "billing"];

export interface Person {
  account: string;
  name: string;
  email: string;
  role: PersonRole;
  since: string;
  self: boolean;
  keys: "held" | "waiting" | "none";
  compared: boolean;
  /** The person's member key. */
  public: string;
}

export interface Invitation {
  id: string;
  handover: boolean;
  email: string;
  name: string;
  role: PersonRole;
  by: string;
  sent: number;
  created: string;
  expires: string;
}

/** Somebody from support whom the practice lets in until an instant. */
export interface Supporter {
  account: string;
  name: string;
  email: string;
  since: string;
  until: string;
  /** When secrecy was undertaken; missing: not yet, and until then nothing is shown. */
  sworn_at?: string;
}

export interface People {
  people: Person[];
  invitations: Invitation[];
  support: Supporter[];
}

export interface KeysBody {
  directory: SignedDirectory;
  keys: readonly Wrap[];
}

/** The keyring of a practice that may have none yet, or of somebody whom it does not list. */
export interface HeldKeyring extends Omit<ServedKeyring, "directory" | "vouch"> {
  directory: SignedDirectory | null;
  member_public: string;
  vouch: string | null;
}

export const getOverview = () => send<Overview>(`${root}/onboarding`);
/** Throws invalid_fields with errors: where body.<field>, why. */
export const putBusiness = (body: Business) => send<Overview>(`${root}/onboarding/business`, { method: "PUT", body, safe: true });
/** Throws obstacles. */
export const setOpen = (open: boolean) => send<Overview>(`${root}/onboarding/open`, { method: "PUT", body: { open }, safe: true });
export const getSpecialties = () => send<{ specialties: { code: string; medical: boolean; imprint: string[] }[] }>(`${root}/specialties`);
export const getAgreement = (language: string) => send<Agreement>(`${root}/agreement?${new URLSearchParams({ language })}`);
/** Throws agreement_changed. */
export const acceptAgreement = (hash: string, language: string) => send<Agreement>(`${root}/agreement`, { method: "POST", body: { hash, language } });

export const getPeople = () => send<People>(`${root}/people`);
/** Throws already_invited, already_member, invalid_fields. */
export const invite = (body: { email: string; name: string; role: PersonRole; language: string }) =>
  send<People>(`${root}/people/invitations`, { method: "POST", body });
export const resend = (id: string) => send<People>(`${root}/people/invitations/${id}/resend`, { method: "POST", body: {} });
export const withdraw = (id: string) => send<void>(`${root}/people/invitations/${id}`, { method: "DELETE" });
/** Throws not_support, already_member, proof_needed. */
export const letSupportIn = (email: string, hours: number) => send<People>(`${root}/people/support`, { method: "POST", body: { email, hours } });
export const endSupport = (account: string) => send<void>(`${root}/people/support/${account}`, { method: "DELETE" });
/** Throws last_owner, keys_held, directory_sequence. */
export const changeRole = (account: string, role: PersonRole, keyring?: KeysBody) =>
  send<People>(`${root}/people/${account}`, { method: "PUT", body: keyring ? { role, keyring } : { role } });
export const removePerson = (account: string, keyring?: KeysBody) =>
  send<People>(`${root}/people/${account}/leave`, { method: "POST", body: keyring ? { keyring } : {} });

export const getHeld = () => send<HeldKeyring>(`${root}/keyring`, { fresh: true });
export const getRecoveryHeld = () => send<HeldKeyring>(`${root}/keyring/recovery`, { fresh: true });
export const postKeyring = (body: KeysBody & { vouch: string }) => send<void>(`${root}/keyring`, { method: "POST", body });
/** Throws directory_sequence where somebody else was quicker. */
export const putKeyring = (body: KeysBody & { vouch?: string; recovery_proven?: boolean }) => send<void>(`${root}/keyring`, { method: "PUT", body });
export const proveRecovery = () => send<void>(`${root}/keyring/recovery/proven`, { method: "POST", body: {}, safe: true });
export const putVouch = (vouch: string) => send<void>(`${root}/keyring/vouch`, { method: "PUT", body: { vouch }, safe: true });
/** Shows that it is really the person; throws wrong_proof. */
export const confirm = (secret: string) => send<void>(`${root}/session/confirm`, { method: "POST", body: { sign_in_secret: secret } });
