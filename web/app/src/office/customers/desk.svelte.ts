/** The practice's customers on this screen: [Customers], as the components see them. */
import type { Patient } from "../../seal/plaintext.ts";
import { bareId } from "../../seal/bytes.ts";
import { plain, type Known as KnownAtDesk } from "../desk/find.ts";
import type { RecordKeys } from "../unlock.ts";
import { getCustomers, storeCustomers } from "./client.ts";
import type { Customer } from "./model.ts";
import type { Person } from "./search.ts";
import { Customers, type Held, type View } from "./store.ts";

export class CustomersDesk {
  view = $state.raw<View>({ state: "sealed", done: 0, total: 0, trouble: null, failed: 0, serial: 0 });
  /** What can be taken back, until the next such thing is done or somebody locks. */
  undo = $state.raw<{ label: string; back: () => Promise<void> } | null>(null);
  readonly store: Customers;

  constructor(expired: () => void, tenant: string) {
    this.store = new Customers({ tenant: bareId("ten", tenant), fetch: getCustomers, store: storeCustomers, signedOut: expired });
    this.store.view.subscribe((view) => (this.view = view));
  }

  get isOpen(): boolean {
    return this.store.isOpen;
  }

  unlock(keys: RecordKeys): Promise<void> {
    return this.store.unlock(keys);
  }

  lock(): void {
    this.undo = null;
    this.store.lock();
  }

  refresh(): Promise<void> {
    return this.store.refresh();
  }

  /** all are in the order of names; read in an effect or derived, it follows every change. */
  all(): readonly Held[] {
    void this.view.serial;
    return this.store.all;
  }

  find(query: string): readonly Held[] {
    void this.view.serial;
    return this.store.find(query);
  }

  get(id: string): Held | undefined {
    void this.view.serial;
    return this.store.get(id);
  }

  who(patient: Person): { one: Held; match: "same" | "likely" }[] {
    void this.view.serial;
    return this.store.who(patient);
  }

  /** suggest lists whom a line that is typed may mean, for a new booking; who may not be contacted is no exception: they call. */
  suggest(line: string, limit: number): KnownAtDesk[] {
    return line.trim() === "" ? [] : this.find(line).slice(0, limit).map(({ customer }) => atDesk(customer));
  }
}

/** patientOf is what a booking has of a customer. */
export const patientOf = (c: Customer): Patient => ({
  family_name: c.family_name,
  given_name: c.given_name,
  birth_date: c.birth_date,
  ...(c.gender ? { gender: c.gender } : {}),
  ...(c.insurance ? { insurance: c.insurance } : {}),
  ...(c.email ? { email: c.email } : {}),
  ...(c.phone || c.phone2 ? { phone: c.phone || c.phone2 } : {}),
});

function atDesk(c: Customer): KnownAtDesk {
  const patient = patientOf(c);
  return { key: `${plain(c.family_name)}|${plain(c.given_name)}|${c.birth_date}`, patient, latest: null, entries: [], words: [], digits: [] };
}
