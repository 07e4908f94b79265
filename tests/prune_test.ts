/** Removing what is not used: `container prune` and `system prune`. @module */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { exists, listNames, type TestEngine, testWhole } from "./harness.ts";

testWhole("container prune removes what does not run and says what it gave", async (wherry) => {
  const running = await wherry.start([], ["sleep", "100"]);
  const ended = await ranOnce(wherry, [], "head -c 1500 /dev/zero >/data");
  const created = (await wherry.run(["create", ...await wherry.busybox(), "true"])).stdout.trim();

  const { code, stdout } = await wherry.run(["container", "prune", "-f"]);

  strictEqual(code, 0);
  const [title, first, second, ...rest] = stdout.split("\n");
  strictEqual(title, "Deleted Containers:");
  deepStrictEqual([first, second].toSorted(), [ended, created].toSorted());
  deepStrictEqual(rest, ["", "Total reclaimed space: 1.5kB", ""]);
  deepStrictEqual(listNames(`${wherry.root}/containers`), [running]);
  await wherry.run(["rm", "-f", running]);
});

testWhole("container prune asks first, and only y is yes", async (wherry) => {
  const id = await ranOnce(wherry);
  const question = "WARNING! This will remove all stopped containers.\n" +
    "Are you sure you want to continue? [y/N] ";

  const refused = await wherry.run(["container", "prune"], { stdin: "n\n" });
  const unanswered = await wherry.run(["container", "prune"]);
  const confirmed = await wherry.run(["container", "prune"], { stdin: "y\n" });

  deepStrictEqual([refused.code, refused.stdout], [0, question]);
  deepStrictEqual([unanswered.code, unanswered.stdout], [0, question]);
  strictEqual(
    confirmed.stdout,
    `${question}Deleted Containers:\n${id}\n\nTotal reclaimed space: 0B\n`,
  );
});

testWhole("container prune --filter spares what does not match", async (wherry) => {
  const kept = await ranOnce(wherry, ["--label", "keep=yes"]);
  const wanted = await ranOnce(wherry, ["--label", "test=1"]);

  await wherry.run(["container", "prune", "-f", "--filter", "until=1h"]);
  strictEqual(listNames(`${wherry.root}/containers`).length, 2);
  await wherry.run(["container", "prune", "-f", "--filter", "label=test=1"]);
  deepStrictEqual(listNames(`${wherry.root}/containers`), [kept]);
  await wherry.run(["container", "prune", "-f", "--filter", "label!=keep"]);
  deepStrictEqual(listNames(`${wherry.root}/containers`), [kept]);
  const bad = await wherry.run(["container", "prune", "-f", "--filter", "name=x"]);

  deepStrictEqual([bad.code, bad.stdout], [1, ""]);
  match(bad.stderr, /invalid filter 'name'/);
  ok(!exists(wherry.containerPath(wanted, "")));
  await wherry.run(["rm", kept]);
});

testWhole("system prune removes only nameless images, with -a all unused ones", async (wherry) => {
  const tar = await wherry.imageTar();
  await wherry.run(["import", tar, "used"]);
  await wherry.run(["import", "-m", "other", tar, "unused"]);
  const nameless = await wherry.run(["import", "-m", "nameless", tar]);
  await wherry.run(["run", "-d", "--name", "box", "used", "sleep", "100"]);

  const some = await wherry.run(["system", "prune", "-f"]);
  const left = await wherry.run(["images", "--format", "{{.Repository}}"]);
  const all = await wherry.run(["system", "prune", "-af"]);

  strictEqual(nameless.code, 0);
  match(some.stdout, /^Deleted Images:\ndeleted: sha256:[0-9a-f]{64}\n\nTotal reclaimed space: /);
  deepStrictEqual(left.stdout.trim().split("\n").toSorted(), ["unused", "used"]);
  match(all.stdout, /^Deleted Images:\nuntagged: unused:latest\ndeleted: sha256:/);
  const last = await wherry.run(["images", "--format", "{{.Repository}}"]);
  strictEqual(last.stdout, "used\n");
  await wherry.run(["rm", "-f", "box"]);
});

testWhole("after system prune -a an engine takes less than 100 KB", async (wherry) => {
  await wherry.run(["import", await wherry.imageTar(), "box"]);
  await wherry.run(["run", "box", "true"]);
  const damaged = await ranOnce(wherry);
  Deno.writeTextFileSync(wherry.containerPath(damaged, "config.json"), "{");
  await wherry.run(["ps", "-a"]);

  const { stdout } = await wherry.run(["system", "prune", "-af", "--volumes"]);

  match(stdout, /^Deleted Damaged Containers:\n/m);
  match(stdout, /^Total reclaimed space: \d/m);
  const used = await wherry.runHost("du", "-sk", wherry.root);
  ok(Number(used.split("\t")[0]) < 100, used);
});

testWhole("system prune tells what it would remove before it asks", async (wherry) => {
  const { code, stdout } = await wherry.run(
    ["system", "prune", "-a", "--filter", "label=x"],
    { stdin: "no\n" },
  );

  strictEqual(code, 0);
  strictEqual(
    stdout,
    `WARNING! This will remove:
  - all stopped containers
  - all networks not used by at least one container
  - all containers whose records are damaged, also if they run
  - all images without at least one container associated to them

  Items to be pruned will be filtered with:
  - label=x

Are you sure you want to continue? [y/N] `,
  );
});

/** @returns The id of a container that has ended. */
async function ranOnce(
  wherry: TestEngine,
  flags: readonly string[] = [],
  script = "true",
): Promise<string> {
  const id = await wherry.start(flags, ["sh", "-c", script]);
  await wherry.run(["wait", id]);
  return id;
}
