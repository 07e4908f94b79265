/** `wherry stats`: what containers use. @module */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { eventually, isAlive, readIfThere, type TestEngine, testWhole } from "./harness.ts";

/** The fields of docker's `stats`, as they are printed. */
interface SeenStats {
  Container: string;
  Name: string;
  ID: string;
  CPUPerc: string;
  MemUsage: string;
  MemPerc: string;
  NetIO: string;
  BlockIO: string;
  PIDs: string;
  CPUPressure: string;
}

/** One look at a container. */
async function look(wherry: TestEngine, name: string): Promise<SeenStats> {
  const { code, stdout, stderr } = await wherry.run([
    "stats",
    "--no-stream",
    "--format",
    "json",
    name,
  ]);
  deepStrictEqual([code, stderr], [0, ""]);
  return JSON.parse(stdout);
}

/** Looks until what is seen is as it should be; each look takes a second by itself. */
async function eventuallySee(
  wherry: TestEngine,
  name: string,
  isRight: (seen: SeenStats) => boolean,
): Promise<SeenStats> {
  let seen = await look(wherry, name);
  await eventually(async () => isRight(seen) || isRight(seen = await look(wherry, name)));
  return seen;
}

const POWERS = ["", "k", "M", "G", "T"];

/** Bytes of a size such as `1.5MiB` or `12.3kB`. */
function bytesOf(text: string): number {
  const [, digits, prefix = "", binary] = /^([\d.e+]+)([kKMGT]?)(i?)B$/.exec(text) ?? [];
  ok(digits !== undefined, `"${text}" is no size`);
  const power = POWERS.findIndex((each) => each.toLowerCase() === prefix.toLowerCase());
  return Number(digits) * (binary === "i" ? 1024 : 1000) ** power;
}

function firstOf(pair: string): number {
  return bytesOf(pair.split(" / ")[0] ?? "");
}

function secondOf(pair: string): number {
  return bytesOf(pair.split(" / ")[1] ?? "");
}

testWhole("stats shows a container that is busy, and one that is not", async (wherry) => {
  await wherry.start(["--name", "busy"], ["sh", "-c", "while :; do :; done"]);
  await wherry.start(["--name", "idle"], ["sleep", "1000"]);

  const [busy, idle] = [await look(wherry, "busy"), await look(wherry, "idle")];
  await wherry.run(["rm", "-f", "busy", "idle"]);

  const percent = Number.parseFloat(busy.CPUPerc);
  // Others use this machine too, and a share is measured a bit late
  ok(percent > 15 && percent < 115, busy.CPUPerc);
  ok(Number.parseFloat(idle.CPUPerc) < 5, idle.CPUPerc);
  deepStrictEqual([idle.Name, idle.Container, idle.PIDs], ["idle", "idle", "1"]);
  match(idle.ID, /^[0-9a-f]{12}$/);
});

testWhole("stats shows memory that a program has", async (wherry) => {
  const script = 'x=$(head -c 30000000 /dev/zero | tr "\\0" a); echo "ready ${#x}"; sleep 1000; :';
  const id = await wherry.start(["--name", "big"], ["sh", "-c", script]);
  await eventually(() => readIfThere(wherry.containerPath(id, "log")).includes("ready 30000000"));

  const { MemUsage, MemPerc } = await look(wherry, "big");
  await wherry.run(["rm", "-f", "big"]);

  const [used, limit] = [firstOf(MemUsage), secondOf(MemUsage)];
  ok(used > 30_000_000 && used < 120_000_000, MemUsage);
  ok(Math.abs(limit / Deno.systemMemoryInfo().total - 1) < 0.01, MemUsage);
  ok(Math.abs(Number.parseFloat(MemPerc) - 100 * used / limit) < 0.02, MemPerc);
});

testWhole("stats shows limits, and what a container uses that keeps to them", async (wherry) => {
  const flags = ["--network", "none", "--memory", "64m", "--cpus", "0.3", "--name", "box"];
  const script = 'x=$(head -c 20000000 /dev/zero | tr "\\0" a); while :; do :; done';
  await wherry.start(flags, ["sh", "-c", script]);

  const seen = await eventuallySee(wherry, "box", ({ MemUsage }) => firstOf(MemUsage) > 20_000_000);
  await wherry.run(["rm", "-f", "box"]);

  match(seen.MemUsage, /MiB \/ 64MiB$/);
  ok(firstOf(seen.MemUsage) < 64 * 2 ** 20, seen.MemUsage);
  ok(Number.parseFloat(seen.CPUPerc) < 45, seen.CPUPerc);
});

testWhole("stats shows what went over the network", async (wherry) => {
  await wherry.start(["--name", "server"], ["nc", "-l", "-p", "80", "-e", "cat"]);
  const address = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
  const { stdout } = await wherry.run(["inspect", "-f", address, "server"]);
  const script = `sleep 1000 & until head -c 1000000 /dev/zero | nc -w 5 ${stdout.trim()} 80; ` +
    "do sleep 0.1; done >/dev/null; echo sent; wait";
  const id = await wherry.start(["--name", "client"], ["sh", "-c", script]);
  await eventually(() => readIfThere(wherry.containerPath(id, "log")).includes("sent"));

  const { NetIO, PIDs } = await look(wherry, "client");
  await wherry.run(["rm", "-f", "server", "client"]);

  ok(secondOf(NetIO) > 1_000_000 && secondOf(NetIO) < 3_000_000, NetIO);
  strictEqual(PIDs, "2");
});

testWhole("stats shows what was written to the disk", async (wherry) => {
  const script =
    "dd if=/dev/zero of=/file bs=1M count=8 conv=fsync 2>/dev/null; echo done; sleep 1000";
  const id = await wherry.start(["--network", "none", "--name", "box"], ["sh", "-c", script]);
  await eventually(() => readIfThere(wherry.containerPath(id, "log")).includes("done"));

  const { BlockIO } = await look(wherry, "box");
  await wherry.run(["rm", "-f", "box"]);

  ok(secondOf(BlockIO) >= 8_000_000 && secondOf(BlockIO) < 30_000_000, BlockIO);
});

testWhole("a container on the host's network has no traffic of its own", async (wherry) => {
  await wherry.start(["--network", "host", "--name", "box"], ["sleep", "1000"]);

  const { NetIO } = await look(wherry, "box");
  await wherry.run(["rm", "-f", "box"]);

  strictEqual(NetIO, "0B / 0B");
});

testWhole("stats shows a table of all that run, and with -a of all others", async (wherry) => {
  await wherry.run(["run", "--name", "ended", ...await wherry.busybox(), "true"]);
  const id = await wherry.start(["--name", "box"], ["sleep", "1000"]);

  const running = await wherry.run(["stats", "--no-stream"]);
  const all = await wherry.run(["stats", "--no-stream", "-a", "--pressure"]);
  const whole = await wherry.run(["stats", "--no-stream", "--no-trunc", "--format", "{{.ID}}"]);
  await wherry.run(["rm", "-f", "box", "ended"]);

  const [head = "", ...rows] = running.stdout.trimEnd().split("\n");
  match(
    head,
    /^CONTAINER ID {3}NAME {6}CPU % {5}MEM USAGE \/ LIMIT +MEM % {5}NET I\/O +BLOCK I\/O +PIDS$/,
  );
  strictEqual(rows.length, 1);
  match(
    rows[0] ?? "",
    /^[0-9a-f]{12} {3}box {7}\d+\.\d\d% {5}[\d.]+[KM]iB \/ [\d.]+GiB +\d\.\d\d% {5}\S+B \/ \S+B +\S+B \/ \S+B +1$/,
  );
  match(all.stdout, /PIDS {6}CPU PRESSURE +MEM PRESSURE +I\/O PRESSURE\n/);
  match(
    all.stdout,
    /^[0-9a-f]{12} {3}ended {5}0\.00% {5}0B \/ 0B +0\.00% {5}0B \/ 0B +0B \/ 0B +0 +-- \/ --/m,
  );
  strictEqual(whole.stdout, `${id}\n`);
});

testWhole("stats says what is wrong, in docker's words", async (wherry) => {
  await wherry.run(["run", "--name", "ended", ...await wherry.busybox(), "true"]);

  const ended = await wherry.run(["container", "stats", "--no-stream", "ended"]);
  const unknown = await wherry.run(["stats", "ended", "nobody"]);
  const several = await wherry.run(["stats", "nobody", "noone"]);
  const none = await wherry.run(["stats", "--no-stream"]);
  const wrong = await wherry.run(["stats", "--format", "{{.Nonsense}}"]);
  await wherry.run(["rm", "ended"]);

  deepStrictEqual([ended.code, ended.stderr], [0, ""]);
  match(ended.stdout, / ended +0\.00% +0B \/ 0B +0\.00% +0B \/ 0B +0B \/ 0B +0\n$/);
  deepStrictEqual([unknown.code, unknown.stdout], [1, ""]);
  match(unknown.stderr, /No such container: nobody/);
  deepStrictEqual([several.code, several.stdout], [1, ""]);
  match(several.stderr, /No such container: nobody\n[^]*No such container: noone\n/);
  deepStrictEqual([none.code, none.stdout.split("\n").length], [0, 2]);
  ok(wrong.code > 0);
  match(wrong.stderr, /can't evaluate field Nonsense/);
});

/** Output of `stats` as it comes, page after page. */
class Watcher implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  #text = "";
  readonly #done: Promise<void>;

  constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#done = this.#read();
  }

  async #read(): Promise<void> {
    for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      this.#text += text;
    }
  }

  /** All so far. */
  get text(): string {
    return this.#text;
  }

  /** Ends it as Ctrl-C does. @returns The signal that it ended by. */
  async interrupt(): Promise<Deno.Signal | null> {
    this.#child.kill("SIGINT");
    const { signal } = await this.#child.status;
    await this.#done;
    return signal;
  }

  /** Waits for its end. @returns The exit code. */
  async finish(): Promise<number> {
    const { code } = await this.#child.status;
    await this.#done;
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (isAlive(this.#child.pid)) this.#child.kill("SIGKILL");
    await this.#child.status;
    await this.#done;
    await this.#child.stderr.cancel();
  }
}

testWhole(
  "stats goes on with containers that come and go, until somebody ends it",
  async (wherry) => {
    await wherry.start(["--name", "first"], ["sleep", "1000"]);
    await using watcher = new Watcher(
      wherry.spawn(["stats", "--format", "table {{.Name}}"]),
    );
    const pages = (): string[] => watcher.text.split("NAME\n").slice(1);
    await eventually(() => pages().some((page) => page === "first\n"));

    await wherry.start(["--name", "second"], ["sleep", "1000"]);
    await eventually(() => pages().some((page) => page === "second\nfirst\n"));
    await wherry.run(["rm", "-f", "first"]);
    await eventually(() => pages().some((page) => page === "second\n"));

    strictEqual(await watcher.interrupt(), "SIGINT");
    ok(!watcher.text.includes("\x1b"), "A control character came out of a pipe");
    await wherry.run(["rm", "-f", "second"]);
  },
);

testWhole("stats of named containers ends once all of them are gone", async (wherry) => {
  await wherry.start(["--name", "first"], ["sleep", "1000"]);
  await wherry.start(["--name", "second"], ["sleep", "1000"]);
  await using watcher = new Watcher(
    wherry.spawn(["stats", "--format", "{{.Container}} {{.PIDs}}", "first", "second"]),
  );
  await eventually(() => watcher.text.includes("first 1\nsecond 1\n"));

  await wherry.run(["stop", "-t", "0", "second"]);
  await eventually(() => watcher.text.includes("first 1\nsecond 0\n"));
  await wherry.run(["rm", "-f", "first"]);
  await eventually(() => watcher.text.includes("second 0\nfirst --\n"));
  await wherry.run(["rm", "-f", "second"]);

  strictEqual(await watcher.finish(), 0);
});

testWhole("stats on a terminal draws each page over the one before", async (wherry) => {
  await wherry.start(["--name", "box"], ["sleep", "1000"]);
  await using terminal = wherry.openTerminal(["stats", "--format", "table {{.Name}}"]);

  await terminal.waitFor("\x1b[2J\x1b[HNAME\x1b[K\r\nbox\x1b[K\r\n\x1b[J");
  await terminal.waitFor("\x1b[J\x1b[HNAME\x1b[K\r\nbox\x1b[K\r\n\x1b[J");
  terminal.type("\x03");

  strictEqual(await terminal.finish(), 130);
  await wherry.run(["rm", "-f", "box"]);
});

testWhole("a paused container uses no processor", async (wherry) => {
  await wherry.start(["--name", "box"], ["sh", "-c", "while :; do :; done"]);
  await wherry.run(["pause", "box"]);

  const { CPUPerc, PIDs } = await look(wherry, "box");
  await wherry.run(["rm", "-f", "box"]);

  deepStrictEqual([CPUPerc, PIDs], ["0.00%", "1"]);
});
