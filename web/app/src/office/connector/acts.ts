/** What an owner does with the practice's keys for the sake of a connector; see keys/acts.ts. */
import { bareId, fromBase64, kidOf } from "../../seal/bytes.ts";
import { openDirectory } from "../../seal/directory.ts";
import { SealError } from "../../seal/error.ts";
import { nextKeyring } from "../../seal/keyring-next.ts";
import { change, type Done, heldFor, type Me, now, type Proof, proven, withBare, wordsOf } from "../keys/acts.ts";
import { type KeysBody, putKeyring } from "../keys/client.ts";
import { type Connector, revoke, type Systems } from "./client.ts";

const accountOf = (connector: Connector) => bareId("con", connector.id);

/** The words that this owner compares with those of the connector. */
export function connectorWords(me: Me, connector: Connector): Promise<string[]> {
  if (!connector.public) throw new SealError("not_in_directory");
  return wordsOf(me, accountOf(connector), connector.public);
}

/** Puts the connector into the directory, after the words were compared, and wraps the keys for it. */
export const admitConnector = (me: Me, proof: Proof, connector: Connector, done: Done) =>
  change(me, proof, done, async (bare) => {
    if (!connector.public) throw new SealError("not_in_directory");
    const publicKey = fromBase64(connector.public);
    const account = accountOf(connector);
    const member = { account, role: "connector" as const, kid: await kidOf(publicKey), publicKey };
    const members = [...bare.directory.members.filter((one) => one.account !== account), member];
    const { directory, keys } = await nextKeyring(bare, { now: now(), members });
    await putKeyring({ directory, keys });
  });

/** Ends a connector: with its name go its wraps, and new keys begin. */
export async function endConnector(me: Me, proof: Proof, connector: Connector, done: Done): Promise<Systems> {
  const account = accountOf(connector);
  const by = await proven(me, proof);
  const held = await heldFor(by);
  let keyring: KeysBody | undefined;
  if (held.directory !== null && (await openDirectory(held.directory)).members.some((one) => one.account === account)) {
    keyring = await withBare(me, { unlock: by.unlock }, held, async (bare) => {
      const members = bare.directory.members.filter((one) => one.account !== account);
      const { directory, keys } = await nextKeyring(bare, { now: now(), members, rotate: true });
      return { directory, keys };
    });
  }
  const systems = await revoke(connector.id, keyring);
  if (keyring) await done(by);
  return systems;
}

