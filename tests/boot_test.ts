/** Containers that come and go with the host. @module */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { eventually, isAlive, readIfThere, type TestEngine, testWhole } from "./harness.ts";

/** Containers of these tests do not listen to signals. */
const QUICK = ["--stop-timeout", "0"];

testWhole("boot starts after a reboot what its policy wants to run", async (wherry) => {
  const always = await start(wherry, "always");
  const stopped = await start(wherry, "always");
  const unless = await start(wherry, "unless-stopped");
  const unlessStopped = await start(wherry, "unless-stopped");
  const onFailure = await start(wherry, "on-failure");
  const plain = await start(wherry, "no");
  const fresh = await wherry.run(
    ["create", "--restart", "always", ...await wherry.busybox(), "true"],
  );
  await wherry.run(["stop", stopped, unlessStopped]);
  await wherry.reboot([always, unless, onFailure, plain]);

  const first = await wherry.run(["boot"]);
  const second = await wherry.run(["boot"]);

  deepStrictEqual(first, { code: 0, stdout: `${always}\n${stopped}\n${unless}\n`, stderr: "" });
  deepStrictEqual(second, { code: 0, stdout: "", stderr: "" });
  const statuses = [always, stopped, unless, unlessStopped, onFailure, plain]
    .map((id) => wherry.readStateRecord(id).status);
  deepStrictEqual(statuses, ["running", "running", "running", "exited", "exited", "exited"]);
  const { stdout } = await wherry.run(["ps", "-aq", "--no-trunc"]);
  await wherry.run(["rm", "-f", ...stdout.trim().split("\n")]);
  ok(stdout.includes(fresh.stdout.trim()));
});

testWhole("boot starts a container again whose monitor was killed", async (wherry) => {
  const id = await start(wherry, "always");
  const { monitorPid } = wherry.readStateRecord(id);
  Deno.kill(monitorPid, "SIGKILL");
  await eventually(() => !isAlive(monitorPid));

  strictEqual((await wherry.run(["boot"])).stdout, `${id}\n`);

  strictEqual(wherry.readStateRecord(id).status, "running");
  await wherry.run(["rm", "-f", id]);
});

testWhole("boot goes on after a container that does not start, and ends with 1", async (wherry) => {
  const directory = await wherry.copyOfImage();
  const broken = await wherry.run(
    ["run", "-d", "--restart", "always", "--rootfs", directory, "sleep", "100"],
  );
  const sound = await start(wherry, "always");
  await wherry.reboot([broken.stdout.trim(), sound]);
  await Deno.remove(directory, { recursive: true });

  const { code, stdout, stderr } = await wherry.run(["boot"]);

  deepStrictEqual([code, stdout], [1, `${sound}\n`]);
  match(stderr, /^wherry: Cannot open ".*image": no such file/);
  await wherry.run(["rm", "-f", broken.stdout.trim(), sound]);
});

testWhole("four boot at once start each container once", async (wherry) => {
  const flags = ["--restart", "always", "-v", ".:/out"];
  const script = "echo run >>/out/log; exec sleep 100";
  const id = await wherry.start(flags, ["sh", "-c", script]);
  await eventually(() => readIfThere(`${wherry.scratch}/log`) === "run\n");
  await wherry.reboot([id]);

  const results = await Promise.all([1, 2, 3, 4].map(() => wherry.run(["boot"])));

  deepStrictEqual(results.map(({ code, stderr }) => [code, stderr]), Array(4).fill([0, ""]));
  await eventually(() => Deno.readTextFileSync(`${wherry.scratch}/log`) === "run\nrun\n");
  await wherry.run(["rm", "-f", id]);
});

testWhole("boot --stop ends all, and the next boot starts what was running", async (wherry) => {
  const always = await start(wherry, "always");
  const unless = await start(wherry, "unless-stopped");
  const plain = await start(wherry, "no");
  const restarting = await wherry.start(["--restart", "unless-stopped"], ["false"]);
  await eventually(() => wherry.readStateRecord(restarting).status === "restarting");

  const stopped = await wherry.run(["boot", "--stop"]);

  deepStrictEqual([stopped.code, stopped.stderr], [0, ""]);
  const ids = [always, unless, plain, restarting];
  deepStrictEqual(stopped.stdout.trim().split("\n").toSorted(), ids.toSorted());
  deepStrictEqual(ids.map((id) => wherry.readStateRecord(id).status), Array(4).fill("exited"));
  const started = await wherry.run(["boot"]);
  strictEqual(started.stdout, `${always}\n${unless}\n${restarting}\n`);
  await wherry.run(["rm", "-f", ...ids]);
});

testWhole("generate systemd prints a unit that systemd accepts", async (wherry) => {
  const { code, stdout } = await wherry.run(["generate", "systemd"]);

  strictEqual(code, 0);
  match(stdout, new RegExp(`^ExecStart=-/.* --root ${wherry.root} .* boot$`, "m"));
  match(stdout, /^ExecStop=\/.* boot --stop$/m);
  Deno.writeTextFileSync(`${wherry.scratch}/wherry.service`, stdout);
  await wherry.runHost("systemd-analyze", "verify", `${wherry.scratch}/wherry.service`);
});

testWhole("generate openrc prints a script that a shell can read", async (wherry) => {
  const { code, stdout } = await wherry.run(["generate", "openrc"]);

  strictEqual(code, 0);
  match(stdout, /^#!\/sbin\/openrc-run\n/);
  Deno.writeTextFileSync(`${wherry.scratch}/wherry`, stdout);
  await wherry.runHost("sh", "-n", `${wherry.scratch}/wherry`);
});

async function start(wherry: TestEngine, policy: string): Promise<string> {
  return await wherry.start([...QUICK, "--restart", policy], ["sleep", "100"]);
}
