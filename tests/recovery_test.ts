/** What crashes leave behind, damaged records, and many commands at once. @module */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import {
  eventually,
  exists,
  isAlive,
  listNames,
  pause,
  type TestEngine,
  testWhole,
} from "./harness.ts";

testWhole(
  "a killed wherry run leaves the container running, and --rm still removes it",
  async (wherry) => {
    const child = wherry.spawn([
      "run",
      "--rm",
      "--name",
      "box",
      ...await wherry.busybox(),
      "sleep",
      "100",
    ]);
    await eventually(() => runningIds(wherry).length === 1);
    await pause(100);

    child.kill("SIGKILL");
    await Promise.all([child.status, child.stdout.cancel(), child.stderr.cancel()]);

    strictEqual((await wherry.run(["exec", "box", "echo", "alive"])).stdout, "alive\n");
    await wherry.run(["kill", "box"]);
    await eventually(() => listNames(`${wherry.root}/containers`).length === 0);
  },
);

testWhole(
  "a killed monitor takes its container along, which then has exited with 137",
  async (wherry) => {
    const id = await wherry.start(["--name", "box"], ["sleep", "100"]);
    const { pid, monitorPid } = wherry.readStateRecord(id);

    Deno.kill(monitorPid, "SIGKILL");
    await eventually(() => !isAlive(pid));

    strictEqual((await wherry.run(["wait", "box"])).stdout, "137\n");
    strictEqual((await wherry.run(["exec", "box", "true"])).code === 0, false);
    strictEqual((await wherry.run(["start", "box"])).code, 0);
    await wherry.run(["rm", "-f", "box"]);
  },
);

testWhole("run ends with 137 when its container's monitor is killed", async (wherry) => {
  const argv = ["sh", "-c", "echo ready; exec sleep 100"];
  const child = wherry.spawn(["run", ...await wherry.busybox(), ...argv]);
  const reader = child.stdout.getReader();
  await reader.read(); // the monitor tells that the command has started before it passes anything on
  const [id = ""] = runningIds(wherry);

  Deno.kill(wherry.readStateRecord(id).monitorPid, "SIGKILL");

  strictEqual((await child.status).code, 137);
  await Promise.all([reader.cancel(), child.stderr.cancel()]);
  await wherry.run(["rm", id]);
});

testWhole("run --rm killed at any moment leaves nothing after the next command", async (wherry) => {
  for (let moment = 0; moment < 30; moment++) {
    await killAfter(
      wherry,
      ["run", "--rm", ...await wherry.busybox(), "sleep", "0.05"],
      moment * 2,
    );
  }
  await wherry.run(["ps", "-a"]);

  await eventually(() => listNames(`${wherry.root}/containers`).length === 0);
});

testWhole(
  "run -d killed at any moment leaves a container that rm -f removes, or nothing",
  async (wherry) => {
    for (let moment = 0; moment < 30; moment++) {
      await killAfter(wherry, ["run", "-d", ...await wherry.busybox(), "sleep", "100"], moment * 2);
    }
    await wherry.run(["ps", "-a"]);

    const ids = listNames(`${wherry.root}/containers`);
    if (ids.length > 0) strictEqual((await wherry.run(["rm", "-f", ...ids])).stderr, "");
  },
);

testWhole("rm -f killed at any moment can be done again", async (wherry) => {
  for (let moment = 0; moment < 12; moment++) {
    const id = await wherry.start(["--name", "box"], ["sleep", "100"]);

    await killAfter(wherry, ["rm", "-f", id], moment * 4);
    await wherry.run(["rm", "-f", id]);
    await wherry.run(["ps", "-a"]);

    deepStrictEqual(listNames(`${wherry.root}/containers`), []);
  }
});

testWhole("ps removes what a removal that was killed left behind", async (wherry) => {
  await wherry.runBusybox([], ["true"]);
  Deno.mkdirSync(`${wherry.runRoot}/containers/${"0".repeat(64)}`);
  Deno.symlinkSync("0".repeat(64), `${wherry.root}/names/stale`);

  await wherry.run(["ps", "-a"]);

  deepStrictEqual(listNames(`${wherry.runRoot}/containers`), []);
  deepStrictEqual(listNames(`${wherry.root}/names`), []);
});

testWhole("a name that a crash left behind can be used again, by one of many", async (wherry) => {
  await wherry.runBusybox([], ["true"]);
  Deno.symlinkSync("0".repeat(64), `${wherry.root}/names/stale`);
  const argv = ["run", "-d", "--name", "stale", ...await wherry.busybox(), "sleep", "100"];

  const results = await Promise.all([1, 2, 3, 4].map(() => wherry.run(argv)));

  deepStrictEqual(results.map(({ code }) => code).toSorted(), [0, 125, 125, 125]);
  await wherry.run(["rm", "-f", "stale"]);
});

for (const file of ["config.json", "state.json"]) {
  for (const content of ['{"schema":1,"id":', "", "[]", '{"schema":2}']) {
    testWhole(`a ${file} that is now ${content || "empty"} is put aside`, async (wherry) => {
      // Without a network nobody tidies up after them, and so is faster than who lists
      const alone = ["--network", "none", "--name"];
      const healthy = await wherry.start([...alone, "healthy"], ["true"]);
      const damaged = await wherry.start([...alone, "damaged"], ["true"]);
      await wherry.run(["wait", healthy, damaged]);
      Deno.writeTextFileSync(wherry.containerPath(damaged, file), content);

      const listed = await wherry.run(["ps", "-a", "-q", "--no-trunc"]);

      strictEqual(listed.stdout, `${healthy}\n`);
      match(listed.stderr, new RegExp(`^WARNING: .*${damaged}.* put aside in .*\n$`));
      ok(exists(`${wherry.root}/damaged/${damaged}/upper`));
      strictEqual((await wherry.run(["rm", "healthy"])).stdout, "healthy\n");
      strictEqual((await wherry.runBusybox(["--name", "damaged"], ["true"])).code, 0);
      await wherry.run(["system", "prune", "-f"]);
    });
  }
}

for (const file of ["config.json", "state.json"]) {
  testWhole(`a command on a container with a damaged ${file} says so in a line`, async (wherry) => {
    const id = await wherry.start(["--name", "box"], ["true"]);
    await wherry.run(["wait", id]);
    Deno.writeTextFileSync(wherry.containerPath(id, file), "{");

    for (const command of ["start", "stop", "kill", "rm", "wait", "inspect", "restart"]) {
      const { code, stderr } = await wherry.run([command, "box"]);

      strictEqual(code, 1, command);
      match(stderr, /^wherry: Cannot read the record ".*": it is damaged\n(.*\n)?$/, command);
    }
    await wherry.run(["system", "prune", "-f"]);
  });
}

testWhole("a running container with a damaged record goes by rm -f alone", async (wherry) => {
  for (const file of ["config.json", "state.json"]) {
    const id = await wherry.start(["--name", "box", "--restart", "always"], ["sleep", "100"]);
    const { pid, monitorPid } = wherry.readStateRecord(id);
    Deno.writeTextFileSync(wherry.containerPath(id, file), "{");
    const short = id.slice(0, 12);

    const listed = await wherry.run(["ps", "-q"]);
    const stopped = await wherry.run(["stop", "box"]);
    const removed = await wherry.run(["rm", "-f", short]);

    deepStrictEqual([listed.code, listed.stdout], [0, ""]);
    match(
      listed.stderr,
      new RegExp(`: it is damaged; "wherry rm -f ${short}" removes the container`),
    );
    strictEqual(stopped.code, 1);
    match(
      stopped.stderr,
      new RegExp(`: it is damaged\nRemove the container with "wherry rm -f ${short}"`),
    );
    deepStrictEqual([removed.code, removed.stdout, removed.stderr], [0, `${short}\n`, ""]);
    strictEqual(isAlive(pid), false);
    // It has become the program that cleans up, and finds nothing to do
    await eventually(() => !isAlive(monitorPid));
    deepStrictEqual(listNames(`${wherry.root}/containers`), []);
    deepStrictEqual(listNames(`${wherry.root}/names`), []);
  }
});

for (const command of ["recover", "prune -f"]) {
  testWhole(
    `system ${command} ends a running container with a damaged config.json`,
    async (wherry) => {
      const healthy = await wherry.start(["--name", "healthy"], ["sleep", "100"]);
      const id = await wherry.start(["--name", "box", "--restart", "always"], ["sleep", "100"]);
      const { pid } = wherry.readStateRecord(id);
      Deno.writeTextFileSync(wherry.containerPath(id, "config.json"), "{");

      const { code, stdout } = await wherry.run(["system", ...command.split(" ")]);

      strictEqual(code, 0);
      match(stdout, new RegExp(id));
      strictEqual(isAlive(pid), false);
      deepStrictEqual(listNames(`${wherry.root}/containers`), [healthy]);
      await wherry.run(["rm", "-f", "healthy"]);
      await wherry.run(["system", "prune", "-f"]);
    },
  );
}

testWhole("no command signals a process whose pid a record wrongly names", async (wherry) => {
  const id = await wherry.start(["--name", "box"], ["sleep", "100"]);
  const bystander = new Deno.Command("sleep", { args: ["100"] }).spawn();
  const { monitorPid, pid } = wherry.readStateRecord(id);
  const path = wherry.containerPath(id, "state.json");
  const tampered = Deno.readTextFileSync(path)
    .replace(`"pid":${pid}`, `"pid":${bystander.pid}`)
    .replace(`"monitorPid":${monitorPid}`, `"monitorPid":${bystander.pid}`);

  Deno.writeTextFileSync(path, tampered);
  await wherry.run(["kill", "-s", "USR1", "box"]);
  await wherry.run(["stop", "-t", "0", "box"]);
  ok(!isAlive(pid));
  Deno.writeTextFileSync(path, tampered);
  for (const command of [["stop", "-t", "0"], ["kill"], ["exec"], ["rm", "-f"]]) {
    await wherry.run([...command, "box", ...(command[0] === "exec" ? ["true"] : [])]);
  }

  ok(isAlive(bystander.pid));
  bystander.kill("SIGKILL");
  await bystander.status;
});

testWhole("a container that was running when the machine went down has exited", async (wherry) => {
  const id = await wherry.start(["--name", "box"], ["sleep", "100"]);
  await wherry.reboot([id]);

  strictEqual((await wherry.run(["wait", "box"])).stdout, "137\n");
  strictEqual((await wherry.run(["start", "box"])).code, 0);
  await wherry.run(["rm", "-f", "box"]);
});

testWhole("a leftover that cannot be removed stops no other command", async (wherry) => {
  const id = await wherry.start([], ["true"]);
  await wherry.run(["wait", id]);
  const inTheWay = wherry.containerPath(id, "upper/mounted");
  Deno.mkdirSync(inTheWay);
  await wherry.runHost("mount", "-t", "tmpfs", "none", inTheWay);
  // As far as a removal that was killed may have come
  Deno.removeSync(wherry.containerPath(id, "config.json"));
  try {
    const listed = await wherry.run(["ps", "-a", "-q"]);

    deepStrictEqual([listed.code, listed.stdout], [0, ""]);
    match(
      listed.stderr,
      new RegExp(`^WARNING: .*${id} stays for now: .*something is mounted on "${inTheWay}"\n$`),
    );
    Deno.utimeSync(`${wherry.runRoot}/gate`, 0, 0);
    const { code, stdout } = await wherry.runBusybox([], ["echo", "works"]);
    deepStrictEqual([code, stdout], [0, "works\n"]);
  } finally {
    await wherry.runHost("umount", inTheWay);
  }
  deepStrictEqual(await wherry.run(["ps", "-a", "-q"]), { code: 0, stdout: "", stderr: "" });
  deepStrictEqual(listNames(`${wherry.root}/containers`), []);
});

/** Kills a command with SIGKILL after `delayMs`, unless it has ended by then. */
async function killAfter(
  wherry: TestEngine,
  args: readonly string[],
  delayMs: number,
): Promise<void> {
  const child = wherry.spawn(args);
  let hasEnded = false;
  const end = child.output().then(() => hasEnded = true);
  await Promise.race([end, pause(delayMs)]);
  if (!hasEnded) killUnlessEnded(child);
  // Not its end of output: a monitor that lives on may still hold it
  await Promise.race([end, pause(2000)]);
}

/** The containers whose record says that they run. */
function runningIds(wherry: TestEngine): string[] {
  return listNames(`${wherry.root}/containers`).filter((id) =>
    exists(wherry.containerPath(id, "state.json")) &&
    wherry.readStateRecord(id).status === "running"
  );
}

/** It may end by itself between the look and the kill. */
function killUnlessEnded(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
}

for (
  const [name, argv] of [
    ["ps", ["ps", "-a"]],
    ["start", ["start", "box"]],
    ["rm", ["rm", "box"]],
    ["stop", ["stop", "box"]],
    ["wait", ["wait", "box"]],
    ["logs", ["logs", "box"]],
    ["inspect", ["inspect", "box"]],
    ["update", ["update", "--restart", "no", "box"]],
    ["restart", ["restart", "box"]],
    ["system recover", ["system", "recover"]],
  ] as const
) {
  testWhole(`${name} kills what outlived its monitor`, async (wherry) => {
    const id = await startTenacious(wherry, "box");
    const { pid, monitorPid } = wherry.readStateRecord(id);
    Deno.kill(monitorPid, "SIGKILL");
    await eventually(() => !isAlive(monitorPid));
    ok(isAlive(pid));

    const { code } = await wherry.run(argv);

    strictEqual(code, 0);
    await eventually(() => !isAlive(pid));
    await wherry.run(["rm", "-f", "box"]);
  });
}

testWhole("what outlived its monitor has exited with 137 for every command", async (wherry) => {
  const id = await startTenacious(wherry, "box");
  const { pid, monitorPid } = wherry.readStateRecord(id);
  Deno.kill(monitorPid, "SIGKILL");
  await eventually(() => !isAlive(monitorPid));

  const exec = await wherry.run(["exec", "box", "true"]);
  const state = await wherry.run(
    ["inspect", "-f", "{{.State.Status}} {{.State.ExitCode}} {{.State.Pid}}", "box"],
  );

  deepStrictEqual([exec.code, state.stdout], [1, "exited 137 0\n"]);
  match(exec.stderr, /^wherry: Container box is not running\n/);
  strictEqual(wherry.readStateRecord(id).status, "exited");
  await eventually(() => !isAlive(pid));
  await wherry.run(["rm", "box"]);
});

testWhole("no command signals whom the record of a dead monitor names", async (wherry) => {
  const id = await wherry.start(["--name", "box"], ["true"]);
  await wherry.run(["wait", "box"]);
  const bystander = new Deno.Command("sleep", { args: ["100"] }).spawn();
  const path = wherry.containerPath(id, "state.json");
  const record = {
    ...JSON.parse(Deno.readTextFileSync(path)),
    status: "running",
    pid: bystander.pid,
    monitorPid: bystander.pid,
  };

  for (
    const argv of [
      ["kill", "box"],
      ["stop", "-t", "0", "box"],
      ["restart", "-t", "0", "box"],
      ["pause", "box"],
      ["exec", "box", "true"],
      ["top", "box"],
      ["system", "recover"],
      ["ps", "-a"],
      ["rm", "-f", "box"],
    ]
  ) {
    // Restarted or recorded by the one before
    await wherry.run(["wait", "box"]);
    Deno.writeTextFileSync(path, JSON.stringify(record));
    await wherry.run(argv);
    ok(isAlive(bystander.pid), argv.join(" "));
  }

  bystander.kill("SIGKILL");
  await bystander.status;
});

testWhole("system recover says what it did, and finds nothing the second time", async (wherry) => {
  const ended = await wherry.start([], ["sleep", "100"]);
  const unwanted = await wherry.start(["--rm"], ["sleep", "100"]);
  for (const id of [ended, unwanted]) {
    const { monitorPid } = wherry.readStateRecord(id);
    Deno.kill(monitorPid, "SIGKILL");
    await eventually(() => !isAlive(monitorPid));
  }
  const orphan = "0".repeat(64);
  Deno.mkdirSync(`${wherry.runRoot}/containers/${orphan}`);
  Deno.symlinkSync(orphan, `${wherry.root}/names/stale`);

  const first = await wherry.run(["system", "recover"]);
  const second = await wherry.run(["system", "recover"]);

  deepStrictEqual(
    recoveredHere(first.stdout).toSorted(),
    [
      "Freed the name stale",
      `Recorded the end of container ${ended}, whose monitor was killed`,
      `Removed container ${unwanted}, which nobody had finished or wanted`,
      `Removed the run directory of container ${orphan}`,
    ],
  );
  deepStrictEqual([second.code, recoveredHere(second.stdout), second.stderr], [0, [], ""]);
  strictEqual((await wherry.run(["wait", ended])).stdout, "137\n");
  await wherry.run(["rm", ended]);
});

testWhole("what a killed monitor leaves does not disturb other engines", async (wherry) => {
  const id = await wherry.start([], ["sleep", "100"]);
  const other = ["--root", `${wherry.scratch}/root`, "--run-root", `${wherry.scratch}/run`];
  const [program = ""] = wherry.commandLine([]);

  await wherry.runHost(program, ...other, "system", "recover");

  strictEqual((await wherry.run(["exec", id, "echo", "works"])).stdout, "works\n");
  await wherry.run(["rm", "-f", id]);
});

testWhole("eight start, stop, rm and exec at once end in one state", async (wherry) => {
  for (let round = 0; round < 3; round++) {
    const id = await wherry.start(["--name", "box", "--stop-timeout", "0"], ["sleep", "100"]);
    const commands = [["start"], ["stop"], ["rm"], ["exec"], ["start"], ["stop"], ["rm", "-f"], [
      "exec",
    ]];

    const results = await Promise.all(
      commands.map((command) =>
        wherry.run([...command, id, ...(command[0] === "exec" ? ["true"] : [])])
      ),
    );

    for (const { stderr } of results) match(stderr, CLEAR_ERROR);
    // `rm -f` was one of them, and nothing can bring the container back
    deepStrictEqual(listNames(`${wherry.root}/containers`), []);
  }
});

testWhole("eight start, stop and restart at once: the record is the truth", async (wherry) => {
  const id = await wherry.start(["--name", "box", "--stop-timeout", "0"], ["sleep", "100"]);
  const commands = ["start", "stop", "restart", "start", "stop", "restart", "kill", "start"];

  const results = await Promise.all(commands.map((command) => wherry.run([command, "box"])));

  for (const { stderr } of results) match(stderr, CLEAR_ERROR);
  const { stdout } = await wherry.run(["inspect", "-f", "{{.State.Running}}", "box"]);
  const exec = await wherry.run(["exec", "box", "true"]);
  strictEqual(exec.code === 0, stdout === "true\n");
  strictEqual(isAlive(wherry.readStateRecord(id).pid), stdout === "true\n");
  await wherry.run(["rm", "-f", "box"]);
});

/** What a command may say when others work on the same container: nothing, or one error with its hint. */
const CLEAR_ERROR =
  /^$|^wherry: (No such container|Container [0-9a-f]+ is not running|Cannot \w+ (in )?(the )?(container|command)).*\n(?!wherry:)(.*\n)?$/;

for (const argv of [["rm", "box"], ["system", "recover"], ["system", "prune", "-f"]]) {
  testWhole(
    `${
      argv.join(" ")
    } kills what was left by a monitor that was killed while it started the container again`,
    async (wherry) => {
      const id = await wherry.start(["--name", "box"], ["true"]);
      await wherry.run(["wait", "box"]);
      // It had got as far as the cgroup and the process, and not to the record, which still tells of the run before
      const cgroup = `${await findCgroup2()}/wherry/${id}`;
      const process = wherry.spawnHost(["sleep", "100"]);
      Deno.mkdirSync(cgroup, { recursive: true });
      Deno.writeTextFileSync(`${cgroup}/cgroup.procs`, String(process.pid));

      strictEqual((await wherry.run(argv)).code, 0);

      strictEqual((await process.output()).signal, "SIGKILL");
      ok(!exists(cgroup));
      if (argv[1] === "recover") await wherry.run(["rm", "box"]);
    },
  );
}

/** Where containers' cgroups are made. */
async function findCgroup2(): Promise<string> {
  const mountInfo = await Deno.readTextFile("/proc/self/mountinfo");
  const line = mountInfo.split("\n").find((each) => each.includes(" - cgroup2 ")) ?? "";
  return line.split(" ")[4] ?? "";
}

/** What `system recover` did to this engine; empty cgroups belong to nobody and may be anybody's. */
function recoveredHere(stdout: string): string[] {
  return stdout.split("\n").filter((line) => line !== "" && !line.startsWith("Removed the cgroup"));
}

/** Starts a process that a monitor's death does not kill: a change of user clears the parent-death signal. */
async function startTenacious(wherry: TestEngine, name: string): Promise<string> {
  const id = await wherry.start(["--name", name], [
    "sh",
    "-c",
    "exec su -s /bin/sh nobody -c 'exec sleep 100'",
  ]);
  const { pid } = wherry.readStateRecord(id);
  await eventually(() => Deno.readTextFileSync(`/proc/${pid}/cmdline`).startsWith("sleep"));
  return id;
}
