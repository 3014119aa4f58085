/** The calls that failed of late, by the server's name for them: what a report of a problem may carry. Nothing else of them is kept. */
const kept: string[] = [];
const most = 5;

/** noteFailed remembers the request_id of a call that failed. */
export function noteFailed(request: unknown): void {
  if (typeof request !== "string" || !/^[A-Za-z0-9_-]{8,24}$/.test(request)) return;
  if (kept.push(request) > most) kept.shift();
}

/** failedOnes are the last of them, the latest last. */
export const failedOnes = (): string[] => [...kept];

/** browserName is which browser on which system, and nothing that tells one device from another. */
export function browserName(agent: string): string {
  const browsers: [string, RegExp][] = [["Edge", /Edg\/(\d+)/], ["Firefox", /Firefox\/(\d+)/], ["Chrome", /Chrome\/(\d+)/], ["Safari", /Version\/(\d+).*Safari/]];
  const systems: [string, RegExp][] = [["Android", /Android/], ["iOS", /iPhone|iPad/], ["Windows", /Windows/], ["macOS", /Macintosh/], ["Linux", /Linux/]];
  const browser = browsers.find(([, form]) => form.test(agent));
  const system = systems.find(([, form]) => form.test(agent));
  return `${browser ? `${browser[0]} ${browser[1].exec(agent)?.[1] ?? ""}` : "?"}, ${system?.[0] ?? "?"}`;
}
