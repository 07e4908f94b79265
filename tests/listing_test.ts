/** `ps` and `inspect`: what they tell is true. @module */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { eventually, isAlive, testWhole } from "./harness.ts";

testWhole("ps shows running containers, and ps -a all", async (wherry) => {
  const running = await wherry.start(["--name", "running"], ["sleep", "100"]);
  const ended = await wherry.start(["--name", "ended"], ["sh", "-c", "exit 3"]);
  await wherry.run(["wait", "ended"]);

  const some = await wherry.run(["ps", "--format", "{{.Names}} {{.Status}}"]);
  const all = await wherry.run(["ps", "-a", "--format", "{{.Names}} {{.Status}}"]);
  const ids = await wherry.run(["ps", "-aq", "--no-trunc"]);

  match(some.stdout, /^running Up [^\n]*\n$/);
  match(all.stdout, /^ended Exited \(3\) [^\n]*\nrunning Up [^\n]*\n$/);
  strictEqual(ids.stdout, `${ended}\n${running}\n`);
  await wherry.run(["rm", "-f", running, ended]);
});

testWhole("ps prints docker's table", async (wherry) => {
  const id = await wherry.start(["--name", "box"], ["sleep", "100"]);

  const [head = "", row = ""] = (await wherry.run(["ps"])).stdout.split("\n");

  match(head, /^CONTAINER ID +IMAGE +COMMAND +CREATED +STATUS +PORTS +NAMES$/);
  ok(row.startsWith(id.slice(0, 12)));
  match(row, /"sleep 100" .* Up .* box$/);
  await wherry.run(["rm", "-f", "box"]);
});

testWhole("ps never shows a container as running whose monitor was killed", async (wherry) => {
  const id = await wherry.start(["--name", "box"], ["sleep", "100"]);
  const { pid, monitorPid } = wherry.readStateRecord(id);
  Deno.kill(monitorPid, "SIGKILL");
  await eventually(() => !isAlive(pid));

  strictEqual((await wherry.run(["ps", "-q"])).stdout, "");
  match((await wherry.run(["ps", "-a", "--format", "{{.Status}}"])).stdout, /^Exited \(137\) /);
  await wherry.run(["rm", "box"]);
});

testWhole("the end of a container is recorded at once, also when nobody waits", async (wherry) => {
  const id = await wherry.start(["--name", "box"], ["sh", "-c", "sleep 0.2; exit 4"]);
  const { pid } = wherry.readStateRecord(id);
  await eventually(() => !isAlive(pid));

  await eventually(() => wherry.readStateRecord(id).status === "exited"); // and no command has run

  const { stdout } = await wherry.run(["inspect", "-f", "{{.State.ExitCode}}", "box"]);
  strictEqual(stdout, "4\n");
  await wherry.run(["rm", "box"]);
});

testWhole("inspect tells what a container was made with and what it does", async (wherry) => {
  const flags = [
    "--name",
    "box",
    "-l",
    "a=b",
    "-l",
    "empty",
    "-e",
    "X=1",
    "-h",
    "host",
    "-w",
    "/tmp",
  ];
  const id = await wherry.start(flags, ["sleep", "100"]);

  const { stdout } = await wherry.run(["inspect", "box"]);
  const [container] = JSON.parse(stdout);

  strictEqual(container.Id, id);
  strictEqual(container.Name, "/box");
  deepStrictEqual(container.Config.Labels, { a: "b", empty: "" });
  strictEqual(container.Config.Hostname, "host");
  strictEqual(container.Config.WorkingDir, "/tmp");
  deepStrictEqual(container.Config.Env, ["X=1"]);
  deepStrictEqual([container.Path, container.Args], ["sleep", ["100"]]);
  strictEqual(container.State.Status, "running");
  strictEqual(container.State.Pid, wherry.readStateRecord(id).pid);
  await wherry.run(["rm", "-f", "box"]);
});

testWhole("inspect -f prints one field", async (wherry) => {
  await wherry.start(["--name", "box", "-l", "a=b"], ["sleep", "100"]);

  const { stdout } = await wherry.run(
    ["inspect", "-f", "{{.State.Running}} {{json .Config.Labels}}", "box"],
  );

  strictEqual(stdout, 'true {"a":"b"}\n');
  await wherry.run(["rm", "-f", "box"]);
});

testWhole("inspect of something that does not exist names it", async (wherry) => {
  const { code, stdout, stderr } = await wherry.run(["inspect", "nobody"]);

  deepStrictEqual([code, stdout], [1, "[]\n"]);
  match(stderr, /nobody/);
});

testWhole("commands that only look make nothing on disk", async (wherry) => {
  for (const command of [["ps", "-a"], ["inspect", "x"], ["logs", "x"], ["info"], ["version"]]) {
    await wherry.run(command);
  }

  deepStrictEqual(
    Array.from(Deno.readDirSync(wherry.directory), ({ name }) => name).toSorted(),
    ["scratch", "tmp"],
  );
});

testWhole("ps -s tells how much a container has written, and with its image", async (wherry) => {
  await wherry.start(["--name", "box"], ["sleep", "100"]);
  await wherry.run(["exec", "box", "sh", "-c", "head -c 123456 /dev/zero >/file"]);

  const table = await wherry.run(["ps", "-s"]);
  const asked = await wherry.run(["ps", "--format", "{{.Names}} {{.Size}}"]);
  const unasked = await wherry.run(["ps", "--format", "json"]);
  const inspected = await wherry.run(["inspect", "-s", "-f", "{{.SizeRw}}", "box"]);

  match(table.stdout, /NAMES +SIZE\n.* box +123kB \(virtual 2\.\d+MB\)\n$/);
  match(asked.stdout, /^box 123kB \(virtual 2\.\d+MB\)\n$/);
  strictEqual(JSON.parse(unasked.stdout).Size, "0B");
  strictEqual(inspected.stdout, "123456\n");
  await wherry.run(["rm", "-f", "box"]);
});

testWhole("ps filters by other containers, states and mounts", async (wherry) => {
  await wherry.run(["run", "--name", "first", ...await wherry.busybox(), "sh", "-c", "exit 3"]);
  await wherry.run(["run", "--name", "second", ...await wherry.busybox(["-v", ".:/data"]), "true"]);
  await wherry.start(["--name", "third"], ["sleep", "100"]);
  const names = async (...filters: string[]): Promise<string[]> => {
    const flags = filters.flatMap((filter) => ["-f", filter]);
    const { stdout } = await wherry.run(["ps", "-a", "--format", "{{.Names}}", ...flags]);
    return stdout.trim().split("\n");
  };

  deepStrictEqual(await names("before=second"), ["first"]);
  deepStrictEqual(await names("since=second"), ["third"]);
  deepStrictEqual(await names("exited=3"), ["first"]);
  deepStrictEqual(await names("volume=/data"), ["second"]);
  deepStrictEqual(await names("network=bridge", "status=running"), ["third"]);
  deepStrictEqual(await names("publish=80"), [""]);
  deepStrictEqual(await names("health=none"), ["third", "second", "first"]);
  const wrong = await wherry.run(["ps", "-f", "before=nobody"]);
  deepStrictEqual([wrong.code, wrong.stdout], [1, ""]);
  match(wrong.stderr, /No such container: nobody/);
  await wherry.run(["rm", "-f", "first", "second", "third"]);
});

testWhole("inspect -s measures containers alone", async (wherry) => {
  await wherry.run(["import", await wherry.imageTar(), "box-image"]);

  const { code, stderr } = await wherry.run(["inspect", "-s", "--type", "image", "box-image"]);

  deepStrictEqual([code, stderr], [0, "WARNING: --size ignored for image\n"]);
});

testWhole(
  "ps refuses a template with an unknown field, also when it lists nothing",
  async (wherry) => {
    const { code, stderr } = await wherry.run(["ps", "--format", "{{.Foo}}"]);

    strictEqual(code, 1);
    match(stderr, /can't evaluate field Foo in type \*formatter\.ContainerContext\n$/);
  },
);

testWhole("ps tells a malformed filter from an unknown one", async (wherry) => {
  strictEqual((await wherry.run(["ps", "--filter", "bogus"])).code, 125);
  strictEqual((await wherry.run(["ps", "--filter", "bogus=1"])).code, 1);
});

testWhole(
  "ps has docker's format raw, and ids alone with -q whatever the format",
  async (wherry) => {
    const id = await wherry.start(["--name", "box", "-l", "a=b"], ["sleep", "100"]);
    const short = id.slice(0, 12);

    const raw = await wherry.run(["ps", "-s", "--format", "raw"]);
    const quietRaw = await wherry.run(["ps", "-q", "--format", "raw"]);
    const quiet = await wherry.run(["ps", "-q", "--format", "{{.Names}}"]);

    match(
      raw.stdout,
      new RegExp(
        `^container_id: ${short}\nimage: .*\ncommand: "sleep 100"\ncreated_at: .* UTC\n` +
          "state: running\nstatus: Up .*\nnames: box\nlabels: a=b\nports:\nsize: 0B .*\n\n$",
      ),
    );
    deepStrictEqual([quietRaw.stdout, quiet.stdout], [`container_id: ${short}\n`, `${short}\n`]);
    match(quiet.stderr, /^WARNING: Ignoring custom format, because both --format and --quiet are/);
    await wherry.run(["rm", "-f", "box"]);
  },
);

testWhole("ps knows of no platform, as docker without containerd's images", async (wherry) => {
  await wherry.start(["--name", "box"], ["sleep", "100"]);

  const json = await wherry.run(["ps", "--format", "{{json .}}"]);
  const text = await wherry.run(["ps", "--format", "{{.Platform}}"]);

  deepStrictEqual([JSON.parse(json.stdout).Platform, text.stdout], [null, "<nil>\n"]);
  await wherry.run(["rm", "-f", "box"]);
});
