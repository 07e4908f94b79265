/** Disks without room, and disks that cannot be written to: nothing is left half done. @module */

import { deepStrictEqual, doesNotMatch, match, strictEqual } from "node:assert/strict";
import { Disk } from "./disk.ts";
import { eventually, isAlive, listNames, type TestEngine, testWhole } from "./harness.ts";

/** `made` was never started and has no network, `up` runs and has one. */
async function makeContainers(wherry: TestEngine): Promise<string> {
  const made = ["create", "--name", "made", "--network", "none", ...await wherry.busybox(), "true"];
  strictEqual((await wherry.run(made)).code, 0);
  return await wherry.start(["--name", "up"], ["sh", "-c", "echo up; sleep 100"]);
}

/** Everything in the engine's two directories, with what would show a change. */
async function describeStore(wherry: TestEngine): Promise<string> {
  const format = "%p %y %m %n %l\n";
  const skip = ["(", "-name", "filling", "-o", "-name", "events", ")", "-prune", "-o"];
  const files = await wherry.runHost(
    "find",
    wherry.root,
    wherry.runRoot,
    ...skip,
    "-printf",
    format,
  );
  return files.split("\n").toSorted().join("\n");
}

/** Fails unless each command fails with one line that says what for, and nothing has changed. */
async function assertRefused(
  wherry: TestEngine,
  refusals: ReadonlyArray<readonly [code: number, message: string, ...argv: string[]]>,
  reason: string,
): Promise<void> {
  const before = await describeStore(wherry);
  for (const [expectedCode, message, ...argv] of refusals) {
    const { code, stdout, stderr } = await wherry.run(argv);

    match(stderr, new RegExp(`^wherry: ${message}[^\\n]*${reason}[^\\n]*\\n$`, "i"));
    deepStrictEqual([code, stdout], [expectedCode, ""], stderr);
    strictEqual(await describeStore(wherry), before, argv.join(" "));
  }
}

const NO_SPACE = "no space left on device";

for (
  const [what, options] of [["bytes", "size=512k"], ["inodes", "size=4m,nr_inodes=70"]] as const
) {
  testWhole(`a root without free ${what} refuses and works again later`, async (wherry) => {
    await using disk = await Disk.mount(wherry, options);
    const id = await makeContainers(wherry);
    const busybox = await wherry.busybox();
    {
      await using _filling = await disk.fill(what);

      await assertRefused(wherry, [
        [1, "Cannot make a container in ", "create", "--name", "more", ...busybox, "true"],
        [125, "Cannot make a container in ", "run", "--name", "more", ...busybox, "true"],
        [125, "Cannot make a container in ", "run", "-d", ...busybox, "true"],
        [1, 'Cannot rename container "made": ', "rename", "made", "renamed"],
        [1, 'Cannot update container "made": ', "update", "--restart", "always", "made"],
        [1, 'Cannot update container "up": ', "update", "--restart", "always", "up"],
      ], NO_SPACE);
      const exec = await wherry.run(["exec", "up", "echo", "works"]);
      const stopped = await wherry.run(["stop", "-t", "0", "up"]);
      const waited = await wherry.run(["wait", "up"]);

      deepStrictEqual(exec, { code: 0, stdout: "works\n", stderr: "" });
      deepStrictEqual(stopped, { code: 0, stdout: "up\n", stderr: "" });
      strictEqual(waited.stdout, "137\n");
      strictEqual((await wherry.run(["logs", id])).stdout, "up\n");
    }
    strictEqual((await wherry.run(["rename", "made", "renamed"])).code, 0);
    strictEqual((await wherry.run(["update", "--restart", "always", "up"])).code, 0);
    deepStrictEqual((await wherry.run(["start", "renamed", "up"])).stderr, "");
    deepStrictEqual((await wherry.run(["rm", "-f", "renamed", "up"])).stderr, "");
  });

  testWhole(
    `rm works on a root without free ${what}, also after a killed monitor`,
    async (wherry) => {
      await using disk = await Disk.mount(wherry, options);
      const id = await makeContainers(wherry);
      const { pid, monitorPid } = wherry.readStateRecord(id);
      await using _filling = await disk.fill(what);
      Deno.kill(monitorPid, "SIGKILL");
      await eventually(() => !isAlive(pid) && !isAlive(monitorPid));

      const waited = await wherry.run(["wait", "up"]);
      const removed = await wherry.run(["rm", "up", "made"]);

      deepStrictEqual(waited, { code: 0, stdout: "137\n", stderr: "" });
      deepStrictEqual(removed, { code: 0, stdout: "up\nmade\n", stderr: "" });
    },
  );
}

testWhole("a run root without a free byte costs events alone, and says so", async (wherry) => {
  await using disk = await Disk.mount(wherry, "size=512k", wherry.runRoot);
  await makeContainers(wherry);
  await using _filling = await disk.fill("bytes");

  // Inodes are left: what is empty can be made
  const commands = [["start", "made"], ["rename", "made", "renamed"], ["stop", "-t", "0", "up"]];
  for (const argv of commands) {
    const { code, stderr } = await wherry.run(argv);

    strictEqual(code, 0, stderr);
    match(
      stderr,
      /^(?:WARNING: \d events of this command could not [^\n]*no space left[^\n]*\n)?$/i,
    );
  }
  strictEqual((await wherry.run(["rm", "-f", "renamed", "up"])).code, 0);
});

testWhole("a run root without a free byte leaves no volume mounted", async (wherry) => {
  await using disk = await Disk.mount(wherry, "size=512k", wherry.runRoot);
  const options = ["-o", "type=tmpfs", "-o", "device=tmpfs"];
  await wherry.run(["volume", "create", ...options, "memory"]);
  const flags = ["--network", "none", "-v", "memory:/v"];
  const id = await wherry.start(flags, ["sleep", "1000"]);
  await using _filling = await disk.fill("bytes");

  const removed = await wherry.run(["rm", "-f", id]);

  strictEqual(removed.code, 0, removed.stderr);
  doesNotMatch(Deno.readTextFileSync("/proc/self/mountinfo"), /\/volumes\/memory\//);
});

testWhole("rm -v works on a root without a free inode", async (wherry) => {
  await using disk = await Disk.mount(wherry, "size=8m,nr_inodes=200");
  const flags = ["--name", "made", "--network", "none", "-v", "/v"];
  await wherry.run(["create", ...flags, ...await wherry.busybox(), "true"]);
  await using _filling = await disk.fill("inodes");

  const removed = await wherry.run(["rm", "-v", "made"]);

  deepStrictEqual(removed, { code: 0, stdout: "made\n", stderr: "" });
  deepStrictEqual(listNames(`${wherry.root}/volumes`), []);
});

testWhole("a run root without a free byte starts no container on a network", async (wherry) => {
  await using disk = await Disk.mount(wherry, "size=512k", wherry.runRoot);
  await makeContainers(wherry);
  await wherry.run(["create", "--name", "wired", ...await wherry.busybox(), "true"]);
  {
    await using _filling = await disk.fill("bytes");

    const { code, stderr } = await wherry.run(["start", "wired"]);

    match(
      stderr,
      /^wherry: Cannot set up the network of container "wired": [^\n]*no space left[^\n]*\n/i,
    );
    strictEqual(code, 1);
  }
  strictEqual((await wherry.run(["start", "wired"])).code, 0);
  strictEqual((await wherry.run(["rm", "-f", "wired", "up", "made"])).code, 0);
});

testWhole("a run root without a free inode refuses, but for the end", async (wherry) => {
  await using disk = await Disk.mount(wherry, "size=4m,nr_inodes=40", wherry.runRoot);
  await makeContainers(wherry);
  await using _filling = await disk.fill("inodes");
  const busybox = await wherry.busybox();

  await assertRefused(wherry, [
    [1, "Cannot make a container in ", "create", ...busybox, "true"],
    [125, "Cannot make a container in ", "run", ...busybox, "true"],
  ], NO_SPACE);
  const started = await wherry.run(["start", "made"]);
  const exec = await wherry.run(["exec", "up", "echo", "works"]);
  const stopped = await wherry.run(["stop", "-t", "0", "up"]);
  const removed = await wherry.run(["rm", "up", "made"]);

  match(started.stderr, /^wherry: Cannot start the container: the step listen [^\n]*no space left/);
  deepStrictEqual(exec, { code: 0, stdout: "works\n", stderr: "" });
  deepStrictEqual(stopped, { code: 0, stdout: "up\n", stderr: "" });
  deepStrictEqual(removed, { code: 0, stdout: "up\nmade\n", stderr: "" });
});

const READ_ONLY = "read-only file system";

testWhole("a root that is read-only refuses what writes, and shows the rest", async (wherry) => {
  await using disk = await Disk.mount(wherry, "size=16m");
  await makeContainers(wherry);
  await wherry.run(["stop", "-t", "0", "up"]);
  await disk.remount("ro");

  await assertRefused(wherry, [
    [1, "Cannot make a container in ", "create", ...await wherry.busybox(), "true"],
    [125, "Cannot make a container in ", "run", ...await wherry.busybox(), "true"],
    [1, 'Cannot rename container "made": ', "rename", "made", "renamed"],
    [1, 'Cannot update container "made": ', "update", "--restart", "always", "made"],
    [1, "Cannot write to ", "start", "made"],
    [1, 'Cannot remove container "made": ', "rm", "-f", "made"],
  ], READ_ONLY);
  const listed = await wherry.run(["ps", "-a", "--format", "{{.Names}}"]);
  const logged = await wherry.run(["logs", "up"]);
  await disk.remount("rw");

  deepStrictEqual(listed, { code: 0, stdout: "up\nmade\n", stderr: "" });
  deepStrictEqual(logged, { code: 0, stdout: "up\n", stderr: "" });
  strictEqual((await wherry.run(["rm", "made", "up"])).code, 0);
});

testWhole("ps lists what it cannot clean up on a read-only run root", async (wherry) => {
  await using disk = await Disk.mount(wherry, "size=16m", wherry.runRoot);
  const id = await makeContainers(wherry);
  const { pid, monitorPid } = wherry.readStateRecord(id);
  Deno.kill(monitorPid, "SIGKILL");
  await eventually(() => !isAlive(pid) && !isAlive(monitorPid));
  await disk.remount("ro");

  await assertRefused(wherry, [
    [1, "Cannot make a container in ", "create", ...await wherry.busybox(), "true"],
    [1, "Cannot open ", "start", "made"],
    [1, "Cannot open ", "rm", "made"],
  ], READ_ONLY);
  const listed = await wherry.run(["ps", "-a", "--format", "{{.Names}} {{.State}}"]);
  await disk.remount("rw");

  deepStrictEqual([listed.code, listed.stdout], [0, "up exited\nmade created\n"]);
  match(
    listed.stderr,
    /^WARNING: what crashes left behind stays for now: [^\n]*read-only[^\n]*\n$/,
  );
  strictEqual((await wherry.run(["rm", "made", "up"])).code, 0);
});
