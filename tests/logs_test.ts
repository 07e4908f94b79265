/** `wherry logs`: what a container wrote, whoever was looking. @module */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { eventually, listNames, testWhole } from "./harness.ts";

testWhole("logs shows what a container wrote, stdout and stderr apart", async (wherry) => {
  await wherry.start(["--name", "box"], ["sh", "-c", "echo out; echo err >&2; printf end"]);
  await wherry.run(["wait", "box"]);

  const result = await wherry.run(["logs", "box"]);

  deepStrictEqual(result, { code: 0, stdout: "out\nend", stderr: "err\n" });
  await wherry.run(["rm", "box"]);
});

testWhole("logs has the output of a container in the foreground too", async (wherry) => {
  await wherry.run(["run", "--name", "box", ...await wherry.busybox(), "echo", "seen"]);

  strictEqual((await wherry.run(["logs", "box"])).stdout, "seen\n");
  await wherry.run(["rm", "box"]);
});

testWhole("logs keeps what earlier runs wrote", async (wherry) => {
  await wherry.run(["run", "--name", "box", ...await wherry.busybox(), "echo", "line"]);
  await wherry.run(["start", "-a", "box"]);

  strictEqual((await wherry.run(["logs", "box"])).stdout, "line\nline\n");
  await wherry.run(["rm", "box"]);
});

testWhole("logs shows a prompt that has no newline yet", async (wherry) => {
  await wherry.start(["--name", "box"], ["sh", "-c", "printf 'password: '; sleep 100"]);

  let shown = "";
  await eventually(async () => {
    shown = (await wherry.run(["logs", "box"])).stdout;
    return shown !== "";
  });

  strictEqual(shown, "password: ");
  await wherry.run(["rm", "-f", "box"]);
});

testWhole("logs -f follows until the container ends", async (wherry) => {
  await wherry.start(["--name", "box"], [
    "sh",
    "-c",
    "for i in 1 2 3; do echo $i; sleep 0.1; done",
  ]);

  const { code, stdout } = await wherry.run(["logs", "-f", "box"]);

  deepStrictEqual([code, stdout], [0, "1\n2\n3\n"]);
  await wherry.run(["rm", "box"]);
});

testWhole("logs -f ends when nobody reads it any more", async (wherry) => {
  const script = "while :; do echo line; sleep 0.02; done";
  await wherry.start(["--name", "box"], ["sh", "-c", script]);

  const { stdout } = await wherry.run(["logs", "-f", "box"], { redirect: "| head -n 2" });

  strictEqual(stdout, "line\nline\n");
  await wherry.run(["rm", "-f", "box"]);
});

testWhole("logs -n shows the last lines", async (wherry) => {
  await wherry.run(["run", "--name", "box", ...await wherry.busybox(), "seq", "1", "1000"]);

  strictEqual((await wherry.run(["logs", "-n", "3", "box"])).stdout, "998\n999\n1000\n");
  strictEqual((await wherry.run(["logs", "-n", "0", "box"])).stdout, "");
  await wherry.run(["rm", "box"]);
});

testWhole("logs -t begins each line with the time", async (wherry) => {
  await wherry.run(["run", "--name", "box", ...await wherry.busybox(), "echo", "line"]);

  match((await wherry.run(["logs", "-t", "box"])).stdout, /^\d{4}-\d\d-\d\dT[\d:.]+Z line\n$/);
  await wherry.run(["rm", "box"]);
});

testWhole("logs gives back any bytes as they were written", async (wherry) => {
  await wherry.runHost("sh", "-c", "head -c 1000000 /dev/urandom >in");
  await wherry.run(["run", "-i", "--name", "box", ...await wherry.busybox(), "cat"], {
    redirect: "<in >/dev/null",
  });

  await wherry.run(["logs", "box"], { redirect: ">out" });

  await wherry.runHost("cmp", "in", "out");
  await wherry.run(["rm", "box"]);
});

testWhole("logs and logs -f lose no line when the log is rotated", async (wherry) => {
  const argv = ["seq", "1", "400000"];
  const id = await wherry.start(["--name", "box"], ["sh", "-c", `sleep 0.3; ${argv.join(" ")}`]);

  const followed = await wherry.run(["logs", "-f", "box"]);
  const shown = await wherry.run(["logs", "box"]);

  const expected = await wherry.runHost(...argv);
  ok(Deno.statSync(wherry.containerPath(id, "log.1")).size > 0);
  ok(shown.stdout === expected, "logs differs");
  ok(followed.stdout === expected, "logs -f differs");
  await wherry.run(["rm", "box"]);
});

testWhole("a container that never stops writing does not fill the disk", async (wherry) => {
  const id = await wherry.start(["--name", "box"], [
    "sh",
    "-c",
    "yes | head -c 4000000; exec sleep 100",
  ]);
  await eventually(() => totalSize(wherry.containerPath(id, "")) > 25_000_000);
  await wherry.run(["rm", "-f", "box"]);

  const again = await wherry.start([], ["yes"]);
  for (let tries = 0; tries < 20; tries++) {
    ok(totalSize(wherry.containerPath(again, "")) < 35_000_000);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await wherry.run(["rm", "-f", again]);
});

testWhole("--log-driver json-file keeps docker's records, which logs reads", async (wherry) => {
  const id = await wherry.start(["--name", "box", "--log-driver", "json-file"], [
    "sh",
    "-c",
    "echo '<out> é'; sleep 0.1; printf end >&2",
  ]);
  await wherry.run(["wait", "box"]);

  const records = Deno.readTextFileSync(wherry.containerPath(id, "log"));
  const shown = await wherry.run(["logs", "box"]);
  const stamped = await wherry.run(["logs", "-t", "box"]);

  match(
    records,
    /^\{"log":"\\u003cout\\u003e é\\n","stream":"stdout","time":"[^"]+Z"\}\n\{"log":"end","stream":"stderr",/,
  );
  deepStrictEqual(shown, { code: 0, stdout: "<out> é\n", stderr: "end" });
  match(stamped.stdout, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z <out> é\n$/);
  await wherry.run(["rm", "box"]);
});

testWhole("logs -f of json-file loses no line when the log is rotated", async (wherry) => {
  const flags = [
    "--log-driver",
    "json-file",
    "--log-opt",
    "max-size=10m",
    "--log-opt",
    "max-file=9",
  ];
  const argv = ["seq", "1", "400000"];
  const id = await wherry.start(["--name", "box", ...flags], [
    "sh",
    "-c",
    `sleep 0.3; ${argv.join(" ")}`,
  ]);

  const followed = await wherry.run(["logs", "-f", "box"]);
  const shown = await wherry.run(["logs", "box"]);

  const expected = await wherry.runHost(...argv);
  ok(Deno.statSync(wherry.containerPath(id, "log.1")).size <= 10_000_000);
  ok(shown.stdout === expected, "logs differs");
  ok(followed.stdout === expected, "logs -f differs");
  strictEqual((await wherry.run(["logs", "-n", "2", "box"])).stdout, "399999\n400000\n");
  await wherry.run(["rm", "box"]);
});

testWhole("--log-driver none keeps nothing, and logs says so", async (wherry) => {
  const run = await wherry.run([
    "run",
    "--name",
    "box",
    "--log-driver",
    "none",
    ...await wherry.busybox(),
    "echo",
    "seen",
  ]);
  const { code, stdout, stderr } = await wherry.run(["logs", "box"]);

  strictEqual(run.stdout, "seen\n");
  deepStrictEqual([code, stdout], [1, ""]);
  match(stderr, /"box": configured logging driver does not support reading\n$/);
  await wherry.run(["rm", "box"]);
});

testWhole("--log-opt sets how a log is rotated, and inspect shows it", async (wherry) => {
  const flags = ["--log-opt", "max-size=4k", "--log-opt", "max-file=2"];
  const id = await wherry.start(["--name", "box", ...flags], ["seq", "1", "1000"]);
  await wherry.run(["wait", "box"]);

  const { stdout } = await wherry.run(["inspect", "-f", "{{json .HostConfig.LogConfig}}", "box"]);

  const expected = { Type: "local", Config: { "max-file": "2", "max-size": "4k" } };
  deepStrictEqual(JSON.parse(stdout), expected);
  const names = listNames(wherry.containerPath(id, "")).filter((name) => name.startsWith("log"));
  deepStrictEqual(names, ["log", "log.1"]);
  ok(names.every((name) => Deno.statSync(wherry.containerPath(id, name)).size <= 4000));
  await wherry.run(["rm", "box"]);
});

testWhole("an unknown --log-opt is named and nothing is made", async (wherry) => {
  const flags = ["--log-driver", "json-file", "--log-opt", "frob=1"];

  const { code, stderr } = await wherry.run(["run", ...await wherry.busybox(flags), "true"]);

  strictEqual(code, 125);
  match(stderr, /unknown log opt 'frob' for json-file log driver/);
});

testWhole("logs of a container that does not exist names it", async (wherry) => {
  const { code, stderr } = await wherry.run(["logs", "nobody"]);

  strictEqual(code, 1);
  match(stderr, /No such container: nobody/);
});

/** Bytes of the files in a container's directory itself: its log. */
function totalSize(directory: string): number {
  let size = 0;
  for (const { name, isFile } of Deno.readDirSync(directory)) {
    if (!isFile) continue;
    try {
      size += Deno.statSync(`${directory}/${name}`).size;
    } catch (error) {
      // Rotated away meanwhile
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return size;
}

testWhole(
  "logs --details shows the labels and variables that --log-opt asked for",
  async (wherry) => {
    const flags = ["--name", "box", "-l", "app=web", "-l", "other=1", "-e", "FOO=a b"];
    await wherry.start([...flags, "--log-opt", "labels=app", "--log-opt", "env=FOO"], [
      "echo",
      "x",
    ]);
    await wherry.start(["--name", "plain"], ["echo", "x"]);
    await wherry.run(["wait", "box", "plain"]);

    strictEqual((await wherry.run(["logs", "--details", "box"])).stdout, "FOO=a+b,app=web x\n");
    strictEqual((await wherry.run(["logs", "--details", "plain"])).stdout, " x\n");
    await wherry.run(["rm", "box", "plain"]);
  },
);

testWhole("logs --tail takes what is no number for all, as docker does", async (wherry) => {
  await wherry.start(["--name", "box"], ["printf", "1\\n2\\n3\\n"]);
  await wherry.run(["wait", "box"]);

  for (
    const [tail, text] of [["x", "1\n2\n3\n"], ["", "1\n2\n3\n"], ["-1", "1\n2\n3\n"], [
      "+1",
      "3\n",
    ]]
  ) {
    strictEqual((await wherry.run(["logs", "--tail", tail ?? "", "box"])).stdout, text, tail);
  }
  await wherry.run(["rm", "box"]);
});
