/**
 * The names of those who want this browser to know them: a cookie of one year
 * with e-mail addresses, set only after ticking and gone in one click. The
 * server has no use for it.
 */
const most = 6;
const year = 365 * 86_400;

/** The prefix binds it to this host, so that no neighbour below the domain can plant names. Browsers know it over TLS only. */
const name = () => (location.protocol === "https:" ? "__Host-siegel-name" : "siegel-name");

export function remembered(cookies = document.cookie): string[] {
  const found = cookies.split("; ").find((one) => one.startsWith(`${name()}=`));
  if (!found) return [];
  try {
    const list: unknown = JSON.parse(decodeURIComponent(found.slice(name().length + 1)));
    return Array.isArray(list) ? list.filter((one): one is string => typeof one === "string" && one.includes("@") && one.length <= 254).slice(0, most) : [];
  } catch {
    return [];
  }
}

/** remember puts a name in front. */
export const remember = (email: string): void => keep([email, ...remembered().filter((one) => one !== email)].slice(0, most));

export const forget = (email: string): void => keep(remembered().filter((one) => one !== email));

function keep(emails: string[]): void {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${name()}=${encodeURIComponent(JSON.stringify(emails))}; Path=/; SameSite=Strict; Max-Age=${emails.length > 0 ? year : 0}${secure}`;
}
