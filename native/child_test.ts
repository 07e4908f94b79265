import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { eventually, execute, isAlive, pause, plan, readLog, shell, testBoth } from "./testing.ts";

const ENOENT = 2;
const EACCES = 13;
const ENOEXEC = 8;
const NEW_PID = String(0x20000000);

function soleLine(path: string): string {
  return readLog(path).trimEnd();
}

testBoth("step_exec() lets the monitor report a program's exit code", async ({ start }) => {
  await using monitor = start(plan(["stdio", "null"], ["clone", "0"], shell("exit 7")));

  strictEqual(await monitor.finished(), "exited 7");
});

testBoth("step_exec() lets the monitor report 128 + signal", async ({ start }) => {
  await using monitor = start(plan(["clone", "0"], shell("kill -9 $$")));

  strictEqual(await monitor.finished(), "exited 137");
});

testBoth("step_exec() passes arguments and environment exactly", async ({ start, directory }) => {
  const log = `${directory}/log`;
  const script = 'for a in "$@"; do printf "<%s>" "$a"; done; printf "%s|" "$B"; env | wc -l';

  await using monitor = start(plan(
    ["log", log, "cri", "0", "1"],
    ["clone", "0"],
    ["exec", "6", "/usr/bin/dash", "-c", script, "x", "", "a b\n*", "B=ü ", "PATH=/usr/bin"],
  ));
  await monitor.finished();

  // dash adds PWD by itself
  strictEqual(
    new TextDecoder().decode(Uint8Array.from(readLog(log), (c) => c.charCodeAt(0))),
    "<><a b\n*>ü |3\n",
  );
});

testBoth("step_exec() finds a name in the PATH of the new environment", async ({ start }) => {
  await using monitor = start(
    plan(["clone", "0"], ["exec", "2", "sh", "-c", "PATH=/nowhere::/bin"]),
  );

  strictEqual(await monitor.finished(), "exited 2"); // sh -c without a command
});

testBoth("step_exec() finds a name in the default path without PATH", async ({ start }) => {
  await using monitor = start(plan(["clone", "0"], ["exec", "1", "true"]));

  strictEqual(await monitor.finished(), "exited 0");
});

testBoth("step_exec() fails with ENOENT when the name is nowhere", async ({ start }) => {
  await using monitor = start(plan(["clone", "0"], execute("no-such-program")));

  strictEqual(await monitor.receive(), `failed 1 ${ENOENT}`);
});

testBoth(
  "step_exec() prefers EACCES to the ENOENT of later directories",
  async ({ start, directory }) => {
    Deno.writeTextFileSync(`${directory}/tool`, "#!/bin/sh\n", { mode: 0o600 });

    await using monitor = start(
      plan(["clone", "0"], ["exec", "1", "tool", `PATH=${directory}:/bin`]),
    );

    strictEqual(await monitor.receive(), `failed 1 ${EACCES}`);
  },
);

testBoth("step_exec() fails with EACCES for a directory", async ({ start }) => {
  await using monitor = start(plan(["clone", "0"], execute("/etc")));

  strictEqual(await monitor.receive(), `failed 1 ${EACCES}`);
});

testBoth(
  "step_exec() fails with ENOEXEC for a text without interpreter",
  async ({ start, directory }) => {
    Deno.writeTextFileSync(`${directory}/tool`, "true\n", { mode: 0o700 });

    await using monitor = start(plan(["clone", "0"], execute(`${directory}/tool`)));

    strictEqual(await monitor.receive(), `failed 1 ${ENOEXEC}`);
  },
);

testBoth("child_run() reports the index and errno of the step that failed", async ({ start }) => {
  await using monitor = start(
    plan(["stdio", "null"], ["clone", "0"], ["umask", "077"], ["chdir", "/missing"], shell("true")),
  );

  strictEqual(await monitor.receive(), `failed 3 ${ENOENT}`);
  strictEqual(await monitor.receive(), "end");
});

testBoth(
  "child_run() leaves no descriptor but 0, 1 and 2 to the program",
  async ({ start, directory }) => {
    await using monitor = start(plan(
      ["stdio", "pipe"],
      ["log", `${directory}/log`, "cri", "0", "1"],
      ["listen", directory],
      ["record", `${directory}/state`, "volatile"],
      ["clone", NEW_PID],
      execute("/bin/sleep", "100"),
    ));

    const pid = await monitor.started();
    let numbers: string[] = [];
    // The program's own loader has a library open at first; what leaked would stay
    await eventually(() => {
      numbers = [...Deno.readDirSync(`/proc/${pid}/fd`)].map(({ name }) => name).sort();
      return numbers.length === 3;
    });
    monitor.send("signal 9");

    deepStrictEqual(numbers, ["0", "1", "2"]);
  },
);

testBoth("child_run() resets signals, session and umask", async ({ start }) => {
  await using monitor = start(plan(["clone", "0"], execute("/bin/sleep", "100")));

  const pid = await monitor.started();
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const fields = ["SigBlk", "SigIgn", "SigCgt", "Umask"].map((name) =>
    new RegExp(`^${name}:\\s+(\\w+)`, "m").exec(status)?.[1]
  );
  const session = Deno.readTextFileSync(`/proc/${pid}/stat`).split(" ")[5];
  monitor.send("signal 9");

  const none = "0".repeat(16);
  deepStrictEqual(fields, [none, none, none, "0022"]);
  strictEqual(session, String(pid));
});

testBoth("step_rlimit() sets soft and hard limit", async ({ start, directory }) => {
  const log = `${directory}/log`;

  await using monitor = start(
    plan(
      ["log", log, "cri", "0", "1"],
      ["clone", "0"],
      ["rlimit", "7", "123", "456"],
      shell("ulimit -Sn; ulimit -Hn"),
    ),
  );
  await monitor.finished();

  strictEqual(soleLine(log), "123\n456");
});

testBoth("step_user() drops to a user who still owns its stdout", async ({ start, directory }) => {
  const log = `${directory}/log`;

  await using monitor = start(plan(
    ["log", log, "cri", "0", "1"],
    ["clone", "0"],
    ["user", "1234", "2345", "3456", "4567"],
    shell("id -u; id -G; echo again > /proc/self/fd/1"),
  ));
  await monitor.finished();

  strictEqual(soleLine(log), "1234\n2345 3456 4567\nagain");
});

testBoth(
  "step_capset() keeps exactly the capabilities of the plan",
  async ({ start, directory }) => {
    const log = `${directory}/log`;
    const caps = "0000000000000401"; // CAP_CHOWN, CAP_NET_BIND_SERVICE

    await using monitor = start(plan(
      ["log", log, "cri", "0", "1"],
      ["clone", "0"],
      ["bounding", caps],
      ["user", "1234", "1234"],
      ["capset", caps, caps, caps, caps],
      ["no-new-privs"],
      shell("grep -E '^(Cap|NoNew)' /proc/self/status"),
    ));
    await monitor.finished();

    const sets = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"].map((name) =>
      `${name}:\t${caps}`
    );
    strictEqual(soleLine(log), [...sets, "NoNewPrivs:\t1"].join("\n"));
  },
);

testBoth(
  "step_capset() lets another user hold what is ambient in what it executes",
  async ({ start, directory }) => {
    const log = `${directory}/log`;
    const bounding = "00000000000004c1"; // CAP_CHOWN, CAP_SETGID, CAP_SETUID, CAP_NET_BIND_SERVICE
    const ambient = "0000000000000400";

    await using monitor = start(plan(
      ["log", log, "cri", "0", "1"],
      ["clone", "0"],
      ["bounding", bounding],
      ["user", "1234", "1234"],
      ["capset", ambient, ambient, ambient, ambient],
      shell("grep -E '^Cap' /proc/self/status"),
    ));
    await monitor.finished();

    const sets = [["Inh", ambient], ["Prm", ambient], ["Eff", ambient], ["Bnd", bounding]];
    strictEqual(
      soleLine(log),
      [...sets, ["Amb", ambient]].map(([name, mask]) => `Cap${name}:\t${mask}`).join("\n"),
    );
  },
);

testBoth("step_apparmor() fails where there is no such profile", async ({ start }) => {
  await using monitor = start(
    plan(["clone", "0"], ["apparmor", "no-such-profile"], shell("true")),
  );

  strictEqual(await monitor.receive(), `failed 1 ${ENOENT}`);
});

testBoth("step_parent_death() ends the container with its monitor", async ({ start }) => {
  await using monitor = start(
    plan(["clone", NEW_PID], ["parent-death", "9"], execute("/bin/sleep", "100")),
  );
  const pid = await monitor.started();

  Deno.kill(monitor.pid, "SIGKILL");
  await eventually(() => !isAlive(pid));
});

testBoth(
  "step_reaper() reaps orphans and passes on the exit code",
  async ({ start, directory }) => {
    const log = `${directory}/log`;
    // the orphan ends while the main program still runs; as PID 1's child it must not stay a zombie
    const script = `orphan=$(sleep 0.05 > /dev/null & echo $!)
      tries=0; while [ -e /proc/$orphan ] && [ $tries -lt 3000 ]; do sleep 0.01; tries=$((tries + 1)); done
      grep -l 'State:.Z' /proc/[0-9]*/status | wc -l; exit 5`;

    await using monitor = start(plan(
      ["log", log, "cri", "0", "1"],
      ["clone", String(0x20000000 + 0x20000)],
      ["mount", "", "/", "", String(0x4000 + 0x80000), ""],
      ["mount", "proc", "/proc", "proc", "0", ""],
      ["reaper"],
      shell(script),
    ));

    strictEqual(await monitor.finished(), "exited 5");
    strictEqual(soleLine(log), "0");
  },
);

testBoth("step_reaper() forwards SIGTERM to its child", async ({ start, directory }) => {
  await using monitor = start(plan(
    ["log", `${directory}/log`, "cri", "0", "1"],
    ["clone", NEW_PID],
    ["reaper"],
    shell("trap 'exit 42' TERM; echo ready; while :; do sleep 0.01; done"),
  ));
  await monitor.started();
  await eventually(() => readLog(`${directory}/log`) === "ready\n");

  monitor.send("signal 15");

  strictEqual(await monitor.receive(), "ok");
  strictEqual(await monitor.receive(), "exited 42");
});

testBoth("step_reaper() ends with 128 + signal of its child", async ({ start }) => {
  await using monitor = start(plan(["clone", NEW_PID], ["reaper"], shell("kill -15 $$")));

  strictEqual(await monitor.finished(), "exited 143");
});

testBoth("step_idle() stays until SIGTERM and exits with 0", async ({ start }) => {
  await using monitor = start(plan(["clone", NEW_PID], ["idle"]));
  const pid = await monitor.started();
  await pause(20);
  const wasAlive = isAlive(pid);

  monitor.send("stop 15 -1");

  strictEqual(await monitor.receive(), "exited 0");
  strictEqual(wasAlive, true);
});
