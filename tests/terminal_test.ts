/** `run -it` on a real pseudo terminal. @module */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { eventually, isAlive, listNames, testWhole } from "./harness.ts";
import { Terminal } from "./terminal.ts";

testWhole("run -it gives a shell on a terminal of its own", async (wherry) => {
  await using terminal = wherry.openTerminal([
    "run",
    "--rm",
    "-it",
    ...await wherry.busybox(),
    "sh",
  ]);
  await terminal.waitFor("# ");
  terminal.type("tty; echo $TERM; test -t 0 -a -t 1 -a -t 2 && echo all\r");

  await terminal.waitFor("/dev/pts/0\r\nxterm\r\nall\r\n");
  ok(terminal.isRaw);
  terminal.type("exit 7\r");

  strictEqual(await terminal.finish(), 7);
  terminal.assertRestored();
});

testWhole("run -i -t, -ti and --interactive --tty mean the same", async (wherry) => {
  for (const flags of [["-i", "-t"], ["-ti"], ["--interactive", "--tty"]]) {
    await using terminal = wherry.openTerminal(
      ["run", "--rm", ...flags, ...await wherry.busybox(), "sh", "-c", "tty; read x; echo got $x"],
    );
    await terminal.waitFor("/dev/pts/0");
    terminal.type("it\r");

    await terminal.waitFor("got it");
    strictEqual(await terminal.finish(), 0);
  }
});

testWhole("the terminal has the caller's size, and follows it", async (wherry) => {
  const script = 'trap "stty size" WINCH; stty size; while :; do sleep 0.05; done';
  await using terminal = wherry.openTerminal(
    ["run", "--rm", "-it", ...await wherry.busybox(), "sh", "-c", script],
    { rows: 31, columns: 97 },
  );

  await terminal.waitFor("31 97");
  terminal.resize(40, 120);
  await terminal.waitFor("40 120");
  terminal.resize(10, 20);
  await terminal.waitFor("10 20");
  terminal.type("\x03");

  strictEqual(await terminal.finish(), 130);
});

testWhole("ctrl-c interrupts the command inside, not wherry", async (wherry) => {
  await using terminal = wherry.openTerminal([
    "run",
    "--rm",
    "-it",
    ...await wherry.busybox(),
    "sh",
  ]);
  await terminal.waitFor("# ");
  terminal.type("echo be''gin; sleep 100\r");
  await terminal.waitFor("begin\r\n");
  terminal.type("\x03");
  await terminal.waitFor("# ");
  terminal.type("echo still here\r");

  await terminal.waitFor("still here\r\n");
  terminal.type("exit 5\r");
  strictEqual(await terminal.finish(), 5);
  terminal.assertRestored();
});

testWhole("ctrl-d ends a shell", async (wherry) => {
  await using terminal = wherry.openTerminal([
    "run",
    "--rm",
    "-it",
    ...await wherry.busybox(),
    "sh",
  ]);
  await terminal.waitFor("# ");
  terminal.type("\x04");

  strictEqual(await terminal.finish(), 0);
  terminal.assertRestored();
});

testWhole("ctrl-p ctrl-q leaves the container running", async (wherry) => {
  await using terminal = wherry.openTerminal(
    ["run", "-it", "--name", "left", ...await wherry.busybox(), "sh"],
  );
  await terminal.waitFor("# ");
  terminal.type("\x10\x11");

  strictEqual(await terminal.finish(), 0);
  terminal.assertRestored();
  const [id = ""] = listNames(`${wherry.root}/containers`);
  strictEqual(wherry.readStateRecord(id).status, "running");
  strictEqual((await wherry.run(["exec", "left", "echo", "alive"])).stdout, "alive\n");
  await wherry.run(["rm", "-f", "left"]);
});

testWhole("run --rm removes a container that was left and ends later", async (wherry) => {
  await using terminal = wherry.openTerminal(
    ["run", "-it", "--rm", "--name", "left", ...await wherry.busybox(), "sh"],
  );
  await terminal.waitFor("# ");
  terminal.type("\x10\x11");
  strictEqual(await terminal.finish(), 0);
  strictEqual(listNames(`${wherry.root}/containers`).length, 1);

  await wherry.run(["kill", "left"]);

  await eventually(() => listNames(`${wherry.root}/containers`).length === 0);
});

testWhole("ctrl-p followed by anything else goes to the command", async (wherry) => {
  await using terminal = wherry.openTerminal(
    [
      "run",
      "--rm",
      "-it",
      ...await wherry.busybox(),
      "sh",
      "-c",
      "stty raw -echo; echo ready; head -c 3 | od -An -tx1",
    ],
  );
  await terminal.waitFor("ready");
  terminal.type("\x10x");
  terminal.type("y");

  await terminal.waitFor("10 78 79");
  strictEqual(await terminal.finish(), 0);
});

testWhole("run -t without -i shows colours but reads nothing", async (wherry) => {
  const { code, stdout } = await wherry.runBusybox(["-t"], ["sh", "-c", "tty; echo end"]);

  deepStrictEqual([code, stdout], [0, "/dev/pts/0\r\nend\r\n"]);
});

testWhole("run -it without a terminal says so", async (wherry) => {
  const { code, stderr } = await wherry.runBusybox(["-it"], ["sh"], { stdin: "exit\n" });

  strictEqual(code, 1);
  match(stderr, /the input device is not a TTY/);
});

testWhole("SIGTERM to wherry reaches the command, and the terminal is restored", async (wherry) => {
  const script = 'trap "echo bye; exit 3" TERM; echo ready; while :; do sleep 0.05; done';
  await using terminal = wherry.openTerminal(
    ["run", "--rm", "-it", ...await wherry.busybox(), "sh", "-c", script],
  );
  await terminal.waitFor("ready");
  terminal.kill("SIGTERM");

  strictEqual(await terminal.finish(), 3);
  match(terminal.shown, /bye/);
  terminal.assertRestored();
});

testWhole("any signal that ends wherry leaves the terminal as it was", async (wherry) => {
  for (const signal of ["SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT"] as const) {
    await using terminal = wherry.openTerminal([
      ...["run", "--rm", "-it", "--sig-proxy=false", "--name", "box"],
      ...await wherry.busybox(),
      "sh",
    ]);
    await terminal.waitFor("# ");
    ok(terminal.isRaw);
    terminal.kill(signal);

    ok(await terminal.finish() > 128, signal);
    terminal.assertRestored();
    await wherry.run(["rm", "-f", "box"]);
  }
});

testWhole("the terminal is restored when the monitor is killed", async (wherry) => {
  await using terminal = wherry.openTerminal(
    ["run", "-it", "--name", "box", ...await wherry.busybox(), "sh"],
  );
  await terminal.waitFor("# ");
  const [id = ""] = listNames(`${wherry.root}/containers`);
  Deno.kill(wherry.readStateRecord(id).monitorPid, "SIGKILL");

  strictEqual(await terminal.finish(), 137);
  terminal.assertRestored();
  await wherry.run(["rm", "-f", "box"]);
});

testWhole("ctrl-z without a terminal inside is the container's, as every key", async (wherry) => {
  const script = 'trap "echo stop asked for" TSTP; echo ready; while :; do sleep 0.05; done';
  await using terminal = wherry.openTerminal(
    ["run", "--rm", ...await wherry.busybox(), "sh", "-c", script],
  );
  await terminal.waitFor("ready");
  terminal.type("\x1a");

  await terminal.waitFor("stop asked for");
  terminal.type("\x03");
  strictEqual(await terminal.finish(), 130);
});

testWhole("run -i in the background does not take what is typed into the shell", async (wherry) => {
  const command = wherry.commandLine(
    ["run", "--rm", "-i", ...await wherry.busybox(), "sh", "-c", "read x; echo got $x"],
  );
  await using terminal = wherry.network.within(() =>
    Terminal.open(["bash", "--norc", "-i"], { directory: wherry.scratch })
  );
  terminal.type("set -b +o history; PS1='$ '\r");
  terminal.type(`${command.map((word) => `'${word}'`).join(" ")} &\r`);
  await terminal.waitFor("Stopped");
  terminal.type("echo for'' the shell\r");
  await terminal.waitFor("for the shell\r\n");
  terminal.type("fg\r");
  await terminal.waitFor("read x");
  terminal.type("answer\r");

  await terminal.waitFor("got answer");
  await terminal.waitFor("$ ");
  terminal.type("exit\r");
  strictEqual(await terminal.finish(), 0);
});

testWhole("the terminal is restored when the container is killed", async (wherry) => {
  await using terminal = wherry.openTerminal(
    ["run", "-it", "--rm", "--name", "victim", ...await wherry.busybox(), "sh"],
  );
  await terminal.waitFor("# ");
  ok(terminal.isRaw);

  await wherry.run(["kill", "victim"]);

  strictEqual(await terminal.finish(), 137);
  terminal.assertRestored();
});

testWhole("the terminal is restored when the command cannot be started", async (wherry) => {
  await using terminal = wherry.openTerminal(
    ["run", "-it", "--rm", ...await wherry.busybox(), "no-such-command"],
  );

  strictEqual(await terminal.finish(), 127);
  match(terminal.shown, /not found in \$PATH\r\n/);
  terminal.assertRestored();
});

testWhole("closing the window ends a shell that is in it, and wherry with it", async (wherry) => {
  await using terminal = wherry.openTerminal(
    ["run", "-it", "--rm", ...await wherry.busybox(), "sh"],
  );
  await terminal.waitFor("# ");
  const [id = ""] = listNames(`${wherry.root}/containers`);
  const { pid } = wherry.readStateRecord(id);

  terminal.hangUp();

  await terminal.finish();
  strictEqual(isAlive(pid), false);
});

testWhole("a terminal carries 1 MiB of output unchanged", async (wherry) => {
  await using terminal = wherry.openTerminal(
    ["run", "-it", "--rm", ...await wherry.busybox(), "sh", "-c", "seq 1 200000 | tail -c 1048576"],
  );

  strictEqual(await terminal.finish(), 0);
  const expected = await wherry.runHost("sh", "-c", "seq 1 200000 | tail -c 1048576");
  ok(terminal.shown.endsWith(expected.replaceAll("\n", "\r\n")), "The output differs");
});

testWhole(
  "the first command of a host shows nothing on a terminal but what it was asked for",
  async (wherry) => {
    const argv = wherry.commandLine(
      ["run", "--rm", "--network", "none", ...await wherry.busybox(), "echo", "first"],
    );
    await using terminal = Terminal.open([
      ...["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /run && exec "$@"', "sh"],
      ...argv,
    ], {});

    strictEqual(await terminal.finish(), 0);
    strictEqual(terminal.shown, "first\r\n");
  },
);

testWhole("run -dt keeps a terminal without anybody at it", async (wherry) => {
  const id = await wherry.start(["-it", "--name", "box"], ["sh"]);

  const { stdout } = await wherry.run(["exec", "box", "readlink", "/proc/1/fd/0"]);

  strictEqual(stdout, "/dev/pts/0\n");
  await wherry.run(["rm", "-f", id]);
});
