/** What signing in and the own account ask of the server, in the office and in the portal alike. */
import { Problem } from "../api/problem.ts";
import type { Answer, Sent } from "../api/answers.ts";
import { call } from "../api/call.ts";

export type Domain = SessionBody["domain"];

export type SessionBody = Answer<"getSession">;

export type PasskeyBody = AccountBody["passkeys"][number];

export type AccountBody = Answer<"getAccount">;

export type Place = Answer<"listSessions">["sessions"][number];

export type Attempt = Answer<"listSignIns">["attempts"][number];

export type Undertaking = Answer<"getUndertaking">;

export type Undertook = Answer<"listUndertakings">["people"][number];

export type Rule = Answer<"getSignInRule">;

export type Provider = NonNullable<Answer<"getProvider">["provider"]>;

export type Ceremony = Answer<"startPasskeySignIn">;

export type Answered = Sent<"signInByPasskey">;

/** A sign-in that needs a second step; see second. */
export interface Half {
  ticket: string;
  methods: string[];
}

/** halfOf is what a sign-in goes on with, or null where it just failed. */
export function halfOf(thrown: unknown): Half | null {
  if (!(thrown instanceof Problem) || thrown.reason !== "second_factor_needed") return null;
  const { ticket, methods } = thrown.body as unknown as Half;
  return { ticket, methods };
}

export const getSession = () => call("GET", "/session");
export const signOut = () => call("DELETE", "/session");
export const startSession = (email: string) => call("POST", "/session/start", { body: { email }, safe: true });
export const signIn = (email: string, secret: string) => call("POST", "/session", { body: { email, sign_in_secret: secret } });
export const second = (body: { ticket: string; totp?: string; recovery?: string }) => call("POST", "/session/second", { body });
export const startAssertion = () => call("POST", "/session/passkey/start");
export const signInByPasskey = (answered: Answered) => call("POST", "/session/passkey", { body: answered });
export const confirm = (body: { sign_in_secret?: string; totp?: string; assertion?: Answered }) => call("POST", "/session/confirm", { body });
export const switchDomain = (to: { kind: Sent<"switchDomain">["kind"]; id?: string }) => call("POST", "/session/domain", { body: { kind: to.kind, ...(to.id ? { id: to.id } : {}) } });
export const options = (reseller = "") => call("GET", "/session/options", reseller ? { query: { reseller } } : {});
export const startOIDC = (reseller = "") => call("POST", "/session/oidc/start", { body: reseller ? { reseller } : {} });
export const finishOIDC = (code: string, state: string) => call("POST", "/session/oidc", { body: { code, state } });
export const startRecovery = (email: string) => call("POST", "/session/recovery", { body: { email } });
export const recover = (token: string, salt: string, secret: string) => call("POST", "/session/recovery/finish", { body: { token, salt, sign_in_secret: secret } });

export const getAccount = () => call("GET", "/account");
export const startTOTP = () => call("POST", "/account/totp/start");
export const confirmTOTP = (ticket: string, code: string) => call("POST", "/account/totp", { body: { ticket, code } });
export const removeTOTP = () => call("DELETE", "/account/totp");
export const newCodes = () => call("POST", "/account/recovery-codes");
export const distrust = () => call("DELETE", "/account/devices");
export const startPasskey = () => call("POST", "/account/passkeys/start");
export const addPasskey = (body: Answered & { name: string; prf_salt?: string; wrapped_member_key?: string }) => call("POST", "/account/passkeys", { body });
export const changePasskey = (id: string, body: { name?: string; prf_salt?: string; wrapped_member_key?: string }) => call("PUT", "/account/passkeys/{id}", { path: { id }, body });
export const removePasskey = (id: string) => call("DELETE", "/account/passkeys/{id}", { path: { id } });
export const setPassword = (body: { salt: string; sign_in_secret: string; wrapped_member_key: string; member_public_key?: string }) => call("PUT", "/account/password", { body });
export const setLanguage = (language: "de" | "en") => call("PUT", "/account/language", { body: { language } });
export const getPlaces = () => call("GET", "/account/sessions");
export const endPlace = (id: string) => call("DELETE", "/account/sessions/{id}", { path: { id } });
export const endPlaces = (others: boolean) => call("DELETE", "/account/sessions", { query: { others } });
export const getHistory = () => call("GET", "/account/history");
export const getUndertaking = (language: "de" | "en") => call("GET", "/account/undertaking", { query: { language } });
export const undertake = (version: string, language: Sent<"acceptUndertaking">["language"]) => call("POST", "/account/undertaking", { body: { version, language } });
export const getUndertakings = () => call("GET", "/undertakings");
export const getRule = () => call("GET", "/sign-in-rule");
export const putRule = (rule: Rule) => call("PUT", "/sign-in-rule", { body: rule });
export const getProvider = () => call("GET", "/sign-in-provider");
export const putProvider = (provider: Provider & { client_secret?: string }) => call("PUT", "/sign-in-provider", { body: provider });
export const removeProvider = () => call("DELETE", "/sign-in-provider");
