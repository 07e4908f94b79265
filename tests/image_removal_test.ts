/** Removing images: `rmi`, `image prune` and what is left when they are killed. @module */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { Disk } from "./disk.ts";
import { dockerArchive } from "./fakes/docker_archive.ts";
import { tarOf } from "./fakes/tar_builder.ts";
import { listNames, type Result, testWhole } from "./harness.ts";
import { countStored, imageNames, importBusybox, SHORT_ID_LENGTH } from "./images.ts";

testWhole("rmi removes an image by name, id or the start of an id", async (wherry) => {
  const ways: ((id: string) => string)[] = [
    () => "box",
    () => "box:latest",
    (id) => id,
    (id) => `sha256:${id}`,
    (id) => id.slice(0, SHORT_ID_LENGTH),
    (id) => id.slice(0, 5),
  ];
  for (const way of ways) {
    const id = await importBusybox(wherry, "box");

    const { code, stdout, stderr } = await wherry.run(["rmi", way(id)]);

    strictEqual(stderr, "");
    strictEqual(code, 0);
    const [untagged, image, layer, ...rest] = stdout.split("\n");
    deepStrictEqual([untagged, image, rest], ["Untagged: box:latest", `Deleted: sha256:${id}`, [
      "",
    ]]);
    match(layer ?? "", /^Deleted: sha256:[0-9a-f]{64}$/);
    deepStrictEqual(countStored(wherry), { layers: 0, blobs: 0, staging: 0 });
  }
});

testWhole("rmi of one of two names takes only the name away", async (wherry) => {
  Deno.writeFileSync(
    `${wherry.scratch}/archive.tar`,
    await dockerArchive("blobs", {
      references: ["one:1", "two:2"],
      layers: [Deno.readFileSync(await wherry.imageTar())],
    }),
  );
  await wherry.run(["load", "-i", "archive.tar"]);

  const { code, stdout } = await wherry.run(["rmi", "one:1"]);

  deepStrictEqual([code, stdout], [0, "Untagged: one:1\n"]);
  deepStrictEqual(await imageNames(wherry), ["two:2"]);
  strictEqual((await wherry.run(["run", "--rm", "two:2", "true"])).code, 0);
});

testWhole("rmi by id of an image with two names needs -f", async (wherry) => {
  const archive = await dockerArchive("blobs", {
    references: ["one:1", "two:2"],
    layers: [tarOf({ name: "file" })],
  });
  await wherry.run(["load"], { stdin: archive });
  const id = (await wherry.run(["images", "-q", "one"])).stdout.trim();

  const refused = await wherry.run(["rmi", id]);
  const forced = await wherry.run(["rmi", "-f", id]);

  strictEqual(refused.code, 1);
  match(
    refused.stderr,
    /^wherry: conflict: unable to delete [0-9a-f]{12} \(must be forced\) - image is referenced in multiple repositories\n[^\n]*-f\n$/,
  );
  strictEqual(forced.code, 0);
  match(forced.stdout, /^Untagged: one:1\nUntagged: two:2\nDeleted: sha256:/);
});

testWhole(
  "rmi refuses an image that a running container uses, by id also with -f",
  async (wherry) => {
    const id = (await importBusybox(wherry, "box")).slice(0, SHORT_ID_LENGTH);
    await wherry.run(["run", "-d", "--name", "user", "box", "sleep", "100"]);

    const byName = await wherry.run(["rmi", "box"]);
    const byId = await wherry.run(["rmi", "-f", id]);

    for (const { code, stdout } of [byName, byId]) deepStrictEqual([code, stdout], [1, ""]);
    strictEqual(
      byName.stderr.split("\n")[0],
      'wherry: conflict: unable to remove repository reference "box" (must force) - ' +
        `container user is using its referenced image ${id}`,
    );
    strictEqual(
      byId.stderr.split("\n")[0],
      `wherry: conflict: unable to delete ${id} (cannot be forced) - ` +
        "image is being used by running container user",
    );
    strictEqual((await wherry.run(["exec", "user", "true"])).code, 0);
    await wherry.run(["rm", "-f", "user"]);
  },
);

testWhole("rmi -f of a running container's image takes only its name away", async (wherry) => {
  const id = await importBusybox(wherry, "box");
  await wherry.run(["run", "-d", "--name", "user", "box", "sleep", "100"]);

  const { code, stdout } = await wherry.run(["rmi", "-f", "box"]);

  deepStrictEqual([code, stdout], [0, "Untagged: box:latest\n"]);
  deepStrictEqual(await imageNames(wherry), ["<none>:<none>"]);
  strictEqual((await wherry.run(["image", "prune", "-f"])).stdout, "Total reclaimed space: 0B\n");
  await wherry.run(["rm", "-f", "user"]);
  match(
    (await wherry.run(["image", "prune", "-f"])).stdout,
    new RegExp(`^Deleted Images:\ndeleted: sha256:${id}\ndeleted: sha256:`),
  );
});

testWhole("rmi refuses an image that a stopped container uses, without -f", async (wherry) => {
  await importBusybox(wherry, "box");
  await wherry.run(["run", "--name", "user", "box", "true"]);

  const { code, stderr } = await wherry.run(["rmi", "box"]);

  strictEqual(code, 1);
  match(stderr, /^wherry: conflict: [^\n]* container user is using [^\n]*\n[^\n]*wherry rm user/);
  deepStrictEqual(await imageNames(wherry), ["box:latest"]);
  await wherry.run(["rm", "user"]);
});

testWhole("rmi -f keeps the layer for the stopped container that stands on it", async (wherry) => {
  await importBusybox(wherry, "box");
  await wherry.run(["run", "--name", "user", "box", "echo", "works"]);

  const forced = await wherry.run(["rmi", "-f", "box"]);
  const started = await wherry.run(["start", "-a", "user"]);

  strictEqual(forced.code, 0);
  deepStrictEqual(await imageNames(wherry), []);
  deepStrictEqual([started.stdout, started.stderr], ["works\n", ""]);
  await wherry.run(["rm", "user"]);
  await importBusybox(wherry, "next");
  deepStrictEqual(countStored(wherry).layers, 1);
});

testWhole("rmi removes what it can and names the rest", async (wherry) => {
  await importBusybox(wherry, "box");

  const { code, stdout, stderr } = await wherry.run(["rmi", "missing", "box"]);

  strictEqual(code, 1);
  match(stdout, /^Untagged: box:latest\nDeleted: sha256:/);
  match(stderr, /^wherry: Cannot find image "missing"/);
});

for (const content of ['{"schema":1,"id":', ""]) {
  testWhole(`rmi keeps the layers of a container whose record is "${content}"`, async (wherry) => {
    await wherry.run(["import", await wherry.imageTar(), "box:1"]);
    const { stdout } = await wherry.run(["run", "-d", "box:1", "sleep", "100"]);
    const id = stdout.trim();
    const record = wherry.containerPath(id, "config.json");
    const sound = Deno.readTextFileSync(record);
    Deno.writeTextFileSync(record, content);

    const { code } = await wherry.run(["rmi", "box:1"]);

    strictEqual(code, 0);
    strictEqual(countStored(wherry).layers, 1);
    Deno.writeTextFileSync(record, sound);
    strictEqual((await wherry.run(["exec", id, "true"])).code, 0);
    await wherry.run(["rm", "-f", id]);
  });
}

testWhole("rmi -f of a name that no image has is no failure", async (wherry) => {
  const { code, stderr } = await wherry.run(["rmi", "-f", "missing"]);

  strictEqual(code, 0);
  match(stderr, /^wherry: Cannot find image "missing"/);
});

testWhole("image prune asks first, and removes what nothing uses", async (wherry) => {
  const dangling = await importBusybox(wherry, "box", ["-m", "old"]);
  await importBusybox(wherry, "box");
  await importBusybox(wherry, "used", ["-m", "used"]);
  await wherry.run(["create", "--name", "user", "used", "true"]);
  const question = "Are you sure you want to continue? [y/N] ";

  const refused = await wherry.run(["image", "prune"], { stdin: "n\n" });
  const some = await wherry.run(["image", "prune", "-f"]);
  const old = await wherry.run(["image", "prune", "-af", "--filter", "until=1h"]);
  const all = await wherry.run(["image", "prune", "-a"], { stdin: "y\n" });

  strictEqual(refused.stdout, `WARNING! This will remove all dangling images.\n${question}`);
  match(
    some.stdout,
    new RegExp(
      `^Deleted Images:\ndeleted: sha256:${dangling}\n\nTotal reclaimed space: [0-9.]+k?B\n$`,
    ),
  );
  strictEqual(old.stdout, "Total reclaimed space: 0B\n");
  match(
    all.stdout,
    /^WARNING! This will remove all images without at least one container associated to them\.\n[^\n]*Deleted Images:\nuntagged: box:latest\ndeleted: /,
  );
  deepStrictEqual(await imageNames(wherry), ["used:latest"]);
  await wherry.run(["rm", "user"]);
});

testWhole(
  "a damaged image keeps no other from being listed, used, removed and pruned",
  async (wherry) => {
    await importBusybox(wherry, "bad");
    const manifests = new Set(listNames(`${wherry.root}/blobs/sha256`));
    const { manifests: [entry] } = JSON.parse(Deno.readTextFileSync(`${wherry.root}/index.json`));
    await importBusybox(wherry, "good", ["-m", "good"]);
    await importBusybox(wherry, "other", ["-m", "other"]);
    const blob = `${wherry.root}/blobs/${entry.digest.replace(":", "/")}`;
    const sound = Deno.readFileSync(blob);
    Deno.writeTextFileSync(blob, "{}");
    const warning =
      /^WARNING: image bad:latest is damaged: [^\n]*"wherry rmi -f bad:latest" removes it/;

    const listed = await wherry.run(["images", "--format", "{{.Repository}}"]);
    match(listed.stderr, warning);
    deepStrictEqual(listed.stdout.trim().split("\n").toSorted(), ["bad", "good", "other"]);
    strictEqual((await wherry.run(["run", "--rm", "good", "true"])).code, 0);
    const removed = await wherry.run(["rmi", "other"]);
    match(removed.stdout, /^Untagged: other:latest\nDeleted: sha256:/);
    match(removed.stderr, warning);
    const pruned = await wherry.run(["image", "prune", "-f"]);
    deepStrictEqual([pruned.code, pruned.stdout], [0, "Total reclaimed space: 0B\n"]);
    match((await wherry.run(["system", "df"])).stderr, warning);

    // Nothing is lost to who mends it
    const damaged = Deno.readFileSync(blob);
    Deno.writeFileSync(blob, sound);
    strictEqual((await wherry.run(["run", "--rm", "bad", "true"])).code, 0);
    strictEqual(manifests.isSubsetOf(new Set(listNames(`${wherry.root}/blobs/sha256`))), true);
    Deno.writeFileSync(blob, damaged);

    strictEqual((await wherry.run(["rmi", "bad"])).code, 1);
    match(
      (await wherry.run(["rmi", "-f", "bad"])).stdout,
      /^Untagged: bad:latest\nDeleted: sha256:/,
    );
    deepStrictEqual(await imageNames(wherry), ["good:latest"]);
    deepStrictEqual(countStored(wherry), { layers: 1, blobs: 3, staging: 0 });
  },
);

testWhole("image prune -a removes damaged images, too", async (wherry) => {
  const id = await importBusybox(wherry, "bad");
  Deno.removeSync(`${wherry.root}/blobs/sha256/${id}`);

  const { code, stdout, stderr } = await wherry.run(["image", "prune", "-af"]);

  deepStrictEqual([code, stderr], [0, ""]);
  match(stdout, new RegExp(`^Deleted Images:\nuntagged: bad:latest\ndeleted: sha256:${id}\n`));
  deepStrictEqual(countStored(wherry), { layers: 0, blobs: 0, staging: 0 });
});

for (const args of [["rmi", "box"], ["image", "prune", "-af"]]) {
  testWhole(`${args.join(" ")} frees a disk without any room`, async (wherry) => {
    await using disk = await Disk.mount(wherry, "size=16m");
    await importBusybox(wherry, "box");
    await importBusybox(wherry, "kept", ["-c", "LABEL kept=yes"]);
    await wherry.run(["create", "--name", "user", "kept", "true"]);
    Deno.writeFileSync(`${wherry.scratch}/own.tar`, tarOf({ name: "file", content: "of its own" }));
    await wherry.run(["rmi", "box"]);
    await wherry.run(["import", "own.tar", "box"]);
    await using _filling = await disk.fill("bytes");

    const { code, stderr } = await wherry.run(args);

    deepStrictEqual([code, stderr], [0, ""]);
    deepStrictEqual(await imageNames(wherry), ["kept:latest"]);
    deepStrictEqual(countStored(wherry), { layers: 1, blobs: 3, staging: 0 });
    await wherry.run(["rm", "user"]);
  });
}

testWhole("prunes beside imports, loads and runs leave whole images", async (wherry) => {
  await importBusybox(wherry, "kept", ["-m", "kept"]);
  await wherry.run(["create", "--name", "user", "kept", "true"]);
  const tar = await wherry.imageTar();
  Deno.writeFileSync(
    `${wherry.scratch}/archive.tar`,
    await dockerArchive("blobs", {
      references: ["loaded:1"],
      layers: [Deno.readFileSync(tar), tarOf({ name: "file", content: "more" })],
    }),
  );
  const prune = (): Promise<Result> => wherry.run(["image", "prune", "-af"]);

  const others = await Promise.all([
    wherry.run(["import", tar, "imported"]),
    wherry.run(["load", "-i", "archive.tar"]),
    wherry.run(["run", "--rm", "kept", "true"]),
    wherry.run(["tag", "kept", "again"]),
    ...[prune(), prune(), prune()],
  ]);

  for (const { code, stderr } of others) deepStrictEqual([code, stderr], [0, ""]);
  const names = await imageNames(wherry);
  ok(names.includes("kept:latest"));
  for (const name of names) {
    const { code, stderr } = await wherry.run(["run", "--rm", name, "true"]);
    deepStrictEqual([code, stderr], [0, ""]);
  }
  strictEqual((await wherry.run(["start", "-a", "user"])).code, 0);
  await wherry.run(["rm", "user"]);
  await prune();
  deepStrictEqual(countStored(wherry), { layers: 0, blobs: 0, staging: 0 });
});
