// The bodies of /api/v1 that patients' pages and the office share, by the names
// that the pages use. What they are, says the interface's description.
// Instants are RFC 3339 in UTC ("2026-11-26T08:20:00Z"), days are local dates
// ("2026-11-26"), ids carry their kind ("svc_…"), bytes are base64url.
import type { Answer, Sent, Shape } from "./answers.ts";

export type Practice = Shape<"PracticeBody">;
export type Location = Shape<"ProfileLocation">;
/** What the practice offers: an empty list of insurance means all; `seats` is there where it is a group, `series_…` where it is a series. */
export type Service = Shape<"ProfileService">;
/** Services that are booked together, in this order. An optional step is left out only where it fits nowhere. */
export type Chain = Shape<"ProfileChain">;
/** A closure that patients are told of: of the whole practice, unless it names whose. Dates are inclusive. */
export type Closure = Shape<"Notice">;

export type Insurance = Service["insurance"][number];
export type Patients = Service["patients"];
export type Channel = Practice["channels"][number];
export type Gender = "female" | "male" | "other" | "unknown";

export type SignedDirectory = Shape<"DirectoryBody">;

/** Slots point into the three tables of their answer by index, itineraries into its slots. */
export type SlotsAnswer = Answer<"listSlots">;
/** Which days have a slot, and for whom. */
export type DaysAnswer = Answer<"listSlotDays">;
/** For whom a slot is: one of the alternatives has to fit, and all the rest. */
export type Condition = SlotsAnswer["conditions"][number];
/** Whom a slot is for, and the quotas that they use up by booking it. Empty insurance means all. */
export type Admission = Condition["alternatives"][number];
/** A day without a slot, and why: a public holiday has a name, a closure perhaps a text, and what is not in sale yet the instant from which it is. */
export type ClosedDay = SlotsAnswer["closed"][number];

export type Hold = Answer<"holdSlot">;

/** Comes with 409 slot_taken. */
export interface Alternative {
  starts: string;
  practitioner: string;
  location: string;
}

/** A proof of work to do, by ALTCHA's protocol. */
export type Challenge = Answer<"getChallenge">;
export type Proof = Shape<"ProofBody">;

/** What there is where no time fits. */
export type Ways = Answer<"getWays">;

export type PartOfDay = "morning" | "afternoon" | "evening";

/** What somebody waits for, and how they are told. */
export type Wish = Omit<Sent<"joinWaiting">, "secret" | "booking_id">;
export type PlaceView = Answer<"viewPlace">;

export type EnvelopeJSON = Shape<"Envelope">;
export type BookingRequest = Sent<"book">;
export type Pending = Answer<"book">;

/** How a booking's reminders stand. */
export type Reminding = Answer<"getReminders">;

/** One appointment of a booking. The copy is the patient's, sealed to the booking's secret. */
export type BookedItem = Shape<"VisitBody">;

type View = Answer<"viewBooking">;
type With<Fields extends keyof View> = Omit<View, Fields> & Required<Pick<View, Fields>>;

export type PendingView = With<"expires"> & { status: "pending" };
/** Requested ones wait for somebody of the practice to accept them. */
export type BookedView = With<"appointment" | "cancel_until" | "ics"> & { status: Exclude<View["status"], "pending"> };
