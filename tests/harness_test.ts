/** The harness itself: a leak does not go unseen. @module */

import { match, rejects, strictEqual } from "node:assert/strict";
import { exists, isAlive, TestEngine } from "./harness.ts";

Deno.test("assertNothingLeaked() names files, processes and mounts, and disposal ends them", async () => {
  let pid = 0;
  let directory = "";
  {
    await using wherry = new TestEngine();
    directory = wherry.directory;
    const id = await wherry.start(["--name", "forgotten"], ["sleep", "100"]);
    await wherry.runHost("mount", "-t", "tmpfs", "none", wherry.scratch);
    pid = wherry.readStateRecord(id).pid;

    await rejects(wherry.assertNothingLeaked(0), (error: Error) => {
      match(error.message, new RegExp(`file ${wherry.root}/containers/${id}\n`));
      match(error.message, new RegExp(`file ${wherry.root}/names/forgotten\n`));
      match(error.message, new RegExp(`process ${pid} \\(sleep\\)`));
      match(error.message, /process \d+ \(wherry-monitor\)/);
      match(error.message, new RegExp(`cgroup /sys/fs/cgroup/\\S*wherry/${id}\n`));
      match(error.message, new RegExp(`mount ${wherry.scratch} of / in tmpfs`));
      return true;
    });
  }
  strictEqual(isAlive(pid), false);
  strictEqual(exists(directory), false);
});

Deno.test("assertNothingLeaked() lets mounts of others be", async () => {
  const directory = Deno.makeTempDirSync();
  await using wherry = new TestEngine();
  await wherry.runHost("mount", "-t", "tmpfs", "none", directory);
  try {
    await wherry.assertNothingLeaked();
  } finally {
    await wherry.runHost("umount", directory);
    Deno.removeSync(directory);
  }
});
