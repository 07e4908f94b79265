/** The files of containers as `cp` finds them, whether they run or not. @module */

import { deepStrictEqual, match, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { type ContainerRoot, openContainerRoot } from "../mod/engine/files/container_view.ts";
import { Engine } from "../mod/engine/base/engine.ts";
import { findContainer } from "../mod/engine/record/find.ts";
import { findInRoot, openDirectory } from "../mod/kernel/open.ts";
import { dockerArchive } from "./fakes/docker_archive.ts";
import { tarOf } from "./fakes/tar_builder.ts";
import {
  eventually,
  exists,
  killUnlessGone,
  listNames,
  pause,
  type TestEngine,
  testWhole,
} from "./harness.ts";
import { importBusybox } from "./images.ts";
import { randomNumbers } from "./random_kills.ts";
import { listDescendants } from "./surroundings.ts";

const SEED = Number(Deno.env.get("WHERRY_TEST_SEED") ?? 20261121);
const KILL_COUNT = 25;

async function open(wherry: TestEngine, wanted: string): Promise<ContainerRoot> {
  const engine = new Engine({ root: wherry.root, runRoot: wherry.runRoot });
  return await openContainerRoot(engine, findContainer(engine, wanted));
}

/** Makes a container that is not started. */
async function create(
  wherry: TestEngine,
  flags: readonly string[],
  rootfs?: string,
): Promise<string> {
  const { code, stdout, stderr } = await wherry.run([
    ...["create", "--network", "none", ...flags],
    ...["--rootfs", rootfs ?? await wherry.imageDirectory(), "sleep", "1000"],
  ]);
  deepStrictEqual([code, stderr], [0, ""]);
  return stdout.trim();
}

/** A directory of the host with one file, to be mounted. */
function makeSource(wherry: TestEngine, name: string): string {
  const source = `${wherry.scratch}/${name}`;
  Deno.mkdirSync(source);
  Deno.writeTextFileSync(`${source}/file`, `of ${name}`);
  return source;
}

/** Reads as somebody who trusts no link in the files. */
function read({ path }: ContainerRoot, file: string): string | undefined {
  using root = openDirectory(path);
  using found = findInRoot(root, file);
  return found === undefined ? undefined : Deno.readTextFileSync(`/proc/self/fd/${found.number}`);
}

async function remove(wherry: TestEngine, id: string): Promise<void> {
  const { code, stderr } = await wherry.run(["rm", "-f", id]);
  deepStrictEqual([code, stderr], [0, ""]);
}

/** Processes of views that this test has started and that still live. */
function listViews(): number[] {
  return listDescendants().map(({ pid }) => pid).filter((pid) => {
    try {
      return Deno.readTextFileSync(`/proc/${pid}/cmdline`) === "wherry-monitor\0--view\0";
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  });
}

/** A command that looks at a container's files until it is told to end. */
function callerOf(wherry: TestEngine, id: string): string[] {
  const script = new URL("fakes/view_caller.ts", import.meta.url).pathname;
  return [
    ...[Deno.execPath(), "run", "-A", "--no-check", script],
    ...[wherry.root, wherry.runRoot, id],
  ];
}

testWhole("a stopped container has its volumes and bind mounts, and no tmpfs", async (wherry) => {
  const source = makeSource(wherry, "bound");
  const id = await create(wherry, [
    ...["-v", "data:/data", "-v", `${source}:/bound`],
    ...["-v", `${source}/file:/file:ro`, "--tmpfs", "/tmpfs"],
  ]);
  Deno.writeTextFileSync(`${wherry.root}/volumes/data/_data/file`, "of data");
  {
    using root = await open(wherry, id);

    strictEqual(root.isRunning, false);
    strictEqual(read(root, "data/file"), "of data");
    strictEqual(read(root, "bound/file"), "of bound");
    strictEqual(read(root, "file"), "of bound");
    strictEqual(read(root, "bin/busybox") === undefined, false);
    deepStrictEqual(
      ["tmpfs", "proc", "sys"].flatMap((name) => listNames(`${root.path}/${name}`)),
      [],
    );
    Deno.writeTextFileSync(`${root.path}/data/new`, "new");
    Deno.writeTextFileSync(`${root.path}/new`, "new");
    await rejects(Deno.writeTextFile(`${root.path}/file`, "new"), /Read-only file system/);
  }
  deepStrictEqual(listViews(), []);

  strictEqual(Deno.readTextFileSync(`${wherry.root}/volumes/data/_data/new`), "new");
  strictEqual(Deno.readTextFileSync(wherry.containerPath(id, "upper/new")), "new");
  await remove(wherry, id);
});

for (const isPaused of [false, true]) {
  testWhole(
    `a container that ${isPaused ? "is paused" : "runs"} has what it sees itself`,
    async (wherry) => {
      const source = makeSource(wherry, "bound");
      const id = await wherry.start(
        ["-v", "data:/data", "-v", `${source}:/bound`, "--tmpfs", "/tmpfs"],
        ["sh", "-c", "echo a >/data/file; echo b >/tmpfs/file; echo c >/file; exec sleep 1000"],
      );
      using root = await openOnce(wherry, id, "file");
      if (isPaused) await wherry.run(["pause", id]);
      using again = await open(wherry, id);

      strictEqual(root.isRunning, true);
      const files = ["data/file", "tmpfs/file", "file", "bound/file"];
      deepStrictEqual(files.map((file) => read(again, file)), ["a\n", "b\n", "c\n", "of bound"]);
      strictEqual(exists(`${again.path}/proc/1`), true);
      again.checkStillThere();
      await remove(wherry, id);
    },
  );
}

/** Opens the files once there is one of them, the last that the command makes. */
async function openOnce(wherry: TestEngine, id: string, file: string): Promise<ContainerRoot> {
  const root = await open(wherry, id);
  await eventually(() => read(root, file) !== undefined);
  return root;
}

testWhole("what was opened stays whole when the container ends", async (wherry) => {
  const id = await wherry.start(
    ["-v", "data:/data", "--tmpfs", "/tmpfs"],
    ["sh", "-c", "echo a >/data/file; echo b >/tmpfs/file; exec sleep 1000"],
  );
  using root = await openOnce(wherry, id, "tmpfs/file");
  await wherry.run(["stop", "-t", "0", id]);
  await wherry.run(["start", id]);

  deepStrictEqual(["data/file", "tmpfs/file"].map((file) => read(root, file)), ["a\n", "b\n"]);
  root.checkStillThere();
  await remove(wherry, id);
  throws(() => root.checkStillThere(), { kind: "not_found" });
});

testWhole(
  "what a container's first process has chosen for its root is not its files",
  async (wherry) => {
    const image = await wherry.copyOfImage();
    Deno.mkdirSync(`${image}/jail/bin`, { recursive: true });
    Deno.copyFileSync(`${image}/bin/busybox`, `${image}/jail/bin/busybox`);
    const { stdout } = await wherry.run([
      ...["run", "-d", "--network", "none", "--rootfs", image],
      ...["chroot", "/jail", "/bin/busybox", "sleep", "1000"],
    ]);
    const id = stdout.trim();
    const { pid } = wherry.readStateRecord(id);
    await eventually(() => Deno.readLinkSync(`/proc/${pid}/root`) === "/jail");

    using root = await open(wherry, id);

    ok(exists(`${root.path}/jail/bin/busybox`));
    await remove(wherry, id);
  },
);

testWhole(
  "a container cannot start while its files are looked at, and can afterwards",
  async (wherry) => {
    const id = await create(wherry, []);
    const root = await open(wherry, id);

    const starting = wherry.run(["start", id]);
    const isFirst = await Promise.race([starting.then(() => "start"), pause(1000)]);
    root[Symbol.dispose]();

    strictEqual(isFirst, undefined);
    strictEqual((await starting).code, 0);
    await remove(wherry, id);
  },
);

testWhole("a container is not removed while its files are looked at", async (wherry) => {
  const id = await create(wherry, []);
  {
    using _root = await open(wherry, id);
    const { code, stderr } = await wherry.run(["rm", id]);

    strictEqual(code, 1);
    match(stderr, /another command is working on it/);
  }
  await remove(wherry, id);
});

testWhole(
  `a command that looks at files and is killed ${KILL_COUNT} times leaves nothing (seed ${SEED})`,
  async (wherry) => {
    const random = randomNumbers(SEED);
    const source = makeSource(wherry, "bound");
    const id = await create(wherry, ["-v", "data:/data", "-v", `${source}:/bound`]);
    for (let count = 0; count < KILL_COUNT; count++) {
      const child = wherry.spawnHost(callerOf(wherry, id), { stdin: "" });
      const isOpen = child.stdout.getReader().read();
      // Some are killed when the view has just begun, some long before, some when all is there
      await Promise.race([
        isOpen.then(() => pause(random() * 20)),
        eventually(() => listViews().length > 0).then(() => pause(random() * 10)),
        pause(random() * 1000),
      ]);
      killUnlessGone(child.pid);
      await Promise.all([child.status, child.stderr.cancel(), isOpen]);
      if (random() < 0.5) continue;
      // Whoever comes next waits until all is unmounted
      strictEqual((await wherry.run(["start", id])).code, 0);
      deepStrictEqual(listViews(), []);
      strictEqual((await wherry.run(["stop", "-t", "0", id])).code, 0);
    }

    await remove(wherry, id);
    await eventually(() => listViews().length === 0);
  },
);

for (const driver of ["overlay", "copy"]) {
  testWhole(
    `files of a container with ids of its own have the same owners whether it runs or not (${driver})`,
    async (wherry) => {
      const source = makeSource(wherry, "bound");
      Deno.chmodSync(source, 0o777);
      const { stdout } = await wherry.run([
        ...["--storage-driver", driver, "run", "-d", "--network", "none", "--userns", "auto"],
        ...[
          "-v",
          "data:/data",
          "-v",
          `${source}:/bound`,
          "--rootfs",
          await wherry.imageDirectory(),
        ],
        ...[
          "sh",
          "-c",
          "umask 0; for i in / /data/ /bound/; do touch ${i}new; chown 7:8 ${i}new; done; mv /new /done; exec sleep 1000",
        ],
      ]);
      const id = stdout.trim();
      const files = ["done", "data/new", "bound/new"];
      const ownersIn = (root: ContainerRoot): (number | null)[] =>
        files.map((file) => Deno.lstatSync(`${root.path}/${file}`).uid);
      const first = await openOnce(wherry, id, "done");
      const { idRange } = first;
      const whileRunning = ownersIn(first);
      first[Symbol.dispose]();
      await wherry.run(["stop", "-t", "0", id]);
      using root = await open(wherry, id);

      const owner = (idRange?.first ?? NaN) + 7;
      deepStrictEqual(whileRunning, [owner, owner, owner]);
      deepStrictEqual(ownersIn(root), whileRunning);
      deepStrictEqual(root.idRange, idRange);
      root[Symbol.dispose]();
      await remove(wherry, id);
    },
  );
}

testWhole("a view shows a file system that is a copy", async (wherry) => {
  const { stdout } = await wherry.run([
    ...["--storage-driver", "copy", "create", "--network", "none", "-v", "data:/data"],
    ...["--rootfs", await wherry.imageDirectory(), "true"],
  ]);
  const id = stdout.trim();
  {
    using root = await open(wherry, id);
    Deno.writeTextFileSync(`${root.path}/data/new`, "");
    Deno.writeTextFileSync(`${root.path}/new`, "");
  }

  ok(exists(`${wherry.root}/volumes/data/_data/new`));
  ok(exists(wherry.containerPath(id, "merged/new")));
  await remove(wherry, id);
});

testWhole("a view shows more layers than a page has room for", async (wherry) => {
  const base = new Uint8Array(Deno.readFileSync(await wherry.imageTar()));
  const layers = Array.from(
    { length: 150 },
    (_, index) => tarOf({ name: `file-${index}`, content: "x" }),
  );
  const archive = await dockerArchive("blobs", { references: ["many"], layers: [base, ...layers] });
  await wherry.run(["load"], { stdin: archive });
  const { stdout } = await wherry.run(["create", "--network", "none", "many", "true"]);
  const id = stdout.trim();
  {
    using root = await open(wherry, id);

    strictEqual(listNames(root.path).filter((name) => name.startsWith("file-")).length, 150);
  }
  await remove(wherry, id);
});

testWhole("a view of a read-only container is read-only but for its volumes", async (wherry) => {
  const id = await create(wherry, ["--read-only", "-v", "data:/data"]);
  {
    using root = await open(wherry, id);

    await rejects(Deno.writeTextFile(`${root.path}/new`, ""), /Read-only file system/);
    Deno.writeTextFileSync(`${root.path}/data/new`, "");
  }
  await remove(wherry, id);
});

testWhole("a view shows images and parts of volumes that are mounted", async (wherry) => {
  await importBusybox(wherry, "box");
  const id = await create(wherry, [
    ...["-v", "data:/whole", "--mount", "type=volume,src=data,dst=/part,volume-subpath=sub"],
    ...["--mount", "type=image,src=box,dst=/image"],
  ]);
  Deno.mkdirSync(`${wherry.root}/volumes/data/_data/sub`);
  Deno.writeTextFileSync(`${wherry.root}/volumes/data/_data/sub/file`, "of sub");
  {
    using root = await open(wherry, id);

    deepStrictEqual(["part/file", "whole/sub/file"].map((file) => read(root, file)), [
      "of sub",
      "of sub",
    ]);
    ok(exists(`${root.path}/image/bin/busybox`));
    await rejects(Deno.writeTextFile(`${root.path}/image/new`, ""), /Read-only file system/);
  }
  await remove(wherry, id);
});

/** A volume that is a file system, which is mounted for those who use it only. */
async function createFileSystemVolume(wherry: TestEngine, name: string): Promise<void> {
  const options = ["-o", "type=tmpfs", "-o", "device=tmpfs", "-o", "o=size=1m"];
  strictEqual((await wherry.run(["volume", "create", ...options, name])).code, 0);
}

function isMounted(wherry: TestEngine, volume: string): boolean {
  const path = `${wherry.root}/volumes/${volume}/_data`;
  return Deno.readTextFileSync("/proc/self/mountinfo").includes(` ${path} `);
}

testWhole("a volume that is a file system is mounted for a view, and no longer", async (wherry) => {
  await createFileSystemVolume(wherry, "memory");
  const id = await create(wherry, ["-v", "memory:/data"]);
  {
    using root = await open(wherry, id);

    Deno.writeTextFileSync(`${root.path}/data/file`, "x");
    strictEqual(isMounted(wherry, "memory"), true);
  }

  strictEqual(isMounted(wherry, "memory"), false);
  await remove(wherry, id);
});

testWhole(
  "what a killed command has mounted of volumes goes with the next command",
  async (wherry) => {
    await createFileSystemVolume(wherry, "memory");
    const id = await create(wherry, ["-v", "memory:/data"]);
    const child = wherry.spawnHost(callerOf(wherry, id), { stdin: "" });
    await child.stdout.getReader().read();
    strictEqual(isMounted(wherry, "memory"), true);

    killUnlessGone(child.pid);
    await Promise.all([child.status, child.stderr.cancel()]);
    await remove(wherry, id);

    strictEqual(isMounted(wherry, "memory"), false);
  },
);

testWhole("links in an image lead no mount of a view out of it", async (wherry) => {
  const image = await wherry.copyOfImage();
  const canary = `${wherry.directory}/canary`;
  Deno.mkdirSync(canary);
  const outside = `../../../../../../../../../..${canary}`;
  await wherry.runHost("rm", "-rf", `${image}/etc`, `${image}/dev`);
  for (const name of ["etc", "data", "bound", "dev"]) Deno.symlinkSync(outside, `${image}/${name}`);
  const source = makeSource(wherry, "bound");
  const id = await create(wherry, ["-v", "data:/data/in", "-v", `${source}:/bound/in`], image);
  await wherry.run(["start", id]);
  await wherry.run(["stop", "-t", "0", id]);
  {
    using root = await open(wherry, id);

    strictEqual(read(root, "bound/in/file"), "of bound");
    deepStrictEqual(listNames(canary), []);
  }
  deepStrictEqual(listNames(canary), []);
  await remove(wherry, id);
});

testWhole("no device that an image or a mount has works in a view", async (wherry) => {
  const image = await wherry.copyOfImage();
  const source = makeSource(wherry, "bound");
  const id = await create(wherry, ["-v", `${source}:/bound`, "-v", "data:/data"], image);
  for (const directory of [image, source, `${wherry.root}/volumes/data/_data`]) {
    await wherry.runHost("mknod", `${directory}/device`, "c", "1", "3");
  }
  {
    using root = await open(wherry, id);

    for (const directory of ["", "/bound", "/data"]) {
      const device = `${root.path}${directory}/device`;
      strictEqual(Deno.lstatSync(device).isCharDevice, true);
      await rejects(Deno.readFile(device), Deno.errors.PermissionDenied);
    }
  }
  await remove(wherry, id);
});

testWhole("a source of a bind mount that cannot be mounted is named", async (wherry) => {
  const source = `${makeSource(wherry, "bound")}/directory`;
  const id = await create(wherry, ["-v", `${source}:/bound`]);
  Deno.removeSync(`${wherry.scratch}/bound`, { recursive: true });
  Deno.writeTextFileSync(`${wherry.scratch}/bound`, "");

  await rejects(open(wherry, id), (error: Error) => {
    ok(error.message.includes(`Cannot mount "${source}" on "/bound": `), error.message);
    return true;
  });
  deepStrictEqual(listViews(), []);
  await remove(wherry, id);
});
