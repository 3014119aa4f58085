/** What an owner asks the server about the practice's contract, its own addresses and its data. Every call throws a Problem where it does not succeed. */
import type { Answer } from "../../api/answers.ts";
import { addressOf, call } from "../../api/call.ts";
import { fetchFile } from "../../api/file.ts";

/** A domain of the practice's own. */
export type Host = Contract["hosts"][number];

export type Contract = Answer<"getContract">;

export const getContract = () => call("GET", "/contract");
/** Throws proof_needed, slug_mistyped, malformed_tenant for a day that is over. */
export const giveNotice = (ends: string, reason: string, slug: string) =>
  call("PUT", "/contract/notice", { body: { ends, slug, ...(reason ? { reason } : {}) } });
/** Throws proof_needed. */
export const withdrawNotice = () => call("DELETE", "/contract/notice");
/** Throws malformed_host, forbidden_host, host_taken, too_many_hosts. */
export const addHost = (name: string) => call("POST", "/hosts", { body: { name } });
/** Throws host_unverified, host_taken. */
export const verifyHost = (name: string) => call("POST", "/hosts/{name}/verify", { path: { name } });
/** An empty name is the address that every practice has. */
export const preferHost = (name: string) => call("PUT", "/home", { body: { name } });
export const removeHost = (name: string) => call("DELETE", "/hosts/{name}", { path: { name } });

/** exportAll fetches everything of the practice as one file. Throws proof_needed. */
export const exportAll = (): Promise<Blob> => fetchFile(addressOf("/export"));
