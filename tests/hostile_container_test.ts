/** Containers that do what they can against being ended, and against those who look after them. @module */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { compileHostile } from "./compile_hostile.ts";
import { Disk } from "./disk.ts";
import { eventually, exists, isAlive, listNames, testWhole } from "./harness.ts";

/** Most processes that a fork bomb of these tests has; below it in any case is the engine's own. */
const BOMB_SIZE = 1000;
/** A user that nobody else is, since the limit counts all processes of one. */
const BOMB_USER = "54321";
/** Forks children that outlive it and fork again as soon as some are killed. */
const BOMB = `
  trap "" TERM HUP INT; ulimit -u ${BOMB_SIZE}
  for i in $(seq 40); do
    (while :; do setsid sleep 60 & n=$((n + 1)); test $((n % 20)) -gt 0 || sleep 0.1; done) 2>/dev/null &
  done
  while :; do sleep 0.1 || :; done 2>/dev/null`;

for (const end of [["kill"], ["stop", "-t", "0"], ["rm", "-f"], ["restart", "-t", "0"]]) {
  testWhole(`${end.join(" ")} ends a fork bomb with all its processes`, async (wherry) => {
    const id = await wherry.start(["--name", "box", "--user", BOMB_USER], ["sh", "-c", BOMB]);
    const { pid } = wherry.readStateRecord(id);
    await eventually(() => listProcessesBeside(pid).length > BOMB_SIZE / 2);
    const bomb = pidNamespace(pid);
    // As long as it is open, no other namespace gets its number: the container that is restarted has a new one
    using _pinned = Deno.openSync(`/proc/${pid}/ns/pid`);

    const exec = await wherry.run(["exec", "--user", "0", "box", "echo", "alive"]);
    const ended = await wherry.run([...end, "box"]);

    deepStrictEqual(exec, { code: 0, stdout: "alive\n", stderr: "" });
    deepStrictEqual(ended, { code: 0, stdout: "box\n", stderr: "" });
    await eventually(() => listNames("/proc").every((name) => pidNamespace(Number(name)) !== bomb));
    await wherry.run(["rm", "-f", "box"]);
  });
}

testWhole("rm removes a container with 100,000 files, and one of great depth", async (wherry) => {
  await using _disk = await Disk.mount(wherry, "size=1g");
  const id = await wherry.start(["--name", "box"], [
    "sh",
    "-c",
    "mkdir /many; cd /many; seq 100000 | xargs touch; " +
    "mkdir /deep; cd /deep; for i in $(seq 300); do mkdir directory; cd directory; done",
  ]);
  strictEqual((await wherry.run(["wait", "box"])).stdout, "0\n");
  strictEqual(listNames(wherry.containerPath(id, "upper/many")).length, 100_000);

  const removed = await wherry.run(["rm", "box"]);

  deepStrictEqual(removed, { code: 0, stdout: "box\n", stderr: "" });
  ok(!exists(`${wherry.root}/containers/${id}`));
});

/** Scripts for PID 1, none of which takes SIGTERM. */
const STUBBORN: readonly [what: string, script: string][] = [
  [
    "closes all its descriptors",
    "exec 0<&- 1>&- 2>&-; trap '' TERM; while :; do sleep 0.1; done",
  ],
  [
    "writes garbage without a pause",
    "trap '' TERM PIPE; while :; do head -c 1000000 /dev/urandom; done",
  ],
  [
    "kills all it can",
    "trap '' TERM; while :; do kill -9 -1; usleep 1000; done 2>/dev/null",
  ],
  [
    "stops itself and all others",
    "trap '' TERM; kill -STOP $$; while :; do kill -STOP -1; usleep 1000; done 2>/dev/null",
  ],
];

for (const [what, script] of STUBBORN) {
  for (const flags of [[], ["-t"], ["--init"]]) {
    const name = ["a container that", what, ...flags].join(" ");
    testWhole(`${name} can be stopped, killed, restarted and removed`, async (wherry) => {
      const id = await wherry.start([...flags, "--name", "box"], ["sh", "-c", script]);

      // What it starts in there is at the mercy of the container, the command itself is not
      const exec = wherry.spawn(["exec", "box", "true"], { redirect: ">/dev/null 2>&1" });
      for (
        const command of [
          ["restart", "-t", "0"],
          ["stop", "-t", "0"],
          ["start"],
          ["kill", "-s", "STOP"],
          ["pause"],
          ["unpause"],
          ["kill"],
          ["start"],
        ]
      ) {
        // PID 1 of --init ends when its only child is killed
        if (flags[0] === "--init" && what.startsWith("kills")) break;
        const { code, stderr } = await wherry.run([...command, "box"]);
        deepStrictEqual([code, stderr], [0, ""], command.join(" "));
      }
      const { pid } = wherry.readStateRecord(id);
      const removed = await wherry.run(["rm", "-f", "box"]);

      deepStrictEqual(removed, { code: 0, stdout: "box\n", stderr: "" });
      await exec.output();
      ok(pid === 0 || !isAlive(pid));
    });
  }
}

testWhole("what a container holds by ptrace ends with it", async (wherry) => {
  const program = await compileHostile(wherry);
  const id = await wherry.start(
    ["--name", "box", "-v", `${program}:/hostile:ro`],
    ["/hostile", "trace"],
  );
  const exec = wherry.spawn(["exec", "box", "sleep", "100"], { redirect: ">/dev/null 2>&1" });
  await eventually(() => /traced \d+/.test(Deno.readTextFileSync(wherry.containerPath(id, "log"))));

  const stopped = await wherry.run(["stop", "-t", "0", "box"]);

  deepStrictEqual(stopped, { code: 0, stdout: "box\n", stderr: "" });
  strictEqual((await exec.output()).code, 137);
  strictEqual((await wherry.run(["rm", "box"])).code, 0);
});

/** Prints every link below `/proc` that is no file of the container, for a second. */
const PEEK = `
  end=$(($(date +%s) + 2))
  while test $(date +%s) -lt $end; do
    for link in /proc/[0-9]*/exe /proc/[0-9]*/cwd /proc/[0-9]*/root /proc/[0-9]*/fd/*; do
      target=$(readlink $link) || continue
      case $target in /dev/null|/|/bin/busybox|pipe:*|/proc|/proc/*) ;; *) echo "$link -> $target";; esac
    done
  done`;

testWhole("nothing of a monitor is in /proc while exec enters the container", async (wherry) => {
  const id = await wherry.start(["--name", "box"], ["sh", "-c", PEEK]);

  while (isAlive(wherry.readStateRecord(id).pid)) {
    await wherry.run(["exec", "box", "true"]);
    await wherry.run(["exec", "--privileged", "box", "true"]);
  }

  deepStrictEqual(await wherry.run(["logs", "box"]), { code: 0, stdout: "", stderr: "" });
  await wherry.run(["rm", "box"]);
});

testWhole(
  "an abstract socket of the host is out of reach but for --network host",
  async (wherry) => {
    const program = await compileHostile(wherry);
    const name = `wherry-test-${Deno.pid}`;
    const listener = wherry.spawnHost([program, "listen", name], { stdin: "" });
    const output = listener.stdout.getReader();
    strictEqual(new TextDecoder().decode((await output.read()).value), "listening\n");
    const connect = (network: string): Promise<{ stdout: string }> =>
      wherry.runBusybox(["--network", network, "-v", `${program}:/hostile:ro`], [
        "/hostile",
        "connect",
        name,
      ]);

    const results: string[] = [];
    for (const network of ["none", "bridge", "host"]) results.push((await connect(network)).stdout);

    deepStrictEqual(results, ["Connection refused\n", "Connection refused\n", "connected\n"]);
    await listener.stdin.close();
    await Promise.all([output.cancel(), listener.stderr.cancel(), listener.status]);
  },
);

testWhole("a monitor has no socket with a name that a container can use", async (wherry) => {
  const id = await wherry.start(["--name", "box", "--network", "host"], ["sleep", "100"]);
  const { monitorPid } = wherry.readStateRecord(id);
  const sockets = listNames(`/proc/${monitorPid}/fd`)
    .map((fd) => /^socket:\[(\d+)\]$/.exec(Deno.readLinkSync(`/proc/${monitorPid}/fd/${fd}`))?.[1])
    .filter((inode) => inode !== undefined);

  const { stdout } = await wherry.run(["exec", "box", "cat", "/proc/net/unix"]);

  const names = stdout.split("\n").map((line) => line.split(/ +/))
    .filter(([, , , , , , inode = ""]) => sockets.includes(inode))
    .flatMap(([, , , , , , , name]) => name ?? []);
  ok(names.length > 0, "The listening socket is missing");
  // A path of the monitor's own /proc, and no abstract name, which begins with "@"
  for (const name of names) match(name, /^\/proc\/self\/fd\/\d+\/socket$/);
  await wherry.run(["rm", "-f", "box"]);
});

/** Pids, inside, of the processes in the container whose init is `pid`. */
function listProcessesBeside(pid: number): string[] {
  return listNames(`/proc/${pid}/root/proc`).filter((name) => /^\d+$/.test(name));
}

function pidNamespace(pid: number): string | undefined {
  try {
    return Deno.readLinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return undefined; // no process, or it is gone
  }
}
