/**
 * What wants a fresh proof asks for it: keys, people, factors, exports.
 *
 *   await withProof(() => removePerson(id))
 *
 * runs the call; where the server answers `proof_needed`, a dialog asks for
 * password, passkey or code and the call is made again. Closing the dialog
 * throws the first answer.
 */
import { mount, unmount } from "svelte";
import { Problem } from "../api/problem.ts";

export async function withProof<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (thrown) {
    if (!(thrown instanceof Problem) || thrown.reason !== "proof_needed") throw thrown;
    if (!(await ask())) throw thrown;
    return call();
  }
}

let asking: Promise<boolean> | undefined;

/** ask shows the dialog; several calls at once share one. */
function ask(): Promise<boolean> {
  asking ??= (async () => {
    const { default: Prove } = await import("./Prove.svelte");
    return new Promise<boolean>((resolve) => {
      const dialog = mount(Prove, {
        target: document.body,
        props: {
          close: (proven: boolean) => {
            void unmount(dialog);
            asking = undefined;
            resolve(proven);
          },
        },
      });
    });
  })();
  return asking;
}
