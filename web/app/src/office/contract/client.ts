/** What an owner asks the server about the practice's contract, its own addresses and its data. Every call throws a Problem where it does not succeed. */
import { Problem } from "../../api/problem.ts";
import { send } from "../../api/http.ts";

const root = "/api/v1";

/** A domain of the practice's own. */
export interface Host {
  name: string;
  shown: string;
  record: string;
  path?: string;
  challenge: string;
  verified?: string;
  checked?: string;
  problem?: "not_found" | "other_value" | "unreachable";
  /** Since when nothing proves it any more, and when it counts no more because of that. */
  lost?: string;
  ends?: string;
  preferred: boolean;
}

export interface Contract {
  status: "trial" | "active" | "suspended";
  paused?: "suspended" | "trial_ended" | "notice_over";
  plan: string;
  trial_ends?: string;
  notice_ends?: string;
  erase_after?: string;
  patients: string;
  hosts: Host[];
  support: { name: string; phone?: string; email?: string };
}

export const getContract = () => send<Contract>(`${root}/contract`);
/** Throws proof_needed, slug_mistyped, malformed_tenant for a day that is over. */
export const giveNotice = (ends: string, reason: string, slug: string) =>
  send<void>(`${root}/contract/notice`, { method: "PUT", body: { ends, slug, ...(reason ? { reason } : {}) } });
/** Throws proof_needed. */
export const withdrawNotice = () => send<void>(`${root}/contract/notice`, { method: "DELETE" });
/** Throws malformed_host, forbidden_host, host_taken, too_many_hosts. */
export const addHost = (name: string) => send<Host>(`${root}/hosts`, { method: "POST", body: { name } });
/** Throws host_unverified, host_taken. */
export const verifyHost = (name: string) => send<Host>(`${root}/hosts/${encodeURIComponent(name)}/verify`, { method: "POST", body: {} });
/** An empty name is the address that every practice has. */
export const preferHost = (name: string) => send<void>(`${root}/home`, { method: "PUT", body: { name } });
export const removeHost = (name: string) => send<void>(`${root}/hosts/${encodeURIComponent(name)}`, { method: "DELETE" });

/** exportAll fetches everything of the practice as one file. Throws proof_needed. */
export async function exportAll(): Promise<Blob> {
  const response = await fetch(`${root}/export`, { credentials: "same-origin", redirect: "error" });
  if (response.ok) return await response.blob();
  throw new Problem((await response.json().catch(() => ({ status: response.status, reason: "unexpected" }))) as Problem["body"]);
}
