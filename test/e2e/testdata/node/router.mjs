// What the tests share: the official client, waiting, contact centres, the
// telephone of the system under test, and an application that gets webhooks.

import assert from "node:assert/strict";
import http from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import twilio from "twilio";

function environment(name) {
  assert.ok(process.env[name], `${name} is not set`);
  return process.env[name];
}

export const url = environment("TASKROUTER_URL");
export const account = environment("TASKROUTER_ACCOUNT_SID");
const token = environment("TASKROUTER_AUTH_TOKEN");

// connect is all there is to do to use another server.
export function connect(username, password) {
  const client = twilio(username, password, { accountSid: account });
  client.taskrouter.baseUrl = url;
  client.api.baseUrl = url; // API keys
  return client;
}

export const owner = connect(account, token);

export const workspaces = owner.taskrouter.v1.workspaces;

const authorization = "Basic " + Buffer.from(`${account}:${token}`).toString("base64");

// send is plain HTTP, for what the library has no methods for.
async function send(address, form) {
  const response = await fetch(address, {
    method: form ? "POST" : "GET",
    headers: { authorization },
    body: form && new URLSearchParams(form),
  });
  const text = await response.text();
  assert.ok(response.ok, `${address}: ${response.status} ${text}`);
  return JSON.parse(text);
}

// until looks until it sees something that counts as true.
export async function until(what, look) {
  const end = Date.now() + 45_000;
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    assert.ok(Date.now() < end, `waited in vain: ${what}`);
    await pause(25);
  }
}

// refused makes sure that the library understood why something was refused.
export async function refused(promise, status, code, message = "") {
  await assert.rejects(promise, (e) => {
    assert.deepEqual([e.status, e.code], [status, code], e.message);
    assert.ok(e.message.includes(message), e.message);
    assert.match(e.moreInfo, /^http/);
    return true;
  });
}

const camel = (name) => name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());

// plain is a value as JSON, with dates written in one way.
function plain(value) {
  const text = JSON.stringify(value, (_, v) => (typeof v === "string" && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(v) ? new Date(v).toISOString() : v));
  return JSON.parse(text);
}

// sent makes sure that the library read a resource as it was sent, to the last
// field, and that it can be read at its URL.
export async function sent(read) {
  assert.ok(read.url.startsWith(url), read.url);
  const raw = await send(read.url);
  const expected = plain(Object.fromEntries(Object.entries(raw).map(([name, v]) => [camel(name), v])));
  const got = plain(read);
  delete expected.age; // grows while we look
  delete got.age;
  assert.deepEqual(got, expected);
}

let number = 0;

// center is a contact centre with one agent who is ready for work.
export async function center({ manual = false, callback } = {}) {
  const n = ++number;
  const created = await workspaces.create({ friendlyName: `Node ${n}`, multiTaskEnabled: true });
  const workspace = workspaces(created.sid);
  const activities = await workspace.activities.list();
  const activity = (name) => activities.find((a) => a.friendlyName === name).sid;
  const queue = await workspace.taskQueues.create({ friendlyName: "Support", targetWorkers: "departments HAS 'support'" });
  const workflow = await workspace.workflows.create({
    friendlyName: "Calls",
    configuration: JSON.stringify({
      task_routing: {
        filters: [{ filter_friendly_name: "Support", expression: "1==1", targets: [{ queue: queue.sid, priority: 10 }] }],
      },
    }),
    assignmentCallbackUrl: callback,
  });
  const contact = `client:alice.node.${n}`;
  const worker = await workspace.workers.create({
    friendlyName: "Alice",
    activitySid: activity("Available"),
    attributes: JSON.stringify({ departments: ["support"], contact_uri: contact }),
  });
  const phone = `+1666${String(n).padStart(7, "0")}`;
  if (manual) {
    await send(`${url}/v1/Workspaces/${created.sid}/CallQueues`, {
      FriendlyName: "Line", PhoneNumbers: phone, WorkflowSid: workflow.sid, Instruction: "none", WrapUp: "1",
    });
  }
  return { sid: created.sid, workspace, queue, workflow, worker, contact, phone, available: activity("Available"), offline: activity("Offline") };
}

// offered waits for the open offer of a Task.
export function offered(workspace, task) {
  return until(`${task} is offered`, async () => {
    const [offer] = await workspace.tasks(task).reservations.list({ reservationStatus: "pending" });
    return offer?.sid;
  });
}

// becomes waits until a Task has a status.
export function becomes(workspace, task, status) {
  return until(`${task} becomes ${status}`, async () => (await workspace.tasks(task).fetch()).assignmentStatus === status);
}

// The telephone network of the system under test: what people do with it.
const calls = `${url}/dev/calls`;

export const phone = {
  dial: async (from, to) => (await send(calls, { From: from, To: to })).call_sid,
  look: (sid) => send(`${calls}/${sid}`),
  act: (sid, action) => send(`${calls}/${sid}/${action}`, { by: "test" }),
  rings: (target) =>
    until(`${target} rings`, async () => {
      const { calls: all } = await send(calls);
      return all.find((c) => c.to === target && c.state === "ringing")?.call_sid;
    }),
  hears: (sid, text) =>
    until(`heard: ${text}`, async () => ((await phone.look(sid)).transcript ?? []).some((h) => h.text.includes(text))),
  talk: (a, b) => until("both hear each other", async () => (await phone.look(a)).peers?.includes(b) && (await phone.look(b)).peers?.includes(a)),
};

// application is a customer's server. It checks who sent what it gets, and
// answers a path with what answers has for it.
export async function application(t, answers) {
  const got = [];
  const server = http.createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8");
    request.on("data", (chunk) => (body += chunk));
    request.on("end", () => {
      const form = Object.fromEntries(new URLSearchParams(body));
      const address = `http://${request.headers.host}${request.url}`;
      const path = request.url.split("?")[0];
      got.push({
        path,
        form,
        genuine: twilio.validateRequest(token, request.headers["x-twilio-signature"], address, form),
        // Somebody who changes what is said, or where to, is found out.
        forged:
          twilio.validateRequest(token, request.headers["x-twilio-signature"], address, { ...form, WorkspaceSid: "WS0" }) ||
          twilio.validateRequest(token, request.headers["x-twilio-signature"], `${address}&x=1`, form) ||
          twilio.validateRequest(token + "0", request.headers["x-twilio-signature"], address, form),
      });
      const [type, text] = answers[path] ?? ["text/plain", ""];
      response.writeHead(200, { "content-type": type });
      response.end(text);
    });
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  t.after(() => new Promise((closed) => {
    server.closeAllConnections();
    server.close(closed);
  }));
  return { url: `http://127.0.0.1:${server.address().port}`, got };
}
