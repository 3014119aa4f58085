/** What signing in and the own account ask of the server, in the office and in the portal alike. */
import { Problem } from "../api/problem.ts";
import { send } from "../api/http.ts";

const root = "/api/v1";

export interface Domain {
  kind: "tenant" | "reseller" | "platform";
  id?: string;
  name: string;
  role: string;
}

export interface SessionBody {
  account: string;
  name: string;
  email: string;
  language: string;
  role: string;
  /** What has to be done before anything else. */
  must: string[];
  domain: Domain;
  /** In the portal: what the person may switch to. */
  domains?: Domain[];
  unlock: { password: boolean; passkey: boolean };
  /** In an office. */
  tenant?: string;
  practice?: { name: string; zone: string; phone: string };
}

export interface PasskeyBody {
  id: string;
  name: string;
  here: boolean;
  created: string;
  used?: string;
  prf_salt?: string;
  wrapped_member_key?: string;
}

export interface AccountBody {
  account: string;
  name: string;
  email: string;
  language: string;
  totp: boolean;
  recovery_codes: number;
  passkeys: PasskeyBody[];
  trusted_devices: number;
  factor_demanded: boolean;
  password?: { kdf: string; salt: string; wrapped_member_key?: string };
  member_public_key: string;
  proven: boolean;
}

export interface Place {
  id: string;
  current: boolean;
  domain: string;
  here: boolean;
  since: string;
  seen: string;
  method: string;
  address: string;
  browser: string;
  system: string;
}

export interface Attempt {
  at: string;
  here: boolean;
  domain: string;
  method: string;
  success: boolean;
  address: string;
  browser: string;
  system: string;
}

export interface Undertaking {
  version: string;
  language: string;
  text: string;
  hash: string;
  accepted: boolean;
}

export interface Undertook {
  name: string;
  role: string;
  of: string;
  version?: string;
  accepted?: string;
}

export interface Rule {
  second_factor: boolean;
  full_ip: boolean;
  history_days: number;
}

export interface Provider {
  issuer: string;
  client_id: string;
  label: string;
}

export interface Ceremony {
  ticket: string;
  public_key: Record<string, unknown>;
}

export interface Answered {
  ticket: string;
  /** The authenticator's answer as JSON text: its keys are not ours. */
  credential: string;
}

/** A sign-in that needs a second step; see second. */
export interface Half {
  ticket: string;
  methods: string[];
}

const post = <T>(path: string, body: unknown = {}) => send<T>(root + path, { method: "POST", body });
const put = (path: string, body: unknown) => send<void>(root + path, { method: "PUT", body });
const remove = (path: string) => send<void>(root + path, { method: "DELETE" });

/** halfOf is what a sign-in goes on with, or null where it just failed. */
export function halfOf(thrown: unknown): Half | null {
  if (!(thrown instanceof Problem) || thrown.reason !== "second_factor_needed") return null;
  const { ticket, methods } = thrown.body as unknown as Half;
  return { ticket, methods };
}

export const getSession = () => send<SessionBody>(`${root}/session`);
export const signOut = () => remove("/session");
export const startSession = (email: string) => post<{ kdf: string; salt: string }>("/session/start", { email });
export const signIn = (email: string, secret: string) => post<SessionBody>("/session", { email, sign_in_secret: secret });
export const second = (body: { ticket: string; totp?: string; recovery?: string }) => post<SessionBody>("/session/second", body);
export const startAssertion = () => post<Ceremony>("/session/passkey/start");
export const signInByPasskey = (answered: Answered) => post<SessionBody>("/session/passkey", answered);
export const confirm = (body: { sign_in_secret?: string; totp?: string; assertion?: Answered }) => post<void>("/session/confirm", body);
export const switchDomain = (to: Domain) => post<void>("/session/domain", { kind: to.kind, ...(to.id ? { id: to.id } : {}) });
export const options = (reseller = "") => send<{ oidc: string }>(`${root}/session/options${reseller ? `?reseller=${encodeURIComponent(reseller)}` : ""}`);
export const startOIDC = (reseller = "") => post<{ location: string }>("/session/oidc/start", reseller ? { reseller } : {});
export const finishOIDC = (code: string, state: string) => post<SessionBody>("/session/oidc", { code, state });
export const startRecovery = (email: string) => post<void>("/session/recovery", { email });
export const recover = (token: string, salt: string, secret: string) => post<void>("/session/recovery/finish", { token, salt, sign_in_secret: secret });

export const getAccount = () => send<AccountBody>(`${root}/account`);
export const startTOTP = () => post<{ secret: string; uri: string; ticket: string }>("/account/totp/start");
export const confirmTOTP = (ticket: string, code: string) => post<{ codes: string[] }>("/account/totp", { ticket, code });
export const removeTOTP = () => remove("/account/totp");
export const newCodes = () => post<{ codes: string[] }>("/account/recovery-codes");
export const distrust = () => remove("/account/devices");
export const startPasskey = () => post<Ceremony>("/account/passkeys/start");
export const addPasskey = (body: Answered & { name: string; prf_salt?: string; wrapped_member_key?: string }) => post<{ codes: string[] }>("/account/passkeys", body);
export const changePasskey = (id: string, body: { name?: string; prf_salt?: string; wrapped_member_key?: string }) => put(`/account/passkeys/${id}`, body);
export const removePasskey = (id: string) => remove(`/account/passkeys/${id}`);
export const setPassword = (body: { salt: string; sign_in_secret: string; wrapped_member_key: string; member_public_key?: string }) => put("/account/password", body);
export const setLanguage = (language: string) => put("/account/language", { language });
export const getPlaces = () => send<{ sessions: Place[] }>(`${root}/account/sessions`);
export const endPlace = (id: string) => remove(`/account/sessions/${id}`);
export const endPlaces = (others: boolean) => remove(`/account/sessions?others=${others}`);
export const getHistory = () => send<{ days: number; attempts: Attempt[] }>(`${root}/account/history`);
export const getUndertaking = (language: string) => send<Undertaking>(`${root}/account/undertaking?language=${language}`);
export const undertake = (version: string, language: string) => post<void>("/account/undertaking", { version, language });
export const getUndertakings = () => send<{ version: string; people: Undertook[] }>(`${root}/undertakings`);
export const getRule = () => send<Rule>(`${root}/sign-in-rule`);
export const putRule = (rule: Rule) => put("/sign-in-rule", rule);
export const getProvider = () => send<{ provider: Provider | null; redirect: string }>(`${root}/sign-in-provider`);
export const putProvider = (provider: Provider & { client_secret?: string }) => put("/sign-in-provider", provider);
export const removeProvider = () => remove("/sign-in-provider");
