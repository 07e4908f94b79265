/**
 * Limits of containers, with cgroups of either version: what the kernel then does, `update`, and what is left in the end.
 *
 * @module
 */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { eventually, exists, isAlive, type TestEngine, testWhole } from "./harness.ts";

/** Whether the controllers of this host are of version 2. */
const IS_UNIFIED = exists("/sys/fs/cgroup/cgroup.controllers");

/** Path inside of a file that has one name in version 2 and another one in version 1. */
function fileOf(controller: string, unified: string, v1: string): string {
  return IS_UNIFIED ? `/sys/fs/cgroup/${unified}` : `/sys/fs/cgroup/${controller}/${v1}`;
}

const MEMORY = fileOf("memory", "memory.max", "memory.limit_in_bytes");
const PIDS = fileOf("pids", "pids.max", "pids.max");
const CPUSET = fileOf("cpuset", "cpuset.cpus", "cpuset.cpus");
const SHARES = fileOf("cpu", "cpu.weight", "cpu.shares");
const QUOTA = fileOf("cpu", "cpu.max", "cpu.cfs_quota_us");

/** What takes more memory than a container with 20 MB has. */
const GREEDY = ["dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=1"];
const LITTLE_MEMORY = ["-m", "20m", "--memory-swap", "20m"];

async function output(wherry: TestEngine, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await wherry.run(args);
  deepStrictEqual([code, stderr], [0, ""]);
  return stdout.trim();
}

/** What a file says in a container. */
async function read(wherry: TestEngine, container: string, path: string): Promise<string> {
  return await output(wherry, "exec", container, "cat", path);
}

async function inspect(wherry: TestEngine, container: string, format: string): Promise<string> {
  return await output(wherry, "inspect", "--format", format, container);
}

testWhole("limits are seen inside, and in inspect", async (wherry) => {
  const flags = ["-m", "64m", "--pids-limit", "30", "--cpuset-cpus", "0", "-c", "512"];
  const { stdout, stderr, code } = await wherry.runBusybox(
    [...flags, "--cpu-quota", "50000"],
    ["cat", MEMORY, PIDS, CPUSET, SHARES, QUOTA],
  );

  deepStrictEqual([code, stderr], [0, ""]);
  strictEqual(
    stdout,
    `67108864\n30\n0\n${IS_UNIFIED ? "20\n50000 100000\n" : "512\n50000\n"}`,
  );
});

testWhole("limits of a container are in inspect, with docker's defaults", async (wherry) => {
  await output(wherry, "create", "--name", "box", "-m", "64m", ...await wherry.busybox(), "true");

  strictEqual(
    await inspect(
      wherry,
      "box",
      "{{with .HostConfig}}{{.Memory}} {{.MemorySwap}} {{.PidsLimit}} {{.NanoCpus}}{{end}}",
    ),
    "67108864 134217728 <no value> 0",
  );
  await output(wherry, "rm", "box");
});

testWhole(
  "a container that uses up its memory is killed, and everybody is told",
  async (wherry) => {
    const { code } = await wherry.run([
      "run",
      "--name",
      "box",
      ...await wherry.busybox(LITTLE_MEMORY),
      ...GREEDY,
    ]);

    strictEqual(code, 137);
    strictEqual(
      await inspect(wherry, "box", "{{.State.OOMKilled}} {{.State.ExitCode}}"),
      "true 137",
    );
    match(await output(wherry, "ps", "-a", "--format", "{{.Status}}"), /^Exited \(137\)/);
    const events = await output(
      wherry,
      "events",
      "--since",
      "1h",
      "--until",
      "0s",
      "--format",
      "{{.Action}}",
    );
    match(events, /start\n(.*\n)*oom\ndie/);
    await output(wherry, "rm", "box");
  },
);

testWhole(
  "a process that is killed for want of memory is told of while init runs",
  async (wherry) => {
    const script = `${GREEDY.join(" ")}; sleep 1000`;
    await wherry.start(["--name", "box", ...LITTLE_MEMORY], ["sh", "-c", script]);

    await eventually(async () => await inspect(wherry, "box", "{{.State.OOMKilled}}") === "true");

    strictEqual(await inspect(wherry, "box", "{{.State.Status}}"), "running");
    await output(wherry, "restart", "-t", "0", "box");
    await eventually(async () => await inspect(wherry, "box", "{{.State.OOMKilled}}") === "true");
    await output(wherry, "rm", "-f", "box");
  },
);

testWhole("a limit of memory that the host does not have is told of", async (wherry) => {
  const { code, stderr } = await wherry.runBusybox(["-m", "1000000g"], ["true"]);

  strictEqual(code, 0);
  match(stderr, /--memory is more than the [\d.]+\w+ of this host, and limits nothing\n$/);
});

testWhole("a limit of processes stops a fork bomb", async (wherry) => {
  const bomb = "for i in $(seq 50); do sleep 100 & done; wait";
  const { stderr } = await wherry.runBusybox(["--pids-limit", "10"], ["sh", "-c", bomb]);

  match(stderr, /can't fork/);
});

testWhole("a processor quota holds a busy loop back", async (wherry) => {
  const stat = fileOf("cpu", "cpu.stat", "cpu.stat");
  const script = `timeout 1 sh -c 'while :; do :; done'; grep nr_throttled ${stat}`;

  const { stdout } = await wherry.runBusybox(["--cpus", "0.1"], ["sh", "-c", script]);

  ok(Number(/nr_throttled (\d+)/.exec(stdout)?.[1]) > 0, stdout);
});

testWhole("exec and health checks are under the container's limits", async (wherry) => {
  const own = IS_UNIFIED ? "^0:" : ":memory:";
  const check = `grep '${own}' /proc/self/cgroup`;
  await wherry.start(
    ["--name", "box", "-m", "64m", "--health-cmd", check, "--health-interval", "100ms"],
    ["sleep", "1000"],
  );

  match(await output(wherry, "exec", "box", "grep", own, "/proc/self/cgroup"), /:\/$/);
  await eventually(async () =>
    await inspect(wherry, "box", "{{.State.Health.Status}}") === "healthy"
  );
  match(
    await inspect(wherry, "box", "{{range .State.Health.Log}}{{.Output}}{{end}}"),
    /:\/$/m,
  );
  await output(wherry, "rm", "-f", "box");
});

testWhole("update changes the limits of a container that runs with some", async (wherry) => {
  await wherry.start(
    ["--name", "box", "-m", "64m", "--pids-limit", "30", "--cpus", "0.5"],
    ["sleep", "1000"],
  );

  strictEqual(
    await output(wherry, "update", "-m", "100m", "--pids-limit", "40", "--cpus", "1", "box"),
    "box",
  );

  strictEqual(await read(wherry, "box", MEMORY), "104857600");
  strictEqual(await read(wherry, "box", PIDS), "40");
  match(await read(wherry, "box", QUOTA), /^100000/);
  strictEqual(
    await inspect(wherry, "box", "{{with .HostConfig}}{{.Memory}} {{.MemorySwap}}{{end}}"),
    "104857600 134217728",
  );
  await output(wherry, "rm", "-f", "box");
});

testWhole("update limits a container that was started without limits", async (wherry) => {
  await wherry.start(["--name", "box"], ["sh", "-c", "sleep 1000 & wait"]);

  await output(wherry, "update", "-m", "64m", "--cpuset-cpus", "0", "box");

  const host = IS_UNIFIED ? "" : "^[0-9]*:\\(memory\\|cpuset\\):";
  const cgroups = await output(wherry, "exec", "box", "grep", "-h", host, "/proc/1/cgroup");
  strictEqual(
    await output(wherry, "exec", "box", "grep", "-h", host, "/proc/self/cgroup"),
    cgroups,
  );
  const state = await inspect(wherry, "box", "{{.State.Pid}} {{.Id}}");
  const [pid, id = ""] = state.split(" ");
  const inHost = Deno.readTextFileSync(`/proc/${pid}/cgroup`);
  ok(
    IS_UNIFIED || inHost.match(new RegExp(`:(memory|cpuset):.*/${id}$`, "gm"))?.length === 2,
    inHost,
  );
  await output(wherry, "restart", "-t", "0", "box");
  // A container does not see the cgroups of version 1 that it has got since its start
  const limitOf = async (file: string): Promise<string> =>
    IS_UNIFIED
      ? await read(wherry, "box", file)
      : Deno.readTextFileSync(file.replace(/[^/]*$/, `wherry/${id}/$&`)).trim();
  strictEqual(await limitOf(CPUSET), "0");
  strictEqual(await limitOf(MEMORY), "67108864");
  await output(wherry, "rm", "-f", "box");
});

testWhole("update that is refused changes nothing", async (wherry) => {
  await wherry.start(
    ["--name", "box", "-m", "64m", "--memory-swap", "64m", "--pids-limit", "30"],
    ["sleep", "1000"],
  );
  const before = await inspect(wherry, "box", "{{json .HostConfig}}");

  const refused = await Promise.all([
    wherry.run(["update", "-m", "100m", "box"]),
    wherry.run(["update", "--pids-limit", "5", "--cpuset-cpus", "4095", "box"]),
    wherry.run(["update", "--pids-limit", "5", "-m", "1m", "box"]),
  ]);

  deepStrictEqual(refused.map(({ code }) => code), [1, 1, 1]);
  match(refused[0]?.stderr ?? "", /update the memoryswap at the same time/);
  match(refused[1]?.stderr ?? "", /Requested CPUs are not available - requested 4095/);
  match(refused[2]?.stderr ?? "", /Minimum memory limit allowed is 6MB/);
  strictEqual(await inspect(wherry, "box", "{{json .HostConfig}}"), before);
  strictEqual(await read(wherry, "box", PIDS), "30");
  await output(wherry, "rm", "-f", "box");
});

testWhole("update of a stopped container counts from its next start", async (wherry) => {
  await wherry.run(["run", "--name", "box", ...await wherry.busybox(), "cat", PIDS]);

  await output(wherry, "update", "--pids-limit", "25", "box");

  strictEqual(await output(wherry, "start", "-a", "box"), "25");
  await output(wherry, "rm", "box");
});

testWhole("limits of a container whose monitor was killed are gone with it", async (wherry) => {
  const id = await wherry.start(["--name", "box", "-m", "64m"], ["sleep", "1000"]);
  const { monitorPid, pid } = wherry.readStateRecord(id);

  Deno.kill(monitorPid, "SIGKILL");
  await eventually(() => !isAlive(monitorPid) && !isAlive(pid));

  match(await output(wherry, "ps", "-a", "--format", "{{.Status}}"), /^Exited \(137\)/);
  await output(wherry, "rm", "box");
});

testWhole("containers are made in the cgroup that --cgroup-parent names", async (wherry) => {
  const top = IS_UNIFIED ? "/sys/fs/cgroup" : "/sys/fs/cgroup/pids";
  const parent = `/wherry-test-${crypto.randomUUID()}`;
  const id = await wherry.start(
    ["--name", "box", "--cgroup-parent", parent, "--pids-limit", "30"],
    ["sleep", "1000"],
  );

  strictEqual(Deno.readTextFileSync(`${top}${parent}/${id}/pids.max`), "30\n");
  strictEqual(await read(wherry, "box", PIDS), "30");
  await output(wherry, "rm", "-f", "box");
  deepStrictEqual(exists(`${top}${parent}/${id}`), false);
  for (const { mountPoint } of listCgroupMounts()) removeIfThere(`${mountPoint}${parent}`);
});

function listCgroupMounts(): { mountPoint: string }[] {
  return Deno.readTextFileSync("/proc/self/mountinfo").split("\n")
    .filter((line) => line.includes(" - cgroup"))
    .map((line) => ({ mountPoint: line.split(" ")[4] ?? "" }));
}

function removeIfThere(path: string): void {
  if (exists(path)) Deno.removeSync(path);
}

for (
  const { flags, code, message } of [
    { flags: ["-m", "100"], code: 125, message: /Minimum memory limit allowed is 6MB\n.*100m\?/ },
    { flags: ["-m", "10q"], code: 125, message: /invalid suffix: 'q'/ },
    { flags: ["--cpus", "4096"], code: 125, message: /Range of CPUs is from 0.01 to / },
    { flags: ["--cpus", "-1"], code: 125, message: /Range of CPUs is from 0.01 to / },
    { flags: ["--cpuset-cpus", "4095"], code: 125, message: /Requested CPUs are not available/ },
    {
      flags: ["--blkio-weight", "5"],
      code: 125,
      message: /Range of blkio weight is from 10 to 1000/,
    },
    {
      flags: ["--device-read-bps", "/dev/nothing:1mb"],
      code: 125,
      message: /Cannot limit the device "\/dev\/nothing": no such file or directory/,
    },
    {
      flags: ["--device-write-iops", "/dev/null:10"],
      code: 125,
      message: /Cannot limit the device "\/dev\/null": it is no block device/,
    },
    { flags: ["--cgroup-parent", "../up"], code: 125, message: /Cannot use the cgroup parent/ },
  ]
) {
  testWhole(`run ${flags.join(" ")} is refused`, async (wherry) => {
    const result = await wherry.runBusybox(flags, ["true"]);

    strictEqual(result.code, code);
    match(result.stderr, message);
  });
}
