import { ok, strictEqual } from "node:assert/strict";
import { Descriptor } from "../ffi/descriptor.ts";
import { core } from "../ffi/native.ts";
import { SYSCALL } from "../ffi/syscalls.ts";
import { openReadWrite } from "../mod/kernel/open.ts";
import {
  eventually,
  isAlive,
  isThere,
  pause,
  plan,
  readBytes,
  readLog,
  run,
  shell,
  testBoth,
} from "./testing.ts";

const NEW_MOUNT = String(0x20000);
const SLAVE = ["mount", "", "/", "", String(0x4000 + 0x80000), ""];
const TIOCSPTLCK = 0x40045431;
const TIOCGPTPEER = 0x5441;
const FIONREAD = 0x541b;

/** Steps up to `terminal`, in a mount namespace so that the host's /dev/console stays as it is. */
function withTerminal(...steps: string[][]): string[][] {
  return [["stdio", "terminal"], ["clone", NEW_MOUNT], SLAVE, ["terminal", "24", "80"], ...steps];
}

/** A pty of the test's own, standing for the user's: [master, slave]. */
function openPty(): [Descriptor, Descriptor] {
  const { nnn, nnb } = core;
  const master = openReadWrite("/dev/ptmx");
  nnb(SYSCALL.ioctl, master.number, TIOCSPTLCK, new Uint8Array(4));
  return [master, new Descriptor(nnn(SYSCALL.ioctl, master.number, TIOCGPTPEER, 0o400 | 2))];
}

/** What a pty shows and nobody has read yet; the kernel brings it there in its own time. */
function readAvailable(master: Descriptor): string {
  const count = new Int32Array(1);
  core.nnb(SYSCALL.ioctl, master.number, FIONREAD, new Uint8Array(count.buffer));
  const bytes = new Uint8Array(count[0] ?? 0);
  if (bytes.length > 0) core.nbnn(SYSCALL.read, master.number, bytes, bytes.length, 0);
  return new TextDecoder().decode(bytes);
}

testBoth(
  "step_terminal() gives a controlling terminal of the right size",
  async ({ start, directory }) => {
    const log = `${directory}/log`;

    await using monitor = start(plan(
      ["log", log, "cri", "0", "1"],
      ...withTerminal(shell("test -t 0 && test -t 1 && test -t 2 && stty size < /dev/tty")),
    ));

    strictEqual(await monitor.finished(), "exited 0");
    strictEqual(readLog(log), "24 80\r\n");
  },
);

testBoth("step_terminal() makes /dev/console the terminal", async ({ start, directory }) => {
  const log = `${directory}/log`;

  await using monitor = start(
    plan(
      ["log", log, "cri", "0", "1"],
      ...withTerminal(shell("echo to the console > /dev/console")),
    ),
  );
  await monitor.finished();

  strictEqual(readLog(log), "to the console\r\n");
});

testBoth("resize_terminal() reaches the program as SIGWINCH", async ({ start, directory }) => {
  const log = `${directory}/log`;
  const script = "trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.01; done";

  await using monitor = start(plan(["log", log, "cri", "0", "1"], ...withTerminal(shell(script))));
  await monitor.started();
  await eventually(() => readLog(log) === "ready\r\n");
  monitor.send("resize 50 132");

  strictEqual(await monitor.receive(), "exited 0");
  strictEqual(readLog(log), "ready\r\n50 132\r\n");
});

testBoth(
  "request_attach() connects a terminal to the terminal, and keys detach",
  async ({ start, directory }) => {
    const [master, slave] = openPty();
    using _master = master;
    using _slave = slave;
    await run("stty", "-F", Deno.readLinkSync(`/proc/self/fd/${slave.number}`), "raw", "-echo");
    const log = `${directory}/log`;
    const before = core.nnn(SYSCALL.fcntl, slave.number, 3, 0);
    const type = (text: string): number => {
      const bytes = new TextEncoder().encode(text);
      return core.nbnn(SYSCALL.write, master.number, bytes, bytes.length, 0);
    };

    await using monitor = start(
      plan(
        ["log", log, "cri", "0", "1"],
        ...withTerminal(shell('read line; echo "<$line>"; sleep 100')),
      ),
      { firstRequest: { text: "attach 3 1011", descriptors: [slave.number, slave.number] } },
    );
    const pid = await monitor.started();
    type("hello\n");
    await eventually(() => readLog(log).endsWith("<hello>\r\n"));
    type("\x10\x11");

    strictEqual(await monitor.receive(), "detached");
    strictEqual(core.nnn(SYSCALL.fcntl, slave.number, 3, 0), before);
    strictEqual(isAlive(pid), true);
    let screen = "";
    await eventually(() => (screen += readAvailable(master)).includes("<hello>"));
    monitor.send("signal 9");
  },
);

testBoth("end_client_input() tells a terminal the end of input", async ({ start, directory }) => {
  Deno.writeTextFileSync(`${directory}/in`, "one\n");
  using input = openReadWrite(`${directory}/in`);

  await using monitor = start(
    plan(
      ["log", `${directory}/log`, "cri", "0", "1"],
      ...withTerminal(shell("stty -echo; echo go; cat; echo end")),
    ),
  );
  await monitor.started();
  await eventually(() => readLog(`${directory}/log`) === "go\r\n");
  monitor.send("attach 9 -", [input.number]);

  strictEqual(await monitor.receive(), "exited 0");
  strictEqual(readLog(`${directory}/log`), "go\r\none\r\nend\r\n");
});

/** Processor time of a process in ticks, of which 100 are a second. @see proc_pid_stat(5) */
function cpuTicks(pid: number): number {
  const [user = 0, system = 0] = readBytes(`/proc/${pid}/stat`).split(" ").slice(13, 15).map(
    Number,
  );
  return user + system;
}

testBoth(
  "reopen_slave() keeps the terminal alive, and the monitor idle, while nobody has it open",
  async ({ start, directory }) => {
    const log = `${directory}/log`;
    const script = `tty=$(tty); exec <&- >&- 2>&-; : > ${directory}/closed
      until [ -e ${directory}/go ]; do sleep 0.01; done; echo back > $tty`;

    await using monitor = start(
      plan(["log", log, "cri", "0", "1"], ...withTerminal(shell(script))),
    );
    await monitor.started();
    await eventually(() => isThere(`${directory}/closed`));
    const before = cpuTicks(monitor.pid);
    await pause(200);
    const after = cpuTicks(monitor.pid);
    Deno.writeTextFileSync(`${directory}/go`, "");
    await monitor.receive();

    strictEqual(readLog(log), "back\r\n");
    ok(after - before <= 10, `${after - before}`); // of 1/100 s
  },
);

testBoth(
  "reopen_slave() survives a session leader that hangs the terminal up",
  async ({ start, directory }) => {
    const log = `${directory}/log`;
    // a new session steals the terminal and ends, as a getty does
    const script = "tty=$(tty); trap '' HUP; setsid -c true; sleep 0.2; echo back > $tty";

    await using monitor = start(
      plan(["log", log, "cri", "0", "1"], ...withTerminal(shell(script))),
    );
    await monitor.finished();

    strictEqual(readLog(log).endsWith("back\r\n"), true);
  },
);

testBoth("step_reaper() makes its child the foreground group", async ({ start, directory }) => {
  const log = `${directory}/log`;
  const flags = String(0x20000000 + 0x20000);

  await using monitor = start(plan(
    ["stdio", "terminal"],
    ["log", log, "cri", "0", "1"],
    ["clone", flags],
    SLAVE,
    ["mount", "proc", "/proc", "proc", "0", ""],
    ["terminal", "0", "0"],
    ["reaper"],
    shell('read line; echo "<$line>"'),
  ));
  await monitor.started();
  Deno.writeTextFileSync(`${directory}/in`, "typed\n");
  using input = openReadWrite(`${directory}/in`);
  monitor.send("attach 1 -", [input.number]);

  strictEqual(await monitor.receive(), "exited 0");
  strictEqual(readLog(log), "typed\r\n<typed>\r\n");
});
