import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createNetNamespace } from "../mod/kernel/net_namespace.ts";
import { openForReading } from "../mod/kernel/open.ts";
import { findCgroupHierarchies, findWritableCgroup2 } from "../mod/kernel/proc.ts";
import {
  eventually,
  execute,
  isAlive,
  isThere,
  pause,
  plan,
  shell,
  type StartOptions,
  testBoth,
} from "./testing.ts";

const CLONE = ["clone", "0"];
const SLEEP = execute("/bin/sleep", "100");
const EINVAL = 22;
const NEVER = "-1";
const CLOCK_BOOTTIME = "7";

const HIERARCHY = findWritableCgroup2(
  findCgroupHierarchies(Deno.readTextFileSync("/proc/self/mountinfo")),
);

/** Runs a shell as the program in descriptor 7. */
function withShell(options: StartOptions = {}): StartOptions & Disposable {
  const cleanupProgram = openForReading("/usr/bin/busybox");
  return { ...options, cleanupProgram, [Symbol.dispose]: () => cleanupProgram[Symbol.dispose]() };
}

function readLines(path: string): string {
  return isThere(path) ? Deno.readTextFileSync(path) : "";
}

testBoth("end() lets go of the network before the cleanup", async ({ start, directory }) => {
  using networkNamespace = createNetNamespace();
  using options = withShell({ networkNamespace });
  const copy = `${directory}/copy`;

  await using monitor = start(
    plan(
      ["cleanup", "sh", "-c", `ls /proc/self/fd > ${copy}`],
      CLONE,
      ["join-network"],
      shell("sleep 0.1"),
    ),
    options,
  );
  await monitor.started();
  monitor.disconnect();
  await eventually(() => !isAlive(monitor.pid));

  strictEqual(readLines(copy), "0\n1\n2\n3\n"); // 3 is ls's own directory
});

/** A command that fails and is run once more; the cleanup makes a file. */
function planTwoRuns(copy: string): ReturnType<typeof plan> {
  return plan(
    ["cleanup", "sh", "-c", `: > ${copy}`],
    ["restart", "on-failure", "1", "15"],
    CLONE,
    shell("exit 1"),
  );
}

testBoth(
  "end() cleans up after an engine that knows of an earlier run only",
  async ({ start, directory }) => {
    using options = withShell();
    const copy = `${directory}/copy`;

    await using monitor = start(
      planTwoRuns(copy),
      options,
    );
    strictEqual(await monitor.finished(), "exited 1");
    await eventually(() => !isAlive(monitor.pid));

    ok(isThere(copy));
  },
);

testBoth(
  "end() leaves the cleanup to an engine that waits for a further run",
  async ({ start, directory }) => {
    using options = withShell();
    const copy = `${directory}/copy`;

    await using monitor = start(
      planTwoRuns(copy),
      options,
    );
    await monitor.finished();
    monitor.send("wait");
    strictEqual(await monitor.receive(), "exited 1");
    await eventually(() => !isAlive(monitor.pid));

    strictEqual(isThere(copy), false);
  },
);

testBoth("wake_run() runs the program while the container lives", async (context) => {
  const { start, directory } = context;
  using networkNamespace = createNetNamespace();
  using options = withShell({ networkNamespace });
  const copy = `${directory}/copy`;
  const script = `(readlink /proc/self/fd/8; env; ls /proc/self/fd) > ${copy}.new`;

  await using monitor = start(
    plan(["wake", "50", "sh", "-c", `${script}; mv ${copy}.new ${copy}`], CLONE, SLEEP),
    options,
  );
  const pid = await monitor.started();
  await eventually(() => isThere(copy));
  const wasAlive = isAlive(pid);
  monitor.send("signal 9");

  const name = Deno.readLinkSync(`/proc/self/fd/${networkNamespace.number}`);
  ok(readLines(copy).startsWith(`${name}\n`));
  ok(readLines(copy).endsWith("\n0\n1\n2\n3\n8\n"), readLines(copy)); // 3 is ls's own directory
  ok(wasAlive);
  strictEqual(await monitor.receive(), "ok");
  strictEqual(await monitor.receive(), "exited 137");
});

testBoth("wake_set() has the program run once for each request", async ({ start, directory }) => {
  using options = withShell();
  const lines = `${directory}/lines`;

  await using monitor = start(
    plan(["wake", NEVER, "sh", "-c", `echo here >> ${lines}`], CLONE, SLEEP),
    options,
  );
  await monitor.started();
  await pause(100);
  const before = readLines(lines);
  for (const expected of ["here\n", "here\nhere\n"]) {
    monitor.send("wake 20");
    strictEqual(await monitor.receive(), "ok");
    await eventually(() => readLines(lines) === expected);
  }
  await pause(100);
  monitor.send("signal 9");

  strictEqual(before, "");
  strictEqual(readLines(lines), "here\nhere\n");
});

testBoth("wake_set() takes back a time with -1", async ({ start, directory }) => {
  using options = withShell();
  const copy = `${directory}/copy`;

  await using monitor = start(
    plan(["wake", "200", "sh", "-c", `: > ${copy}`], CLONE, SLEEP),
    options,
  );
  await monitor.started();
  monitor.send("wake -1");
  const answer = await monitor.receive();
  await pause(400);
  monitor.send("signal 9");

  strictEqual(answer, "ok");
  strictEqual(isThere(copy), false);
});

testBoth("wake_run() runs no two at the same time", async ({ start, directory }) => {
  using options = withShell();
  const lines = `${directory}/lines`;
  const script = `echo begin >> ${lines}; sleep 0.2; echo end >> ${lines}`;

  await using monitor = start(plan(["wake", "0", "sh", "-c", script], CLONE, SLEEP), options);
  await monitor.started();
  await eventually(() => readLines(lines) === "begin\n");
  monitor.send("wake 0");
  strictEqual(await monitor.receive(), "ok");
  await eventually(() => readLines(lines).split("\n").length === 5);
  monitor.send("signal 9");

  strictEqual(readLines(lines), "begin\nend\nbegin\nend\n");
});

testBoth("wake_run() runs the program between two runs", async ({ start, directory }) => {
  using options = withShell();
  const copy = `${directory}/copy`;

  await using monitor = start(
    plan(
      ["wake", "50", "sh", "-c", `: > ${copy}`],
      ["restart", "always", "0", "15"],
      CLONE,
      shell("exit 1"),
    ),
    options,
  );
  await monitor.finished();
  await eventually(() => isThere(copy));
  monitor.send("stop 15 1000");
});

testBoth("wake_run() runs the program while the container is paused", async (context) => {
  const { start, directory } = context;
  using options = withShell();
  const copy = `${directory}/copy`;
  const cgroup = `${HIERARCHY}/wherry-test-${crypto.randomUUID()}/child`;

  await using monitor = start(
    plan(["cgroup", cgroup], ["wake", NEVER, "sh", "-c", `: > ${copy}`], CLONE, SLEEP),
    options,
  );
  await monitor.started();
  for (const request of ["pause", "wake 0"]) {
    monitor.send(request);
    strictEqual(await monitor.receive(), "ok");
  }
  await eventually(() => isThere(copy));
  monitor.send("signal 9");
  strictEqual(await monitor.receive(), "ok");
  strictEqual(await monitor.receive(), "exited 137");
});

testBoth("wake_set() counts the time for which the host is suspended", async ({ start }) => {
  using options = withShell();
  await using monitor = start(plan(["wake", "100000", "sh"], CLONE, SLEEP), options);
  await monitor.started();

  const clocks = [...Deno.readDirSync(`/proc/${monitor.pid}/fdinfo`)]
    .map(({ name }) => Deno.readTextFileSync(`/proc/${monitor.pid}/fdinfo/${name}`))
    .map((text) => /^clockid: (\d+)$/m.exec(text)?.[1])
    .filter((clock) => clock !== undefined);
  monitor.send("signal 9");

  deepStrictEqual(clocks, [CLOCK_BOOTTIME]);
});

testBoth("wake_end() forgets the time when the container has ended", async (context) => {
  const { start, directory } = context;
  using options = withShell();
  const copy = `${directory}/copy`;

  await using monitor = start(
    plan(["wake", "100", "sh", "-c", `: > ${copy}`], CLONE, shell("true")),
    options,
  );
  await monitor.finished();
  await pause(300);

  strictEqual(isThere(copy), false);
});

for (
  const { request, why } of [
    { request: "wake 0", why: "without a wake step" },
    { request: "wake -2", why: "of a time that is no number" },
    { request: "wake 4294967296", why: "of a time of more than 32 bits" },
  ]
) {
  testBoth(`request_wake() is refused ${why}`, async ({ start }) => {
    using options = withShell();
    const wake = why.startsWith("without") ? [] : [["wake", NEVER, "sh"]];

    await using monitor = start(plan(...wake, CLONE, SLEEP), options);
    await monitor.started();
    monitor.send(request);

    strictEqual(await monitor.receive(), `error ${EINVAL}`);
    monitor.send("signal 9");
  });
}

testBoth("step_wake() refuses a time of more than 32 bits", async ({ start }) => {
  await using monitor = start(plan(["wake", "4294967296", "sh"], CLONE, SLEEP));

  strictEqual(await monitor.receive(), `failed 0 ${EINVAL}`);
});
