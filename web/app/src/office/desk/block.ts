/** Closing time from the desk: a closure of one practitioner. */
import { Problem } from "../../api/problem.ts";
import { deleteRule, getRules, putRule } from "../rules/client.ts";
import { newBookingId } from "./book.ts";

export interface Shut {
  practitioner: string;
  /** Local days, both inclusive, and minutes on them. */
  from: string;
  until: string;
  fromMinute: number;
  untilMinute: number;
  /** For the office; patients are not told. */
  reason: string;
}

/** A break or meeting as it is drawn, or as it stands. */
export interface Drawn {
  /** Of one that stands; empty: a new one. */
  id: string;
  practitioner: string;
  day: string;
  /** Minutes of the day. */
  from: number;
  to: number;
  reason: string;
}

const hhmm = (minute: number) => `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;

/** again begins anew where somebody else has just changed the rules. */
async function again<T>(work: (version: number) => Promise<T>): Promise<T> {
  for (let tries = 3; ; tries--) {
    const { version } = await getRules();
    try {
      return await work(version);
    } catch (thrown) {
      if (!(thrown instanceof Problem && thrown.reason === "rules_changed" && tries > 1)) throw thrown;
    }
  }
}

export const newClosureId = (): string => newBookingId(Date.now()).replace("bkg_", "cls_");

/** block closes a time, or changes a time that is closed, whatever is booked in it, and returns how many appointments lie there. */
export async function block({ practitioner, from, until, fromMinute, untilMinute, reason }: Shut, id = newClosureId()): Promise<number> {
  const value = { id, practitioner, from, from_time: hhmm(fromMinute), until, until_time: hhmm(untilMinute), reason, text: "" };
  const saved = await again((version) => putRule("closures", id, version, value, "keep"));
  return saved.outside?.length ?? 0;
}

/** unblock opens it again. */
export const unblock = (id: string) => again((version) => deleteRule("closures", id, version, "keep"));
