/** `wherry events`: what commands and monitors did, seen by another process. @module */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { eventually, exists, type TestEngine, testWhole } from "./harness.ts";

/** What a test looks at of an event. */
interface SeenEvent {
  Type: string;
  Action: string;
  Actor: { ID: string; Attributes: Record<string, string> };
  timeNano: number;
}

/** All events so far that `filters` choose. */
async function seenEvents(wherry: TestEngine, ...filters: string[]): Promise<SeenEvent[]> {
  const { code, stdout, stderr } = await wherry.run([
    "events",
    "--since",
    "1h",
    "--until",
    "0s",
    "--format",
    "json",
    ...filters.flatMap((filter) => ["--filter", filter]),
  ]);
  strictEqual(stderr, "");
  strictEqual(code, 0);
  return stdout.split("\n").slice(0, -1).map((line) => JSON.parse(line));
}

/** Their actions, in order. */
async function seenActions(wherry: TestEngine, ...filters: string[]): Promise<string[]> {
  return (await seenEvents(wherry, ...filters)).map(({ Action }) => Action);
}

/** Lines of `events` as they come. */
class Watcher implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#lines = linesOf(child.stdout);
  }

  async next(): Promise<string> {
    return (await this.#lines.next()).value ?? "end";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGINT");
    await this.#child.status;
    await this.#lines.return?.();
    await this.#child.stderr.cancel();
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}

testWhole("run --rm gives create, attach, start, die and destroy", async (wherry) => {
  await wherry.runBusybox(["--name", "box", "--label", "app=shop"], ["sh", "-c", "exit 3"]);

  const events = await seenEvents(wherry, "type=container");

  deepStrictEqual(events.map(({ Action }) => Action), [
    "create",
    "attach",
    "start",
    "die",
    "destroy",
  ]);
  const times = events.map(({ timeNano }) => timeNano);
  deepStrictEqual(times, times.toSorted((a, b) => a - b));
  ok(events.every(({ Actor: { Attributes: { app, name } } }) => app === "shop" && name === "box"));
  strictEqual(events[3]?.Actor.Attributes["exitCode"], "3");
});

testWhole("stop gives kill, die and stop", async (wherry) => {
  const id = await wherry.start(["--name", "box", "-v", ".:/out"], [
    "sh",
    "-c",
    "trap 'exit 0' TERM; touch /out/ready; while :; do sleep 0.1; done",
  ]);
  await eventually(() => exists(`${wherry.scratch}/ready`));
  await wherry.run(["stop", "box"]);

  const events = await seenEvents(wherry, "type=container");

  deepStrictEqual(events.map(({ Action }) => Action), ["create", "start", "kill", "die", "stop"]);
  strictEqual(events[2]?.Actor.Attributes["signal"], "15");
  ok(events.every(({ Actor: { ID } }) => ID === id));
  await wherry.run(["rm", "box"]);
});

testWhole("stop of a container that does not obey gives a second kill", async (wherry) => {
  await wherry.start(["--name", "box"], ["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"]);
  await wherry.run(["stop", "-t", "1", "box"]);

  const events = await seenEvents(wherry, "event=kill", "event=die", "event=stop");

  deepStrictEqual(
    events.map(({ Action, Actor: { Attributes } }) => [Action, Attributes["signal"]]),
    [["kill", "15"], ["kill", "9"], ["die", undefined], ["stop", undefined]],
  );
  await wherry.run(["rm", "box"]);
});

testWhole("restart gives kill, die, stop, start and restart", async (wherry) => {
  await wherry.start(["--name", "box"], ["sleep", "100"]);
  await wherry.run(["restart", "-s", "KILL", "box"]);

  const actions = await seenActions(wherry, "type=container");
  await wherry.run(["rm", "-f", "box"]);

  deepStrictEqual(actions.slice(2), ["kill", "die", "stop", "start", "restart"]);
});

testWhole("a container tells of itself by its new name once it has one", async (wherry) => {
  await wherry.start(["--name", "box"], ["sleep", "100"]);
  await wherry.run(["rename", "box", "other"]);
  await wherry.run(["kill", "other"]);

  const events = await seenEvents(wherry, "event=start", "event=die");

  deepStrictEqual(events.map(({ Actor }) => Actor.Attributes["name"]), ["box", "other"]);
  await wherry.run(["rm", "other"]);
});

testWhole("container prune tells what it gave, and of no container", async (wherry) => {
  await wherry.run(["create", ...await wherry.busybox(), "true"]);
  await wherry.run(["container", "prune", "-f"]);

  const events = await seenEvents(wherry, "event=prune");

  deepStrictEqual(events.map(({ Type, Actor }) => [Type, Actor]), [
    ["container", { ID: "", Attributes: { reclaimed: "0" } }],
  ]);
});

testWhole("exec -d gives exec_die when its command ends", async (wherry) => {
  await wherry.start(["--name", "box"], ["sleep", "100"]);
  await using watcher = new Watcher(
    wherry.spawn(["events", "--since", "1h", "--format", "{{.Action}}", "-f", "event=exec_die"]),
  );
  await wherry.run(["exec", "-d", "box", "true"]);

  strictEqual(await watcher.next(), "exec_die");
  await wherry.run(["rm", "-f", "box"]);
});

testWhole("kill and rm -f tell the signal that they send", async (wherry) => {
  await wherry.start(["--name", "box"], ["sleep", "100"]);
  await wherry.run(["kill", "-s", "USR2", "box"]);
  await wherry.run(["rm", "-f", "box"]);

  const events = await seenEvents(wherry, "event=kill", "event=destroy");

  deepStrictEqual(
    events.map(({ Action, Actor: { Attributes } }) => [Action, Attributes["signal"]]),
    [["kill", "12"], ["kill", "9"], ["destroy", undefined]],
  );
});

testWhole("a signal that run passes on is told as kill", async (wherry) => {
  const script = "trap 'exit 0' TERM; echo ready; while :; do sleep 0.05; done";
  const child = wherry.spawn(["run", "--rm", ...await wherry.busybox(), "sh", "-c", script]);
  const reader = child.stdout.getReader();
  await reader.read();
  child.kill("SIGTERM");
  await child.status;
  await Promise.all([reader.cancel(), child.stderr.cancel()]);

  const [kill, die] = await seenEvents(wherry, "event=kill", "event=die");

  deepStrictEqual([kill?.Actor.Attributes["signal"], die?.Action], ["15", "die"]);
});

testWhole("exec gives exec_create, exec_start and exec_die of one exec", async (wherry) => {
  await wherry.start(["--name", "box"], ["sleep", "100"]);
  await wherry.run(["exec", "box", "sh", "-c", "exit 7"]);

  const events = await seenEvents(
    wherry,
    "event=exec_create",
    "event=exec_start",
    "event=exec_die",
  );

  deepStrictEqual(events.map(({ Action }) => Action), [
    "exec_create: sh -c exit 7",
    "exec_start: sh -c exit 7",
    "exec_die",
  ]);
  strictEqual(new Set(events.map(({ Actor }) => Actor.Attributes["execID"])).size, 1);
  match(events[0]?.Actor.Attributes["execID"] ?? "", /^[0-9a-f]{64}$/);
  strictEqual(events[2]?.Actor.Attributes["exitCode"], "7");
  await wherry.run(["rm", "-f", "box"]);
});

testWhole(
  "a --rm container whose command does not exist leaves a destroy behind",
  async (wherry) => {
    await wherry.run(["run", "--rm", ...await wherry.busybox(), "no-such-command"]);

    deepStrictEqual(await seenActions(wherry, "event=create", "event=destroy"), [
      "create",
      "destroy",
    ]);
  },
);

testWhole("import, rmi and load tell of images", async (wherry) => {
  const { stdout } = await wherry.run([
    "import",
    "-c",
    "LABEL app=shop",
    await wherry.imageTar(),
    "box:1",
  ]);
  await wherry.run(["rmi", "box:1"]);

  const events = await seenEvents(wherry, "type=image", "label=app=shop");

  const id = stdout.trim();
  deepStrictEqual(
    events.map(({ Action, Actor: { ID, Attributes } }) => [Action, ID, Attributes["name"]]),
    [["tag", id, "box:1"], ["import", id, id], ["untag", id, id], ["delete", id, id]],
  );
});

testWhole("run of a tar tells of the image that it makes, once", async (wherry) => {
  const tar = await wherry.imageTar();
  await wherry.run(["run", "--rm", tar, "true"]);
  await wherry.run(["run", "--rm", tar, "true"]);

  deepStrictEqual(await seenActions(wherry, "type=image"), ["tag", "import"]);
});

testWhole("events follows what other processes do", async (wherry) => {
  await wherry.runBusybox(["--name", "before"], ["true"]);
  await using watcher = new Watcher(
    wherry.spawn(["events", "--since", "1h", "--format", "{{.Action}} {{.Actor.Attributes.name}}"]),
  );
  // History shows that it listens by now
  strictEqual(await watcher.next(), "create before");

  await wherry.runBusybox(["--name", "after"], ["true"]);

  let line = "";
  while (line !== "destroy after") line = await watcher.next();
  strictEqual(line, "destroy after");
});

testWhole("events prints docker's line in the local time zone", async (wherry) => {
  const id = await wherry.start(["--name", "box"], ["true"]);
  await wherry.run(["wait", "box"]);

  const { stdout } = await wherry.run(
    ["system", "events", "--since", "1h", "--until", "0s", "-f", "event=create"],
    { env: { TZ: "Asia/Kolkata" } },
  );

  match(
    stdout,
    new RegExp(
      String.raw`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}\+05:30 container create ${id} ` +
        String.raw`\(image=.*, name=box\)\n$`,
    ),
  );
  await wherry.run(["rm", "box"]);
});

testWhole("events with nothing to show ends at an --until that has passed", async (wherry) => {
  deepStrictEqual(await wherry.run(["events", "--until", "1h"]), {
    code: 0,
    stdout: "",
    stderr: "",
  });
});

testWhole("events warns of damaged lines and shows the others", async (wherry) => {
  await wherry.runBusybox([], ["true"]);
  Deno.writeTextFileSync(`${wherry.runRoot}/events`, "garbage\n", { append: true });
  await wherry.runBusybox([], ["true"]);

  const { stdout, stderr } = await wherry.run([
    "events",
    "--since",
    "1h",
    "--until",
    "0s",
    "--format",
    "{{.Action}}",
    "-f",
    "event=create",
  ]);

  strictEqual(stdout, "create\ncreate\n");
  strictEqual(stderr, "WARNING: the log of events has 1 damaged lines, which were left out\n");
});

testWhole("a command whose events cannot be written does its work and warns", async (wherry) => {
  const alone = ["--network", "none"];
  await wherry.runBusybox(alone, ["true"]);
  Deno.removeSync(`${wherry.runRoot}/events`);
  // Its writer would wait for a reader
  await wherry.runHost("mkfifo", `${wherry.runRoot}/events`);

  const { code, stdout, stderr } = await wherry.runBusybox(alone, ["echo", "done"]);

  deepStrictEqual([code, stdout], [0, "done\n"]);
  match(stderr, /^WARNING: 3 events of this command could not be written down: Cannot write/);
});

const REFUSED: [args: string[], code: number, message: RegExp][] = [
  [["--filter", "colour=red"], 1, /Cannot filter by "colour": no such filter/],
  [["--filter", "event"], 125, /Cannot filter by "event": it is not name=value/],
  [["--format", "{{.Foo}}"], 64, /can't evaluate field Foo/],
  [["--since", "yesterday"], 1, /Cannot read time "yesterday"/],
  [["--since", "1m", "--until", "2m"], 1, /the end is before the beginning/],
];

for (const [args, expected, message] of REFUSED) {
  testWhole(`events refuses ${args.join(" ")}`, async (wherry) => {
    const { code, stdout, stderr } = await wherry.run(["events", ...args]);

    deepStrictEqual([code, stdout], [expected, ""]);
    match(stderr, message);
  });
}

testWhole("restart stops a container before it starts it", async (wherry) => {
  await wherry.start(["--name", "box"], ["sleep", "100"]);
  await wherry.run(["restart", "-s", "KILL", "box"]);

  deepStrictEqual((await seenActions(wherry, "container=box")).slice(2), [
    "kill",
    "die",
    "stop",
    "start",
    "restart",
  ]);
  await wherry.run(["rm", "-f", "box"]);
});
