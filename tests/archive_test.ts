/** Archives of images: what other tools write is loaded, and what is saved they read. @module */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { Disk } from "./disk.ts";
import { DockerDaemon } from "./docker_daemon.ts";
import { dockerArchive } from "./fakes/docker_archive.ts";
import { TestLayout } from "./fakes/test_layout.ts";
import { tarOf } from "./fakes/tar_builder.ts";
import {
  eventually,
  exists,
  listNames,
  type Result,
  type TestEngine,
  testWhole,
} from "./harness.ts";
import { needs } from "./needs.ts";
import { TestPodman } from "./podman.ts";

/** A layer with everything that gets lost easily, and with a file that it takes away. */
const RICH = tarOf(
  { name: "rich/", type: "5", mode: 0o2775, gid: 7 },
  {
    name: "rich/setuid",
    mode: 0o4755,
    uid: 1,
    gid: 2,
    content: "content",
    pax: { mtime: "981173106.123456789", "SCHILY.xattr.user.note": "hello" },
  },
  {
    name: "rich/hard",
    type: "1",
    link: "rich/setuid",
    mode: 0o4755,
    uid: 1,
    gid: 2,
    pax: { mtime: "981173106.123456789", "SCHILY.xattr.user.note": "hello" },
  },
  { name: "rich/symbolic", type: "2", link: "../nowhere" },
  { name: "rich/fifo", type: "6", mode: 0o640 },
  { name: "rich/null", type: "3", mode: 0o666, deviceMajor: 1, deviceMinor: 3 },
  { name: "etc/", type: "5", mode: 0o755 },
  { name: "etc/.wh.group" },
);

const COMMAND = ["sh", "-c", "test ! -e /etc/group && stat -c '%a %u:%g' /rich/setuid"];

/** Writes `rich.tar`: docker's archive of `rich:1`, which is busybox and the rich layer. */
async function writeRich(wherry: TestEngine): Promise<void> {
  const archive = await dockerArchive("directories", {
    references: ["rich:1"],
    layers: [Deno.readFileSync(await wherry.imageTar()), RICH],
    process: { Cmd: COMMAND },
  });
  Deno.writeFileSync(`${wherry.scratch}/rich.tar`, archive);
}

/** Loads it, too; returns the image's id. */
async function loadRich(wherry: TestEngine): Promise<string> {
  await writeRich(wherry);
  succeed(await wherry.run(["load", "-i", "rich.tar"]));
  return await idOf(wherry, "rich:1");
}

function succeed({ code, stdout, stderr }: Result): string {
  deepStrictEqual([code, stderr], [0, ""]);
  return stdout;
}

async function idOf(wherry: TestEngine, name: string): Promise<string> {
  return succeed(await wherry.run(["inspect", "-f", "{{.Id}}", name])).trim();
}

/** Everything of a directory that an archive carries. */
async function describeTree(wherry: TestEngine, directory: string): Promise<string> {
  const format = "%P %y %m %U:%G %n %T@ %l\\n";
  const files = await wherry.runHost("find", directory, "-printf", format);
  const tar = ["tar", "--xattrs", "--xattrs-include=user.*", "--format=pax", "-C", directory];
  const script = '"$@" -cf - . | grep -ao "SCHILY.xattr[^=]*=.*"';
  const attributes = await wherry.runHost("sh", "-c", script, "sh", ...tar);
  return [...files.split("\n").toSorted(), attributes].join("\n");
}

/** What the engine has unpacked of the rich layer. */
async function describeUnpacked(wherry: TestEngine): Promise<string> {
  const layers = `${wherry.root}/layers`;
  const name = listNames(layers).find((layer) => exists(`${layers}/${layer}/rich`));
  return await describeTree(wherry, `${layers}/${name}/rich`);
}

/** Fails unless the image does what it says, with all that was in its layers. */
async function assertRuns(wherry: TestEngine, image: string): Promise<void> {
  const result = await wherry.run(["run", "--rm", "--network", "none", image]);
  deepStrictEqual(result, { code: 0, stdout: "4755 1:2\n", stderr: "" });
}

/** Removes all images. */
async function removeImages(wherry: TestEngine): Promise<void> {
  const ids = succeed(await wherry.run(["images", "-q"])).trim().split("\n");
  succeed(
    await wherry.run(["rmi", "-f", ...new Set(ids)]).then((result) => ({ ...result, stderr: "" })),
  );
  deepStrictEqual(listNames(`${wherry.root}/layers`), []);
}

if (needs("podman")) {
  const formats = ["docker-archive", "oci-archive", "oci-dir", "docker-dir"];
  for (const format of formats) {
    testWhole(`load takes what podman saves as ${format}`, async (wherry) => {
      await using podman = new TestPodman(wherry);
      const id = await loadRich(wherry);
      const expected = await describeUnpacked(wherry);
      await removeImages(wherry);
      await podman.run("load", "-q", "-i", "rich.tar");
      const name = "docker.io/library/rich:1";
      await podman.run("tag", "localhost/rich:1", name);
      const save = ["save", "-q", "--format", format, "-o", "saved", name];
      await podman.run(...save);

      const stdout = succeed(await wherry.run(["load", "-i", "saved"]));

      // A docker-dir has no place for a name; docker's config blob becomes another one for OCI
      const isNamed = format !== "docker-dir";
      match(stdout, isNamed ? /^Loaded image: rich:1\n$/ : /^Loaded image ID: sha256:\w+\n$/);
      const image = isNamed ? "rich:1" : stdout.trim().slice("Loaded image ID: ".length);
      if (format.startsWith("docker")) strictEqual(await idOf(wherry, image), id);
      strictEqual(await describeUnpacked(wherry), expected);
      await assertRuns(wherry, image);
    });
  }

  testWhole(
    "podman loads what save writes, and keeps the id and every attribute",
    async (wherry) => {
      await using podman = new TestPodman(wherry);
      const id = await loadRich(wherry);
      for (const format of ["docker-archive", "oci-archive"]) {
        succeed(await wherry.run(["save", "--format", format, "-o", "saved.tar", "rich:1"]));
        await podman.run("load", "-q", "-i", "saved.tar");

        const inspected = ["image", "inspect", "-f", "sha256:{{.Id}}", "rich:1"];
        strictEqual((await podman.run(...inspected)).trim(), id);
        const mounted = (await podman.run("image", "mount", id.slice(7)))
          .trim();
        const description = await describeTree(wherry, `${mounted}/rich`);
        await podman.run("image", "unmount", id.slice(7));
        await podman.run("rmi", "-af");
        strictEqual(description, await describeUnpacked(wherry));
      }
    },
  );
}

if (needs("skopeo", "umoci")) {
  testWhole("skopeo and umoci read what save writes, with every attribute", async (wherry) => {
    const id = await loadRich(wherry);
    succeed(await wherry.run(["save", "-o", "saved.tar", "rich:1"]));

    for (const from of ["oci-archive", "docker-archive"]) {
      const to = `oci:${wherry.scratch}/${from}:box`;
      await wherry.runHost("skopeo", "copy", "-q", `${from}:saved.tar`, to);
      const bundle = `${wherry.scratch}/${from}-bundle`;
      const image = `${wherry.scratch}/${from}:box`;
      await wherry.runHost("umoci", "unpack", "--image", image, bundle);

      strictEqual(
        await describeTree(wherry, `${bundle}/rootfs/rich`),
        await describeUnpacked(wherry),
      );
    }
    const inspect = ["skopeo", "inspect", "--raw", "oci-archive:saved.tar"];
    strictEqual(JSON.parse(await wherry.runHost(...inspect)).config.digest, id);
  });

  testWhole("load takes what skopeo copies and umoci changes", async (wherry) => {
    const id = await loadRich(wherry);
    succeed(await wherry.run(["save", "-o", "saved.tar", "rich:1"]));
    const layout = `${wherry.scratch}/layout`;
    await wherry.runHost("skopeo", "copy", "-q", "oci-archive:saved.tar", `oci:${layout}:one`);
    await wherry.runHost(
      "umoci",
      "config",
      "--image",
      `${layout}:one`,
      "--tag",
      "two",
      "--config.label",
      "a=b",
    );
    await wherry.runHost(
      "skopeo",
      "copy",
      "-q",
      "oci-archive:saved.tar",
      "oci-archive:copy.tar:rich:copy",
    );

    const fromLayout = succeed(await wherry.run(["load", "-i", "layout"]));
    const fromArchive = succeed(await wherry.run(["load", "-i", "copy.tar"]));

    strictEqual(
      fromLayout,
      "Loaded image: localhost/layout:one\nLoaded image: localhost/layout:two\n",
    );
    strictEqual(fromArchive, "Loaded image: rich:copy\n");
    deepStrictEqual(
      [await idOf(wherry, "localhost/layout:one"), await idOf(wherry, "rich:copy")],
      [id, id],
    );
    await assertRuns(wherry, "localhost/layout:two");
    strictEqual(listNames(`${wherry.root}/layers`).length, 2);
  });
}

if (needs("dockerd")) {
  testWhole("images go to docker and come back as they were", async (wherry) => {
    const id = await loadRich(wherry);
    const expected = await describeUnpacked(wherry);
    succeed(await wherry.run(["save", "-o", "saved.tar", "rich:1"]));
    await removeImages(wherry);
    {
      await using docker = await DockerDaemon.start(wherry);
      await docker.run("load", "-q", "-i", "saved.tar");
      strictEqual((await docker.run("inspect", "-f", "{{.Id}}", "rich:1")).trim(), id);
      await docker.run("save", "-o", "from-docker.tar", "rich:1");
    }

    const stdout = succeed(await wherry.run(["load", "-i", "from-docker.tar"]));

    strictEqual(stdout, "Loaded image: rich:1\n");
    strictEqual(await idOf(wherry, "rich:1"), id);
    strictEqual(await describeUnpacked(wherry), expected);
    await assertRuns(wherry, "rich:1");
  });
}

/** An OCI layout of two images with busybox. */
async function busyboxLayout(wherry: TestEngine): Promise<TestLayout> {
  const tar = Deno.readFileSync(await wherry.imageTar());
  const packed = new Uint8Array(gzipSync(tar, { level: 1 }));
  const layout = new TestLayout();
  for (const name of ["one", "two"]) {
    const config = { config: { Cmd: ["echo", name] } };
    const layerType = "application/vnd.oci.image.layer.v1.tar+gzip";
    layout.name(layout.addImage({ layers: [packed], tars: [tar], config, layerType }), name);
  }
  return layout;
}

testWhole("run takes an OCI layout's path, with the name of the image in it", async (wherry) => {
  (await busyboxLayout(wherry)).write(`${wherry.scratch}/layout`);

  const two = await wherry.run(["run", "--rm", "./layout:two"]);
  const again = await wherry.run(["run", "--rm", "./layout:two"]);
  const both = await wherry.run(["run", "--rm", "./layout"]);
  const none = await wherry.run(["run", "--rm", "./layout:three"]);

  deepStrictEqual([succeed(two), succeed(again)], ["two\n", "two\n"]);
  deepStrictEqual([both.code, none.code], [125, 125]);
  match(both.stderr, /^wherry: Cannot run "\.\/layout": it holds 2 images\n/);
  match(none.stderr, /^wherry: Cannot load "\.\/layout:three": it has no image "three"\n/);
});

testWhole("run takes the path of a compressed OCI archive", async (wherry) => {
  const layout = await busyboxLayout(wherry);
  layout.entries.splice(1);
  Deno.writeFileSync(`${wherry.scratch}/oci.tar.gz`, gzipSync(layout.tar(), { level: 1 }));

  strictEqual(succeed(await wherry.run(["run", "--rm", "./oci.tar.gz"])), "one\n");
  const names = succeed(await wherry.run(["images", "--format", "{{.Repository}}:{{.Tag}}"]));
  strictEqual(names, "localhost/oci:one\n");
});

testWhole("run names --rootfs for a directory that is no OCI layout", async (wherry) => {
  const directory = await wherry.copyOfImage();

  const { code, stderr } = await wherry.run(["run", "--rm", directory, "true"]);

  strictEqual(code, 125);
  match(stderr, /: it is a directory\nUse a directory as root file system with --rootfs /);
});

testWhole("save writes to a pipe what it writes to a file", async (wherry) => {
  await loadRich(wherry);

  succeed(await wherry.run(["save", "-o", "file.tar", "rich"]));
  await wherry.runHost(
    "sh",
    "-c",
    '"$@" >pipe.tar',
    "sh",
    ...wherry.commandLine(["save", "rich:1"]),
  );

  await wherry.runHost("cmp", "file.tar", "pipe.tar");
  strictEqual(Deno.statSync(`${wherry.scratch}/file.tar`).mode, 0o100600);
});

testWhole("save refuses a terminal", async (wherry) => {
  await loadRich(wherry);
  await using terminal = wherry.openTerminal(["save", "rich:1"]);

  strictEqual(await terminal.finish(), 1);
  match(terminal.shown, /cowardly refusing to save to a terminal/);
});

testWhole("save of an image that is not there makes no file", async (wherry) => {
  await loadRich(wherry);

  const { code, stdout, stderr } = await wherry.run(["save", "-o", "saved.tar", "rich:1", "gone"]);

  deepStrictEqual([code, stdout], [1, ""]);
  match(stderr, /^wherry: Cannot find image "gone"/);
  deepStrictEqual(listNames(wherry.scratch), ["rich.tar"]);
});

/** Names below the store, but for what changes with each command. */
function listStore(wherry: TestEngine): string[] {
  return ["blobs/sha256", "layers", "staging"]
    .flatMap((place) => listNames(`${wherry.root}/${place}`).map((name) => `${place}/${name}`));
}

/** An image of some size that does not compress. */
function largeArchive(): Uint8Array<ArrayBuffer> {
  const content = new Uint8Array(32 << 20);
  for (let at = 0; at < content.length; at += 65_536) {
    crypto.getRandomValues(content.subarray(at, at + 65_536));
  }
  const layout = new TestLayout();
  return layout.name(layout.addImage({ layers: [tarOf({ name: "large", content })] }), "large:1")
    .tar();
}

testWhole(
  "save killed half way leaves neither a file nor anything in the store",
  async (wherry) => {
    const archive = largeArchive();
    succeed(await wherry.run(["load", "-q"], { stdin: archive }));
    const before = listStore(wherry);
    for (const target of ["saved.tar", "saved.tar", "-"]) {
      const child = wherry.spawn(["save", "-o", target, "large:1"]);
      await eventually(() => listNames(`${wherry.root}/staging`).length > 0);
      child.kill("SIGKILL");
      await Promise.all([child.status, child.stdout.cancel(), child.stderr.cancel()]);
    }

    ok(listNames(wherry.scratch).every((name) => name === "saved.tar"));
    succeed(await wherry.run(["load", "-q"], { stdin: archive }));
    deepStrictEqual(listStore(wherry), before);
  },
);

for (const received of [1000, 16 << 20, 34 << 20]) {
  testWhole(`load killed after ${received} bytes leaves the store sound`, async (wherry) => {
    await loadRich(wherry);
    const before = listStore(wherry);
    const child = wherry.spawn(["load"], { stdin: "" });
    const writer = child.stdin.getWriter();
    await writer.write(largeArchive().subarray(0, received));
    await eventually(() => listNames(`${wherry.root}/staging`).length === 1);

    child.kill("SIGKILL");

    await Promise.all([child.status, child.stdout.cancel(), child.stderr.cancel()]);
    await writer.close().catch(() => "the pipe has no reader any more");
    await assertRuns(wherry, "rich:1");
    succeed(await wherry.run(["load", "-i", "rich.tar"]));
    deepStrictEqual(listStore(wherry), before);
  });
}

/** Fails unless the command fails with this line, and nothing has changed. */
async function assertRefused(
  wherry: TestEngine,
  args: readonly string[],
  stdin: Uint8Array<ArrayBuffer>,
  message: RegExp,
): Promise<void> {
  const before = listStore(wherry);

  const { code, stdout, stderr } = await wherry.run(args, { stdin });

  deepStrictEqual([code, stdout], [1, ""], stderr);
  match(stderr, message);
  deepStrictEqual(listStore(wherry), before);
}

testWhole("--max-unpacked bounds what import and load take", async (wherry) => {
  await loadRich(wherry);
  const bomb = tarOf({ name: "zeros", content: new Uint8Array(64 << 20) });
  const layout = new TestLayout();
  const packed = new Uint8Array(gzipSync(bomb));
  layout.name(layout.addImage({ layers: [packed], tars: [bomb] }), "bomb:1");
  const message = /: it unpacks to more than the limit of 33554432 bytes\nAllow more with --max/;

  await assertRefused(wherry, ["import", "--max-unpacked", "32m", "-"], packed, message);
  await assertRefused(wherry, ["load", "--max-unpacked", "32m"], layout.tar(), message);

  succeed(await wherry.run(["load", "--max-unpacked", "65m"], { stdin: layout.tar() }));
});

testWhole("load says what it needs where there is no room for it", async (wherry) => {
  await using _disk = await Disk.mount(wherry, "size=24m");
  await loadRich(wherry);
  const zeros = tarOf({ name: "zeros", content: new Uint8Array(64 << 20) });
  const packed = new Uint8Array(gzipSync(zeros));
  const bomb = new TestLayout();
  bomb.name(bomb.addImage({ layers: [packed], tars: [zeros] }), "bomb:1");

  const tooLarge =
    /: no space left on device: it needs \d+\.\d MB, \d+\.\d MB are free\nFree some space/;
  await assertRefused(wherry, ["load"], largeArchive(), tooLarge);
  await assertRefused(wherry, ["load"], bomb.tar(), /: no space left on device\nFree some space/);
  await assertRuns(wherry, "rich:1");
});
