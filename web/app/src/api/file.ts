import { Problem, type ProblemBody } from "./problem.ts";

/** fetchFile fetches a file that the server makes, from where addressOf says it is. Throws a [Problem]. */
export async function fetchFile(address: string): Promise<Blob> {
  const response = await fetch(address, { credentials: "same-origin", redirect: "error" });
  if (response.ok) return await response.blob();
  throw new Problem((await response.json().catch(() => ({ status: response.status, reason: "unexpected" }))) as ProblemBody);
}
