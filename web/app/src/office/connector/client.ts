/** What the page about the practice's own systems asks of the server. Every call throws a Problem where it does not succeed. */
import { send } from "../../api/http.ts";
import type { KeysBody } from "../keys/client.ts";

const root = "/api/v1/connectors";

export type Mode = "book" | "forward";

export interface Connector {
  id: string;
  name: string;
  /** It waits for its code; for the words to be compared; it has keys. */
  state: "code" | "compare" | "active";
  created: string;
  code_expires: string;
  seen?: string;
  /** Its key, once it has typed its code. */
  public?: string;
  waiting: number;
  oldest?: string;
}

export interface Systems {
  mode: Mode;
  connector: Connector | null;
}

export const getSystems = () => send<Systems>(root, { fresh: true });
/** Throws connector_exists, proof_needed. */
export const pair = (name: string) => send<{ code: string; connector: Connector }>(root, { method: "POST", body: { name } });
/** Throws no_connector, proof_needed. */
export const putMode = (mode: Mode) => send<Systems>(`${root}/mode`, { method: "PUT", body: { mode }, safe: true });
export const revoke = (id: string, keyring?: KeysBody) => send<Systems>(`${root}/${id}/revoke`, { method: "POST", body: keyring ? { keyring } : {} });
