/** What is in volumes when a container starts, and which volumes go with it. @module */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { attributeNames } from "../mod/kernel/directory.ts";
import { Disk } from "./disk.ts";
import { dockerArchive } from "./fakes/docker_archive.ts";
import { type TarMember, tarOf } from "./fakes/tar_builder.ts";
import { exists, killUnlessGone, listNames, pause, type TestEngine, testWhole } from "./harness.ts";
import { randomNumbers } from "./random_kills.ts";

/** What an image of {@linkcode loadImage} has besides its layers. */
interface ImageOptions {
  /** The layers on top of busybox. */
  layers?: readonly (readonly TarMember[])[];
  /** Paths that are to be volumes. */
  volumes?: readonly string[];
}

/** Makes the image `box`: busybox, and more. */
async function loadImage(
  wherry: TestEngine,
  { layers = [], volumes = [] }: ImageOptions,
  name = "box",
): Promise<void> {
  const base = new Uint8Array(Deno.readFileSync(await wherry.imageTar()));
  const archive = await dockerArchive("blobs", {
    references: [`${name}:latest`],
    layers: [base, ...layers.map((members) => tarOf(...members))],
    process: { Cmd: ["true"], Volumes: Object.fromEntries(volumes.map((path) => [path, {}])) },
  });
  Deno.writeFileSync(`${wherry.scratch}/image.tar`, archive);
  await expectOk(wherry, ["load", "-q", "-i", "image.tar"]);
}

/** Runs a command that must say nothing but its result. */
async function expectOk(wherry: TestEngine, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await wherry.run(args);
  deepStrictEqual([code, stderr], [0, ""], args.join(" "));
  return stdout.trimEnd();
}

/** What a shell script prints in a new container of `box` that goes. */
function show(wherry: TestEngine, flags: readonly string[], script: string): Promise<string> {
  return expectOk(wherry, ["run", "--rm", ...flags, "box", "sh", "-c", script]);
}

/** Runs a command in a container of `box` that stays. */
async function keep(wherry: TestEngine, name: string, flags: readonly string[]): Promise<void> {
  await expectOk(wherry, ["run", "--name", name, ...flags, "box", "true"]);
}

/** Where containers see what is in a volume. */
function dataOf(wherry: TestEngine, name: string): string {
  return `${wherry.root}/volumes/${name}/_data`;
}

/** Names of all volumes, of what is left of others too. */
function volumeNames(wherry: TestEngine): string[] {
  return listNames(`${wherry.root}/volumes`).toSorted();
}

/** What `stat` knows of each file in the working directory, but for inodes, and for what directories take. */
const DESCRIBE = `find . | sort | while read -r f; do
  stat -c "%n %F %a %u:%g %Y" "$f"
  [ -d "$f" ] || stat -c "%s bytes, device %t:%T, %h names" "$f"
  readlink "$f"; done; true`;

const DIRECTORY = { type: "5", mode: 0o755 };

/** A tree with all there is, spread over layers that hide parts of each other. */
const MANY_KINDS: readonly (readonly TarMember[])[] = [
  [
    { ...DIRECTORY, name: "data/", mode: 0o1770, uid: 12, gid: 34, mtime: 1_111_111_111 },
    { name: "data/gone", content: "gone" },
    { name: "data/replaced", content: "old" },
    { ...DIRECTORY, name: "data/opaque/" },
    { name: "data/opaque/hidden", content: "hidden" },
    { ...DIRECTORY, name: "data/merged/", mode: 0o700, uid: 5 },
    { name: "data/merged/low", content: "low" },
    { name: "data/attribute", content: "x", pax: { "SCHILY.xattr.user.note": "kept" } },
  ],
  [
    { name: "data/.wh.gone" },
    { name: "data/replaced", content: "new", mode: 0o4755, uid: 7, gid: 8, mtime: 1_000_000_000 },
    { ...DIRECTORY, name: "data/opaque/" },
    { name: "data/opaque/.wh..wh..opq" },
    { name: "data/opaque/seen", content: "seen" },
    { name: "data/merged/high", content: "high" },
    { name: "data/link", type: "2", link: "/etc/passwd", uid: 3 },
    { name: "data/first", content: "twice" },
    { name: "data/second", type: "1", link: "data/first" },
    { name: "data/pipe", type: "6", mode: 0o600 },
    { name: "data/null", type: "3", mode: 0o666, deviceMajor: 1, deviceMinor: 3 },
    { ...DIRECTORY, name: "data/", mode: 0o1770, uid: 12, gid: 34, mtime: 1_111_111_111 },
  ],
];

testWhole(
  "a new volume gets all that the image has there, as an overlay of its layers shows it",
  async (wherry) => {
    await loadImage(wherry, { layers: MANY_KINDS });
    const wanted = await show(wherry, ["-w", "/data"], DESCRIBE);

    const seen = await show(wherry, ["-w", "/data", "-v", "full:/data"], DESCRIBE);

    strictEqual(seen, wanted);
    match(wanted, /^\. directory 1770 12:34 1111111111$/m);
    match(wanted, /^\.\/replaced regular file 4755 7:8 1000000000\n3 bytes/m);
    match(wanted, /^\.\/first regular file .*\n.* 2 names$/m);
    ok(!/gone|hidden/.test(wanted), wanted);
    const data = dataOf(wherry, "full");
    ok(attributeNames(`${data}/attribute`).includes("user.note"));
    strictEqual(Deno.statSync(`${data}/first`).ino, Deno.statSync(`${data}/second`).ino);
    deepStrictEqual(attributeNames(`${data}/opaque`), []);
    deepStrictEqual(volumeNames(wherry), ["full"]);
  },
);

testWhole("a volume keeps holes in files", async (wherry) => {
  const rootfs = await wherry.copyOfImage();
  Deno.mkdirSync(`${rootfs}/data`);
  const size = 64 * 1024 * 1024;
  {
    using file = Deno.openSync(`${rootfs}/data/sparse`, { write: true, createNew: true });
    file.seekSync(size / 2, Deno.SeekMode.Start);
    file.writeSync(new TextEncoder().encode("island"));
    file.truncateSync(size);
  }

  await expectOk(wherry, ["run", "--rm", "-v", "sparse:/data", "--rootfs", rootfs, "true"]);

  const info = Deno.statSync(`${dataOf(wherry, "sparse")}/sparse`);
  strictEqual(info.size, size);
  ok((info.blocks ?? Infinity) < 1000, `${info.blocks} blocks`);
  await wherry.runHost("rm", "-r", rootfs);
});

const ONE_FILE = [[{ ...DIRECTORY, name: "data/" }, { name: "data/file", content: "image\n" }]];

testWhole("a volume that holds something is not filled again", async (wherry) => {
  await loadImage(wherry, { layers: ONE_FILE });
  await show(wherry, ["-v", "kept:/data"], "rm /data/file; echo mine >/data/mine");

  strictEqual(await show(wherry, ["-v", "kept:/data"], "ls /data"), "mine");
});

testWhole("nocopy leaves a volume empty, and whoever comes later may fill it", async (wherry) => {
  await loadImage(wherry, { layers: ONE_FILE });

  strictEqual(await show(wherry, ["-v", "late:/data:nocopy"], "ls /data"), "");
  strictEqual(await show(wherry, ["-v", "late:/data"], "cat /data/file"), "image");
  deepStrictEqual(listNames(`${wherry.root}/volumes/late`).toSorted(), [
    "_data",
    "fill.lock",
    "volume.json",
  ]);
});

testWhole("an empty volume is filled while another container uses it", async (wherry) => {
  await loadImage(wherry, { layers: ONE_FILE });
  const flags = ["-d", "--name", "user", "-v", "shared:/shared:nocopy"];
  await expectOk(wherry, ["run", ...flags, "box", "sleep", "1000"]);

  strictEqual(await show(wherry, ["-v", "shared:/data"], "cat /data/file"), "image");

  strictEqual(await expectOk(wherry, ["exec", "user", "cat", "/shared/file"]), "image");
  await expectOk(wherry, ["rm", "-f", "user"]);
});

testWhole("an empty directory of the image gives a volume its owner and mode", async (wherry) => {
  const owned = { ...DIRECTORY, name: "data/", mode: 0o2750, uid: 999, gid: 888 };
  await loadImage(wherry, { layers: [[{ ...owned, mtime: 1_200_000_000 }]] });
  const describe = "stat -c '%a %u:%g %Y' /data";

  const fresh = await show(wherry, ["-v", "new:/data"], describe);
  await show(wherry, ["-v", "old:/other"], "true");
  const existing = await show(wherry, ["-v", "old:/data"], describe);

  deepStrictEqual([fresh, existing], Array(2).fill("2750 999:888 1200000000"));
});

testWhole("a volume where the image has nothing is root's", async (wherry) => {
  await loadImage(wherry, {});

  strictEqual(
    await show(wherry, ["-v", "v1:/new/place"], "stat -c '%a %u:%g' /new/place"),
    "755 0:0",
  );
});

testWhole("--rootfs fills volumes, too", async (wherry) => {
  const rootfs = await wherry.copyOfImage();
  Deno.mkdirSync(`${rootfs}/data`, { mode: 0o700 });
  Deno.writeTextFileSync(`${rootfs}/data/file`, "directory\n");

  const seen = await expectOk(wherry, [
    ...["run", "--rm", "-v", "v1:/data", "--rootfs", rootfs],
    ...["sh", "-c", "cat /data/file; stat -c %a /data"],
  ]);

  strictEqual(seen, "directory\n700");
  await wherry.runHost("rm", "-r", rootfs);
});

testWhole(
  "what is mounted in the directory of --rootfs does not get into volumes",
  async (wherry) => {
    const rootfs = await wherry.copyOfImage();
    const mounted = `${rootfs}/data/mounted`;
    Deno.mkdirSync(mounted, { recursive: true });
    await wherry.runHost("mount", "-t", "tmpfs", "none", mounted);
    try {
      Deno.writeTextFileSync(`${mounted}/secret`, "");

      const flags = ["run", "--rm", "-v", "v1:/data", "--rootfs", rootfs];
      strictEqual(await expectOk(wherry, [...flags, "find", "/data"]), "/data\n/data/mounted");
    } finally {
      await wherry.runHost("umount", mounted);
    }
    await wherry.runHost("rm", "-r", rootfs);
  },
);

testWhole("links on the way to a volume are followed inside the image only", async (wherry) => {
  Deno.mkdirSync(`${wherry.scratch}/host`);
  Deno.writeTextFileSync(`${wherry.scratch}/host/file`, "host\n");
  const host = `${wherry.scratch}/host`.slice(1);
  await loadImage(wherry, {
    layers: [
      [
        { name: "var/run", type: "2", link: "/run" },
        { name: "up", type: "2", link: `../../../../../../../${host}` },
        { name: "absolute", type: "2", link: `/${host}` },
        { name: "loop", type: "2", link: "loop" },
      ],
      [{ name: "run/app/file", content: "run\n" }, { name: `${host}/file`, content: "image\n" }],
    ],
  });

  strictEqual(await show(wherry, ["-v", "v1:/var/run/app"], "cat /run/app/file"), "run");
  strictEqual(await show(wherry, ["-v", "v2:/up"], "cat /up/file"), "image");
  strictEqual(await show(wherry, ["-v", "v3:/absolute"], "cat /absolute/file"), "image");
});

testWhole("VOLUMEs of an image are filled, and go with --rm", async (wherry) => {
  await loadImage(wherry, { layers: ONE_FILE, volumes: ["/data", "other/", "/data/../third"] });

  const script = "cat /data/file; for d in data other third; do echo x >/$d/x; done";
  strictEqual(await show(wherry, [], script), "image");

  deepStrictEqual(volumeNames(wherry), []);
});

testWhole("VOLUMEs are not made where something is mounted", async (wherry) => {
  await loadImage(wherry, { layers: ONE_FILE, volumes: ["/data", "/bound", "/memory"] });
  const flags = ["-v", "named:/data", "-v", `${wherry.scratch}:/bound`, "--tmpfs", "/memory"];

  await keep(wherry, "web", flags);

  deepStrictEqual(volumeNames(wherry), ["named"]);
  await expectOk(wherry, ["rm", "-v", "web"]);
  deepStrictEqual(volumeNames(wherry), ["named"]);
});

testWhole("a VOLUME that is a file of the image is refused, with nothing made", async (wherry) => {
  await loadImage(wherry, { volumes: ["/data", "/etc/passwd"] });

  const { code, stderr } = await wherry.run(["run", "--rm", "box", "true"]);

  strictEqual(code, 125);
  match(stderr, /Cannot mount a volume at "\/etc\/passwd": the image has a file there/);
  deepStrictEqual([volumeNames(wherry), listNames(`${wherry.root}/containers`)], [[], []]);
});

testWhole("a create that fails leaves none of the volumes that it has made", async (wherry) => {
  await loadImage(wherry, { layers: ONE_FILE, volumes: ["/data"] });
  await keep(wherry, "taken", ["-v", "old:/old"]);
  const before = volumeNames(wherry);

  const flags = ["--name", "taken", "-v", "old:/old", "-v", "new:/new"];
  const { code } = await wherry.run(["create", ...flags, "box"]);

  strictEqual(code, 1);
  deepStrictEqual(volumeNames(wherry), before);
  await expectOk(wherry, ["rm", "-v", "taken"]);
  deepStrictEqual(volumeNames(wherry), ["old"]);
});

testWhole("rm keeps volumes, rm -v removes those without a name", async (wherry) => {
  await loadImage(wherry, { volumes: ["/data"] });
  await keep(wherry, "one", ["-v", "named:/named"]);
  await keep(wherry, "two", ["-v", "named:/named"]);
  strictEqual(volumeNames(wherry).length, 3);

  await expectOk(wherry, ["rm", "one"]);
  strictEqual(volumeNames(wherry).length, 3);
  await expectOk(wherry, ["rm", "-v", "two"]);
  strictEqual(volumeNames(wherry).length, 2);
  ok(exists(dataOf(wherry, "named")));
});

testWhole("container prune keeps volumes, as docker does", async (wherry) => {
  await loadImage(wherry, { volumes: ["/data"] });
  await keep(wherry, "one", []);

  strictEqual((await wherry.run(["container", "prune", "-f"])).code, 0);

  strictEqual(volumeNames(wherry).length, 1);
});

testWhole("--volumes-from shows what others have, in chains", async (wherry) => {
  await loadImage(wherry, { layers: ONE_FILE, volumes: ["/data"] });
  const bind = `${wherry.scratch}:/bound:ro`;
  await keep(wherry, "one", ["-v", "named:/named", "-v", bind, "--tmpfs", "/memory"]);
  await keep(wherry, "two", ["--volumes-from", "one:ro", "-v", "own:/own"]);
  await show(wherry, ["--volumes-from", "one"], "echo x >/named/x; rm /data/file");

  const script = "ls /named /data; for d in named data bound own; do touch /$d/y; done 2>&1; true";
  const seen = await show(wherry, ["--volumes-from", "two"], script);

  deepStrictEqual(seen.split("\n"), [
    "/data:",
    "",
    "/named:",
    "x",
    ...["named", "data", "bound"].map((name) => `touch: /${name}/y: Read-only file system`),
  ]);
  ok(exists(`${dataOf(wherry, "own")}/y`));
  await expectOk(wherry, ["rm", "-v", "one", "two"]);
  deepStrictEqual(volumeNames(wherry), ["named", "own"]);
});

testWhole("mounts of a container's own come before those of --volumes-from", async (wherry) => {
  await loadImage(wherry, {});
  await keep(wherry, "one", ["-v", "theirs:/data"]);
  await keep(wherry, "two", ["-v", "second:/data"]);
  for (const name of ["theirs", "second"]) {
    Deno.writeTextFileSync(`${dataOf(wherry, name)}/name`, `${name}\n`);
  }
  const others = ["--volumes-from", "one", "--volumes-from", "two"];

  strictEqual(await show(wherry, others, "cat /data/name"), "second");
  strictEqual(await show(wherry, [...others, "-v", "own:/data"], "ls /data"), "");
  await expectOk(wherry, ["rm", "one", "two"]);
});

testWhole("a volume stays as long as a container that has borrowed it", async (wherry) => {
  await loadImage(wherry, { layers: ONE_FILE, volumes: ["/data"] });
  await keep(wherry, "owner", []);
  await keep(wherry, "borrower", ["--volumes-from", "owner"]);

  await show(wherry, ["--volumes-from", "borrower"], "true");
  await expectOk(wherry, ["rm", "-v", "owner"]);
  strictEqual(volumeNames(wherry).length, 1);
  strictEqual(await show(wherry, ["--volumes-from", "borrower"], "cat /data/file"), "image");
  await expectOk(wherry, ["rm", "-v", "borrower"]);

  deepStrictEqual(volumeNames(wherry), []);
});

testWhole("--volumes-from of a container that is not there is refused", async (wherry) => {
  await loadImage(wherry, {});

  const { code, stderr } = await wherry.run(["run", "--volumes-from", "nobody", "box", "true"]);

  strictEqual(code, 125);
  match(stderr, /No such container: nobody/);
  deepStrictEqual(listNames(`${wherry.root}/containers`), []);
});

testWhole("a container whose volume is gone says so when it is started", async (wherry) => {
  await loadImage(wherry, {});
  await expectOk(wherry, ["create", "--name", "web", "-v", "lost:/data", "box"]);
  Deno.removeSync(`${wherry.root}/volumes/lost`, { recursive: true });

  const { code, stderr } = await wherry.run(["start", "web"]);

  strictEqual(code, 1);
  match(stderr, /Cannot mount volume "lost": no such volume/);
  await expectOk(wherry, ["rm", "web"]);
});

testWhole("no room for all of it leaves no volume, and an empty one empty", async (wherry) => {
  await using disk = await Disk.mount(wherry, "size=40m");
  await loadImage(wherry, {
    layers: [[
      { ...DIRECTORY, name: "data/" },
      ...[1, 2, 3].map((n) => ({
        name: `data/${n}`,
        content: new Uint8Array(4_000_000).fill(n),
      })),
    ]],
  });
  await show(wherry, ["-v", "old:/old"], "true");
  const used = Deno.statSync(dataOf(wherry, "old")).mtime?.getTime();
  {
    await using _full = await disk.fillAllBut(8);
    for (const name of ["old", "new"]) {
      const { code, stderr } = await wherry.run(["run", "-v", `${name}:/data`, "box"]);

      strictEqual(code, 125);
      match(stderr, /Cannot copy what the image has at "\/data" into a volume: .*no space left/);
    }
    deepStrictEqual(volumeNames(wherry), ["old"]);
    deepStrictEqual(listNames(dataOf(wherry, "old")), []);
    strictEqual(Deno.statSync(dataOf(wherry, "old")).mtime?.getTime(), used);
  }
  strictEqual(await show(wherry, ["-v", "old:/data"], "ls /data"), "1\n2\n3");
});

testWhole("an image cannot be removed while a container has it mounted", async (wherry) => {
  await loadImage(wherry, {});
  await loadImage(wherry, { layers: ONE_FILE }, "files");
  const flags = ["--name", "web", "--mount", "type=image,source=files,target=/image"];
  await expectOk(wherry, ["create", ...flags, "box", "cat", "/image/data/file"]);

  const { code, stderr } = await wherry.run(["rmi", "files"]);
  strictEqual(code, 1);
  match(stderr, /unable to remove repository reference "files" .* container web is using/);
  strictEqual((await wherry.run(["image", "prune", "-a", "-f"])).code, 0);
  // Even without its name
  strictEqual((await wherry.run(["rmi", "-f", "files"])).code, 0);
  strictEqual(await expectOk(wherry, ["start", "-a", "web"]), "image");

  await expectOk(wherry, ["rm", "web"]);
  const missing = await wherry.run(["create", ...flags, "box"]);
  strictEqual(missing.code, 1);
  match(missing.stderr, /Cannot find image "files"/);
});

const FILE_COUNT = 1500;

/** Enough files for their copy to take a while. */
const MANY_FILES = [[
  { ...DIRECTORY, name: "data/", mode: 0o700, uid: 77 },
  ...Array.from({ length: FILE_COUNT }, (_, index) => ({
    name: `data/${index % 30}/${index}`,
    content: `${index}`,
  })),
]];

/** Counts files, and says whose the directory is. */
const COUNT = "find /data -type f | wc -l; stat -c '%a %u' /data";
const WHOLE = `${FILE_COUNT}\n700 77`;

testWhole("two containers that are made at once fill a volume once, and whole", async (wherry) => {
  await loadImage(wherry, { layers: MANY_FILES });
  await expectOk(wherry, ["run", "--rm", "-v", "old:/old", "box", "true"]);

  for (const name of ["new", "old"]) {
    const seen = await Promise.all(
      [1, 2, 3].map(() => show(wherry, ["-v", `${name}:/data`], COUNT)),
    );
    deepStrictEqual(seen, Array(3).fill(WHOLE));
  }
  deepStrictEqual(volumeNames(wherry), ["new", "old"]);
});

/** Another row of moments: `WHERRY_TEST_SEED=7 deno test …`. */
const SEED = Number(Deno.env.get("WHERRY_TEST_SEED") ?? 20261121);

testWhole(`kills while volumes are filled leave none half full (seed ${SEED})`, async (wherry) => {
  await loadImage(wherry, { layers: MANY_FILES });
  const random = randomNumbers(SEED);
  const startedAt = performance.now();
  await show(wherry, ["-v", "first:/data"], COUNT);
  const longestMs = performance.now() - startedAt;

  for (let count = 0; count < 6; count++) {
    const name = `volume${count}`;
    if (count % 2 === 0) await show(wherry, ["-v", `${name}:/other`], "true");
    const child = wherry.spawn(["run", "--rm", "-v", `${name}:/data`, "box", "true"], {
      redirect: ">/dev/null 2>&1",
    });
    await Promise.all([child.stdout.cancel(), child.stderr.cancel()]);
    await Promise.race([child.status, pause(random() * longestMs)]);
    killUnlessGone(child.pid);
    await child.status;

    strictEqual(await show(wherry, ["-v", `${name}:/data`], COUNT), WHOLE);
  }
  strictEqual((await wherry.run(["system", "recover"])).code, 0);
  deepStrictEqual(listNames(`${wherry.root}/containers`), []);
});

testWhole(
  "a filling that was interrupted is finished by whoever uses the volume next",
  async (wherry) => {
    await loadImage(wherry, { layers: ONE_FILE });
    await expectOk(wherry, ["create", "--name", "web", "-v", "half:/x:nocopy", "box", "ls", "/x"]);
    const volume = `${wherry.root}/volumes/half`;
    Deno.writeTextFileSync(`${volume}/_data/first`, "moved in already");
    Deno.mkdirSync(`${volume}/_fill`, { mode: 0o750 });
    for (const name of ["second", "third"]) Deno.writeTextFileSync(`${volume}/_fill/${name}`, "");

    strictEqual(await expectOk(wherry, ["start", "-a", "web"]), "first\nsecond\nthird");

    strictEqual((Deno.statSync(`${volume}/_data`).mode ?? 0) & 0o7777, 0o750);
    ok(!exists(`${volume}/_fill`));
    await expectOk(wherry, ["rm", "web"]);
  },
);

testWhole("kills while containers and their volumes are removed leave neither", async (wherry) => {
  await loadImage(wherry, { layers: ONE_FILE, volumes: ["/data", "/other"] });
  const random = randomNumbers(SEED);
  await keep(wherry, "user", ["-v", "named:/named"]);
  const kept = volumeNames(wherry);

  for (let count = 0; count < 8; count++) {
    await keep(wherry, "victim", ["-v", "named:/named"]);
    const child = wherry.spawn(["rm", "-v", "victim"], { redirect: ">/dev/null 2>&1" });
    await Promise.all([child.stdout.cancel(), child.stderr.cancel()]);
    await Promise.race([child.status, pause(random() * 40)]);
    killUnlessGone(child.pid);
    await child.status;

    const { code } = await wherry.run(["start", "victim"]);
    if (code === 0) await expectOk(wherry, ["rm", "-fv", "victim"]);
    await wherry.run(["ps", "-a"]);
    strictEqual((await wherry.run(["system", "recover"])).code, 0);
    deepStrictEqual(volumeNames(wherry), kept);
  }
  await expectOk(wherry, ["rm", "-v", "user"]);
  deepStrictEqual(volumeNames(wherry), ["named"]);
});
