// API keys, and the requests that are signed in with one.

import assert from "node:assert/strict";
import { account, connect, owner, refused } from "./router.mjs";

export async function keys() {
  const made = [];
  for (let i = 0; i < 3; i++) {
    const key = await owner.newKeys.create({ friendlyName: `Desk ${i}` });
    assert.equal(key.friendlyName, `Desk ${i}`);
    assert.match(key.sid, /^SK[0-9a-f]{32}$/);
    assert.match(key.secret, /^[a-zA-Z0-9]{20,}$/);
    assert.ok(Math.abs(Date.now() - key.dateCreated) < 60_000, key.dateCreated);
    made.push(key);
  }
  const [{ sid, secret }] = made;
  const renamed = await owner.keys(sid).update({ friendlyName: "Front desk" });
  assert.equal(renamed.friendlyName, "Front desk");
  assert.deepEqual((await owner.keys(sid).fetch()).toJSON(), renamed.toJSON());
  const sids = (await owner.keys.list({ pageSize: 2 })).map((k) => k.sid);
  assert.equal(new Set(sids).size, sids.length);
  for (const key of made) assert.ok(sids.includes(key.sid));

  const { workspaces } = connect(sid, secret).taskrouter.v1;
  const workspace = await workspaces.create({ friendlyName: "Made with a key" });
  assert.equal(workspace.accountSid, account);
  assert.equal(await workspaces(workspace.sid).remove(), true);
  for (const key of made) assert.equal(await owner.keys(key.sid).remove(), true);
  await refused(owner.keys(sid).fetch(), 404, 20404);
  await refused(workspaces.list(), 401, 20003);
}
