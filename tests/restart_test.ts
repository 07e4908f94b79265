/** restart, restart policies, update, rename, and commands on containers that are paused or restarting. @module */

import { deepStrictEqual, match, notStrictEqual, strictEqual } from "node:assert/strict";
import { MonitorConnection } from "../mod/container/launch/monitor.ts";
import {
  eventually,
  isAlive,
  listNames,
  readIfThere,
  type TestEngine,
  testWhole,
} from "./harness.ts";

testWhole("restart runs the command again with the files it had", async (wherry) => {
  const id = await wherry.start(["--name", "box", "--stop-timeout", "0", "-v", ".:/out"], [
    "sh",
    "-c",
    "echo run >>/count; cp /count /out/count; exec sleep 100",
  ]);
  const { pid, monitorPid } = wherry.readStateRecord(id);
  await eventually(() => readIfThere(`${wherry.scratch}/count`) === "run\n");

  const { code, stdout } = await wherry.run(["restart", "box"]);

  deepStrictEqual([code, stdout], [0, "box\n"]);
  strictEqual(isAlive(pid), false);
  strictEqual(wherry.readStateRecord(id).monitorPid, monitorPid);
  await eventually(() => readIfThere(`${wherry.scratch}/count`) === "run\nrun\n");
  await wherry.run(["rm", "-f", "box"]);
});

testWhole("restart starts a container that has ended", async (wherry) => {
  const id = await wherry.start(["--name", "box"], ["sleep", "100"]);
  await wherry.run(["kill", "box"]);

  strictEqual((await wherry.run(["restart", "box"])).code, 0);

  strictEqual(wherry.readStateRecord(id).status, "running");
  await wherry.run(["rm", "-f", "box"]);
});

testWhole("restart keeps a container of run --rm", async (wherry) => {
  const id = await wherry.start(["--rm", "--name", "box"], ["sleep", "100"]);

  strictEqual((await wherry.run(["restart", "-t", "0", "box"])).code, 0);

  strictEqual(wherry.readStateRecord(id).status, "running");
  await wherry.run(["rm", "-f", "box"]);
});

testWhole("restart takes several, reports those it cannot, and ends with 1", async (wherry) => {
  await wherry.start(["--name", "box"], ["sleep", "100"]);

  const { code, stdout, stderr } = await wherry.run(["restart", "-t", "0", "nobody", "box"]);

  deepStrictEqual([code, stdout], [1, "box\n"]);
  match(stderr, /No such container: nobody/);
  await wherry.run(["rm", "-f", "box"]);
});

testWhole("restart says which command cannot be run again", async (wherry) => {
  await wherry.start(["--name", "box"], ["sh", "-c", "exec sleep 100"]);
  await wherry.run(["exec", "box", "rm", "/bin/sh"]);

  const { code, stderr } = await wherry.run(["restart", "-t", "0", "box"]);

  strictEqual(code, 1);
  match(stderr, /^wherry: Cannot execute "sh": not found in \$PATH/);
  await wherry.run(["rm", "-f", "box"]);
});

testWhole("--restart on-failure:2 gives up after two more runs", async (wherry) => {
  const id = await wherry.start(
    ["--name", "box", "--restart", "on-failure:2", "-v", ".:/out"],
    ["sh", "-c", "echo run >>/out/log; exit 5"],
  );

  await eventually(() => wherry.readStateRecord(id).status === "exited");

  strictEqual(Deno.readTextFileSync(`${wherry.scratch}/log`), "run\nrun\nrun\n");
  const format = "{{.RestartCount}} {{.State.ExitCode}}";
  strictEqual((await wherry.run(["inspect", "-f", format, "box"])).stdout, "2 5\n");
  await wherry.run(["rm", "box"]);
});

testWhole("stop and rm -f end a container that restarts again and again", async (wherry) => {
  const first = await wherry.start(["--restart", "always"], ["false"]);
  const second = await wherry.start(["--restart", "always"], ["false"]);
  for (const id of [first, second]) {
    await eventually(() => wherry.readStateRecord(id).status === "restarting");
  }

  strictEqual((await wherry.run(["stop", first])).code, 0);
  strictEqual((await wherry.run(["rm", "-f", second])).code, 0);

  strictEqual(wherry.readStateRecord(first).status, "exited");
  strictEqual((await wherry.run(["rm", first])).code, 0);
});

testWhole("update --restart counts from the next end on, also while it runs", async (wherry) => {
  const flags = ["--name", "box", "--stop-timeout", "0"];
  const id = await wherry.start(flags, ["sleep", "100"]);
  const { pid } = wherry.readStateRecord(id);

  const { code, stdout } = await wherry.run(["update", "--restart", "always", "box"]);

  deepStrictEqual([code, stdout], [0, "box\n"]);
  Deno.kill(pid, "SIGKILL");
  await eventually(() => {
    const state = wherry.readStateRecord(id);
    return state.status === "running" && state.pid !== pid;
  });
  const format = "{{.HostConfig.RestartPolicy.Name}}";
  strictEqual((await wherry.run(["inspect", "-f", format, "box"])).stdout, "always\n");
  await wherry.run(["rm", "-f", "box"]);
});

testWhole("update refuses what docker refuses, and does the others", async (wherry) => {
  await wherry.start(["--rm", "--name", "passing"], ["sleep", "100"]);
  await wherry.run(["create", "--name", "lasting", ...await wherry.busybox(), "true"]);

  const none = await wherry.run(["update", "lasting"]);
  const bad = await wherry.run(["update", "--restart", "no:3", "lasting"]);
  const mixed = await wherry.run(["update", "--restart", "always", "passing", "lasting"]);

  match(none.stderr, /you must provide one or more flags when using this command/);
  match(bad.stderr, /maximum retry count can only be used with 'on-failure'/);
  const never = await wherry.run(["update", "--restart", "no", "passing"]);
  deepStrictEqual([none.code, bad.code, mixed.code, mixed.stdout], [1, 1, 1, "lasting\n"]);
  deepStrictEqual([never.code, never.stdout], [0, "passing\n"]);
  match(mixed.stderr, /AutoRemove is enabled for the container/);
  await wherry.run(["rm", "-f", "passing", "lasting"]);
});

testWhole("rename gives a running container its new name everywhere", async (wherry) => {
  await wherry.start(["--name", "old"], ["sleep", "100"]);

  deepStrictEqual(await wherry.run(["rename", "old", "new"]), { code: 0, stdout: "", stderr: "" });

  strictEqual((await wherry.run(["ps", "--format", "{{.Names}}"])).stdout, "new\n");
  strictEqual((await wherry.run(["exec", "new", "echo", "works"])).stdout, "works\n");
  strictEqual((await wherry.run(["inspect", "old"])).code, 1);
  deepStrictEqual(listNames(`${wherry.root}/names`), ["new"]);
  await wherry.start(["--name", "old"], ["sleep", "100"]);
  await wherry.run(["rm", "-f", "old", "new"]);
});

testWhole(
  "rename lets others on the network find a container by its new name only",
  async (wherry) => {
    await wherry.run(["network", "create", "net"]);
    const flags = ["--network", "net", "--stop-timeout", "0"];
    await wherry.start(["--name", "peer", ...flags], ["sleep", "100"]);
    await wherry.start(["--name", "old", "--network-alias", "stays", ...flags], ["sleep", "100"]);
    const namesIn = async (box: string): Promise<string> =>
      (await wherry.run(["exec", box, "grep", "-o", "\t.* stays", "/etc/hosts"])).stdout;

    await wherry.run(["rename", "old", "new"]);

    match(await namesIn("peer"), /^\tnew [0-9a-f]{12} stays\n(\tnew [0-9a-f]{12} stays\n)?$/);
    strictEqual(await namesIn("new"), await namesIn("peer"));
    strictEqual((await wherry.run(["exec", "peer", "ping", "-c1", "-W2", "new"])).code, 0);
    await wherry.run(["rm", "-f", "new"]);
    strictEqual(await namesIn("peer"), "");
    await wherry.run(["rm", "-f", "peer"]);
  },
);

testWhole("rename refuses a name that is taken, its own and none", async (wherry) => {
  for (const name of ["first", "second"]) {
    await wherry.run(["create", "--name", name, ...await wherry.busybox(), "true"]);
  }

  const taken = await wherry.run(["rename", "first", "second"]);
  const own = await wherry.run(["rename", "first", "first"]);
  const empty = await wherry.run(["rename", "first", ""]);

  deepStrictEqual([taken.code, own.code, empty.code], [1, 1, 1]);
  match(
    taken.stderr,
    /Cannot use the container name "second": it is already in use by container [0-9a-f]{12}/,
  );
  match(own.stderr, /it is called "first" already/);
  deepStrictEqual(listNames(`${wherry.root}/names`), ["first", "second"]);
  await wherry.run(["rm", "first", "second"]);
});

testWhole("four rename at once: the container has one name in the end", async (wherry) => {
  const { stdout } = await wherry.run(["create", ...await wherry.busybox(), "true"]);
  const id = stdout.trim();

  await Promise.all(
    ["one", "two", "three", "four"].map((name) => wherry.run(["rename", id, name])),
  );

  const named = await wherry.run(["ps", "-a", "--format", "{{.Names}}"]);
  deepStrictEqual(listNames(`${wherry.root}/names`), [named.stdout.trim()]);
  await wherry.run(["rm", id]);
});

testWhole("a rename that was cut short is finished or undone by recover", async (wherry) => {
  const { stdout } = await wherry.run(
    ["create", "--name", "old", ...await wherry.busybox(), "true"],
  );
  Deno.symlinkSync(stdout.trim(), `${wherry.root}/names/new`);

  const recovered = await wherry.run(["system", "recover"]);

  match(recovered.stdout, /^Freed the name new$/m);
  deepStrictEqual(listNames(`${wherry.root}/names`), ["old"]);
  await wherry.run(["rm", "old"]);
});

testWhole("a paused container can be stopped, killed, removed and not started", async (wherry) => {
  const ids: string[] = [];
  for (let count = 0; count < 4; count++) {
    ids.push(await wherry.start(["--stop-timeout", "0"], ["sleep", "100"]));
  }
  for (const id of ids) await pauseContainer(wherry, id);
  const [first = "", second = "", third = "", fourth = ""] = ids;

  const started = await wherry.run(["start", first]);
  const removed = await wherry.run(["rm", first]);
  const forced = await wherry.run(["rm", "-f", first]);
  const stopped = await wherry.run(["stop", second]);
  const killed = await wherry.run(["kill", third]);
  const restarted = await wherry.run(["restart", fourth]);

  deepStrictEqual([started.code, removed.code, forced.code], [1, 1, 0]);
  match(started.stderr, /cannot start a paused container, try unpause instead/);
  match(removed.stderr, /^wherry: Cannot remove container "[0-9a-f]+": it is paused\n/);
  deepStrictEqual([stopped.code, killed.code, restarted.code], [0, 0, 0]);
  strictEqual((await wherry.run(["wait", second, third])).stdout, "137\n137\n");
  strictEqual(wherry.readStateRecord(fourth).status, "running");
  await wherry.run(["rm", "-f", second, third, fourth]);
});

testWhole("rm -f of what does not exist says so and is no failure", async (wherry) => {
  const { code, stdout, stderr } = await wherry.run(["rm", "-f", "nobody"]);

  deepStrictEqual([code, stdout], [0, ""]);
  match(stderr, /No such container: nobody/);
  notStrictEqual((await wherry.run(["rm", "nobody"])).code, 0);
});

async function pauseContainer(wherry: TestEngine, id: string): Promise<void> {
  using monitor = MonitorConnection.connect(`${wherry.runRoot}/containers/${id}`);
  monitor.pause();
  strictEqual((await monitor.nextOf("ok", "error"))?.type, "ok");
}
