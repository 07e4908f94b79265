/** `wherry exec`: one more process in a running container. @module */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { eventually, exists, isAlive, isGone, type TestEngine, testWhole } from "./harness.ts";
import { listDescendants } from "./surroundings.ts";

/** Runs `body` beside a container called `box` that sleeps. */
function testBeside(
  name: string,
  flags: readonly string[],
  body: (wherry: TestEngine, id: string) => Promise<void>,
): void {
  testWhole(name, async (wherry) => {
    const id = await wherry.start(["--name", "box", ...flags], ["sleep", "100"]);
    await body(wherry, id);
    strictEqual((await wherry.run(["rm", "-f", "box"])).stderr, "");
  });
}

testBeside("exec hands over every argument exactly as it was typed", [], async (wherry) => {
  const script = "cat /proc/$$/cmdline; :";
  const argv = ["", " two  words ", `"quoted" 'both'`, "line\nbreak", "--", "-it", "höß 🚣"];

  const { stdout } = await wherry.run(["exec", "box", "sh", "-c", script, ...argv]);

  deepStrictEqual(stdout.split("\0"), ["sh", "-c", script, ...argv, ""]);
});

testBeside(
  "exec runs in the container's cgroup, which is the root inside",
  [],
  async (wherry, id) => {
    const host = Deno.readTextFileSync("/proc/self/mountinfo").split("\n")
      .find((line) => line.includes(" - cgroup2 "))?.split(" ")[4];

    const { stdout } = await wherry.run(["exec", "box", "grep", "^0:", "/proc/self/cgroup"]);

    strictEqual(stdout, "0::/\n");
    const members = Deno.readTextFileSync(`${host}/wherry/${id}/cgroup.procs`);
    strictEqual(members, `${wherry.readStateRecord(id).pid}\n`);
  },
);

testBeside("exec refuses where the container's cgroup cannot be seen", [], async (wherry) => {
  const host = Deno.readTextFileSync("/proc/self/mountinfo").split("\n")
    .find((line) => line.includes(" - cgroup2 "))?.split(" ")[4] ?? "";
  const argv = wherry.commandLine(["exec", "box", "grep", "^0:", "/proc/self/cgroup"]);

  const { code, stdout, stderr } = await wherry.runCommand([
    ...["unshare", "--mount", "sh", "-c", 'umount -l "$0" && exec "$@"', host, ...argv],
  ]);

  deepStrictEqual([code, stdout], [1, ""]);
  strictEqual(
    stderr,
    'wherry: Cannot run a command in container "box": its cgroup is not mounted here\n' +
      "Mount one: mount -t cgroup2 none /sys/fs/cgroup/unified\n",
  );
});

testBeside("exec ends with the exit status of the command", [], async (wherry) => {
  const codeOf = async (...argv: string[]): Promise<number> =>
    (await wherry.run(["exec", "box", ...argv])).code;

  strictEqual(await codeOf("true"), 0);
  strictEqual(await codeOf("sh", "-c", "exit 42"), 42);
  strictEqual(await codeOf("sh", "-c", "kill -KILL $$"), 137);
  strictEqual(await codeOf("no-such-command"), 127);
  strictEqual(await codeOf("/etc"), 126);
  strictEqual(await codeOf("/etc/passwd"), 126);
});

testBeside(
  "exec has the container's environment, and what -e adds",
  ["-e", "A=run", "-e", "B=run"],
  async (wherry) => {
    const { stdout } = await wherry.run(
      ["exec", "-e", "B=exec", "-e", "CALLER", "box", "env"],
      { env: { CALLER: "mine", SECRET: "1" } },
    );

    const variables = stdout.trim().split("\n");
    for (const entry of ["A=run", "B=exec", "CALLER=mine", "HOME=/root"]) {
      ok(variables.includes(entry), stdout);
    }
    ok(!stdout.includes("SECRET") && !stdout.includes("B=run"));
  },
);

testBeside("exec -u and -w choose user and directory, which are the container's otherwise", [
  "-u",
  "daemon",
  "-w",
  "/usr",
], async (wherry) => {
  const show = ["sh", "-c", "id -un; pwd; echo $HOME; grep CapEff /proc/self/status"];

  const same = await wherry.run(["exec", "box", ...show]);
  const other = await wherry.run(["exec", "-u", "0", "-w", "/etc", "box", ...show]);

  strictEqual(same.stdout, "daemon\n/usr\n/usr/sbin\nCapEff:\t0000000000000000\n");
  strictEqual(other.stdout, "root\n/etc\n/root\nCapEff:\t00000000a80425fb\n");
});

testBeside(
  "exec refuses what is malformed with the status of docker, and says why",
  [],
  async (wherry) => {
    const cases: [flags: string[], code: number, message: RegExp][] = [
      [["-u", "stranger"], 126, /no user "stranger"/],
      [["-e", "=x"], 125, /Cannot set the variable "=x"/],
      [["-w", "/missing"], 126, /Cannot enter the working directory "\/missing"/],
      [["--no-such-flag"], 125, /no-such-flag/],
      [["--detach-keys", "ctrl-"], 1, /there is no key "ctrl-"/],
      [["--env-file", "missing"], 1, /Cannot read --env-file "missing": no such file/],
    ];
    for (const [flags, code, message] of cases) {
      const result = await wherry.run(["exec", ...flags, "box", "true"]);

      strictEqual(result.code, code, flags.join(" "));
      match(result.stderr, message);
    }
  },
);

testBeside("exec joins every namespace of the container", [], async (wherry, id) => {
  const kinds = ["cgroup", "ipc", "mnt", "net", "pid", "uts"];
  const { pid } = wherry.readStateRecord(id);

  const { stdout } = await wherry.run([
    ...["exec", "box", "sh", "-c"],
    `cd /proc/self/ns; for kind in ${kinds.join(" ")}; do readlink $kind; done`,
  ]);

  deepStrictEqual(
    stdout.trim().split("\n"),
    kinds.map((kind) => Deno.readLinkSync(`/proc/${pid}/ns/${kind}`)),
  );
});

testBeside("exec sees the container's processes and changes its files", [], async (wherry) => {
  const first = await wherry.run(["exec", "box", "sh", "-c", "echo data >/file; ps -o args"]);
  const second = await wherry.run(["exec", "box", "cat", "/file"]);

  match(first.stdout, /sleep 100/);
  strictEqual(second.stdout, "data\n");
});

testBeside("exec has no descriptor but 0, 1 and 2", [], async (wherry) => {
  const { stdout } = await wherry.run(
    ["exec", "-i", "box", "sh", "-c", "ls /proc/$$/fd; :"],
    { redirect: "3</etc/passwd 7</ 9>&1" },
  );

  strictEqual(stdout, "0\n1\n2\n");
});

testBeside("exec keeps stdin, stdout and stderr apart", [], async (wherry) => {
  const script = "cat; echo err >&2";

  const open = await wherry.run(["exec", "-i", "box", "sh", "-c", script], { stdin: "in\n" });
  const closed = await wherry.run(["exec", "box", "sh", "-c", script], { stdin: "unread" });

  deepStrictEqual([open.stdout, open.stderr], ["in\n", "err\n"]);
  deepStrictEqual([closed.stdout, closed.stderr], ["", "err\n"]);
});

testBeside("exec carries 256 MiB in each direction unchanged", ["-v", ".:/host"], async (
  wherry,
) => {
  await wherry.runHost("sh", "-c", "head -c 268435456 /dev/urandom >data");

  const output = await wherry.runCommand([
    ...["sh", "-c", '"$@" | cmp - data', "sh"],
    ...wherry.commandLine(["exec", "box", "cat", "/host/data"]),
  ]);
  const input = await wherry.run(["exec", "-i", "box", "cmp", "-", "/host/data"], {
    redirect: "<data",
  });

  deepStrictEqual([output.code, output.stdout], [0, ""]);
  deepStrictEqual([input.code, input.stdout], [0, ""]);
});

testBeside("exec -i carries 64 MiB there and back at the same time", [], async (wherry) => {
  await wherry.runHost("sh", "-c", "head -c 67108864 /dev/urandom >in");

  const { code } = await wherry.run(["exec", "-i", "box", "cat"], { redirect: "<in >out" });

  strictEqual(code, 0);
  await wherry.runHost("cmp", "in", "out");
});

testBeside("exec --privileged may do all that wherry may, as root alone", [], async (wherry) => {
  const mine = Deno.readTextFileSync("/proc/self/status").match(/^CapPrm:.*$/m)?.[0];
  const show = ["grep", "-E", "Cap(Prm|Eff|Bnd)", "/proc/self/status"];

  const root = await wherry.run(["exec", "--privileged", "box", ...show]);
  const other = await wherry.run(["exec", "--privileged", "-u", "daemon", "box", ...show]);

  const all = mine?.replace("CapPrm", "CapBnd");
  strictEqual(root.stdout, `${mine}\n${mine?.replace("CapPrm", "CapEff")}\n${all}\n`);
  strictEqual(
    other.stdout,
    `CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n${all}\n`,
  );
});

testBeside("exec writes down when it was made, started and ended", [], async (wherry, id) => {
  await wherry.run(["exec", "box", "sh", "-c", "exit 3"]);
  await wherry.run(["exec", "box", "no-such-command"]);

  const events = Deno.readTextFileSync(`${wherry.runRoot}/events`).trim().split("\n")
    .map((line) => JSON.parse(line)).filter(({ Action }) => Action.startsWith("exec_"));
  deepStrictEqual(events.map(({ Action }) => Action), [
    "exec_create: sh -c exit 3",
    "exec_start: sh -c exit 3",
    "exec_die",
    "exec_create: no-such-command ",
    "exec_start: no-such-command ",
  ]);
  const [created, , died] = events.map(({ Actor }) => Actor);
  strictEqual(died.ID, id);
  strictEqual(died.Attributes.exitCode, "3");
  strictEqual(died.Attributes.execID, created.Attributes.execID);
});

testBeside("ctrl-c interrupts what exec -it runs, and nothing else", [], async (wherry) => {
  await using terminal = wherry.openTerminal(["exec", "-it", "box", "sh"]);
  await terminal.waitFor("# ");
  terminal.type("echo be''gin; sleep 100\r");
  await terminal.waitFor("begin\r\n");
  terminal.type("\x03");
  await terminal.waitFor("# ");
  terminal.type("exit 5\r");

  strictEqual(await terminal.finish(), 5);
  terminal.assertRestored();
});

testBeside("exec -it follows the size of the terminal", [], async (wherry) => {
  const script = 'trap "stty size" WINCH; echo ready; while :; do sleep 0.05; done';
  await using terminal = wherry.openTerminal(["exec", "-it", "box", "sh", "-c", script]);
  await terminal.waitFor("ready");
  terminal.resize(44, 123);

  await terminal.waitFor("44 123");
  terminal.type("\x03");
  strictEqual(await terminal.finish(), 130);
});

testBeside("exec -it can be left by keys, and goes on", ["-v", ".:/out"], async (wherry) => {
  await using terminal = wherry.openTerminal([
    ...["exec", "-it", "--detach-keys", "ctrl-x", "box"],
    ...["sh", "-c", "echo ready; while test ! -e /out/go; do sleep 0.05; done; echo >/out/done"],
  ]);
  await terminal.waitFor("ready");
  terminal.type("\x18");

  strictEqual(await terminal.finish(), 1);
  ok(terminal.shown.endsWith("wherry: read escape sequence\r\n"), terminal.shown);
  terminal.assertRestored();
  Deno.writeTextFileSync(`${wherry.scratch}/go`, "");
  await eventually(() => exists(`${wherry.scratch}/done`));
});

testBeside("exec with stdin or stdout closed works without them", [], async (wherry) => {
  const noStdin = await wherry.run(["exec", "-i", "box", "sh", "-c", "cat; echo end"], {
    redirect: "<&-",
  });
  const noStdout = await wherry.run(["exec", "box", "sh", "-c", "echo lost; exit 3"], {
    redirect: ">&-",
  });

  deepStrictEqual([noStdin.code, noStdin.stdout], [0, "end\n"]);
  strictEqual(noStdout.code, 3);
});

testBeside("exec ends when nobody reads its output any more", [], async (wherry) => {
  const { stdout } = await wherry.runCommand([
    ...["sh", "-c", '"$@" | head -n 1', "sh"],
    ...wherry.commandLine(["exec", "box", "yes"]),
  ]);

  strictEqual(stdout, "y\n");
});

testBeside("exec -i ends with the command, whether or not stdin has ended", [], async (wherry) => {
  const child = wherry.spawn(["exec", "-i", "box", "echo", "done"], { stdin: "" });

  const { code, stdout } = await child.output();

  deepStrictEqual([code, new TextDecoder().decode(stdout)], [0, "done\n"]);
  await child.stdin.abort().catch(() => undefined);
});

testBeside("exec of a command that says nothing ends when it ends", [], async (wherry) => {
  const { code, stdout, stderr } = await wherry.run(["exec", "box", "sleep", "0.1"]);

  deepStrictEqual([code, stdout, stderr], [0, "", ""]);
});

testBeside("exec -d returns at once and the command goes on", ["-v", ".:/out"], async (wherry) => {
  const result = await wherry.run(
    ["exec", "-d", "box", "sh", "-c", "until [ -e /out/go ]; do sleep 0.05; done; touch /out/done"],
  );

  deepStrictEqual([result.code, result.stdout, result.stderr], [0, "", ""]);
  Deno.writeTextFileSync(`${wherry.scratch}/go`, "");
  await eventually(() => exists(`${wherry.scratch}/done`));
});

testBeside("exec works after the program it runs was replaced", [], async (wherry) => {
  await wherry.run([
    "exec",
    "box",
    "sh",
    "-c",
    "printf '#!/bin/sh\\necho new' >/bin/ls.new; chmod +x /bin/ls.new; mv /bin/ls.new /bin/ls",
  ]);

  strictEqual((await wherry.run(["exec", "box", "ls"])).stdout, "new\n");
});

testBeside("exec passes SIGTERM on to the command", [], async (wherry) => {
  const script = 'trap "exit 6" TERM; echo ready; while :; do sleep 0.05; done';
  const child = wherry.spawn(["exec", "box", "sh", "-c", script]);
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();

  strictEqual((await reader.read()).value, "ready\n");
  child.kill("SIGTERM");

  strictEqual((await child.status).code, 6);
  await reader.cancel();
  await child.stderr.cancel();
});

testBeside("exec -it has a terminal of the container", [], async (wherry) => {
  await using terminal = wherry.openTerminal(["exec", "-it", "box", "sh"], {
    rows: 33,
    columns: 111,
  });
  await terminal.waitFor("# ");
  terminal.type("stty size; tty; echo $TERM\r");

  await terminal.waitFor("33 111\r\n/dev/pts/0\r\nxterm\r\n");
  terminal.type("exit 4\r");

  strictEqual(await terminal.finish(), 4);
  terminal.assertRestored();
});

testBeside("exec ends when its container is killed", [], async (wherry) => {
  const child = wherry.spawn(["exec", "box", "sh", "-c", "echo ready; sleep 100"]);
  const reader = child.stdout.getReader();
  await reader.read();

  await wherry.run(["kill", "box"]);

  strictEqual((await child.status).code, 137);
  await reader.cancel();
  await child.stderr.cancel();
});

testBeside("exec by eight at once works for each", [], async (wherry) => {
  const numbers = Array.from({ length: 8 }, (_, index) => String(index));

  const results = await Promise.all(
    numbers.map((number) => wherry.run(["exec", "box", "echo", number])),
  );

  deepStrictEqual(results.map(({ stdout }) => stdout), numbers.map((number) => `${number}\n`));
});

testBeside("what exec started dies with its monitor", [], async (wherry) => {
  await wherry.run(["exec", "-d", "box", "sh", "-c", "exec sleep 99"]);
  const findSleepers = (): number[] =>
    listDescendants().map(({ pid }) => pid).filter((pid) => commandLine(pid) === "sleep\x0099\x00");
  await eventually(() => findSleepers().length === 1);
  const [sleeper = 0] = findSleepers();

  await wherry.run(["rm", "-f", "box"]);
  await eventually(() => !isAlive(sleeper));
  await wherry.start(["--name", "box"], ["true"]);
});

testWhole("exec in a container that does not run says how to start it", async (wherry) => {
  await wherry.run(["run", "--name", "ended", ...await wherry.busybox(), "true"]);

  const { code, stderr } = await wherry.run(["exec", "ended", "true"]);

  strictEqual(code, 1);
  strictEqual(
    stderr,
    'wherry: Container ended is not running\nStart it with "wherry start ended"\n',
  );
  await wherry.run(["rm", "ended"]);
});

testWhole("exec in a container that does not exist names it", async (wherry) => {
  const { code, stderr } = await wherry.run(["exec", "nobody", "true"]);

  strictEqual(code, 1);
  match(stderr, /No such container: nobody/);
});

/** What a process was called with, each argument with a NUL behind it; nothing once it has ended. */
function commandLine(pid: number): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/cmdline`);
  } catch (error) {
    if (isGone(error)) return "";
    throw error;
  }
}

testBeside("exec -d ends with 1 when the command does not exist", [], async (wherry) => {
  const { code, stderr } = await wherry.run(["exec", "-d", "box", "no-such-command"]);

  deepStrictEqual([code, stderr], [
    1,
    'wherry: Cannot execute "no-such-command": not found in $PATH\n',
  ]);
});
