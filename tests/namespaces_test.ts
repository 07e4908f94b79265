/** Containers in namespaces of the host and of each other. @module */

import { deepStrictEqual, match, notStrictEqual, ok, strictEqual } from "node:assert/strict";
import { compileHostile } from "./compile_hostile.ts";
import { eventually, exists, isAlive, listNames, type TestEngine, testWhole } from "./harness.ts";
import { reapAdopted } from "./surroundings.ts";

const KINDS = ["pid", "ipc", "uts", "cgroup", "mnt", "net"] as const;

type Kind = typeof KINDS[number];

function namespaceOf(pid: number | "self", kind: Kind): string {
  return Deno.readLinkSync(`/proc/${pid}/ns/${kind}`);
}

/** The namespaces of a container's first process. */
function namespacesOf(wherry: TestEngine, id: string): Record<string, string> {
  const { pid } = wherry.readStateRecord(id);
  return Object.fromEntries(KINDS.map((kind) => [kind, namespaceOf(pid, kind)]));
}

const LIST_NAMESPACES = `for kind in ${KINDS.join(" ")}; do readlink /proc/self/ns/$kind; done`;

const SLEEP = ["sleep", "1000"];

async function inspect(wherry: TestEngine, id: string, format: string): Promise<string> {
  return (await wherry.run(["inspect", "-f", format, id])).stdout.replace(/\n$/, "");
}

/** Of a line of `top -o pid,args`. */
function commandOf(line: string): string {
  return line.replace(/^\d+ +/, "");
}

testWhole("a container shares no namespace with the host unless asked to", async (wherry) => {
  const id = await wherry.start([], SLEEP);

  const own = namespacesOf(wherry, id);

  for (const kind of KINDS) notStrictEqual(own[kind], namespaceOf("self", kind), kind);
  await wherry.run(["rm", "-f", id]);
});

for (
  const [flag, kind] of [["pid", "pid"], ["ipc", "ipc"], ["uts", "uts"], [
    "cgroupns",
    "cgroup",
  ]] as const
) {
  testWhole(`--${flag} host is the host's namespace, and no other one is`, async (wherry) => {
    const { stdout, stderr } = await wherry.runBusybox([`--${flag}`, "host"], [
      "sh",
      "-c",
      LIST_NAMESPACES,
    ]);

    strictEqual(stderr, "");
    const shared = stdout.trim().split("\n")
      .filter((name, index) => name === namespaceOf("self", KINDS[index] ?? "mnt"));
    deepStrictEqual(shared, [namespaceOf("self", kind)]);
  });
}

const HOST_MODES = ["--pid", "host", "--ipc", "host", "--uts", "host", "--cgroupns", "host"];

for (const flags of [[], HOST_MODES]) {
  testWhole(`exec is in the namespaces of the container ${flags.join(" ")}`, async (wherry) => {
    const id = await wherry.start(flags, SLEEP);

    const exec = await wherry.run(["exec", id, "sh", "-c", LIST_NAMESPACES]);
    const terminal = await wherry.run(["exec", "-t", id, "sh", "-c", LIST_NAMESPACES]);

    const expected = Object.values(namespacesOf(wherry, id));
    deepStrictEqual([exec.stdout.trim().split("\n"), exec.stderr], [expected, ""]);
    deepStrictEqual(terminal.stdout.trim().split("\r\n"), expected);
    await wherry.run(["rm", "-f", id]);
  });

  testWhole(
    `a health check is in the namespaces of the container ${flags.join(" ")}`,
    async (wherry) => {
      const check = `(${LIST_NAMESPACES}) >/tmp/seen.new && mv /tmp/seen.new /tmp/seen`;
      const health = ["--health-cmd", check, "--health-interval", "100ms"];
      const id = await wherry.start([...flags, ...health], SLEEP);
      const seen = wherry.containerPath(id, "upper/tmp/seen");

      await eventually(() => exists(seen));

      deepStrictEqual(
        Deno.readTextFileSync(seen).trim().split("\n"),
        Object.values(namespacesOf(wherry, id)),
      );
      await wherry.run(["rm", "-f", id]);
    },
  );
}

testWhole("inspect shows the modes as docker does", async (wherry) => {
  const format =
    "{{with .HostConfig}}{{.PidMode}} {{.IpcMode}} {{.UTSMode}} {{.CgroupnsMode}}{{end}}";
  const plain = await wherry.start(["--name", "plain"], SLEEP);
  const host = await wherry.start(HOST_MODES, SLEEP);
  const shareable = await wherry.start(["--name", "web", "--ipc", "shareable"], SLEEP);
  const joined = await wherry.start(["--pid", "container:web", "--ipc", "container:web"], SLEEP);

  strictEqual(await inspect(wherry, plain, format), " private  private");
  strictEqual(await inspect(wherry, host, format), "host host host host");
  strictEqual(await inspect(wherry, shareable, format), " shareable  private");
  const container = `container:${shareable}`;
  strictEqual(await inspect(wherry, joined, format), `${container} ${container}  private`);
  await wherry.run(["rm", "-f", plain, host, shareable, joined]);
});

testWhole("a container that joins another shares what it asks for alone", async (wherry) => {
  const target = await wherry.start(["--name", "web", "--ipc", "shareable"], SLEEP);
  const joined = await wherry.start(["--pid", "container:web", "--ipc", "container:web"], SLEEP);

  const [theirs, own] = [namespacesOf(wherry, target), namespacesOf(wherry, joined)];

  const shared = KINDS.filter((kind) => own[kind] === theirs[kind]);
  deepStrictEqual(shared, ["pid", "ipc"]);
  await wherry.run(["rm", "-f", joined, target]);
});

testWhole("containers of one pid namespace see each other's processes", async (wherry) => {
  const target = await wherry.start(["--name", "web"], ["sleep", "1111"]);
  const joined = await wherry.start(["--pid", "container:web"], ["sleep", "2222"]);

  for (const id of [target, joined]) {
    const { stdout } = await wherry.run(["exec", id, "ps", "-o", "args"]);
    deepStrictEqual(stdout.split("\n").filter((line) => line.startsWith("sleep")), [
      "sleep 1111",
      "sleep 2222",
    ]);
  }
  const top = (await wherry.run(["top", joined, "-o", "pid,args"])).stdout.trim().split("\n");
  deepStrictEqual(top.slice(1).map(commandOf), ["sleep 2222"]);
  await wherry.run(["rm", "-f", joined, target]);
});

testWhole("what joined a pid namespace ends with its first process", async (wherry) => {
  await wherry.start(["--name", "web"], SLEEP);
  const joined = await wherry.start(["--pid", "container:web"], SLEEP);

  await wherry.run(["kill", "web"]);

  strictEqual((await wherry.run(["wait", joined])).stdout, "137\n");
  await wherry.run(["rm", joined, "web"]);
});

testWhole("a container can end before the one whose pid namespace it is in", async (wherry) => {
  const target = await wherry.start(["--name", "web"], SLEEP);

  const { code, stderr } = await wherry.runBusybox(["--pid", "container:web"], [
    "sh",
    "-c",
    "setsid sleep 1000 & setsid sleep 1000 & exit 3",
  ]);

  deepStrictEqual([code, stderr], [3, ""]);
  const left = (await wherry.run(["exec", target, "ps", "-o", "stat,args"])).stdout.trim();
  deepStrictEqual(left.split("\n").filter((line) => / sleep/.test(line) && !/^Z/.test(line)), [
    "S    sleep 1000",
  ]);
  await wherry.run(["rm", "-f", target]);
});

testWhole("--ipc shareable shares shared memory and message queues", async (wherry) => {
  const script = "echo from web >/dev/shm/memory; touch /dev/mqueue/queue; sleep 1000";
  const target = await wherry.start(["--name", "web", "--ipc", "shareable"], ["sh", "-c", script]);
  await eventually(() =>
    exists(`/proc/${wherry.readStateRecord(target).pid}/root/dev/mqueue/queue`)
  );

  const { stdout, stderr } = await wherry.runBusybox(["--ipc", "container:web"], [
    "sh",
    "-c",
    "cat /dev/shm/memory; ls /dev/mqueue; echo back >/dev/shm/answer; grep /dev/shm /proc/mounts",
  ]);
  const answer = await wherry.run(["exec", "web", "cat", "/dev/shm/answer"]);

  strictEqual(stderr, "");
  match(stdout, /^from web\nqueue\ntmpfs \/dev\/shm tmpfs rw,nosuid,nodev,noexec,/);
  strictEqual(answer.stdout, "back\n");
  await wherry.run(["rm", "-f", target]);
});

testWhole("shared memory stays as long as one container has it", async (wherry) => {
  const target = await wherry.start(["--name", "web", "--ipc", "shareable"], SLEEP);
  const first = await wherry.start(["--name", "first", "--ipc", `container:${target}`], SLEEP);
  await wherry.run(["exec", "first", "sh", "-c", "echo kept >/dev/shm/memory"]);
  const second = await wherry.start(["--ipc", "container:first"], SLEEP);

  await wherry.run(["rm", "-f", target, first]);
  const { stdout } = await wherry.run(["exec", second, "cat", "/dev/shm/memory"]);

  strictEqual(stdout, "kept\n");
  await wherry.run(["rm", "-f", second]);
});

testWhole("nothing that is shared is mounted on the host", async (wherry) => {
  const before = Deno.readTextFileSync("/proc/self/mountinfo");
  const target = await wherry.start(["--name", "web", "--ipc", "shareable"], SLEEP);
  const joined = await wherry.start(["--ipc", "container:web"], SLEEP);

  const after = Deno.readTextFileSync("/proc/self/mountinfo");

  const shm = (text: string): string[] => text.split("\n").filter((line) => /shm/.test(line));
  deepStrictEqual(shm(after), shm(before));
  ok(![target, joined].some((id) => after.includes(id)));
  await wherry.run(["rm", "-f", target, joined]);
});

for (const ipc of ["private", "none"]) {
  testWhole(`--ipc ${ipc} cannot be joined`, async (wherry) => {
    const target = await wherry.start(["--name", "web", "--ipc", ipc], SLEEP);

    const { code, stderr } = await wherry.runBusybox(["--ipc", "container:web"], ["true"]);

    strictEqual(code, 125);
    strictEqual(
      stderr,
      `wherry: failed to join IPC namespace: container ${target}: non-shareable IPC\n` +
        "Make that container with --ipc shareable\n",
    );
    await wherry.run(["rm", "-f", target]);
  });
}

testWhole("--ipc none has no /dev/shm", async (wherry) => {
  const { stdout } = await wherry.runBusybox(["--ipc", "none"], [
    "ls",
    "-d",
    "/dev/shm",
    "/dev/mqueue",
  ]);

  strictEqual(stdout, "/dev/mqueue\n");
});

testWhole("--ipc host has the host's shared memory", async (wherry) => {
  const name = `wherry-test-${crypto.randomUUID()}`;
  Deno.writeTextFileSync(`/dev/shm/${name}`, "of the host\n");
  try {
    const { stdout } = await wherry.runBusybox(["--ipc", "host"], ["cat", `/dev/shm/${name}`]);

    strictEqual(stdout, "of the host\n");
  } finally {
    Deno.removeSync(`/dev/shm/${name}`);
  }
});

testWhole("-v and --tmpfs on /dev/shm count for more than --ipc", async (wherry) => {
  Deno.writeTextFileSync(`${wherry.scratch}/mine`, "");
  for (const ipc of ["host", "shareable", "none"]) {
    const flags = ["--ipc", ipc, "-v", `${wherry.scratch}:/dev/shm`];
    strictEqual((await wherry.runBusybox(flags, ["ls", "/dev/shm"])).stdout, "mine\n", ipc);
  }
});

testWhole(
  "--uts host has the host's name, also with another container's network",
  async (wherry) => {
    const target = await wherry.start(["--name", "web", "--hostname", "web.example"], SLEEP);
    const script = "hostname; cat /etc/hostname; echo $HOSTNAME";

    for (const network of ["none", "host", "container:web"]) {
      const flags = ["--uts", "host", "--network", network];
      const { stdout } = await wherry.runBusybox(flags, ["sh", "-c", script]);
      const [name, , variable] = stdout.split("\n");
      deepStrictEqual([name, variable], [Deno.hostname(), Deno.hostname()], network);
    }
    await wherry.run(["rm", "-f", target]);
  },
);

testWhole("--cgroupns host shows where the container is", async (wherry) => {
  const host = await wherry.runBusybox(["--cgroupns", "host"], [
    "grep",
    "^0:",
    "/proc/self/cgroup",
  ]);
  const own = await wherry.runBusybox([], ["grep", "^0:", "/proc/self/cgroup"]);

  match(host.stdout, /^0::\/.*wherry\/[0-9a-f]{64}\n$/);
  strictEqual(own.stdout, "0::/\n");
});

/** Each refused in docker's words. */
const REFUSED: readonly [flags: string[], code: number, words: string][] = [
  [["--pid", "shareable"], 125, "--pid: invalid PID mode"],
  [["--uts", "private", "--uts", "x"], 125, "--uts: invalid UTS mode"],
  [["--cgroupns", "x"], 125, "--cgroupns: invalid CGROUP mode"],
  [["--ipc", "x"], 125, "invalid IPC mode: x"],
  [["--uts", "host", "--hostname", "x"], 125, "conflicting options: hostname and the UTS mode"],
  [["--pid", "container:nobody"], 125, "No such container: nobody"],
  [["--ipc", "container:nobody"], 125, "No such container: nobody"],
];

for (const [flags, code, words] of REFUSED) {
  testWhole(`run ${flags.join(" ")} is refused`, async (wherry) => {
    const result = await wherry.runBusybox(flags, ["true"]);

    strictEqual(result.code, code);
    ok(result.stderr.startsWith(`wherry: ${words}\n`), result.stderr);
  });
}

for (const kind of ["pid", "ipc"]) {
  testWhole(`--${kind} container: needs one that runs`, async (wherry) => {
    const target = (await wherry.run(
      ["create", "--name", "web", "--ipc", "shareable", ...await wherry.busybox(), ...SLEEP],
    )).stdout.trim();
    const flags = ["--name", "box", `--${kind}`, "container:web"];
    await wherry.run(["create", ...await wherry.busybox(flags), ...SLEEP]);

    const early = await wherry.run(["start", "box"]);
    await wherry.run(["start", "web"]);
    const later = await wherry.run(["start", "box"]);
    await wherry.run(["rm", "-f", "box", "web"]);
    const run = await wherry.runBusybox([`--${kind}`, `container:${target}`], ["true"]);

    const what = `failed to join ${kind.toUpperCase()} namespace`;
    strictEqual(early.code, 1);
    match(early.stderr, new RegExp(`^wherry: ${what}: container ${target} is not running\n`));
    deepStrictEqual(later, { code: 0, stdout: "box\n", stderr: "" });
    deepStrictEqual([run.code, run.stderr.split("\n")[0]], [
      125,
      `wherry: No such container: ${target}`,
    ]);
  });
}

testWhole("restart finds the container that was restarted, too", async (wherry) => {
  const target = await wherry.start(["--name", "web", "--ipc", "shareable"], SLEEP);
  const box = await wherry.start(["--name", "box", "--ipc", "container:web"], SLEEP);
  await wherry.run(["restart", "-t", "0", "web"]);
  notStrictEqual(namespacesOf(wherry, box)["ipc"], namespacesOf(wherry, target)["ipc"]);

  const restarted = await wherry.run(["restart", "-t", "0", "box"]);

  deepStrictEqual(restarted, { code: 0, stdout: "box\n", stderr: "" });
  strictEqual(namespacesOf(wherry, box)["ipc"], namespacesOf(wherry, target)["ipc"]);
  await wherry.run(["rm", "-f", "box", "web"]);
});

testWhole("a restart policy gives up when there is nothing to join any more", async (wherry) => {
  await wherry.start(["--name", "web"], SLEEP);
  const flags = ["--name", "box", "--pid", "container:web", "--restart", "always"];
  const box = await wherry.start(flags, SLEEP);

  await wherry.run(["rm", "-f", "web"]);
  await eventually(() => wherry.readStateRecord(box).status === "exited");

  strictEqual(await inspect(wherry, box, "{{.State.Status}} {{.State.ExitCode}}"), "exited 128");
  await wherry.run(["rm", "box"]);
});

testWhole("boot starts what is joined first", async (wherry) => {
  const always = ["--restart", "always"];
  const web = await wherry.start([...always, "--name", "web", "--ipc", "shareable"], SLEEP);
  const joins = ["--pid", "container:web", "--ipc", "container:web"];
  const box = await wherry.start([...always, "--name", "a-box", ...joins], SLEEP);
  await wherry.reboot([web, box]);

  const booted = await wherry.run(["boot"]);

  deepStrictEqual([booted.code, booted.stderr], [0, ""]);
  strictEqual(namespacesOf(wherry, box)["pid"], namespacesOf(wherry, web)["pid"]);
  strictEqual(namespacesOf(wherry, box)["ipc"], namespacesOf(wherry, web)["ipc"]);
  await wherry.run(["rm", "-f", box, web]);
});

/** Leaves processes behind that hold nothing of it. */
const FAMILY = "for i in 1 2 3; do (setsid sleep 1000 >/dev/null 2>&1 </dev/null &); done";

function processesOf(id: string): number[] {
  return listNames("/proc").filter((name) => /^\d+$/.test(name)).map(Number)
    .filter((pid) => isIn(pid, id));
}

function isIn(pid: number, id: string): boolean {
  try {
    return isAlive(pid) && Deno.readTextFileSync(`/proc/${pid}/cgroup`).includes(id);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || String(error).includes("os error 3")) return false;
    throw error;
  }
}

for (const init of [[], ["--init"]]) {
  const flags = ["--pid", "host", ...init];

  testWhole(`with ${flags.join(" ")} no process outlives the first one`, async (wherry) => {
    const { code, stderr } = await wherry.runBusybox(flags, ["sh", "-c", `${FAMILY}; exit 4`]);

    deepStrictEqual([code, stderr], [4, ""]);
    await wherry.assertNothingLeaked(0);
  });

  for (const command of [["stop", "-t", "0"], ["kill"], ["rm", "-f"], ["restart", "-t", "0"]]) {
    testWhole(`${command.join(" ")} ends all processes with ${flags.join(" ")}`, async (wherry) => {
      const id = await wherry.start([...flags, "--name", "box"], [
        "sh",
        "-c",
        `${FAMILY}; sleep 1001`,
      ]);
      await eventually(() => processesOf(id).length >= 4);
      const before = processesOf(id);

      const { stdout, stderr } = await wherry.run([...command, "box"]);

      deepStrictEqual([stdout, stderr], ["box\n", ""]);
      await eventually(() => !before.some(isAlive));
      await wherry.run(["rm", "-f", "box"]);
    });
  }

  testWhole(`a killed monitor leaves no process with ${flags.join(" ")}`, async (wherry) => {
    const id = await wherry.start([...flags, "--name", "box"], [
      "sh",
      "-c",
      `${FAMILY}; sleep 1001`,
    ]);
    await eventually(() => processesOf(id).length >= 4);

    Deno.kill(wherry.readStateRecord(id).monitorPid, "SIGKILL");
    const state = await inspect(wherry, "box", "{{.State.Status}}");

    strictEqual(state, "exited");
    deepStrictEqual(processesOf(id), []);
    await wherry.run(["rm", "box"]);
  });
}

testWhole(
  "--pid host shows the processes of the host, and top those of the container",
  async (wherry) => {
    const id = await wherry.start(["--pid", "host", "--name", "box"], [
      "sh",
      "-c",
      "sleep 1001 & wait",
    ]);
    await eventually(() => processesOf(id).length === 2);

    const inside = await wherry.run(["exec", "box", "test", "-d", `/proc/${Deno.pid}`]);
    const masked = await wherry.run(["exec", "box", "sh", "-c", "cat /proc/kcore | wc -c"]);
    const top = (await wherry.run(["top", "box", "-o", "pid,args"])).stdout.trim().split("\n");

    strictEqual(inside.code, 0);
    strictEqual(masked.stdout, "0\n");
    deepStrictEqual(top.slice(1).map(commandOf), ["sh -c sleep 1001 & wait", "sleep 1001"]);
    await wherry.run(["rm", "-f", "box"]);
  },
);

testWhole("--pid host can be paused, attached to and signalled", async (wherry) => {
  const script = "trap 'echo caught; exit 5' TERM; while :; do sleep 0.05; done";
  await wherry.start(["--pid", "host", "--name", "box"], ["sh", "-c", script]);

  const paused = await wherry.run(["pause", "box"]);
  const unpaused = await wherry.run(["unpause", "box"]);
  const attached = wherry.run(["attach", "--no-stdin", "box"]);
  await wherry.run(["kill", "-s", "TERM", "box"]);

  deepStrictEqual([paused.code, unpaused.code], [0, 0]);
  strictEqual((await attached).code, 5);
  match((await wherry.run(["logs", "box"])).stdout, /caught/);
  await wherry.run(["rm", "box"]);
});

testWhole("a target that ends while it is joined harms nobody", async (wherry) => {
  for (let round = 0; round < 10; round++) {
    const target = await wherry.start(["--name", "web", "--ipc", "shareable"], SLEEP);
    const flags = ["--pid", "container:web", "--ipc", "container:web"];
    const joining = wherry.runBusybox(flags, ["true"]);
    await new Promise((resolve) => setTimeout(resolve, round * 8));
    await wherry.run(["rm", "-f", target]);

    const { code, stderr } = await joining;

    ok([0, 125, 137].includes(code), `${code} ${stderr}`);
    if (code === 125) match(stderr, /failed to join|No such container/);
  }
});

/** In the mount namespace of a container, as a hostile process with CAP_SYS_ADMIN would. */
async function asRootOf(wherry: TestEngine, id: string, script: string): Promise<void> {
  const { pid } = wherry.readStateRecord(id);
  await wherry.runHost("nsenter", "-t", String(pid), "-m", "/bin/sh", "-c", script);
}

for (
  const [what, script] of [
    ["a link to a directory of the host", "rmdir /dev/shm && ln -s /etc /dev/shm"],
    ["a magic link", "rmdir /dev/shm && ln -s /proc/1/root /dev/shm"],
    ["another file system", "mount -t proc proc /dev/shm"],
    ["nothing", "rmdir /dev/shm"],
  ] as const
) {
  testWhole(`a target whose /dev/shm is ${what} is not joined`, async (wherry) => {
    const target = await wherry.start(["--name", "web", "--ipc", "shareable"], SLEEP);
    await asRootOf(wherry, target, `umount /dev/shm && ${script}`);

    const { code, stdout } = await wherry.runBusybox(["--ipc", "container:web"], [
      "ls",
      "/dev/shm",
    ]);

    deepStrictEqual([code, stdout], [125, ""]);
    await wherry.run(["rm", "-f", "web"]);
  });
}

testWhole("who traces all it can does not get at what joins it before its exec", async (wherry) => {
  const program = await compileHostile(wherry);
  const mount = ["-v", `${program}:/hostile:ro`];
  const target = await wherry.start(["--name", "web", ...mount], ["/hostile", "trace"]);

  for (let round = 0; round < 10; round++) {
    // It can stop what runs in the end, which has no more rights than itself
    const joined = await wherry.run(
      ["run", "-d", "--pid", "container:web", ...await wherry.busybox(), ...SLEEP],
    );
    deepStrictEqual([joined.code, joined.stderr], [0, ""]);
    const removed = await wherry.run(["rm", "-f", joined.stdout.trim()]);
    deepStrictEqual(removed.stderr, "");
  }
  // The tracer's end gives back what it kept from monitors, which are gone: a host's init reaps it then
  const reaping = setInterval(reapAdopted, 20);
  await wherry.run(["rm", "-f", target]);
  clearInterval(reaping);
});

/** Prints every link below `/proc` that is no file of the container, for two seconds. */
const PEEK = `
  end=$(($(date +%s) + 2))
  while test $(date +%s) -lt $end; do
    for link in /proc/[0-9]*/exe /proc/[0-9]*/cwd /proc/[0-9]*/root /proc/[0-9]*/fd/*; do
      target=$(readlink $link) || continue
      case $target in /dev/null|/|/bin/busybox|pipe:*|/proc|/proc/*) ;; *) echo "$link -> $target";; esac
    done
  done`;

testWhole("nothing of a monitor is in /proc while a container joins", async (wherry) => {
  const target = await wherry.start(["--name", "web", "--ipc", "shareable"], ["sh", "-c", PEEK]);
  const flags = ["--pid", "container:web", "--ipc", "container:web"];

  while (isAlive(wherry.readStateRecord(target).pid)) await wherry.runBusybox(flags, ["true"]);

  deepStrictEqual(await wherry.run(["logs", "web"]), { code: 0, stdout: "", stderr: "" });
  await wherry.run(["rm", "web"]);
});
