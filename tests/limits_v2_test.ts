/**
 * What only cgroup v2 has: delegation, and controllers that are enabled on the way to a container's cgroup.
 *
 * For hosts whose controllers are of version 2, such as the virtual machine of `scripts/cgroup2_vm`.
 */

import { match, ok, strictEqual } from "node:assert/strict";
import { setAttribute } from "../mod/kernel/file.ts";
import { openForReading } from "../mod/kernel/open.ts";
import { exists, type TestEngine, testWhole } from "./harness.ts";

const TOP = "/sys/fs/cgroup";

/** Registers a test if the controllers of this host are of version 2: nothing that is installed would help. */
function testUnified(name: string, body: (wherry: TestEngine) => Promise<void>): void {
  if (exists(`${TOP}/cgroup.controllers`)) testWhole(name, body);
  else console.log(`left out, because this host's controllers are of cgroup v1: ${name}`);
}

/** Runs a script of the shell in a new cgroup that is marked as systemd marks what it delegates. */
async function inDelegated(
  wherry: TestEngine,
  script: string,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const path = `${TOP}/wherry-test-${crypto.randomUUID()}`;
  Deno.mkdirSync(path);
  try {
    using directory = openForReading(path);
    setAttribute(directory.number, "user.delegate", new TextEncoder().encode("1"), path);
    return await wherry.runCommand(["sh", "-c", `echo $$ >${path}/cgroup.procs && ${script}`]);
  } finally {
    await removeCgroups(path);
  }
}

async function removeCgroups(path: string): Promise<void> {
  await new Deno.Command("find", { args: [path, "-depth", "-type", "d", "-delete"] }).output();
}

testUnified("a plain container has its memory and its processes counted", async (wherry) => {
  const { stdout } = await wherry.runBusybox([], ["cat", `${TOP}/cgroup.controllers`]);

  ok(["cpu", "memory", "pids"].every((name) => stdout.split(/\s/).includes(name)), stdout);
});

testUnified("limits of swap are what is left of the sum", async (wherry) => {
  const { stdout } = await wherry.runBusybox(
    ["-m", "64m", "--memory-swap", "100m", "--memory-reservation", "32m"],
    ["cat", `${TOP}/memory.max`, `${TOP}/memory.swap.max`, `${TOP}/memory.low`],
  );

  strictEqual(stdout, "67108864\n37748736\n33554432\n");
});

for (const flags of [["--memory-swappiness", "10"], ["-m", "64m", "--oom-kill-disable"]]) {
  testUnified(
    `run ${flags.join(" ")} is refused, because cgroup v2 has no such thing`,
    async (wherry) => {
      const { code, stderr } = await wherry.runBusybox(flags, ["true"]);

      strictEqual(code, 125);
      match(
        stderr,
        /^wherry: Cannot use --[a-z-]+: the controller "memory" is one of cgroup v2 here/,
      );
    },
  );
}

testUnified("containers of a delegated service are in the service's cgroup", async (wherry) => {
  const run = wherry.commandLine(["run", "--rm", "-m", "64m", ...await wherry.busybox()]).join(" ");

  const { code, stdout, stderr } = await inDelegated(
    wherry,
    `exec ${run} sh -c 'cat ${TOP}/memory.max'`,
  );

  strictEqual(stderr, "");
  strictEqual(stdout, "67108864\n");
  strictEqual(code, 0);
});

testUnified(
  "a limit in a delegated cgroup with other processes says what is in the way",
  async (wherry) => {
    const run = wherry.commandLine(["run", "--rm", "-m", "64m", ...await wherry.busybox()]).join(
      " ",
    );

    const { code, stderr } = await inDelegated(wherry, `${run} true; exit $?`);

    strictEqual(code, 125);
    match(stderr, /Cannot enable \+memory in the cgroup/);
    match(stderr, /move them into a cgroup below it first/);
  },
);
