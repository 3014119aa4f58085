/** The patients' own page, seen as somebody made up. */
import type { Someone } from "./week.ts";

/**
 * previewAddress is the practice's page on the patients' host, which the
 * office's is one label longer than: <slug>.office.<base>. Who looks stands
 * behind the #, which no browser sends.
 */
export function previewAddress({ protocol, host }: Pick<Location, "protocol" | "host">, { insurance, patients, age }: Someone): string {
  return `${protocol}//${host.replace(/^([^.]+)\.office\./, "$1.")}/#as=${[insurance, patients, age].join(",")}`;
}
