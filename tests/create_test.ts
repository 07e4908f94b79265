/** Making containers: what `create` alone does, and what the flags of `run` and `create` ask for. @module */

import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { eventually, exists, listNames, testWhole } from "./harness.ts";

testWhole("create prints the id and starts nothing; start runs it", async (wherry) => {
  const made = await wherry.run(["create", ...await wherry.busybox(), "echo", "hello"]);
  const id = made.stdout.trim();

  match(made.stdout, /^[0-9a-f]{64}\n$/);
  strictEqual((await wherry.run(["inspect", "-f", "{{.State.Status}}", id])).stdout, "created\n");
  strictEqual((await wherry.run(["start", "-a", id])).stdout, "hello\n");
  await wherry.run(["container", "rm", id]);
});

testWhole("create ends with 125 for a bad flag and with 1 for a missing image", async (wherry) => {
  const badFlag = await wherry.run(["create", "--restart", "on-failure:x", "image"]);
  const noImage = await wherry.run(["create", "--pull", "never", "missing"]);

  deepStrictEqual([badFlag.code, noImage.code], [125, 1]);
  match(badFlag.stderr, /invalid restart policy format: maximum retry count must be an integer/);
  match(noImage.stderr, /Cannot find image "missing"/);
});

testWhole("create --cidfile writes the id, and refuses a file that exists", async (wherry) => {
  const argv = ["create", "--cidfile", "cid", ...await wherry.busybox(), "true"];

  const first = await wherry.run(argv);
  const second = await wherry.run(argv);

  const id = first.stdout.trim();
  strictEqual(Deno.readTextFileSync(`${wherry.scratch}/cid`), id);
  strictEqual(second.code, 1);
  deepStrictEqual(listNames(`${wherry.root}/containers`), [id]);
  await wherry.run(["rm", id]);
});

testWhole("--label-file has labels, which --label changes", async (wherry) => {
  Deno.writeTextFileSync(`${wherry.scratch}/labels`, "a=1\n# no label\n\nb\nc=x y=z\n");
  const flags = ["--name", "box", "--label-file", "labels", "--label", "a=2"];

  const made = await wherry.run(["create", ...await wherry.busybox(flags), "true"]);
  const { stdout } = await wherry.run(["inspect", "-f", "{{json .Config.Labels}}", "box"]);
  const missing = await wherry.run(["create", "--label-file", "none", "image"]);

  strictEqual(made.stderr, "");
  deepStrictEqual(JSON.parse(stdout), { a: "2", b: "", c: "x y=z" });
  strictEqual(missing.code, 125);
  match(missing.stderr, /Cannot read --label-file "none": no such file/);
  await wherry.run(["rm", "box"]);
});

testWhole("create -i keeps stdin for start -ai", async (wherry) => {
  await wherry.run(["create", "-i", "--name", "box", ...await wherry.busybox(), "cat"]);

  const { stdout } = await wherry.run(["start", "-ai", "box"], { stdin: "over\n" });

  strictEqual(stdout, "over\n");
  await wherry.run(["rm", "box"]);
});

testWhole("an idle container has no command, works by exec and ends at once", async (wherry) => {
  const flags = ["--idle", "--name", "box", "--stop-timeout", "1000"];
  await wherry.run(["run", "-d", ...await wherry.busybox(flags)]);
  const startedAt = Date.now();

  const { stdout } = await wherry.run(["exec", "box", "sh", "-c", "echo $PPID; echo works"]);
  await wherry.run(["stop", "box"]);

  strictEqual(stdout, "0\nworks\n");
  strictEqual((await wherry.run(["wait", "box"])).stdout, "0\n");
  strictEqual(Date.now() - startedAt < 500_000, true);
  await wherry.run(["rm", "box"]);
});

testWhole("--idle refuses a command", async (wherry) => {
  const { code, stderr } = await wherry.runBusybox(["--idle"], ["sleep", "1"]);

  strictEqual(code, 125);
  match(stderr, /^wherry: Cannot run "sleep" in an idle container/);
});

for (
  const [flags, message] of [
    [["--rm", "--restart", "always"], /cannot specify both --restart and --rm/],
    [["-d", "-a", "stdout"], /cannot specify both --attach and --detach/],
    [["-a", "output"], /valid streams are STDIN, STDOUT and STDERR/],
    [["--pull", "often"], /invalid pull option: 'often': must be one of "always"/],
    [["--stop-signal", "NONSENSE"], /Cannot use the stop signal "NONSENSE"/],
    [["--runtime", "runc"], /Cannot use --runtime: wherry runs containers itself/],
  ] as const
) {
  testWhole(`run ${flags.join(" ")} is refused with 125 and makes nothing`, async (wherry) => {
    const { code, stderr } = await wherry.run(
      ["run", ...await wherry.busybox([...flags]), "true"],
    );

    strictEqual(code, 125);
    match(stderr, message);
    deepStrictEqual(listNames(`${wherry.root}/containers`), []);
  });
}

testWhole("run -a connects only the streams it names", async (wherry) => {
  const argv = ["sh", "-c", "echo out; echo err >&2; exit 3"];

  const result = await wherry.runBusybox(["-a", "stderr"], argv);

  deepStrictEqual(result, { code: 3, stdout: "", stderr: "err\n" });
});

testWhole("run -a stdin reads, and prints the id as nothing else is shown", async (wherry) => {
  const flags = ["-i", "-a", "stdin", "-v", ".:/out"];

  const { code, stdout } = await wherry.runBusybox(flags, ["sh", "-c", "cat >/out/copy"], {
    stdin: "given",
  });

  strictEqual(code, 0);
  match(stdout, /^[0-9a-f]{64}\n$/);
  strictEqual(Deno.readTextFileSync(`${wherry.scratch}/copy`), "given");
});

testWhole("stop sends --stop-signal and waits for --stop-timeout", async (wherry) => {
  const script = "trap 'exit 4' USR1; touch /out/ready; while :; do sleep 0.05; done";
  await wherry.start(["--name", "box", "--stop-signal", "USR1", "-v", ".:/out"], [
    "sh",
    "-c",
    script,
  ]);
  await eventually(() => exists(`${wherry.scratch}/ready`));
  await wherry.start(["--name", "deaf", "--stop-timeout", "0"], ["sleep", "100"]);

  await wherry.run(["stop", "box", "deaf"]);

  strictEqual((await wherry.run(["wait", "box", "deaf"])).stdout, "4\n137\n");
  await wherry.run(["rm", "box", "deaf"]);
});

testWhole("--pull always says that it cannot pull, and missing needs no word", async (wherry) => {
  const always = await wherry.runBusybox(["--pull", "always"], ["true"]);
  const missing = await wherry.runBusybox(["--pull", "missing", "-q"], ["true"]);

  match(always.stderr, /^WARNING: --pull always: ".*" is in no registry/);
  deepStrictEqual([always.code, missing.code, missing.stderr], [0, 0, ""]);
});

testWhole("start ends with 1 when the command does not exist, attached or not", async (wherry) => {
  await wherry.run(["create", "--name", "box", ...await wherry.busybox(), "no-such-command"]);

  for (const flags of [[], ["-a"]]) {
    const { code, stderr } = await wherry.run(["start", ...flags, "box"]);

    deepStrictEqual([code, stderr], [
      1,
      'wherry: Cannot execute "no-such-command": not found in $PATH\n',
    ]);
  }
  await wherry.run(["rm", "box"]);
});

testWhole(
  "a start that fails says why in the container's state, and a good one forgets it",
  async (wherry) => {
    const program = `${wherry.scratch}/program`;
    await wherry.run(
      ["create", "--name", "box", "-v", ".:/out", ...await wherry.busybox(), "/out/program"],
    );
    const format = "{{.State.Status}} {{.State.ExitCode}} {{.State.Error}}";
    const inspect = async (): Promise<string> =>
      (await wherry.run(["inspect", "-f", format, "box"])).stdout;

    await wherry.run(["start", "box"]);
    const missing = await inspect();
    const waited = await wherry.run(["wait", "box"]);
    const listed = await wherry.run(["ps", "-a", "--format", "{{.Status}}"]);
    Deno.writeTextFileSync(program, "#!/bin/sh\nexit 5\n");
    await wherry.run(["start", "-a", "box"]);
    const denied = await inspect();
    Deno.chmodSync(program, 0o755);
    const { code } = await wherry.run(["start", "-a", "box"]);
    const ended = await inspect();
    Deno.removeSync(program);
    await wherry.run(["restart", "box"]);

    strictEqual(missing, 'created 127 Cannot execute "/out/program": no such file or directory\n');
    deepStrictEqual([waited.stdout, listed.stdout], ["127\n", "Created\n"]);
    strictEqual(denied, 'created 126 Cannot execute "/out/program": permission denied\n');
    deepStrictEqual([code, ended], [5, "exited 5 \n"]);
    match(await inspect(), /^exited 127 Cannot execute /);
    await wherry.run(["rm", "box"]);
  },
);

testWhole("start removes a container with --rm that cannot be started", async (wherry) => {
  await wherry.run(["create", "--rm", "--name", "box", ...await wherry.busybox(), "/nonesuch"]);

  strictEqual((await wherry.run(["start", "box"])).code, 1);

  strictEqual((await wherry.run(["ps", "-aq"])).stdout, "");
});

/**
 * Values that docker's client refuses end every command with 125; what its daemon refuses ends `create` with 1. Mounts
 * that make no sense end both with 125, whoever would refuse them.
 */
const REFUSED_VALUES: readonly [flags: string[], createCode: number][] = [
  [["--restart", "bogus"], 1],
  [["--restart", "always:3"], 1],
  [["--restart", "on-failure:x"], 125],
  [["--restart", "always", "--rm"], 125],
  [["--log-driver", "bogus"], 1],
  [["--log-opt", "bogus=1"], 1],
  [["--log-driver", "none", "--log-opt", "max-size=1k"], 125],
  [["--health-cmd", "true", "--health-interval", "1us"], 1],
  [["--health-retries", "-1"], 125],
  [["--stop-signal", "bogus"], 1],
  [["-w", "relative"], 1],
  [["-v", "/a:b"], 125],
  [["--mount", "dst=b"], 125],
  [["--tmpfs", "relative"], 125],
  [["--name", "!"], 1],
  [["-l", "=x"], 125],
  [["-e", "=x"], 125],
  [["--env-file", "/nonesuch"], 125],
  [["-a", "bogus"], 125],
  [["--pull", "bogus"], 125],
];

testWhole("create and run end as docker's do with values that it refuses", async (wherry) => {
  const container = [...await wherry.busybox(), "true"];

  for (const [flags, createCode] of REFUSED_VALUES) {
    const created = await wherry.run(["create", ...flags, ...container]);
    const run = await wherry.run(["run", ...flags, ...container]);

    deepStrictEqual([created.code, run.code], [createCode, 125], flags.join(" "));
  }
  deepStrictEqual([(await wherry.run(["create"])).code, (await wherry.run(["run"])).code], [1, 1]);
});

testWhole("inspect shows of logs and health checks what was typed", async (wherry) => {
  const cases: [flags: string[], log: object, health: object | null][] = [
    [[], {}, null],
    [["--log-opt", "max-size=1k"], { "max-size": "1k" }, null],
    [["--no-healthcheck"], {}, { Test: ["NONE"] }],
    [["--health-cmd", "a b"], {}, { Test: ["CMD-SHELL", "a b"] }],
    [["--health-cmd", "a", "--health-interval", "10s"], {}, {
      Test: ["CMD-SHELL", "a"],
      Interval: 10_000_000_000,
    }],
  ];
  for (const [flags, log, health] of cases) {
    await wherry.run(["create", "--name", "box", ...flags, ...await wherry.busybox(), "true"]);

    const format = "[{{json .HostConfig.LogConfig.Config}}, {{json .Config.Healthcheck}}]";
    const { stdout } = await wherry.run(["inspect", "-f", format, "box"]);

    deepStrictEqual(JSON.parse(stdout), [log, health], flags.join(" "));
    await wherry.run(["rm", "box"]);
  }
});
