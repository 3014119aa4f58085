/** What somebody likes on this device: about the screen, never about patients. Written only once it differs from what everybody gets. */
export interface Likes {
  /** A quiet sound when a booking comes. */
  sound: boolean;
  /** Single keys do things. */
  keys: boolean;
  rooms: boolean;
}

const key = "siegel.desk";
const usual: Likes = { sound: false, keys: true, rooms: false };

export function likes(store: Pick<Storage, "getItem"> = localStorage): Likes {
  try {
    const kept = (JSON.parse(store.getItem(key) ?? "{}") ?? {}) as Partial<Record<keyof Likes, unknown>>;
    return { sound: kept.sound === true, keys: kept.keys !== false, rooms: kept.rooms === true };
  } catch {
    return { ...usual };
  }
}

export function like(next: Likes, store: Pick<Storage, "setItem"> = localStorage): void {
  try {
    store.setItem(key, JSON.stringify(next));
  } catch {
    // It holds for this page then.
  }
}
