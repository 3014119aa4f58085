/** Closing time from the desk: a closure of one practitioner. */
import { Problem } from "../../api/problem.ts";
import { getRules, putRule } from "../rules/client.ts";
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

const hhmm = (minute: number) => `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;

/** block closes a time, whatever is booked in it, and returns how many appointments lie there. It begins anew where somebody else has just changed the rules. */
export async function block({ practitioner, from, until, fromMinute, untilMinute, reason }: Shut): Promise<number> {
  const id = newBookingId(Date.now()).replace("bkg_", "cls_");
  for (let tries = 3; ; tries--) {
    const { version } = await getRules();
    try {
      const saved = await putRule("closures", id, version, { id, practitioner, from, from_time: hhmm(fromMinute), until, until_time: hhmm(untilMinute), reason, text: "" }, "keep");
      return saved.outside?.length ?? 0;
    } catch (thrown) {
      if (!(thrown instanceof Problem && thrown.reason === "rules_changed" && tries > 1)) throw thrown;
    }
  }
}
