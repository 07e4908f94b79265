/** From start to rm, also when something is done twice at once. @module */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import {
  eventually,
  exists,
  listNames,
  readIfThere,
  type TestEngine,
  testWhole,
} from "./harness.ts";

testWhole("start runs a container again with the files it had", async (wherry) => {
  const script = "echo run >>/count; cat /count";
  await wherry.run(["run", "--name", "again", ...await wherry.busybox(), "sh", "-c", script]);

  const first = await wherry.run(["start", "-a", "again"]);
  const second = await wherry.run(["start", "-a", "again"]);

  strictEqual(first.stdout, "run\nrun\n");
  strictEqual(second.stdout, "run\nrun\nrun\n");
  await wherry.run(["rm", "again"]);
});

testWhole("start prints the name, and starting twice is no error", async (wherry) => {
  await wherry.start(["--name", "box"], ["sleep", "100"]);
  await wherry.run(["kill", "box"]);

  const first = await wherry.run(["start", "box"]);
  const second = await wherry.run(["start", "box"]);

  deepStrictEqual([first.code, first.stdout], [0, "box\n"]);
  deepStrictEqual([second.code, second.stdout], [0, "box\n"]);
  await wherry.run(["rm", "-f", "box"]);
});

testWhole("start -a ends with the command's exit status", async (wherry) => {
  await wherry.run(["run", "--name", "box", ...await wherry.busybox(), "sh", "-c", "exit 9"]);

  strictEqual((await wherry.run(["start", "-a", "box"])).code, 9);
  await wherry.run(["rm", "box"]);
});

testWhole("start -ai hands over stdin", async (wherry) => {
  await wherry.run(["run", "-i", "--name", "box", ...await wherry.busybox(), "cat"]);

  const { stdout } = await wherry.run(["start", "-ai", "box"], { stdin: "again\n" });

  strictEqual(stdout, "again\n");
  await wherry.run(["rm", "box"]);
});

testWhole("stop lets the command end by itself", async (wherry) => {
  await startListening(wherry, "box", { signal: "TERM", exitCode: 7 });

  const { code, stdout } = await wherry.run(["stop", "box"]);

  deepStrictEqual([code, stdout], [0, "box\n"]);
  strictEqual((await wherry.run(["wait", "box"])).stdout, "7\n");
  await wherry.run(["rm", "box"]);
});

testWhole(
  "stop kills a command that does not listen, after the time it is given",
  async (wherry) => {
    await wherry.start(["--name", "box"], ["sleep", "100"]);
    const startedAt = Date.now();

    await wherry.run(["stop", "-t", "1", "box"]);

    const elapsed = Date.now() - startedAt;
    ok(elapsed >= 1000 && elapsed < 10_000, String(elapsed)); // the time without -t
    strictEqual((await wherry.run(["wait", "box"])).stdout, "137\n");
    await wherry.run(["rm", "box"]);
  },
);

testWhole("stop -s sends another signal", async (wherry) => {
  await startListening(wherry, "box", { signal: "USR2", exitCode: 8 });

  await wherry.run(["stop", "-s", "USR2", "box"]);

  strictEqual((await wherry.run(["wait", "box"])).stdout, "8\n");
  await wherry.run(["rm", "box"]);
});

testWhole("stop of a container that has ended is no error", async (wherry) => {
  await wherry.run(["run", "--name", "box", ...await wherry.busybox(), "true"]);

  deepStrictEqual(await wherry.run(["stop", "box"]), { code: 0, stdout: "box\n", stderr: "" });
  await wherry.run(["rm", "box"]);
});

testWhole("kill ends a container with 137, and kill -s with any signal", async (wherry) => {
  await wherry.start(["--name", "first"], ["sleep", "100"]);
  await startListening(wherry, "second", { signal: "HUP", exitCode: 5 });

  strictEqual((await wherry.run(["kill", "first"])).stdout, "first\n");
  strictEqual((await wherry.run(["kill", "-s", "SIGHUP", "second"])).stdout, "second\n");

  strictEqual((await wherry.run(["wait", "first", "second"])).stdout, "137\n5\n");
  await wherry.run(["rm", "first", "second"]);
});

testWhole("kill of a container that has ended says so", async (wherry) => {
  await wherry.run(["run", "--name", "box", ...await wherry.busybox(), "true"]);

  const { code, stderr } = await wherry.run(["kill", "box"]);

  strictEqual(code, 1);
  match(stderr, /^wherry: Cannot kill container: box: Container [0-9a-f]{64} is not running\n/);
  await wherry.run(["rm", "box"]);
});

testWhole("kill refuses a signal that does not exist", async (wherry) => {
  await wherry.start(["--name", "box"], ["sleep", "100"]);

  const { code, stderr } = await wherry.run(["kill", "-s", "NONSENSE", "box"]);

  strictEqual(code, 1);
  match(stderr, /Cannot send the signal "NONSENSE"/);
  await wherry.run(["rm", "-f", "box"]);
});

testWhole("wait ends when the container does", async (wherry) => {
  const id = await wherry.start([], ["sh", "-c", "sleep 0.3; exit 3"]);

  strictEqual((await wherry.run(["wait", id])).stdout, "3\n");
  await wherry.run(["rm", id]);
});

testWhole("rm refuses a running container and says what to do", async (wherry) => {
  await wherry.start(["--name", "box"], ["sleep", "100"]);

  const { code, stderr } = await wherry.run(["rm", "box"]);

  strictEqual(code, 1);
  match(stderr, /^wherry: Cannot remove container "box": it is running\n.*wherry rm -f box/);
  strictEqual((await wherry.run(["rm", "-f", "box"])).stdout, "box\n");
});

testWhole("rm removes a container that ended by itself", async (wherry) => {
  const id = await wherry.start([], ["true"]);
  await wherry.run(["wait", id]);

  strictEqual((await wherry.run(["rm", id])).code, 0);
});

testWhole(
  "rm takes names, ids and the beginnings of ids, and goes on after an error",
  async (wherry) => {
    const first = await wherry.start(["--name", "by-name"], ["true"]);
    const second = await wherry.start([], ["true"]);
    await wherry.run(["wait", first, second]);

    const { code, stdout, stderr } = await wherry.run([
      "rm",
      "by-name",
      "nobody",
      second.slice(0, 12),
    ]);

    strictEqual(code, 1);
    strictEqual(stdout, `by-name\n${second.slice(0, 12)}\n`);
    match(stderr, /No such container: nobody/);
  },
);

testWhole("rm removes trees that a container made hard to remove", async (wherry) => {
  const script = "mkdir -p /a/b; chmod 0 /a/b /a; chmod 000 /etc; i=0; " +
    "while [ $i -lt 300 ]; do mkdir d; cd d; i=$((i+1)); done; ln -s / link; mknod dev c 1 3";

  const { code, stderr } = await wherry.runBusybox([], ["sh", "-c", script]);

  deepStrictEqual([code, stderr], [0, ""]);
});

testWhole("two containers with one name: exactly one is made", async (wherry) => {
  const argv = ["run", "-d", "--name", "only", ...await wherry.busybox(), "sleep", "100"];

  const results = await Promise.all([1, 2, 3, 4].map(() => wherry.run(argv)));

  deepStrictEqual(results.map(({ code }) => code).toSorted(), [0, 125, 125, 125]);
  strictEqual(listNames(`${wherry.root}/containers`).length, 1);
  await wherry.run(["rm", "-f", "only"]);
});

testWhole("eight containers at once each get their own output and status", async (wherry) => {
  const numbers = Array.from({ length: 8 }, (_, index) => index);

  const results = await Promise.all(
    numbers.map((number) => wherry.runBusybox([], ["sh", "-c", `echo ${number}; exit ${number}`])),
  );

  deepStrictEqual(
    results,
    numbers.map((number) => ({ code: number, stdout: `${number}\n`, stderr: "" })),
  );
});

testWhole("two rm at once both end, and the container is gone", async (wherry) => {
  for (const flags of [[], ["-f"]]) {
    const id = await wherry.start([], ["true"]);
    await wherry.run(["wait", id]);

    const results = await Promise.all([1, 2, 3].map(() => wherry.run(["rm", ...flags, id])));

    ok(results.some(({ code }) => code === 0));
    for (const { stderr } of results) match(stderr, /^$|No such container|another command/);
    deepStrictEqual(listNames(`${wherry.root}/containers`), []);
  }
});

testWhole("two start at once: the container runs once", async (wherry) => {
  await wherry.start(["--name", "box", "-v", ".:/out"], [
    "sh",
    "-c",
    "echo run >>/out/log; exec sleep 100",
  ]);
  await eventually(() => readIfThere(`${wherry.scratch}/log`) === "run\n");
  await wherry.run(["kill", "box"]);

  const results = await Promise.all([1, 2, 3].map(() => wherry.run(["start", "box"])));

  ok(results.some(({ code }) => code === 0));
  await eventually(() => Deno.readTextFileSync(`${wherry.scratch}/log`) === "run\nrun\n");
  await wherry.run(["rm", "-f", "box"]);
});

testWhole("hidden commands end cleanly when somebody calls them", async (wherry) => {
  const cleanup = await wherry.run(["__cleanup", "0".repeat(64)]);
  const none = await wherry.run(["__cleanup"]);
  const help = await wherry.run(["--help"]);

  strictEqual(cleanup.stderr, "");
  strictEqual(none.code, 1);
  ok(!help.stdout.includes("__cleanup"));
});

testWhole(
  "__cleanup never removes a container that runs or was made without --rm",
  async (wherry) => {
    const running = await wherry.start(["--rm"], ["sleep", "100"]);
    const kept = await wherry.start([], ["true"]);
    await wherry.run(["wait", kept]);

    await wherry.run(["__cleanup", running, kept]);

    deepStrictEqual(listNames(`${wherry.root}/containers`), [running, kept].toSorted());
    await wherry.run(["rm", "-f", running, kept]);
  },
);

testWhole(
  "run -d --rm leaves nothing when its reader is slower than the container",
  async (wherry) => {
    const command = wherry.commandLine(["run", "-d", "--rm", ...await wherry.busybox(), "true"]);
    const slow = '{ head -c 65536 /dev/zero; exec "$@"; } | { sleep 0.5; tail -c 65; }';

    const id = (await wherry.runHost("/bin/sh", "-c", slow, "sh", ...command)).trim();

    await eventually(() => !exists(wherry.containerPath(id, "")));
    deepStrictEqual(listNames(`${wherry.root}/containers`), []);
  },
);

/** Starts a container that ends with `exitCode` on a signal, and waits until it listens. */
async function startListening(
  wherry: TestEngine,
  name: string,
  { signal, exitCode }: { signal: string; exitCode: number },
): Promise<void> {
  const script =
    `trap "exit ${exitCode}" ${signal}; touch /out/ready; while :; do sleep 0.05; done`;
  await wherry.start(["--name", name, "-v", ".:/out"], ["sh", "-c", script]);
  await eventually(() => exists(`${wherry.scratch}/ready`));
}

testWhole(
  "rm removes a container that has just ended, also while its files are written to disk",
  async (wherry) => {
    const script = "head -c 200000000 /dev/zero >/data; touch /written; exec sleep 100";
    const id = await wherry.start(["--name", "box"], ["sh", "-c", script]);
    await eventually(() => exists(wherry.containerPath(id, "upper/written")));
    const state = wherry.containerPath(id, "state.json");
    Deno.kill(JSON.parse(Deno.readTextFileSync(state)).pid, "SIGKILL");
    await eventually(() => Deno.readTextFileSync(state).includes('"exited"'));

    const { code, stderr } = await wherry.run(["rm", "box"]);

    deepStrictEqual([code, stderr], [0, ""]);
  },
);
