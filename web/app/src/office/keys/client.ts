/** What onboarding, people and keys ask of the server. Every call throws a Problem where it does not succeed. */
import type { Answer } from "../../api/answers.ts";
import { call } from "../../api/call.ts";
import type { SignedDirectory } from "../../seal/directory.ts";
import type { Wrap } from "../../seal/wrap.ts";

export type Business = Overview["business"];

export type ObstacleCode = Overview["obstacles"][number]["code"];

export type Overview = Answer<"getOnboarding">;

export type Agreement = Answer<"getAgreement">;

export type PersonRole = Person["role"];
export const personRoles: readonly PersonRole[] = ["owner", "practitioner", "front_desk", "billing"];

export type Person = People["people"][number];

export type Invitation = People["invitations"][number];

/** Somebody from support whom the practice lets in until an instant. */
export type Supporter = People["support"][number];

export type People = Answer<"listPeople">;

export interface KeysBody {
  directory: SignedDirectory;
  keys: readonly Wrap[];
}

/** The keyring of a practice that may have none yet, or of somebody whom it does not list. */
export type HeldKeyring = Omit<Answer<"getKeyring">, "keys"> & { readonly keys: readonly Wrap[] };

export const getOverview = () => call("GET", "/onboarding");
/** Throws invalid_fields with errors: where body.<field>, why. */
export const putBusiness = (body: Business) => call("PUT", "/onboarding/business", { body, safe: true });
/** Throws obstacles. */
export const setOpen = (open: boolean) => call("PUT", "/onboarding/open", { body: { open }, safe: true });
export const getSpecialties = () => call("GET", "/specialties");
export const getAgreement = (language: string) => call("GET", "/agreement", { query: { language } });
/** Throws agreement_changed. */
export const acceptAgreement = (hash: string, language: string) => call("POST", "/agreement", { body: { hash, language } });

export const getPeople = () => call("GET", "/people");
/** Throws already_invited, already_member, invalid_fields. */
export const invite = (body: { email: string; name: string; role: PersonRole; language: string }) =>
  call("POST", "/people/invitations", { body });
export const resend = (id: string) => call("POST", "/people/invitations/{id}/resend", { path: { id } });
export const withdraw = (id: string) => call("DELETE", "/people/invitations/{id}", { path: { id } });
/** Throws not_support, already_member, proof_needed. */
export const letSupportIn = (email: string, hours: number) => call("POST", "/people/support", { body: { email, hours } });
export const endSupport = (account: string) => call("DELETE", "/people/support/{account}", { path: { account } });
/** Throws last_owner, keys_held, directory_sequence. */
export const changeRole = (account: string, role: PersonRole, keyring?: KeysBody) =>
  call("PUT", "/people/{account}", { path: { account }, body: keyring ? { role, keyring } : { role } });
export const removePerson = (account: string, keyring?: KeysBody) =>
  call("POST", "/people/{account}/leave", { path: { account }, body: keyring ? { keyring } : {} });

export const getHeld = () => call("GET", "/keyring", { fresh: true });
export const getRecoveryHeld = () => call("GET", "/keyring/recovery", { fresh: true });
export const postKeyring = (body: KeysBody & { vouch: string }) => call("POST", "/keyring", { body });
/** Throws directory_sequence where somebody else was quicker. */
export const putKeyring = (body: KeysBody & { vouch?: string; recovery_proven?: boolean }) => call("PUT", "/keyring", { body });
export const proveRecovery = () => call("POST", "/keyring/recovery/proven", { safe: true });
export const putVouch = (vouch: string) => call("PUT", "/keyring/vouch", { body: { vouch }, safe: true });
