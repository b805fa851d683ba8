// Callers: each instruction that moves one, and the webhooks on the way.

import assert from "node:assert/strict";
import { application, becomes, center, offered, phone, refused, until } from "./router.mjs";

const from = "+15550199";

// waitingCaller is a center whose agent has been offered a caller, and nobody
// has told the phone to ring.
async function waitingCaller() {
  const c = await center({ manual: true });
  const caller = await phone.dial("+17770001", c.phone);
  const task = await until("the call is a task", async () => (await c.workspace.tasks.list())[0]?.sid);
  return { ...c, caller, task, offer: await offered(c.workspace, task) };
}

// conversation lets the agent answer, talk and hang up.
async function conversation({ workspace, caller, task }, target) {
  const agent = await phone.rings(target);
  assert.equal((await phone.look(agent)).from, from);
  await phone.act(agent, "answer");
  await phone.talk(caller, agent);
  await becomes(workspace, task, "assigned");
  await phone.act(agent, "hangup");
  await until("the work is over", async () => ["wrapping", "completed"].includes((await workspace.tasks(task).fetch()).assignmentStatus));
  await becomes(workspace, task, "completed");
}

export async function dequeue() {
  const c = await waitingCaller();
  const offer = c.workspace.tasks(c.task).reservations(c.offer);
  await refused(offer.update({ instruction: "dequeue" }), 400, 40132, "DequeueFrom");
  const asked = await offer.update({
    instruction: "dequeue", dequeueFrom: from, dequeueTo: "client:node.dequeue", dequeueTimeout: 45, dequeueRecord: "do-not-record",
    dequeuePostWorkActivitySid: c.offline, dequeueStatusCallbackUrl: "https://app.example.com/calls", dequeueStatusCallbackEvent: ["ringing", "completed"],
  });
  assert.equal(asked.reservationStatus, "pending"); // until the agent answers
  await conversation(c, "client:node.dequeue");
  await until("the agent takes the break", async () => (await c.workspace.workers(c.worker.sid).fetch()).activitySid === c.offline);
  await refused(offer.update({ instruction: "dequeue", dequeueFrom: from }), 400, 40135);
}

export async function conference() {
  const c = await waitingCaller();
  const offer = c.workspace.workers(c.worker.sid).reservations(c.offer);
  const app = "https://app.example.com/";
  await refused(offer.update({ instruction: "conference", from, maxParticipants: 1 }), 400, 20001, "MaxParticipants");
  const asked = await offer.update({
    instruction: "conference", from, to: "client:node.conference", timeout: 45, ifMatch: "*",
    statusCallback: `${app}agent`, statusCallbackMethod: "POST", statusCallbackEvent: ["initiated", "ringing", "answered", "completed"],
    record: true, muted: false, beep: "onExit", beepOnCustomerEntrance: false, startConferenceOnEnter: true, endConferenceOnExit: true,
    endConferenceOnCustomerExit: true, waitUrl: `${app}music`, waitMethod: "GET", earlyMedia: true, maxParticipants: 10,
    conferenceStatusCallback: `${app}room`, conferenceStatusCallbackMethod: "POST", conferenceStatusCallbackEvent: ["start", "end", "join"],
    conferenceRecord: "record-from-start", conferenceTrim: "do-not-trim", recordingChannels: "dual",
    recordingStatusCallback: `${app}recording`, recordingStatusCallbackMethod: "GET",
    conferenceRecordingStatusCallback: `${app}recording`, conferenceRecordingStatusCallbackMethod: "POST",
    region: "ie1", sipAuthUsername: "alice", sipAuthPassword: "secret", jitterBufferSize: "small",
  });
  assert.equal(asked.reservationStatus, "pending");
  await conversation(c, "client:node.conference");
  const plain = await c.workspace.tasks.create({});
  const next = await offered(c.workspace, plain.sid);
  await refused(c.workspace.tasks(plain.sid).reservations(next).update({ instruction: "conference", from }), 400, 40142);
}

const markup = (text) => ["text/xml", `<Response><Say>${text}</Say><Pause length="60"/></Response>`];

export async function call(t) {
  const app = await application(t, { "/markup": markup("A caller for you.") });
  const c = await waitingCaller();
  const accepted = await c.workspace.tasks(c.task).reservations(c.offer).update({
    instruction: "call", callFrom: from, callTo: "client:node.call", callUrl: `${app.url}/markup`, callAccept: true, callTimeout: 45,
    callRecord: "do-not-record", callStatusCallbackUrl: "https://app.example.com/calls",
  });
  assert.equal(accepted.reservationStatus, "accepted");
  const agent = await phone.rings("client:node.call");
  await phone.act(agent, "answer");
  await phone.hears(agent, "A caller for you.");
  await phone.act(agent, "hangup");
  await phone.act(c.caller, "hangup");
}

export async function redirect(t) {
  const app = await application(t, { "/markup": markup("This way, please.") });
  const c = await waitingCaller();
  const accepted = await c.workspace.workers(c.worker.sid).reservations(c.offer).update({
    instruction: "redirect", redirectCallSid: c.caller, redirectUrl: `${app.url}/markup`, redirectAccept: true,
  });
  assert.equal(accepted.reservationStatus, "accepted");
  await phone.hears(c.caller, "This way, please.");
  await phone.act(c.caller, "hangup");
}

// webhooks: the library's validator accepts what we send to applications, and
// nothing else.
export async function webhooks(t) {
  const app = await application(t, { "/assignment": ["application/json", '{"instruction":"accept"}'] });
  const c = await center({ callback: `${app.url}/assignment?tenant=a%20b&q='x'` });
  await c.workspace.update({ eventCallbackUrl: `${app.url}/events?tenant=a%20b&q='x'` });
  const attributes = JSON.stringify({ name: "Zoë & co", text: "a+b=c%20d\n", list: [1, null, "ü"] });
  const task = await c.workspace.tasks.create({ attributes });
  await becomes(c.workspace, task.sid, "assigned");
  await c.workspace.tasks(task.sid).update({ assignmentStatus: "completed" });
  const told = () => app.got.filter((r) => r.path === "/events" && r.form.TaskSid === task.sid).map((r) => r.form.EventType);
  await until("the end is told", () => told().includes("task.completed"));
  assert.deepEqual(told(), [
    "task.created", "workflow.entered", "workflow.target-matched", "task-queue.entered",
    "reservation.created", "reservation.accepted", "reservation.completed", "task.completed",
  ]);
  for (const r of app.got) {
    assert.deepEqual([r.genuine, r.forged], [true, false], `${r.path} ${r.form.EventType}`);
  }
  const [assignment] = app.got.filter((r) => r.path === "/assignment");
  assert.deepEqual(
    [assignment.form.TaskSid, assignment.form.WorkerSid, assignment.form.WorkspaceSid, assignment.form.TaskAttributes],
    [task.sid, c.worker.sid, c.sid, attributes],
  );
}
