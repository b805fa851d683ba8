// Work in motion: Tasks, Reservations, events, statistics.

import assert from "node:assert/strict";
import { account, becomes, center, offered, refused, sent } from "./router.mjs";

export async function tasks() {
  const c = await center();
  const { workspace } = c;
  const began = new Date(Date.UTC(2026, 0, 2, 3, 4, 5));
  await workspace.workers(c.worker.sid).update({ activitySid: c.offline });
  const made = await workspace.tasks.createWithHttpInfo({
    workflowSid: c.workflow.sid, priority: 7, timeout: 600, taskChannel: "chat", virtualStartTime: began, attributes: '{"n":1}',
  });
  assert.equal(made.statusCode, 201);
  let task = made.body;
  assert.deepEqual(
    [task.assignmentStatus, task.priority, task.timeout, task.taskChannelUniqueName, task.taskQueueFriendlyName, task.workflowFriendlyName, task.attributes],
    ["pending", 10, 600, "chat", "Support", "Calls", '{"n":1}'], // the target says 10
  );
  assert.equal(task.virtualStartTime.getTime(), began.getTime());
  await sent(task);

  // Two clients read the same version; the second to write is told.
  const tag = made.headers.etag;
  assert.ok(tag);
  const one = workspace.tasks(task.sid);
  const updated = await one.updateWithHttpInfo({ priority: 9, taskChannel: "sms", attributes: '{"n":2}', ifMatch: tag });
  task = updated.body;
  assert.deepEqual([task.priority, task.taskChannelUniqueName, task.attributes], [9, "sms", '{"n":2}']);
  await refused(one.update({ priority: 1, ifMatch: tag }), 412, 20412);
  await refused(one.remove({ ifMatch: tag }), 412, 20412);
  const fetched = await one.fetchWithHttpInfo();
  assert.equal(fetched.headers.etag, updated.headers.etag);
  const listed = async (filter) => (await workspace.tasks.list(filter)).map((t) => t.sid);
  assert.deepEqual(await listed({ priority: 9, assignmentStatus: ["pending"], evaluateTaskAttributes: "n == 2", ordering: "Priority:desc" }), [task.sid]);
  assert.deepEqual(await listed({ taskQueueName: "Support", workflowName: "Calls", hasAddons: false }), [task.sid]);
  assert.deepEqual(await listed({ assignmentStatus: ["reserved", "assigned"] }), []);

  await refused(one.update({ assignmentStatus: "completed", reason: "early" }), 400, 20001,
    `Cannot complete task ${task.sid} in workspace ${c.sid} for account ${account} because it is not currently assigned.`);
  const canceled = await one.update({ assignmentStatus: "canceled", reason: "not needed" });
  assert.deepEqual([canceled.assignmentStatus, canceled.reason], ["canceled", "not needed"]);
  assert.equal(await one.remove({ ifMatch: "*" }), true);
  await refused(one.fetch(), 404, 20404, "not found");

  const targeted = await workspace.tasks.create({ routingTarget: c.worker.sid, ignoreCapacity: "true", taskQueueSid: c.queue.sid });
  assert.deepEqual([targeted.routingTarget, targeted.ignoreCapacity, targeted.taskQueueSid], [c.worker.sid, true, c.queue.sid]);
  await workspace.tasks(targeted.sid).reservations(await offered(workspace, targeted.sid)).update({ instruction: "accept" });
  await workspace.tasks(targeted.sid).update({ assignmentStatus: "wrapping" });
  await workspace.tasks(targeted.sid).update({ assignmentStatus: "completed", reason: "done" });
  await becomes(workspace, targeted.sid, "completed");
}

export async function reservations() {
  const c = await center();
  const { workspace } = c;
  const worker = workspace.workers(c.worker.sid);
  const task = await workspace.tasks.create({});
  const here = workspace.tasks(task.sid).reservations;

  // Declined, with a break; declined by going away; accepted.
  let sid = await offered(workspace, task.sid);
  const byTask = await here(sid).fetchWithHttpInfo();
  assert.deepEqual(
    [byTask.body.reservationStatus, byTask.body.taskSid, byTask.body.workerSid, byTask.body.workerName],
    ["pending", task.sid, c.worker.sid, "Alice"],
  );
  await sent(byTask.body);
  const mine = await worker.reservations(sid).fetch();
  await sent(mine);
  const rejected = await worker.reservations(sid).update({ instruction: "reject", workerActivitySid: c.offline, ifMatch: byTask.headers.etag });
  assert.equal(rejected.reservationStatus, "rejected");
  assert.equal((await worker.fetch()).activitySid, c.offline);
  await worker.update({ activitySid: c.available });
  sid = await offered(workspace, task.sid);
  await worker.update({ activitySid: c.offline, rejectPendingReservations: true });
  assert.equal((await here(sid).fetch()).reservationStatus, "rejected");
  await worker.update({ activitySid: c.available });
  sid = await offered(workspace, task.sid);
  await refused(here(sid).update({ reservationStatus: "accepted", ifMatch: '"99"' }), 412, 20412);
  const accepted = await here(sid).updateWithHttpInfo({ reservationStatus: "accepted" });
  assert.equal(accepted.body.reservationStatus, "accepted");
  const supervise = { instruction: "supervise", supervisor: c.worker.sid, supervisorMode: "whisper" };
  await refused(here(sid).update(supervise), 400, 40148, "From");
  await refused(here(sid).update({ ...supervise, from: "+15550199" }), 400, 20001, "upervis"); // nobody talks
  const wrapping = await worker.reservations(sid).update({ reservationStatus: "wrapping", ifMatch: accepted.headers.etag });
  assert.equal(wrapping.reservationStatus, "wrapping");
  assert.equal((await here(sid).update({ reservationStatus: "completed" })).reservationStatus, "completed");
  await becomes(workspace, task.sid, "completed");
  await refused(here(sid).update({ reservationStatus: "accepted" }), 400, 20001);
  await refused(here(sid).update({ instruction: "fly" }), 400, 55555);
  assert.equal((await here.list({ reservationStatus: "rejected", workerSid: c.worker.sid })).length, 2);
  assert.deepEqual((await worker.reservations.list({ reservationStatus: "completed" })).map((r) => r.sid), [sid]);

  // Of two who are offered the same Task, one gets it.
  await workspace.taskQueues(c.queue.sid).update({ maxReservedWorkers: 2 });
  await workspace.workers.create({ friendlyName: "Daichi", activitySid: c.available, attributes: '{"departments":["support"]}' });
  const wanted = await workspace.tasks.create({});
  const both = workspace.tasks(wanted.sid).reservations;
  await offered(workspace, wanted.sid);
  const [first, second] = await both.list();
  await both(first.sid).update({ reservationStatus: "accepted" });
  await refused(both(second.sid).update({ reservationStatus: "accepted" }), 410, 20410);
  assert.equal((await both(second.sid).fetch()).reservationStatus, "rescinded");
}

export async function events() {
  const { workspace, worker, queue, workflow, sid } = await center();
  const task = await workspace.tasks.create({ attributes: JSON.stringify({ note: "Zoë & co" }) });
  const offer = await offered(workspace, task.sid);
  await workspace.tasks(task.sid).reservations(offer).update({ reservationStatus: "accepted" });
  const types = async (filter) => (await workspace.events.list(filter)).map((e) => e.eventType).reverse();
  const all = ["task.created", "workflow.entered", "workflow.target-matched", "task-queue.entered", "reservation.created", "reservation.accepted"];
  assert.deepEqual(await types({ taskSid: task.sid }), all);
  assert.deepEqual(await types({ reservationSid: offer, minutes: 5 }), all.slice(4));
  assert.deepEqual(await types({ workerSid: worker.sid, eventType: "reservation.created" }), ["reservation.created"]);
  assert.deepEqual(await types({ workflowSid: workflow.sid, taskQueueSid: queue.sid, taskChannel: "default" }), all.slice(3));
  const minute = 60_000;
  assert.deepEqual(await types({ taskSid: task.sid, startDate: new Date(Date.now() - minute), endDate: new Date(Date.now() + minute) }), all);
  assert.deepEqual(await types({ taskSid: task.sid, endDate: new Date(Date.now() - minute) }), []);

  const [event] = await workspace.events.list({ reservationSid: offer, eventType: "reservation.created" });
  const fetched = await workspace.events(event.sid).fetch();
  assert.deepEqual(fetched.toJSON(), event.toJSON());
  await sent(fetched);
  assert.ok(event.eventDate instanceof Date);
  assert.deepEqual([event.resourceType, event.resourceSid, event.workspaceSid], ["reservation", offer, sid]);
  const data = event.eventData;
  assert.deepEqual(
    [data.task_sid, data.worker_name, data.task_queue_name, data.workflow_sid, data.task_priority, data.task_attributes],
    [task.sid, "Alice", "Support", workflow.sid, "10", '{"note":"Zoë & co"}'],
  );
  await refused(workspace.events(`EV${task.sid.slice(2)}`).fetch(), 404, 20404);
}

const camel = (name) => name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());

// counts makes sure that statistics have numbers. Objects within keep the
// names of the wire.
function counts(statistics, want, typed = true) {
  for (const [name, n] of Object.entries(want)) {
    const [first, ...rest] = name.split(".");
    const got = rest.reduce((v, key) => v?.[key], statistics[typed ? camel(first) : first]);
    assert.equal(got, n, name);
    if (typed) assert.ok(Number.isInteger(got), name);
  }
}

export async function statistics() {
  const { workspace, worker, queue, workflow, sid } = await center();
  const done = await workspace.tasks.create({});
  const answer = async (task, reservationStatus) => workspace.tasks(task).reservations(await offered(workspace, task)).update({ reservationStatus });
  await answer(done.sid, "rejected");
  await answer(done.sid, "accepted");
  const waiting = await workspace.tasks.create({});
  const canceled = await workspace.tasks.create({});
  await workspace.tasks(canceled.sid).update({ assignmentStatus: "canceled" });
  await workspace.tasks(done.sid).update({ assignmentStatus: "completed" });
  await answer(waiting.sid, "accepted");

  const now = { total_tasks: 3, longest_task_waiting_age: 0, "tasks_by_status.assigned": 1, "tasks_by_status.completed": 1, "tasks_by_status.canceled": 1 };
  const offers = {
    reservations_created: 3, reservations_accepted: 2, reservations_rejected: 1, reservations_timed_out: 0,
    reservations_canceled: 0, reservations_rescinded: 0,
  };
  const ended = { tasks_completed: 1, tasks_canceled: 1, tasks_deleted: 0, tasks_moved: 0 };
  const split = { "split_by_wait_time.60.below.reservations_accepted": 2, "split_by_wait_time.60.above.tasks_canceled": 0 };
  const members = { total_eligible_workers: 1, total_available_workers: 1 };
  const window = { minutes: 5, splitByWaitTime: "60,120" };
  const both = async (fetching, past, present) => {
    const s = await fetching;
    assert.equal(s.workspaceSid, sid);
    counts(s.cumulative, past, false);
    if (present) counts(s.realtime, present, false);
    return s;
  };

  const real = await workspace.realTimeStatistics().fetch({ taskChannel: "default" });
  counts(real, { ...now, total_workers: 1 });
  assert.equal(real.activityStatistics.length, 3);
  const past = await workspace.cumulativeStatistics().fetch(window);
  counts(past, { ...offers, ...ended, ...split, tasks_created: 3, tasks_timed_out_in_workflow: 0 });
  assert.equal(past.endTime - past.startTime, 5 * 60_000);
  await both(workspace.statistics().fetch({ startDate: new Date(Date.now() - 3_600_000) }), { ...offers, ...ended, tasks_created: 3 }, now);
  await refused(workspace.statistics().fetch({ startDate: new Date(Date.now() - 60 * 86_400_000) }), 400, 14241);

  const w = workspace.workflows(workflow.sid);
  counts(await w.realTimeStatistics().fetch(), now);
  counts(await w.cumulativeStatistics().fetch(window), { ...offers, ...ended, ...split, tasks_entered: 3 });
  await both(w.statistics().fetch(window), { ...offers, ...ended, ...split, tasks_entered: 3 }, now);

  const q = workspace.taskQueues(queue.sid);
  counts(await q.realTimeStatistics().fetch(), { ...now, ...members });
  counts(await q.cumulativeStatistics().fetch(window), { ...offers, ...ended, ...split, tasks_entered: 3 });
  await both(q.statistics().fetch(window), { ...offers, ...ended, ...split, tasks_entered: 3 }, { ...now, ...members });
  const [listed] = await workspace.taskQueues.statistics.list({ friendlyName: "Support", ...window });
  counts(listed.cumulative, { ...offers, ...ended, ...split, tasks_entered: 3 }, false);
  const unknown = `WQ${sid.slice(2)}`;
  const bulk = await workspace.taskQueues.bulkRealTimeStatistics.create({ QueueSids: [queue.sid, unknown] });
  assert.equal(bulk.taskQueueResponseCount, 2);
  counts(bulk.taskQueueData[0], { ...now, ...members, task_queue_sid: queue.sid }, false);
  counts(bulk.taskQueueData[1], { total_tasks: 0, task_queue_sid: unknown }, false);

  counts(await workspace.workers.realTimeStatistics().fetch(), { total_workers: 1 });
  const crew = await workspace.workers.cumulativeStatistics().fetch({ minutes: 5 });
  counts(crew, offers);
  assert.equal(crew.activityDurations.length, 3);
  await both(workspace.workers.statistics().fetch({ minutes: 5, taskQueueName: "Support" }), offers, { total_workers: 1 });
  const one = await both(workspace.workers(worker.sid).statistics().fetch({ minutes: 5 }), offers);
  assert.equal(one.workerSid, worker.sid);
}
