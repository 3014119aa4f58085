/** downloadCalendar hands a calendar file (RFC 5545) to the device, made here: no second request, no address with a secret. */
export function downloadCalendar(ics: string, name: string): void {
  const url = URL.createObjectURL(new Blob([ics], { type: "text/calendar;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
