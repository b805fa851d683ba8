// Every operation of the public API, carried out by the official Node library.

import { describe, test } from "node:test";
import * as calls from "./calls.mjs";
import * as keys from "./keys.mjs";
import * as resources from "./resources.mjs";
import * as tasks from "./tasks.mjs";

describe("the official library", { concurrency: 4, timeout: 300_000 }, () => {
  for (const [name, part] of Object.entries({ ...resources, ...tasks, ...calls, ...keys })) {
    test(name, part);
  }
});
