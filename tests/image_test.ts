/** Images: how they come in, what is made of them, how they go. @module */

import { deepStrictEqual, match, notStrictEqual, ok, strictEqual } from "node:assert/strict";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { dockerArchive, type DockerArchiveLayout } from "./fakes/docker_archive.ts";
import { tarOf } from "./fakes/tar_builder.ts";
import { eventually, pause, type TestEngine, testWhole } from "./harness.ts";
import { countStored, imageNames, importBusybox, SHORT_ID_LENGTH, WHOLE_ID } from "./images.ts";

const COMPRESSIONS: readonly [what: string, compress: (tar: Uint8Array) => Uint8Array][] = [
  ["a plain tar", (tar) => tar],
  ["a gzipped tar", (tar) => gzipSync(tar, { level: 1 })],
  ["a tar in zstd", (tar) => zstdCompressSync(tar)],
];

for (const [what, compress] of COMPRESSIONS) {
  testWhole(`import makes an image of ${what}, from a file and from stdin`, async (wherry) => {
    const bytes = new Uint8Array(compress(Deno.readFileSync(await wherry.imageTar())));
    Deno.writeFileSync(`${wherry.scratch}/rootfs`, bytes);

    const fromFile = await wherry.run(["import", "rootfs", "from-file"]);
    const fromStdin = await wherry.run(["import", "-", "from-stdin"], { stdin: bytes });

    for (const { code, stdout, stderr } of [fromFile, fromStdin]) {
      deepStrictEqual([code, stderr], [0, ""]);
      match(stdout, WHOLE_ID);
    }
    for (const name of ["from-file", "from-stdin"]) {
      const { stdout } = await wherry.run(["run", "--rm", name, "cat", "/etc/group"]);
      match(stdout, /^root:x:0:\n/);
    }
    strictEqual(countStored(wherry).layers, 1);
  });
}

testWhole("import without a name makes an image that runs by its id", async (wherry) => {
  const id = await importBusybox(wherry);

  deepStrictEqual(await imageNames(wherry), ["<none>:<none>"]);
  const ids = [id, id.slice(0, SHORT_ID_LENGTH), `sha256:${id}`];
  for (const text of ids) {
    const { stdout, stderr } = await wherry.run(["run", "--rm", text, "echo", "works"]);
    deepStrictEqual([stdout, stderr], ["works\n", ""]);
  }
});

testWhole("import takes a name away from the image that had it", async (wherry) => {
  const old = await importBusybox(wherry, "box:1");
  const latest = await importBusybox(wherry, "box:1", ["-c", "ENV A=1"]);

  const { stdout } = await wherry.run(
    ["images", "--no-trunc", "--format", "{{.Repository}} {{.ID}}"],
  );

  deepStrictEqual(
    stdout.trim().split("\n").toSorted(),
    [`<none> sha256:${old}`, `box sha256:${latest}`],
  );
});

testWhole("run does what import -c laid down", async (wherry) => {
  await importBusybox(wherry, "box", [
    "-c",
    'CMD ["sh", "-c", "echo $GREETING; pwd; id -u"]',
    "-c",
    'ENV GREETING="two words"',
    "-c",
    "USER nobody",
    "-c",
    "WORKDIR /home",
  ]);

  const { stdout, stderr } = await wherry.run(["run", "--rm", "box"]);

  deepStrictEqual([stdout, stderr], ["two words\n/home\n65534\n", ""]);
});

testWhole("run's own flags win over what import -c laid down", async (wherry) => {
  await importBusybox(wherry, "box", [
    "-c",
    'ENTRYPOINT ["echo", "image"]',
    "-c",
    "ENV A=image",
    "-c",
    "USER nobody",
    "-c",
    "WORKDIR /home",
  ]);

  const asImage = await wherry.run(["run", "--rm", "box", "argument"]);
  const flags = ["-e", "A=flag", "-u", "0", "-w", "/tmp", "--entrypoint", "sh"];
  const asFlags = await wherry.run(["run", "--rm", ...flags, "box", "-c", "echo $A; pwd; id -u"]);

  strictEqual(asImage.stdout, "image argument\n");
  strictEqual(asFlags.stdout, "flag\n/tmp\n0\n");
});

testWhole("run of an image without a command asks for one", async (wherry) => {
  await importBusybox(wherry, "box");

  const { code, stderr } = await wherry.run(["run", "--rm", "box"]);

  strictEqual(code, 125);
  match(stderr, /^wherry: Cannot [^\n]*command/);
});

testWhole("run takes a tar's path in place of an image, and imports it once", async (wherry) => {
  await Deno.copyFile(await wherry.imageTar(), `${wherry.scratch}/My Box.tar`);

  const first = await wherry.run(["run", "--rm", "./My Box.tar", "echo", "one"]);
  const stored = countStored(wherry);
  const again = await wherry.run(["run", "--rm", "./My Box.tar", "echo", "two"]);
  const absolute = await wherry.run(
    ["run", "--rm", `${wherry.scratch}/My Box.tar`, "echo", "three"],
  );
  const above = await wherry.run(["run", "--rm", "../My Box.tar", "echo", "four"], {
    cwd: await makeDirectory(`${wherry.scratch}/below`),
  });

  for (const { code, stderr } of [first, again, absolute, above]) {
    deepStrictEqual([code, stderr], [0, ""]);
  }
  deepStrictEqual(
    [first.stdout, again.stdout, absolute.stdout, above.stdout],
    ["one\n", "two\n", "three\n", "four\n"],
  );
  deepStrictEqual(await imageNames(wherry), ["localhost/my-box:latest"]);
  deepStrictEqual(countStored(wherry), stored);
});

async function makeDirectory(path: string): Promise<string> {
  await Deno.mkdir(path);
  return path;
}

testWhole("run imports a tar's path again when the file has changed", async (wherry) => {
  const path = `${wherry.scratch}/box.tar`;
  const base = Deno.readFileSync(await wherry.imageTar());
  Deno.writeFileSync(path, base);
  await wherry.run(["run", "--rm", "./box.tar", "true"]);
  // Two blocks of zeros end the first archive
  const added = tarOf({ name: "etc/new", content: "new\n" });
  Deno.writeFileSync(path, base.subarray(0, endOfMembers(base)));
  Deno.writeFileSync(path, added, { append: true });

  const { stdout, stderr } = await wherry.run(["run", "--rm", "./box.tar", "cat", "/etc/new"]);

  deepStrictEqual([stdout, stderr], ["new\n", ""]);
});

/** Where the zeros at the end of a tar begin, rounded up to a block. */
function endOfMembers(tar: Uint8Array): number {
  return Math.ceil((tar.findLastIndex((byte) => byte !== 0) + 1) / 512) * 512;
}

testWhole("run takes the path of a compressed tar", async (wherry) => {
  const tar = Deno.readFileSync(await wherry.imageTar());
  Deno.writeFileSync(`${wherry.scratch}/box.tar.gz`, gzipSync(tar, { level: 1 }));

  const { stdout, stderr } = await wherry.run(["run", "--rm", "./box.tar.gz", "echo", "works"]);

  deepStrictEqual([stdout, stderr], ["works\n", ""]);
  deepStrictEqual(await imageNames(wherry), ["localhost/box:latest"]);
});

testWhole("run takes the path of a docker archive, with what it says", async (wherry) => {
  Deno.writeFileSync(`${wherry.scratch}/box.tar`, await busyboxArchive(wherry, "blobs"));

  const { stdout, stderr } = await wherry.run(["run", "--rm", "./box.tar"]);

  deepStrictEqual([stdout, stderr], ["from the archive\n", ""]);
  deepStrictEqual(await imageNames(wherry), ["archived:1"]);
});

/** A docker archive with busybox, and a layer on it that adds a file and takes one away. */
async function busyboxArchive(
  wherry: TestEngine,
  layout: DockerArchiveLayout,
): Promise<Uint8Array<ArrayBuffer>> {
  const added = tarOf(
    { name: "etc/added", content: "from the archive\n" },
    { name: "etc/.wh.group" },
  );
  return await dockerArchive(layout, {
    references: ["archived:1"],
    layers: [Deno.readFileSync(await wherry.imageTar()), added],
    process: { Cmd: ["cat", "/etc/added"] },
  });
}

for (const layout of ["blobs", "directories"] as const) {
  testWhole(`load takes a docker archive with its layers in ${layout}`, async (wherry) => {
    const archive = await busyboxArchive(wherry, layout);
    Deno.writeFileSync(`${wherry.scratch}/archive.tar`, archive);

    const fromFile = await wherry.run(["load", "-i", "archive.tar"]);
    const stored = countStored(wherry);
    const fromStdin = await wherry.run(["load"], { stdin: archive });

    for (const { code, stdout, stderr } of [fromFile, fromStdin]) {
      deepStrictEqual([code, stdout, stderr], [0, "Loaded image: archived:1\n", ""]);
    }
    strictEqual((await wherry.run(["run", "--rm", "archived:1"])).stdout, "from the archive\n");
    const { stdout } = await wherry.run(["run", "--rm", "archived:1", "ls", "/etc"]);
    deepStrictEqual(
      stdout.split("\n").filter((name) => ["added", "group", "passwd"].includes(name)),
      ["added", "passwd"],
    );
    deepStrictEqual(countStored(wherry), stored);
    strictEqual(stored.layers, 2);
  });
}

testWhole("a layer with an opaque root hides all that is below it", async (wherry) => {
  const archive = await dockerArchive("blobs", {
    references: ["opaque:1"],
    layers: [
      tarOf({ name: "gone" }, { name: "srv/", type: "5", mode: 0o755 }, { name: "srv/gone" }),
      tarOf({ name: ".wh..wh..opq" }, { name: "srv/kept" }),
      Deno.readFileSync(await wherry.imageTar()),
    ],
  });
  await wherry.run(["load"], { stdin: archive });

  const script = "ls /gone /srv/gone; ls /srv";
  const { stdout, stderr } = await wherry.run(["run", "--rm", "opaque:1", "sh", "-c", script]);

  strictEqual(stdout, "kept\n");
  match(stderr, /\/gone: No such file[^]*\/srv\/gone: No such file/);
});

testWhole("load takes a compressed archive from stdin", async (wherry) => {
  const archive = gzipSync(await busyboxArchive(wherry, "blobs"), { level: 1 });

  const { code, stdout } = await wherry.run(["load"], { stdin: new Uint8Array(archive) });

  deepStrictEqual([code, stdout], [0, "Loaded image: archived:1\n"]);
});

testWhole("load refuses an archive whose layer is not what its digest says", async (wherry) => {
  await importBusybox(wherry, "box");
  const before = countStored(wherry);
  const archive = await dockerArchive("blobs", {
    references: ["forged:1"],
    layers: [tarOf({ name: "file", content: "good" })],
  });
  const text = new TextDecoder("latin1").decode(archive);
  archive.set(new TextEncoder().encode("evil"), text.indexOf("good"));

  const { code, stderr } = await wherry.run(["load"], { stdin: archive });

  strictEqual(code, 1);
  match(stderr, /^wherry: Cannot load standard input: [^\n]*sha256:/);
  deepStrictEqual(await imageNames(wherry), ["box:latest"]);
  deepStrictEqual(countStored(wherry), before);
});

testWhole("run --rootfs never writes to the directory", async (wherry) => {
  const directory = await wherry.copyOfImage();
  const look = ["find", directory, "-printf", "%P %y %m %U %G %s %T@ %C@ %l\\n"];
  const before = await wherry.runHost(...look);
  const script = "echo new >/etc/group; rm /etc/passwd; mkdir /new; chmod 700 /tmp; touch /bin";

  const { code, stderr } = await wherry.run(
    ["run", "--rm", "--rootfs", directory, "sh", "-c", script],
  );

  deepStrictEqual([code, stderr], [0, ""]);
  strictEqual(await wherry.runHost(...look), before);
});

testWhole("containers of one image share its layer and not their writes", async (wherry) => {
  await importBusybox(wherry, "box");
  const look = ["find", `${wherry.root}/layers`, "-printf", "%P %y %m %s %T@ %l\\n"];
  const before = await wherry.runHost(...look);
  const script = 'echo "$0" >/etc/group; echo ready; sleep 100';
  for (const name of ["first", "second"]) {
    const argv = ["run", "-d", "--name", name, "box", "sh", "-c", script, name];
    const { code, stderr } = await wherry.run(argv);
    deepStrictEqual([code, stderr], [0, ""]);
  }

  for (const name of ["first", "second"]) {
    await untilLogged(wherry, name, "ready\n");
    const { stdout } = await wherry.run(["exec", name, "cat", "/etc/group"]);
    strictEqual(stdout, `${name}\n`);
  }
  const third = await wherry.run(["run", "--rm", "box", "head", "-n1", "/etc/group"]);
  strictEqual(third.stdout, "root:x:0:\n");
  strictEqual(await wherry.runHost(...look), before);
  strictEqual(countStored(wherry).layers, 1);
  await wherry.run(["rm", "-f", "first", "second"]);
});

async function untilLogged(wherry: TestEngine, name: string, text: string): Promise<void> {
  await eventually(async () => (await wherry.run(["logs", name])).stdout === text);
}

testWhole("what a container wrote is there when it is started again", async (wherry) => {
  await importBusybox(wherry, "box");
  const script = "echo again >>/etc/count; wc -l </etc/count";
  await wherry.run(["run", "--name", "counter", "box", "sh", "-c", script]);

  const { stdout } = await wherry.run(["start", "-a", "counter"]);

  strictEqual(stdout, "2\n");
  await wherry.run(["rm", "counter"]);
});

testWhole("imports of the same tar at the same time all succeed", async (wherry) => {
  const tar = await wherry.imageTar();
  const names = Array.from({ length: 6 }, (_, index) => `box-${index}`);

  const results = await Promise.all(names.map((name) => wherry.run(["import", tar, name])));

  for (const { code, stderr } of results) deepStrictEqual([code, stderr], [0, ""]);
  deepStrictEqual(await imageNames(wherry), names.map((name) => `${name}:latest`));
  for (const name of names) {
    strictEqual((await wherry.run(["run", "--rm", name, "true"])).code, 0);
  }
  const { layers, staging } = countStored(wherry);
  deepStrictEqual({ layers, staging }, { layers: 1, staging: 0 });
});

testWhole("first runs of the same tar's path at the same time all succeed", async (wherry) => {
  await Deno.copyFile(await wherry.imageTar(), `${wherry.scratch}/box.tar`);

  const results = await Promise.all(
    Array.from({ length: 4 }, () => wherry.run(["run", "--rm", "./box.tar", "echo", "works"])),
  );

  for (const { stdout, stderr } of results) deepStrictEqual([stdout, stderr], ["works\n", ""]);
  deepStrictEqual(await imageNames(wherry), ["localhost/box:latest"]);
});

testWhole("imports and removals at the same time leave whole images", async (wherry) => {
  const tar = await wherry.imageTar();
  const importAs = (name: string): Promise<unknown> => wherry.run(["import", tar, name]);
  await Promise.all(["kept", "old-0", "old-1", "old-2"].map(importAs));

  await Promise.all([
    ...["old-0", "old-1", "old-2"].map((name) => wherry.run(["rmi", name])),
    ...["new-0", "new-1", "new-2"].map(importAs),
  ]);

  const names = ["kept", "new-0", "new-1", "new-2"];
  deepStrictEqual(await imageNames(wherry), names.map((name) => `${name}:latest`));
  for (const name of names) {
    const { code, stderr } = await wherry.run(["run", "--rm", name, "true"]);
    deepStrictEqual([code, stderr], [0, ""]);
  }
  const { layers, staging } = countStored(wherry);
  deepStrictEqual({ layers, staging }, { layers: 1, staging: 0 });
});

/** Fails unless the image that was there before still works, and the next import leaves no trace of the last. */
async function assertStoreIsSound(wherry: TestEngine): Promise<void> {
  const listed = await wherry.run(["images", "--format", "{{.Repository}}", "before"]);
  deepStrictEqual([listed.code, listed.stdout, listed.stderr], [0, "before\n", ""]);
  await importBusybox(wherry, "next");
  for (const name of ["before", "next"]) {
    const { code, stderr } = await wherry.run(["run", "--rm", name, "true"]);
    deepStrictEqual([code, stderr], [0, ""]);
  }
  strictEqual(countStored(wherry).staging, 0);
}

for (const received of [0, 1_500_000, 4_000_000]) {
  testWhole(`import killed after ${received} bytes leaves the store sound`, async (wherry) => {
    await importBusybox(wherry, "before");
    const { layers, blobs } = countStored(wherry);
    const bytes = tarOf({ name: "large", content: new Uint8Array(8_000_000).fill(1) });
    const child = wherry.spawn(["import", "-", "killed"], { stdin: "" });
    const writer = child.stdin.getWriter();
    await writer.write(bytes.subarray(0, received));
    await eventually(() => countStored(wherry).staging === 1);

    child.kill("SIGKILL");

    await Promise.all([child.status, child.stdout.cancel(), child.stderr.cancel()]);
    await writer.close().catch(() => "the pipe has no reader any more");
    deepStrictEqual(await imageNames(wherry), ["before:latest"]);
    deepStrictEqual(countStored(wherry), { layers, blobs, staging: 1 });
    await assertStoreIsSound(wherry);
  });
}

testWhole("import killed at any moment leaves the store sound", async (wherry) => {
  await importBusybox(wherry, "before");
  const bytes = tarOf({ name: "file", content: "another layer" });
  Deno.writeFileSync(`${wherry.scratch}/small.tar`, bytes);
  const startedAt = performance.now();
  await wherry.run(["import", "small.tar", "measured"]);
  const wholeMs = performance.now() - startedAt;
  await wherry.run(["rmi", "measured"]);

  const parts = 16;
  for (let part = 1; part <= parts; part++) {
    const child = wherry.spawn(["import", "small.tar", "killed"]);
    await pause(wholeMs * part / parts);
    killIfAlive(child);
    const [{ success }] = await Promise.all([
      child.status,
      child.stdout.cancel(),
      child.stderr.cancel(),
    ]);
    const names = await imageNames(wherry);
    ok(names.includes("before:latest"));
    if (success) ok(names.includes("killed:latest"));
    if (names.includes("killed:latest")) await assertIsWhole(wherry, "killed");
  }

  await assertStoreIsSound(wherry);
});

function killIfAlive(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch (error) {
    // It was faster
    if (!(error instanceof TypeError)) throw error;
  }
}

/** A listed image must have its layer, and can be removed. */
async function assertIsWhole(wherry: TestEngine, name: string): Promise<void> {
  const format = "{{.GraphDriver.Data.LowerDir}}";
  const { stdout } = await wherry.run(["inspect", "-f", format, name]);
  strictEqual(Deno.readTextFileSync(`${stdout.trim()}/file`), "another layer");
  strictEqual((await wherry.run(["rmi", name])).code, 0);
}

testWhole("import of the same bytes twice gives two images on one layer", async (wherry) => {
  const first = await importBusybox(wherry, "one");
  const second = await importBusybox(wherry, "two");

  notStrictEqual(first, second);
  strictEqual(countStored(wherry).layers, 1);
});
