/** `attach`, and leaving and coming back to a container. @module */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { eventually, exists, isAlive, pause, type TestEngine, testWhole } from "./harness.ts";
import type { Terminal } from "./terminal.ts";

/** Runs `body` beside a detached container called `box` with a shell on a terminal. */
function testBesideShell(name: string, body: (wherry: TestEngine) => Promise<void>): void {
  testWhole(name, async (wherry) => {
    await wherry.start(["-it", "--name", "box"], ["sh"]);
    await body(wherry);
    strictEqual((await wherry.run(["rm", "-f", "box"])).stderr, "");
  });
}

/** Attaches to `box` and waits until what is typed is answered. */
async function attachTo(
  wherry: TestEngine,
  flags: readonly string[] = [],
  size: { rows?: number; columns?: number } = {},
): Promise<Terminal> {
  const terminal = wherry.openTerminal(["attach", ...flags, "box"], size);
  await eventually(() => terminal.isRaw);
  terminal.type("echo at''tached\r");
  await terminal.waitFor("attached\r\n");
  return terminal;
}

testBesideShell("attach gives the container's terminal, and its exit status", async (wherry) => {
  await using terminal = await attachTo(wherry);
  terminal.type("exit 7\r");

  strictEqual(await terminal.finish(), 7);
  terminal.assertRestored();
});

testBesideShell("detaching from attach says so, and the container goes on", async (wherry) => {
  await using terminal = await attachTo(wherry);
  terminal.type("\x10\x11");

  strictEqual(await terminal.finish(), 1);
  ok(terminal.shown.endsWith("wherry: read escape sequence\r\n"), terminal.shown);
  terminal.assertRestored();
  strictEqual((await wherry.run(["ps", "-q", "--filter", "status=running"])).stdout.length, 13);
});

testBesideShell("attach --detach-keys replaces the keys", async (wherry) => {
  await using terminal = await attachTo(wherry, ["--detach-keys", "ctrl-a,d"]);
  terminal.type("\x10\x11");
  terminal.type("echo still'' here\r");
  await terminal.waitFor("still here\r\n");
  terminal.type("\x01d");

  strictEqual(await terminal.finish(), 1);
});

testBesideShell("two terminals show the same shell, and either may leave", async (wherry) => {
  await using first = await attachTo(wherry);
  await using second = await attachTo(wherry);
  first.type("echo from'' first\r");
  await Promise.all([first.waitFor("from first\r\n"), second.waitFor("from first\r\n")]);
  second.type("echo from'' second\r");
  await Promise.all([first.waitFor("from second\r\n"), second.waitFor("from second\r\n")]);

  second.type("\x10\x11");
  strictEqual(await second.finish(), 1);
  first.type("exit 3\r");
  strictEqual(await first.finish(), 3);
});

testBesideShell("attach takes the size of the terminal and follows it", async (wherry) => {
  await using terminal = await attachTo(wherry, [], { rows: 31, columns: 97 });
  terminal.type("stty size\r");
  await terminal.waitFor("31 97\r\n");
  terminal.resize(40, 120);
  terminal.type("while test \"$(stty size)\" != '40 120'; do sleep 0.05; done; echo fol''lowed\r");

  await terminal.waitFor("followed\r\n");
  terminal.type("\x10\x11");
  await terminal.finish();
});

testWhole("attach makes programs draw their screen again", async (wherry) => {
  const script = 'trap "echo drawn" WINCH; touch /out/ready; while :; do sleep 0.05; done';
  await wherry.start(["-it", "--name", "box", "-v", ".:/out"], ["sh", "-c", script]);
  await eventually(() => exists(`${wherry.scratch}/ready`));
  await using first = wherry.openTerminal(["attach", "box"]);
  await first.waitFor("drawn");
  first.type("\x10\x11");
  await first.finish();

  await using second = wherry.openTerminal(["attach", "box"]);
  await second.waitFor("drawn");

  second.type("\x10\x11");
  await second.finish();
  await wherry.run(["rm", "-f", "box"]);
});

testBesideShell("attach --no-stdin shows output and types nothing", async (wherry) => {
  await using watcher = wherry.openTerminal(["attach", "--no-stdin", "box"]);
  await watcher.waitFor("# "); // drawn again for it, so it is attached
  await using writer = await attachTo(wherry);
  // Again and again, since nothing tells when the watcher has come
  await eventually(async () => {
    writer.type("echo seen'' by all\r");
    await pause(100);
    return watcher.shown.includes("seen by all\r");
  });

  ok(!watcher.isRaw);
  writer.type("exit 5\r");
  deepStrictEqual([await writer.finish(), await watcher.finish()], [5, 5]);
});

testBesideShell("closing the window of attach leaves the shell alone", async (wherry) => {
  const [id = ""] = (await wherry.run(["ps", "-q", "--no-trunc"])).stdout.split("\n");
  const { pid } = wherry.readStateRecord(id);
  await using terminal = await attachTo(wherry);
  terminal.hangUp();
  await terminal.finish();

  await using next = await attachTo(wherry);

  ok(isAlive(pid));
  next.type("\x10\x11");
  await next.finish();
});

testBesideShell("SIGTERM to attach restores the terminal and spares the shell", async (wherry) => {
  await using terminal = await attachTo(wherry);
  terminal.kill("SIGTERM");

  strictEqual(await terminal.finish(), 143);
  terminal.assertRestored();
  strictEqual((await wherry.run(["exec", "box", "echo", "alive"])).stdout, "alive\n");
});

testBesideShell("attach needs a terminal for a container that has one", async (wherry) => {
  const { code, stderr } = await wherry.run(["attach", "box"], { stdin: "exit\n" });

  strictEqual(code, 1);
  match(stderr, /the input device is not a TTY/);
});

testWhole("attach without a terminal keeps the streams apart", async (wherry) => {
  const script = 'while read line; do echo "out $line"; echo "err $line" >&2; done; exit 4';
  await wherry.start(["-i", "--name", "box"], ["sh", "-c", script]);

  const child = wherry.spawn(["attach", "box"], { stdin: "" });
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode("1\n2\n"));
  const [shown, errors] = await Promise.all([
    readUntil(child.stdout, "2\n"),
    readUntil(child.stderr, "2\n"),
  ]);
  child.kill("SIGKILL");
  await child.status;
  await writer.abort().catch(() => undefined);

  strictEqual(shown, "out 1\nout 2\n");
  strictEqual(errors, "err 1\nerr 2\n");
  await wherry.run(["rm", "-f", "box"]);
});

/** What a stream carries up to the first `end`, or to its own. */
async function readUntil(stream: ReadableStream<Uint8Array>, end: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true });
    if (text.includes(end)) break;
  }
  return text;
}

testWhole("attach passes signals on, and with --sig-proxy=false ends itself", async (wherry) => {
  const script = 'trap "exit 6" TERM; while :; do echo tick; sleep 0.05; done';
  await wherry.start(["--name", "box"], ["sh", "-c", script]);
  const codeAfterSigterm = async (flags: readonly string[]): Promise<number> => {
    const child = wherry.spawn(["attach", ...flags, "box"]);
    const reader = child.stdout.getReader();
    await reader.read();
    child.kill("SIGTERM");
    const drained = (async () => {
      while (!(await reader.read()).done);
    })();
    const [{ code }] = await Promise.all([child.status, drained, child.stderr.cancel()]);
    return code;
  };

  strictEqual(await codeAfterSigterm(["--sig-proxy=false"]), 143);
  strictEqual(await codeAfterSigterm([]), 6);
  await wherry.run(["rm", "box"]);
});

testWhole("attach refuses what cannot be attached to, in docker's words", async (wherry) => {
  await wherry.start(["--name", "paused"], ["sleep", "100"]);
  await wherry.run(["pause", "paused"]);
  await wherry.run(["run", "--name", "ended", ...await wherry.busybox(), "true"]);
  const cases: [args: string[], code: number, message: string][] = [
    [["ended"], 1, "You cannot attach to a stopped container, start it first"],
    [["paused"], 1, "You cannot attach to a paused container, unpause it first"],
    [["--detach-keys", "ctrl-", "ended"], 1, 'there is no key "ctrl-"'],
    [["nobody"], 1, "No such container: nobody"],
    [[], 1, "'wherry attach' requires 1 argument"],
  ];
  for (const [args, code, message] of cases) {
    const result = await wherry.run(["attach", ...args]);

    strictEqual(result.code, code);
    ok(result.stderr.includes(message), result.stderr);
  }
  await wherry.run(["rm", "-f", "paused", "ended"]);
});

testWhole("start -ai comes back to a terminal, and leaves by other keys", async (wherry) => {
  await using first = wherry.openTerminal(
    ["run", "-it", "--name", "box", ...await wherry.busybox(), "sh"],
  );
  await first.waitFor("# ");
  first.type("exit 0\r");
  strictEqual(await first.finish(), 0);

  await using again = wherry.openTerminal(["start", "-ai", "--detach-keys", "x,y", "box"]);
  await again.waitFor("# ");
  again.type("xy");

  strictEqual(await again.finish(), 0);
  again.assertRestored();
  strictEqual((await wherry.run(["exec", "box", "echo", "alive"])).stdout, "alive\n");
  await wherry.run(["rm", "-f", "box"]);
});

testWhole("run --detach-keys that make no sense make no container", async (wherry) => {
  const { code, stderr } = await wherry.runBusybox(["--detach-keys", "a,ctrl-1"], ["true"]);

  strictEqual(code, 125);
  match(stderr, /^wherry: Cannot use the detach keys "a,ctrl-1": there is no key "ctrl-1"\n/);
});
