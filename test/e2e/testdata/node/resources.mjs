// Resources at rest, from their creation to their end, and every list.

import assert from "node:assert/strict";
import { account, center, offered, refused, sent, workspaces } from "./router.mjs";

export async function resources() {
  const created = await workspaces.create({
    friendlyName: "Node library", eventsFilter: "task.created,task.canceled", multiTaskEnabled: true, template: "FIFO", prioritizeQueueOrder: "LIFO",
  });
  assert.equal(created.accountSid, account);
  assert.equal(created.eventsFilter, "task.created,task.canceled");
  assert.equal(created.prioritizeQueueOrder, "LIFO");
  assert.equal(created.defaultActivityName, "Offline");
  assert.ok(created.dateCreated instanceof Date && Math.abs(Date.now() - created.dateCreated) < 60_000);
  await sent(created);
  const workspace = workspaces(created.sid);

  const [available, ...others] = await workspace.activities.list({ available: "true" });
  assert.equal(available.friendlyName, "Available");
  assert.equal(others.length, 0);
  let lunch = await workspace.activities.create({ friendlyName: "Lunch", available: false });
  assert.equal(lunch.available, false);
  lunch = await workspace.activities(lunch.sid).update({ friendlyName: "Break" });
  assert.equal(lunch.friendlyName, "Break");
  assert.deepEqual((await workspace.activities(lunch.sid).fetch()).toJSON(), lunch.toJSON());
  await sent(lunch);

  const changed = await workspace.update({
    friendlyName: "Renamed", eventCallbackUrl: "https://app.example.com/events?a=b%20c&d", eventsFilter: "", prioritizeQueueOrder: "FIFO",
    defaultActivitySid: available.sid, timeoutActivitySid: lunch.sid,
  });
  assert.deepEqual(
    [changed.friendlyName, changed.eventCallbackUrl, changed.eventsFilter, changed.prioritizeQueueOrder, changed.defaultActivityName, changed.timeoutActivityName],
    ["Renamed", "https://app.example.com/events?a=b%20c&d", null, "FIFO", "Available", "Break"],
  );
  assert.deepEqual((await workspace.fetch()).toJSON(), changed.toJSON());
  const named = await workspaces.list({ friendlyName: "Renamed" });
  assert.deepEqual(named.map((w) => w.sid), [created.sid]);
  await refused(workspace.activities(lunch.sid).remove(), 400, 20001);
  await workspace.update({ eventCallbackUrl: "", timeoutActivitySid: available.sid });
  assert.equal(await workspace.activities(lunch.sid).remove(), true);
  await refused(workspace.activities(lunch.sid).fetch(), 404, 20404, "not found");

  await channels(workspace);
  await queues(workspace, available.sid);
  await agents(workspace, available.sid);

  assert.equal(await workspace.remove(), true);
  await refused(workspace.fetch(), 404, 20404, "not found");
}

async function channels(workspace) {
  let mail = await workspace.taskChannels.create({ friendlyName: "Mail", uniqueName: "mail_1", channelOptimizedRouting: true });
  assert.deepEqual([mail.friendlyName, mail.uniqueName, mail.channelOptimizedRouting], ["Mail", "mail_1", true]);
  mail = await workspace.taskChannels("mail_1").update({ friendlyName: "Post", channelOptimizedRouting: false });
  assert.deepEqual([mail.friendlyName, mail.uniqueName, mail.channelOptimizedRouting], ["Post", "mail_1", false]);
  assert.deepEqual((await workspace.taskChannels(mail.sid).fetch()).toJSON(), mail.toJSON());
  await sent(mail);
  assert.equal((await workspace.taskChannels.list()).length, 6);
  await refused(workspace.taskChannels.create({ friendlyName: "Mail", uniqueName: "no-hyphen" }), 400, 20001, "UniqueName");
  assert.equal(await workspace.taskChannels("mail_1").remove(), true);
  await refused(workspace.taskChannels(mail.sid).fetch(), 404, 20404);
}

async function queues(workspace, activity) {
  let queue = await workspace.taskQueues.create({
    friendlyName: "Tax", targetWorkers: 'skills HAS "tax"', maxReservedWorkers: 3, taskOrder: "LIFO",
    assignmentActivitySid: activity, reservationActivitySid: activity,
  });
  assert.deepEqual(
    [queue.friendlyName, queue.targetWorkers, queue.maxReservedWorkers, queue.taskOrder, queue.assignmentActivityName, queue.reservationActivityName],
    ["Tax", 'skills HAS "tax"', 3, "LIFO", "Available", "Available"],
  );
  queue = await workspace.taskQueues(queue.sid).update({ friendlyName: "Taxes", maxReservedWorkers: 2, taskOrder: "FIFO", targetWorkers: 'skills HAS "taxes"' });
  assert.deepEqual([queue.friendlyName, queue.maxReservedWorkers, queue.taskOrder, queue.targetWorkers], ["Taxes", 2, "FIFO", 'skills HAS "taxes"']);
  assert.deepEqual((await workspace.taskQueues(queue.sid).fetch()).toJSON(), queue.toJSON());
  await sent(queue);
  const fitting = (skill) => workspace.taskQueues.list({ evaluateWorkerAttributes: JSON.stringify({ skills: [skill] }), ordering: "DateUpdated:desc" });
  assert.equal((await fitting("taxes")).length, 2);
  assert.equal((await fitting("law")).length, 1);
  await refused(workspace.taskQueues(queue.sid).update({ targetWorkers: "skills HAS" }), 400, 20001);

  const configuration = JSON.stringify({ task_routing: { default_filter: { queue: queue.sid } } });
  let workflow = await workspace.workflows.create({
    friendlyName: "Calls", configuration, taskReservationTimeout: 60,
    assignmentCallbackUrl: "https://app.example.com/a", fallbackAssignmentCallbackUrl: "https://app.example.com/b",
  });
  assert.deepEqual(
    [workflow.configuration, workflow.taskReservationTimeout, workflow.assignmentCallbackUrl, workflow.fallbackAssignmentCallbackUrl],
    [configuration, 60, "https://app.example.com/a", "https://app.example.com/b"],
  );
  workflow = await workspace.workflows(workflow.sid).update({
    friendlyName: "All calls", configuration: ` ${configuration}`, taskReservationTimeout: 90, reEvaluateTasks: "true",
    assignmentCallbackUrl: "", fallbackAssignmentCallbackUrl: "",
  });
  assert.deepEqual([workflow.friendlyName, workflow.configuration, workflow.taskReservationTimeout], ["All calls", ` ${configuration}`, 90]);
  assert.deepEqual((await workspace.workflows(workflow.sid).fetch()).toJSON(), workflow.toJSON());
  await sent(workflow);
  assert.deepEqual((await workspace.workflows.list({ friendlyName: "All calls" })).map((w) => w.sid), [workflow.sid]);
  await refused(workspace.taskQueues(queue.sid).remove(), 400, 20001);
  assert.equal(await workspace.workflows(workflow.sid).remove(), true);
  assert.equal(await workspace.taskQueues(queue.sid).remove(), true);
  await refused(workspace.taskQueues(queue.sid).fetch(), 404, 20404);
}

async function agents(workspace, available) {
  const attributes = JSON.stringify({ skills: ["tax"], note: "Zoë & co" });
  const made = await workspace.workers.createWithHttpInfo({ friendlyName: "Ann", activitySid: available, attributes });
  assert.equal(made.statusCode, 201);
  let ann = made.body;
  assert.deepEqual([ann.friendlyName, ann.activityName, ann.available, ann.attributes], ["Ann", "Available", true, attributes]);
  await sent(ann);

  // Two clients read the same version; the second to write is told.
  const tag = made.headers.etag;
  assert.ok(tag);
  ann = await workspace.workers(ann.sid).update({ friendlyName: "Anna", attributes: '{"skills":["law"]}', ifMatch: tag });
  assert.deepEqual([ann.friendlyName, ann.attributes], ["Anna", '{"skills":["law"]}']);
  await refused(workspace.workers(ann.sid).update({ friendlyName: "Annie", ifMatch: tag }), 412, 20412);
  await refused(workspace.workers(ann.sid).remove({ ifMatch: tag }), 412, 20412);
  const fetched = await workspace.workers(ann.sid).fetchWithHttpInfo();
  assert.deepEqual(fetched.body.toJSON(), ann.toJSON());
  assert.notEqual(fetched.headers.etag, tag);
  await refused(workspace.workers.create({ friendlyName: "ANNA" }), 400, 20001);
  const names = async (filter) => (await workspace.workers.list(filter)).map((w) => w.friendlyName);
  assert.deepEqual(await names({ available: "true" }), ["Anna"]);
  assert.deepEqual(await names({ available: "false" }), []);
  assert.deepEqual(await names({ targetWorkersExpression: 'skills HAS "law"', ordering: "DateStatusChanged:asc" }), ["Anna"]);
  assert.deepEqual(await names({ activityName: "Offline" }), []);

  const worker = workspace.workers(ann.sid);
  assert.equal((await worker.workerChannels.list()).length, 5);
  const chat = await worker.workerChannels("chat").update({ capacity: 4, available: false });
  assert.deepEqual(
    [chat.taskChannelUniqueName, chat.configuredCapacity, chat.available, chat.assignedTasks, chat.availableCapacityPercentage],
    ["chat", 4, false, 0, 100],
  );
  assert.deepEqual((await worker.workerChannels(chat.sid).fetch()).toJSON(), chat.toJSON());
  await sent(chat);
  assert.equal(await worker.remove({ ifMatch: "*" }), true);
  await refused(worker.fetch(), 404, 20404);
}

// lists reads each list whole, limited, one by one, and page by page in both
// directions.
export async function lists() {
  const { workspace, worker, queue } = await center();
  const friendlyName = `Listed ${Date.now()}`;
  for (let i = 0; i < 3; i++) {
    await workspaces.create({ friendlyName });
    await workspace.workers.create({ friendlyName: `Agent ${i}` });
    await workspace.taskQueues.create({ friendlyName: `Queue ${i}`, targetWorkers: "1==2" });
    await workspace.workflows.create({ friendlyName: `Workflow ${i}`, configuration: JSON.stringify({ task_routing: { default_filter: { queue: queue.sid } } }) });
  }
  const [workflow] = await workspace.workflows.list({ friendlyName: "Calls" });
  const task = await workspace.tasks.create({ workflowSid: workflow.sid });
  for (let i = 0; i < 2; i++) {
    await workspace.tasks(task.sid).reservations(await offered(workspace, task.sid)).update({ reservationStatus: "rejected" });
  }
  await workspace.tasks(task.sid).reservations(await offered(workspace, task.sid)).update({ reservationStatus: "accepted" });
  for (let i = 0; i < 4; i++) await workspace.tasks.create({ workflowSid: workflow.sid });
  const { reservations } = workspace.tasks(task.sid);

  for (const [name, list, filter, items] of [
    ["workspaces", workspaces, { friendlyName }, 3],
    ["activities", workspace.activities, {}, 3],
    ["events", workspace.events, { taskSid: task.sid }, 10],
    ["tasks", workspace.tasks, { assignmentStatus: ["pending", "assigned"] }, 5],
    ["task channels", workspace.taskChannels, {}, 5],
    ["task queues", workspace.taskQueues, {}, 4],
    ["statistics of task queues", workspace.taskQueues.statistics, { minutes: 5 }, 4],
    ["reservations of a task", reservations, {}, 3],
    ["workers", workspace.workers, {}, 4],
    ["worker channels", workspace.workers(worker.sid).workerChannels, {}, 5],
    ["reservations of a worker", workspace.workers(worker.sid).reservations, {}, 3],
    ["workflows", workspace.workflows, {}, 4],
  ]) {
    await read(name, list, filter, items);
  }
}

async function read(name, list, filter, items) {
  const sids = (some) => some.map((i) => i.sid ?? i.taskQueueSid);
  const all = sids(await list.list({ ...filter })); // the library writes to what it gets
  assert.equal(all.length, items, name);
  assert.equal(new Set(all).size, items, name);
  assert.deepEqual(sids(await list.list({ ...filter, pageSize: 2 })), all, `${name}, page by page`);
  assert.deepEqual(sids(await list.list({ ...filter, limit: 2 })), all.slice(0, 2), `${name}, limited`);
  const each = [];
  await list.each({ ...filter, pageSize: 2 }, (item) => each.push(item));
  assert.deepEqual(sids(each), all, `${name}, one by one`);

  let page = await list.page({ ...filter, pageSize: 2 });
  assert.equal(page.previousPageUrl, undefined, name);
  const walked = sids(page.instances);
  for (let before = page; page.nextPageUrl; before = page) {
    page = await page.nextPage();
    walked.push(...sids(page.instances));
    assert.deepEqual(sids((await page.previousPage()).instances), sids(before.instances), `${name}, backwards`);
    assert.deepEqual(sids((await list.getPage(before.nextPageUrl)).instances), sids(page.instances), `${name}, by address`);
  }
  assert.deepEqual(walked, all, name);
  await refused(list.page({ ...filter, pageNumber: 1 }), 400, 40153);
}
