import type { Topic } from "./topic.ts";

export const topics: Topic[] = [
  { id: "day", title: "The calendar", text: `
The calendar shows the day's appointments, a column for each practitioner. Tap an appointment to open it.

- The arrows at the top go a day or a week further, “Today” leads back.
- New bookings appear by themselves. You need not reload the page.
- A dot on an appointment means that nobody in the practice has seen this booking yet.

You see names only while the calendar is unlocked.` },
  { id: "lock", title: "Locking and unlocking", text: `
Your patients' data are sealed. Your password opens them on this device.

- “Lock” takes all names off the screen and leaves the times. You stay signed in.
- After a while without input the calendar locks by itself. The time is shown at the lock.
- “Sign out” ends the session.

Who has forgotten the password needs the recovery code or a second person with access. Nobody else can open the data, nor can we.` },
  { id: "inbox", title: "New bookings and requests", text: `
This is what is new, and what waits for your answer.

- “Accept” turns a request into an appointment.
- “Decline” frees the time at once.

The patient gets a message in both cases if they gave an address.` },
  { id: "absence", title: "Somebody is away", text: `
Choose the person and the time. Siegel shows all appointments concerned.

- New bookings are impossible in that time at once.
- You cancel or move the appointments concerned one by one or together.
- Who could not be sent a message is in the list with their telephone number.` },
  { id: "figures", title: "Figures", text: `
The figures count appointments: how many were booked, cancelled and missed. They are made on your device. Siegel does not know the names and computes nothing about people.` },
  { id: "first", title: "First steps", text: `
The list leads you from an empty practice to the first bookable slot. Each step leads to its page and is ticked off by itself.

The public can book only when agreement, imprint, telephone number and keys are there.` },
  { id: "people", title: "People and keys", text: `
Here you invite staff and give roles.

- Owners may set up everything and see the audit trail.
- Practitioners and front desk work with the calendar. The front desk also enters absences.
- Billing sees no names.
- You let support in for a time that you choose. It only sees how the practice is set up.

Who leaves loses access within a second. Keep the recovery code on paper, best in a safe.` },
  { id: "windows", title: "Consultation hours", text: `
Consultation hours say on which days, when, with whom and what can be booked.

- They may be for certain insurances or for new patients only.
- On the right you see for every quarter of an hour whether it can be booked, and why.

Where agreed appointments would then lie outside of all hours, Siegel asks first.` },
  { id: "closures", title: "Absence and holidays", text: `
An absence closes the practice, a location or a person for a time. A text and a substitute are shown on the booking page.

Agreed appointments stay until you move or cancel them.` },
  { id: "services", title: "Services", text: `
A service says what is booked, how long it takes and who does it.

- Patients do not see buffers before and after.
- With “confirmed by the practice” a booking is a request first.

Siegel does not store which service somebody booked: that is sealed too.` },
  { id: "quotas", title: "Quotas", text: `
A quota limits how many appointments of a kind there are in a day or a week, for example four new patients a day.` },
  { id: "chains", title: "Chains", text: `
A chain books several appointments one after the other, for example an examination and then a talk. It is booked only when all fit.` },
  { id: "places", title: "Locations, practitioners and rooms", text: `
Here you enter where people work and who treats. Rooms and devices are taken along where a service needs them. Siegel keeps the ways between locations free.` },
  { id: "calendars", title: "Importing calendars", text: `
You can import school holidays and busy times from another calendar (ICS). Of busy times Siegel keeps only beginning and end, never the subject.` },
  { id: "practice", title: "Practice details", text: `
Name, contact, imprint and what the booking page asks. Patients see at once what you change here.` },
  { id: "connector", title: "Practice systems and connector", text: `
The connector is a small program on a computer in your practice. It opens bookings there and passes them on: to practice software (GDT), calendars (ICS), lists (CSV) and others.

- Pairing: “Pair a connector” shows a code. Type it on the practice's computer, then compare six words.
- GDT has no appointment. What arrives is a patient with a note in the chart. What you have to enter into your calendar yourself is on the connector's page under “Still to transfer”.
- Ending: its access ends at once, and new keys begin.

Two modes: with the practice book, the office shows names. With forwarding, names are in your own systems alone; what works where is a table on the page. Changing loses no booking in either direction.

If nothing can write into your calendar, there are two honest ways: Siegel leads, or you keep fixed times free there that are booked only here.` },
  { id: "systems", title: "Other systems", text: `
Two ways in which programs outside the practice learn something without ever seeing a name.

- Messages (webhooks): Siegel calls an address as soon as an appointment is booked, moved or cancelled. The message has ids and times. Siegel shows the secret only once; “Renew secret” keeps the old one good for another day.
- If nothing arrives, Siegel tries for about three days. Then the address is switched off, and you see so here. Under “Messages” is what was sent when, and you can send it again.
- Busy times as a calendar: a secret address for each practitioner, for calendar programs. It says “Busy” and nothing else. “End” takes effect at once.

With names the calendar exists only in the practice itself, through the connector.` },
  { id: "carriers", title: "Message carriers", text: `
Here is who carries your text messages, and who is to do so in future.

- A new carrier is announced beforehand. You can object until the day given.
- A carrier outside the EU carries for you only if you agree.

E-mails do not go through these carriers.` },
  { id: "hosts", title: "Own addresses", text: `
Your practice has an address from us. You can add your own, for example termine.your-practice.de.

- An address of your own counts as soon as the TXT entry shown stands at your domain provider. “Check now” looks.
- “Tell patients” decides which address messages name.
- We check every day. If the proof is gone, the owners get an e-mail; seven days later the address no longer counts.` },
  { id: "contract", title: "Contract and data", text: `
Here is which version of terms of use and processing agreement is in force, and who accepted it when.

- “Export everything” packs all data of the practice into one file. What is sealed stays sealed.
- You can give notice for any day. After it there are 30 days to take the data along; then everything is erased and the owners get a certificate.` },
  { id: "audit", title: "Audit trail", text: `
The trail says who did what, and when: sign-ins, changes of the setup, every step of an appointment. Patients' names are never in it.

- Entries are chained into blocks every minute. “Check the chain” finds whether something was changed or deleted.
- You can export it as a table or JSON.

Below are tokens for programs. Give each program its own, and only what it needs.` },
  { id: "account", title: "My account", text: `
Password, second factor, passkeys, and the devices on which you are signed in. End sessions that you do not know, and then change the password.` },
];
