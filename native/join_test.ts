import { deepStrictEqual, match, notStrictEqual, strictEqual } from "node:assert/strict";
import type { Descriptor } from "../ffi/descriptor.ts";
import { openForReading } from "../mod/kernel/open.ts";
import {
  eventually,
  execute,
  isThere,
  type Monitor,
  plan,
  readBytes,
  readLog,
  readState,
  shell,
  type StartOptions,
  testBoth,
  type TestContext,
} from "./testing.ts";

const NEW_NS = 0x20000;
const NEW_IPC = 0x08000000;
const NEW_PID = 0x20000000;
const PRIVATE = ["mount", "", "/", "", String(0x4000 + 0x80000), ""];
const CLONE = ["clone", "0"];
const JOIN_PID = [["join-pid"], ["fork"]];
const SLEEP = execute("/bin/sleep", "100");
const NO_LOG_LIMITS = ["cri", "0", "1"];
const ESRCH = 3;
const EBADF = 9;
const EXDEV = 18;
const EINVAL = 22;
const ELOOP = 40;

type Kind = "pid" | "ipc" | "mnt";

function namespaceOf(pid: number, kind: Kind): string {
  return Deno.readLinkSync(`/proc/${pid}/ns/${kind}`);
}

/** A container to join: its own pid, IPC and mount namespaces. */
class Target implements AsyncDisposable {
  private constructor(
    readonly monitor: Monitor,
    readonly pid: number,
    readonly pidfd: Descriptor,
  ) {}

  /**
   * Starts one.
   *
   * @param steps Done in its mount namespace before the command.
   */
  static async start(
    { start }: TestContext,
    steps: readonly string[][] = [["mount", "tmpfs", "/dev/shm", "tmpfs", "0", "mode=1777"]],
    command = SLEEP,
  ): Promise<Target> {
    const clone = ["clone", String(NEW_NS | NEW_IPC | NEW_PID)];
    const monitor = start(plan(clone, PRIVATE, ...steps, command));
    const pid = await monitor.started();
    monitor.send("pidfd");
    const [pidfd] = (await monitor.receiveWithDescriptors())?.descriptors ?? [];
    if (pidfd === undefined) throw new Error("The monitor gave no pidfd");
    return new Target(monitor, pid, pidfd);
  }

  /** Ends it, so that nothing of its namespaces is left unless somebody holds it. */
  async end(): Promise<void> {
    this.monitor.send("signal 9");
    for (let message = ""; message !== "end";) message = await this.monitor.receive();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      Deno.kill(this.pid, "SIGKILL");
    } catch (error) {
      // The test has ended it
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    this.pidfd[Symbol.dispose]();
    await this.monitor[Symbol.asyncDispose]();
  }
}

testBoth(
  "step_join_pid() has what is forked in the pid namespace of descriptor 9",
  async (context) => {
    await using target = await Target.start(context);
    const log = `${context.directory}/log`;
    const steps = [CLONE, ...JOIN_PID, shell("readlink /proc/self/ns/pid; echo $$")];

    await using monitor = context.start(plan(["log", log, ...NO_LOG_LIMITS], ...steps), {
      pidTarget: target.pidfd,
    });
    const exited = await monitor.finished();

    strictEqual(exited, "exited 0");
    const [namespace, pid] = readLog(log).split("\n");
    strictEqual(namespace, namespaceOf(target.pid, "pid"));
    match(pid ?? "", /^[2-9]$/); // target's command is 1
  },
);

testBoth("step_join_pid() tells the pid as the monitor sees it", async (context) => {
  await using target = await Target.start(context);

  await using monitor = context.start(plan(CLONE, ...JOIN_PID, SLEEP), { pidTarget: target.pidfd });
  const pid = await monitor.started();

  strictEqual(namespaceOf(pid, "pid"), namespaceOf(target.pid, "pid"));
  match(Deno.readTextFileSync(`/proc/${pid}/status`), new RegExp(`^PPid:\t${monitor.pid}$`, "m"));
  monitor.send("signal 9");
});

testBoth("step_join_pid() has the command end with the target", async (context) => {
  await using target = await Target.start(context);
  await using monitor = context.start(plan(CLONE, ...JOIN_PID, SLEEP), { pidTarget: target.pidfd });
  await monitor.started();

  target.monitor.send("signal 9");

  strictEqual(await monitor.receive(), "exited 137");
});

testBoth(
  "hold_mounts() holds the mounts of the process that goes on after fork",
  async (context) => {
    await using target = await Target.start(context);

    await using monitor = context.start(
      plan(["clone", String(NEW_NS)], ["join-ipc"], ["take-shm"], ...JOIN_PID, SLEEP),
      { pidTarget: target.pidfd, ipcTarget: target.pidfd },
    );
    const pid = await monitor.started();

    const held = Array.from(Deno.readDirSync(`/proc/${monitor.pid}/fd`), ({ name }) => name)
      .map((name) => Deno.readLinkSync(`/proc/${monitor.pid}/fd/${name}`))
      .filter((link) => link.startsWith("mnt:"));
    deepStrictEqual(held, [namespaceOf(pid, "mnt")]);
    notStrictEqual(held[0], namespaceOf(target.pid, "mnt"));
    monitor.send("signal 9");
  },
);

testBoth("step_join_ipc() enters the IPC namespace of descriptor 10", async (context) => {
  await using target = await Target.start(context);
  const log = `${context.directory}/log`;
  const steps = [CLONE, ["join-ipc"], shell("readlink /proc/self/ns/ipc")];

  await using monitor = context.start(plan(["log", log, ...NO_LOG_LIMITS], ...steps), {
    ipcTarget: target.pidfd,
  });
  await monitor.finished();

  strictEqual(readLog(log), `${namespaceOf(target.pid, "ipc")}\n`);
});

testBoth("steps that join leave the command no descriptor", async (context) => {
  await using target = await Target.start(context);
  const log = `${context.directory}/log`;
  const joins = [["join-ipc"], ["take-shm"], ...JOIN_PID];

  await using monitor = context.start(
    plan(["log", log, ...NO_LOG_LIMITS], CLONE, ...joins, shell("ls /proc/self/fd")),
    { pidTarget: target.pidfd, ipcTarget: target.pidfd },
  );
  await monitor.finished();

  strictEqual(readLog(log), "0\n1\n2\n3\n"); // 3 is ls's own directory
});

testBoth("step_attach_shm() shows the target's /dev/shm", async (context) => {
  await using target = await Target.start(context);
  Deno.writeTextFileSync(`/proc/${target.pid}/root/dev/shm/there`, "from the target\n");
  const { directory } = context;
  const log = `${directory}/log`;
  const script = `cat ${directory}/shm/there; echo back >${directory}/shm/here; ` +
    `grep ${directory} /proc/self/mountinfo | grep -o ' - tmpfs\\|nosuid,nodev\\|shared:'`;

  await using monitor = context.start(
    plan(
      ["log", log, ...NO_LOG_LIMITS],
      ["clone", String(NEW_NS)],
      ["take-shm"],
      PRIVATE,
      ["root", directory],
      ["attach-shm", "/shm", "6"],
      shell(script),
    ),
    { ipcTarget: target.pidfd },
  );
  await monitor.finished();

  strictEqual(readLog(log), "from the target\nnosuid,nodev\n - tmpfs\n");
  strictEqual(Deno.readTextFileSync(`/proc/${target.pid}/root/dev/shm/here`), "back\n");
});

/** What a hostile target may have put in the place of its /dev/shm, and what comes of it. */
const STRANGE: readonly [what: string, steps: string[][], script: string, errno: number][] = [
  ["no tmpfs", [["mount", "proc", "/dev/shm", "proc", "0", ""]], "sleep 100", EXDEV],
  [
    "a link",
    [["mount", "tmpfs", "/dev", "tmpfs", "0", ""]],
    "ln -s /tmp /dev/shm; sleep 100",
    ELOOP,
  ],
];

for (const [what, steps, script, errno] of STRANGE) {
  testBoth(`step_take_shm() refuses ${what}`, async (context) => {
    await using target = await Target.start(context, steps, shell(script));
    await eventually(() => isThere(`/proc/${target.pid}/root/dev/shm/.`));

    await using monitor = context.start(
      plan(["clone", String(NEW_NS)], ["take-shm"], shell("true")),
      { ipcTarget: target.pidfd },
    );

    strictEqual(await monitor.receive(), `failed 1 ${errno}`);
  });
}

testBoth("step_attach_shm() fails without take-shm", async ({ start, directory }) => {
  await using monitor = start(
    plan(
      ["clone", String(NEW_NS)],
      PRIVATE,
      ["root", directory],
      ["attach-shm", "/shm", "0"],
      SLEEP,
    ),
  );

  strictEqual(await monitor.receive(), `failed 3 ${EINVAL}`);
});

for (const word of ["take-shm", "join-ipc", "join-pid"]) {
  testBoth(`launch() refuses ${word} without its descriptor`, async ({ start, directory }) => {
    await using monitor = start(plan(["listen", directory], CLONE, [word], shell("true")));

    strictEqual(await monitor.receive(), `failed 2 ${EBADF}`);
    deepStrictEqual([...Deno.readDirSync(directory)], []);
  });

  testBoth(`${word} fails when the target has ended`, async (context) => {
    await using target = await Target.start(context);
    await target.end();

    await using monitor = context.start(plan(CLONE, [word], ["fork"], shell("true")), {
      pidTarget: target.pidfd,
      ipcTarget: target.pidfd,
    });

    strictEqual(await monitor.receive(), `failed 1 ${ESRCH}`);
  });

  testBoth(`${word} fails when its descriptor is no namespace`, async (context) => {
    using nothing = openForReading("/dev/null");

    await using monitor = context.start(plan(CLONE, [word], ["fork"], shell("true")), {
      pidTarget: nothing,
      ipcTarget: nothing,
    });

    match(await monitor.receive(), /^failed 1 (?:9|22)$/);
  });
}

/** Joins an IPC namespace and ends with 1 as soon as there is a file `end`. */
function joiner(directory: string): Uint8Array<ArrayBuffer> {
  const script =
    `readlink /proc/self/ns/ipc; while test ! -e ${directory}/end; do sleep 0.02; done; exit 1`;
  return plan(
    ["log", `${directory}/log`, ...NO_LOG_LIMITS],
    ["record", `${directory}/state`, "volatile"],
    ["restart", "always", "0", "15"],
    CLONE,
    ["join-ipc"],
    shell(script),
  );
}

testBoth("fail_run() has no further run when the target has ended", async (context) => {
  const { directory } = context;
  await using target = await Target.start(context);
  const options: StartOptions = { ipcTarget: target.pidfd };
  await using monitor = context.start(joiner(directory), options);
  await monitor.started();
  await target.end();

  Deno.writeTextFileSync(`${directory}/end`, "");

  strictEqual(await monitor.receive(), "exited 1");
  monitor.send("wait");
  strictEqual(await monitor.receive(), "exited 128");
  const { status, restartCount, exitCode } = readState(`${directory}/state`);
  deepStrictEqual([status, restartCount, exitCode], ["exited", 1, 128]);
});

testBoth(
  "a restart fails when the target has ended, and the container with it",
  async (context) => {
    const { directory } = context;
    await using target = await Target.start(context);
    await using monitor = context.start(joiner(directory), { ipcTarget: target.pidfd });
    await monitor.started();
    await target.end();

    monitor.send("restart 9 -1");

    strictEqual(await monitor.receive(), "exited 137");
    strictEqual(await monitor.receive(), `failed 4 ${ESRCH}`);
  },
);

testBoth("request_targets() says whose namespaces the next run joins", async (context) => {
  const { directory } = context;
  await using first = await Target.start(context);
  await using second = await Target.start(context);
  await using monitor = context.start(joiner(directory), { ipcTarget: first.pidfd });
  await monitor.started();
  await eventually(() => readBytes(`${directory}/log`) !== "");
  await first.end();

  monitor.send("targets 2", [second.pidfd.number]);
  const answer = await monitor.receive();
  monitor.send("restart 9 -1");
  const messages = [await monitor.receive(), await monitor.receive()];
  await eventually(() => readBytes(`${directory}/log`).split("\n").length > 2);

  strictEqual(answer, "ok");
  deepStrictEqual(messages, ["exited 137", "ok"]);
  strictEqual(readLog(`${directory}/log`).split("\n")[1], namespaceOf(second.pid, "ipc"));
  monitor.send("signal 9");
});

testBoth("request_targets() refuses what the monitor was not started with", async (context) => {
  await using target = await Target.start(context);
  const { number } = target.pidfd;
  await using monitor = context.start(plan(CLONE, ["join-ipc"], SLEEP), {
    ipcTarget: target.pidfd,
  });
  await monitor.started();

  const requests: [string, number[]][] = [
    ["targets 1", [number]],
    ["targets 3", [number, number]],
    ["targets 2", []],
    ["targets 2", [number, number]],
    ["targets 0", []],
    ["targets 4", [number]],
    ["targets", [number]],
  ];
  for (const [text, descriptors] of requests) {
    monitor.send(text, descriptors);
    strictEqual(await monitor.receive(), `error ${EINVAL}`, text);
  }
  monitor.send("signal 9");
});

testBoth("step_reaper() adopts orphans where it is not PID 1", async ({ start, directory }) => {
  const file = `${directory}/orphan`;
  const script = `(sleep 100 & echo $! >${file}.new; mv ${file}.new ${file}); sleep 100`;

  await using monitor = start(plan(CLONE, ["parent-death", "9"], ["reaper"], shell(script)));
  const pid = await monitor.started();
  await eventually(() => isThere(file));
  const orphan = Number(Deno.readTextFileSync(file));

  match(Deno.readTextFileSync(`/proc/${orphan}/status`), new RegExp(`^PPid:\t${pid}$`, "m"));
  Deno.kill(orphan, "SIGKILL");
  await eventually(() => !isThere(`/proc/${orphan}`));
  monitor.send("signal 15");
  await monitor.receive();
});
