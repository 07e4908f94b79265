/** Health checks: what a container says of itself, and what comes of it. @module */

import { deepStrictEqual, match, notStrictEqual, ok, strictEqual } from "node:assert/strict";
import { dockerArchive } from "./fakes/docker_archive.ts";
import { eventually, type TestEngine, testWhole } from "./harness.ts";

/** Checks that come soon. */
const SOON = ["--health-interval", "50ms", "--health-retries", "2"];

interface Health {
  Status: string;
  FailingStreak: number;
  Log: { Start: string; End: string; ExitCode: number; Output: string }[];
}

async function inspectHealth(wherry: TestEngine, name: string): Promise<Health> {
  const { stdout } = await wherry.run(["inspect", "-f", "{{json .State.Health}}", name]);
  return JSON.parse(stdout);
}

/** Waits until the monitor has recorded that health. */
async function awaitHealth(wherry: TestEngine, id: string, wanted: string): Promise<void> {
  await eventually(() => {
    const { health } = JSON.parse(Deno.readTextFileSync(wherry.containerPath(id, "state.json")));
    return health === wanted;
  });
}

/** Makes the image `checked`, of busybox, which runs by `process`. */
async function loadChecked(wherry: TestEngine, process: Record<string, unknown>): Promise<void> {
  const archive = await dockerArchive("blobs", {
    references: ["checked:latest"],
    layers: [new Uint8Array(Deno.readFileSync(await wherry.imageTar()))],
    process,
  });
  Deno.writeFileSync(`${wherry.scratch}/image.tar`, archive);
  await wherry.run(["load", "-i", "image.tar"]);
}

testWhole(
  "a container is starting, then unhealthy, then healthy as its check says",
  async (wherry) => {
    const flags = ["--name", "box", "--health-cmd", "echo looking; test -e /tmp/well", ...SOON];
    const id = await wherry.start(flags, ["sleep", "100"]);
    const status = async (): Promise<string> =>
      (await wherry.run(["ps", "--format", "{{.Status}}"])).stdout.trim();

    await awaitHealth(wherry, id, "unhealthy");
    const unhealthy = await status();
    const log = (await inspectHealth(wherry, "box")).Log;
    await wherry.run(["exec", "box", "touch", "/tmp/well"]);
    await awaitHealth(wherry, id, "healthy");
    const healthy = await status();
    const healthyNames = await wherry.run(["ps", "-q", "--no-trunc", "--filter", "health=healthy"]);
    const illNames = await wherry.run(["ps", "-q", "--filter", "health=unhealthy"]);

    match(unhealthy, /^Up .* \(unhealthy\)$/);
    deepStrictEqual([log[0]?.ExitCode, log[0]?.Output], [1, "looking\n"]);
    match(healthy, /^Up .* \(healthy\)$/);
    deepStrictEqual([healthyNames.stdout, illNames.stdout], [`${id}\n`, ""]);
    deepStrictEqual((await inspectHealth(wherry, "box")).FailingStreak, 0);
    await wherry.run(["rm", "-f", "box"]);
  },
);

testWhole("a check runs as a part of the container", async (wherry) => {
  const script = "id -u; hostname; echo $GREETING; pwd; cat /proc/1/comm /proc/self/cgroup; ls /";
  const flags = [
    "--name",
    "box",
    "-u",
    "7",
    "-h",
    "box.example",
    "-e",
    "GREETING=hi",
    "-w",
    "/etc",
  ];
  const id = await wherry.start([...flags, "--health-cmd", script, ...SOON], ["sleep", "100"]);

  await awaitHealth(wherry, id, "healthy");
  const inside = await wherry.run(["exec", "box", "sh", "-c", script]);

  strictEqual((await inspectHealth(wherry, "box")).Log[0]?.Output, inside.stdout);
  match(inside.stdout, /^7\nbox\.example\nhi\n\/etc\nsleep\n/);
  await wherry.run(["rm", "-f", "box"]);
});

testWhole("an image's HEALTHCHECK counts, with its SHELL, unless it is refused", async (wherry) => {
  const process = {
    Cmd: ["sleep", "100"],
    Shell: ["/bin/sh", "-e", "-c"],
    Healthcheck: { Test: ["CMD-SHELL", "echo $-"], Interval: 50_000_000, Retries: 1 },
  };
  await loadChecked(wherry, process);

  const id = (await wherry.run(["run", "-d", "--name", "box", "checked"])).stdout.trim();
  await awaitHealth(wherry, id, "healthy");
  const health = await inspectHealth(wherry, "box");
  const config = await wherry.run(["inspect", "-f", "{{json .Config.Healthcheck}}", "box"]);
  await wherry.run(["run", "-d", "--name", "bare", "--no-healthcheck", "checked"]);
  const bare = await wherry.run(["inspect", "-f", "{{json .State.Health}}", "bare"]);

  match(health.Log[0]?.Output ?? "", /e/);
  const { Test, Interval, Timeout, Retries } = JSON.parse(config.stdout);
  deepStrictEqual([Test, Interval, Timeout, Retries], [
    process.Healthcheck.Test,
    50_000_000,
    undefined,
    1,
  ]);
  notStrictEqual(bare.stdout.trim().startsWith("{"), true);
  await wherry.run(["rm", "-f", "box", "bare"]);
});

testWhole("a check that takes too long has failed, and nothing of it is left", async (wherry) => {
  const script = "echo begun; trap '' TERM; sleep 1234 & sleep 1234";
  const flags = ["--name", "box", "--health-timeout", "2s", "--health-cmd", script, ...SOON];
  const id = await wherry.start(flags, ["sleep", "100"]);

  await awaitHealth(wherry, id, "unhealthy");
  const [first] = (await inspectHealth(wherry, "box")).Log;

  deepStrictEqual(
    [first?.ExitCode, first?.Output],
    [-1, "Health check exceeded timeout (2s): begun\n"],
  );
  await wherry.run(["rm", "-f", "box"]);
});

testWhole("a check that does not exist fails and says why", async (wherry) => {
  const process = {
    Cmd: ["sleep", "100"],
    Healthcheck: { Test: ["CMD", "nonesuch"], Interval: 50_000_000, Retries: 1 },
  };
  await loadChecked(wherry, process);

  const id = (await wherry.run(["run", "-d", "--name", "box", "checked"])).stdout.trim();
  await awaitHealth(wherry, id, "unhealthy");

  const [first] = (await inspectHealth(wherry, "box")).Log;
  deepStrictEqual(
    [first?.ExitCode, first?.Output],
    [-1, "Cannot start the check: exec: no such file or directory"],
  );
  await wherry.run(["rm", "-f", "box"]);
});

testWhole("a container that ends does not fail its check", async (wherry) => {
  const flags = ["--name", "box", "--health-cmd", "touch /tmp/begun; sleep 1000", ...SOON];
  const id = await wherry.start(flags, [
    "sh",
    "-c",
    "until [ -e /tmp/begun ]; do sleep 0.05; done",
  ]);

  strictEqual((await wherry.run(["wait", id])).stdout, "0\n");

  deepStrictEqual((await inspectHealth(wherry, "box")).Log, []);
  await wherry.run(["rm", "box"]);
});

testWhole("--health-on-failure kill ends an unhealthy container", async (wherry) => {
  const flags = ["--name", "box", "--health-cmd", "false", "--health-on-failure", "kill", ...SOON];
  await wherry.start(flags, ["sleep", "100"]);

  strictEqual((await wherry.run(["wait", "box"])).stdout, "137\n");
  await wherry.run(["rm", "box"]);
});

testWhole("--health-on-failure stop lets an unhealthy container end in order", async (wherry) => {
  const check = ["--health-cmd", "test ! -e /listening", "--health-on-failure", "stop", ...SOON];
  const script = "trap 'exit 3' TERM; touch /listening; while :; do sleep 0.05; done";
  await wherry.start(["--name", "box", ...check], ["sh", "-c", script]);

  strictEqual((await wherry.run(["wait", "box"])).stdout, "3\n");
  await wherry.run(["rm", "box"]);
});

testWhole("--health-on-failure restart runs an unhealthy container again", async (wherry) => {
  const script = "until test -e /ran; do sleep 0.05; done; test ! -e /ill";
  const flags = ["--health-cmd", script, "--health-on-failure", "restart", ...SOON];
  const id = await wherry.start(["--name", "box", ...flags], [
    "sh",
    "-c",
    "trap exit TERM; if [ -e /ran ]; then rm /ill; else touch /ill; touch /ran; fi; sleep 100 & wait",
  ]);

  await awaitHealth(wherry, id, "healthy");

  ok(wherry.readStateRecord(id).pid > 0);
  strictEqual((await wherry.run(["exec", "box", "ls", "/ran"])).stdout, "/ran\n");
  await wherry.run(["rm", "-f", "box"]);
});

const REFUSED: readonly [flags: string[], message: RegExp][] = [
  [
    ["--no-healthcheck", "--health-cmd", "true"],
    /--no-healthcheck conflicts with --health-\* options/,
  ],
  [["--health-cmd", "true", "--health-interval", "-1s"], /--health-interval cannot be negative/],
  [["--health-retries", "2"], /Cannot check the health: there is no command/],
  [["--health-cmd", "true", "--health-on-failure", "pray"], /invalid value "pray"/],
];

for (const [flags, message] of REFUSED) {
  testWhole(`run refuses ${flags.join(" ")}`, async (wherry) => {
    const { code, stderr } = await wherry.run(["run", ...await wherry.busybox(flags), "true"]);

    strictEqual(code, 125);
    match(stderr, message);
  });
}
