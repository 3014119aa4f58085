/** What the page about the practice's own systems asks of the server. Every call throws a Problem where it does not succeed. */
import type { Answer } from "../../api/answers.ts";
import { call } from "../../api/call.ts";
import type { KeysBody } from "../keys/client.ts";

export type Mode = Systems["mode"];

export type Connector = NonNullable<Systems["connector"]>;

export type Systems = Answer<"getConnector">;

export const getSystems = () => call("GET", "/connectors", { fresh: true });
/** Throws connector_exists, proof_needed. */
export const pair = (name: string) => call("POST", "/connectors", { body: { name } });
/** Throws no_connector, proof_needed. */
export const putMode = (mode: Mode) => call("PUT", "/connectors/mode", { body: { mode }, safe: true });
export const revoke = (id: string, keyring?: KeysBody) => call("POST", "/connectors/{id}/revoke", { path: { id }, body: keyring ? { keyring } : {} });
