/** What is wrong with an input is said in one line, with the right exit status, and nothing has changed. @module */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { Disk } from "./disk.ts";
import { type TarMember, tarOf } from "./fakes/tar_builder.ts";
import { exists, type Result, type TestEngine, testWhole } from "./harness.ts";

/**
 * Every file below the engine's root, with what would show a change, and the list of images. What the first `run` finds
 * out about the file system is no part of it.
 */
async function describeStore(wherry: TestEngine): Promise<string> {
  const look = ["find", wherry.root, "-not", "-name", "storage_driver", "-printf"];
  const files = await wherry.runHost(...look, "%P %y %m %n %s %l\n");
  return files.split("\n").toSorted().join("\n") +
    Deno.readTextFileSync(`${wherry.root}/index.json`);
}

/** Imports the busybox tar as `box`, so that there is something to lose. */
async function importBox(wherry: TestEngine): Promise<void> {
  const { code, stderr } = await wherry.run(["import", await wherry.imageTar(), "box"]);
  deepStrictEqual([code, stderr], [0, ""]);
}

/** Fails unless one line says what is wrong; a second one may show the way out. */
function assertOneLine(
  { code, stdout, stderr }: Result,
  expectedCode: number,
  message: RegExp,
): void {
  match(stderr, message);
  match(stderr, /^wherry: [^\n]+\n(?:[^\n]+\n)?$/);
  deepStrictEqual([code, stdout], [expectedCode, ""], stderr);
}

const SOUND = tarOf(
  { name: "etc/", type: "5", mode: 0o755 },
  // Random bytes, so that compression leaves something to cut off
  { name: "etc/file", content: crypto.getRandomValues(new Uint8Array(50_000)) },
);
const ENCODER = new TextEncoder();

/** Bytes that are no archive of a root file system, and what is said about them. */
const DAMAGED: readonly [what: string, bytes: Uint8Array, message: RegExp][] = [
  ["an empty file", new Uint8Array(0), /: not a tar archive: it is empty\n/],
  ["a text", ENCODER.encode("hello\n"), /: not a tar archive\n/],
  ["a page of text", ENCODER.encode("<html>".repeat(1000)), /: not a tar archive\n/],
  ["a gzipped text", gzipSync(ENCODER.encode("hello".repeat(1000))), /: not a tar archive\n/],
  ["a tar without an entry", tarOf(), /: not a tar archive: /],
  ["a tar cut off in a header", SOUND.subarray(0, 700), /: truncated tar archive: [^\n]* 700\n/],
  ["a tar cut off in a file", SOUND.subarray(0, 30_000), /: truncated tar archive: [^\n]*30000\n/],
  ["a tar without its end", SOUND.subarray(0, -1024), /: truncated tar archive: /],
  ["a truncated gzip", gzipSync(SOUND).subarray(0, 40_000), /: truncated gzip stream\n/],
  ["a gzip without its checksum", gzipSync(SOUND).subarray(0, -8), /: truncated gzip stream\n/],
  ["a truncated zstd", zstdCompressSync(SOUND).subarray(0, 40_000), /: truncated zstd stream\n/],
  ["a damaged header", damaged(SOUND, 600), /: [^\n]*(?:checksum|damaged)[^\n]*\n/],
  ["a damaged gzip", damaged(gzipSync(SOUND), 20_000), /: [^\n]*gzip[^\n]*\n/],
  ["a name above the root", tarOf({ name: "../out" }), /: entry "\.\.\/out" leads out of /],
  ["a name above the root, hidden", tarOf({ name: "a/../../out" }), /: entry "a\/\.\.\/\.\.\/out"/],
  [
    "a hard link out of the image",
    tarOf({ name: "h", type: "1", link: "../../../etc/passwd" }),
    /: hard link "h" to "\.\.\/\.\.\/\.\.\/etc\/passwd" leads out of /,
  ],
  [
    "a hard link to a file of the host",
    tarOf({ name: "h", type: "1", link: "/etc/passwd" }),
    /: hard link "h": its target "\/etc\/passwd" is not in the archive/,
  ],
  [
    "a name of 300 bytes",
    tarOf({ name: "x", pax: { path: `etc/${"n".repeat(300)}` } }),
    /: entry "etc\/n+…?" has a name of 300 bytes: [^\n]* 255\n/,
  ],
  [
    "a link target of 4,096 bytes",
    tarOf({ name: "link", type: "2", pax: { linkpath: "t".repeat(4096) } }),
    /: symbolic link "link" has a target of 4096 bytes: [^\n]* 4095 /,
  ],
];

function damaged(bytes: Uint8Array, at: number): Uint8Array {
  const copy = new Uint8Array(bytes);
  copy[at] = (copy[at] ?? 0) ^ 0xff;
  return copy;
}

for (const [what, bytes, message] of DAMAGED) {
  testWhole(`import of ${what} names the file and leaves the store as it was`, async (wherry) => {
    await importBox(wherry);
    Deno.writeFileSync(`${wherry.scratch}/bad.tar`, bytes);
    const before = await describeStore(wherry);

    const imported = await wherry.run(["import", "bad.tar", "bad"]);
    const started = await wherry.run(["run", "--rm", "./bad.tar", "true"]);

    const named = new RegExp(`^wherry: Cannot import "(?:\\./)?bad.tar"${message.source}`);
    assertOneLine(imported, 1, named);
    assertOneLine(started, 125, named);
    strictEqual(await describeStore(wherry), before);
  });
}

testWhole("a log level that does not exist is named", async (wherry) => {
  const result = await wherry.run(["--log-level", "loud", "ps"]);

  assertOneLine(result, 1, /^wherry: Cannot use --log-level "loud": no such level\n.*warn/);
});

testWhole("import of a truncated stream from stdin leaves the store as it was", async (wherry) => {
  await importBox(wherry);
  const before = await describeStore(wherry);

  const result = await wherry.run(["import", "-", "bad"], { stdin: SOUND.slice(0, 30_000) });

  assertOneLine(result, 1, /^wherry: Cannot import standard input: truncated tar archive/);
  strictEqual(await describeStore(wherry), before);
});

testWhole("load of a root file system's tar says what to do with it", async (wherry) => {
  await importBox(wherry);
  const before = await describeStore(wherry);

  const result = await wherry.run(["load", "-i", await wherry.imageTar()]);

  assertOneLine(
    result,
    1,
    /^wherry: Cannot load "[^"]+": not an archive of images\n.*wherry import/,
  );
  strictEqual(await describeStore(wherry), before);
});

/** Archives that try to write to `canary`, a directory of the host. */
const ESCAPES: readonly [what: string, members: (canary: string) => TarMember[]][] = [
  ["a link to an absolute path", (canary) => [
    { name: "l", type: "2", link: canary },
    { name: "l/file", content: "changed" },
    { name: "l/new", content: "new" },
  ]],
  ["a link that climbs", (canary) => [
    { name: "l", type: "2", link: `${"../".repeat(40)}${canary}` },
    { name: "l/file", content: "changed" },
  ]],
  ["a chain of links", (canary) => [
    { name: "a", type: "2", link: ".." },
    { name: "b", type: "2", link: `a/../../..${canary}` },
    { name: "c", type: "2", link: "b" },
    { name: "c/file", content: "changed" },
  ]],
  ["a link made of directories' links", (canary) => [
    { name: "d/", type: "5", mode: 0o755 },
    { name: "d/up", type: "2", link: "../.." },
    { name: "d/up/up", type: "2", link: "../../.." },
    { name: `d/up/up${canary}/file`, content: "changed" },
  ]],
  ["a file in place of a link", (canary) => [
    { name: "l", type: "2", link: `${canary}/file` },
    { name: "l", content: "changed" },
  ]],
  ["a directory in place of a link", (canary) => [
    { name: "l", type: "2", link: canary },
    { name: "l/", type: "5", mode: 0o700 },
    { name: "l/file", content: "changed" },
  ]],
  ["a hard link through a link", (canary) => [
    { name: "l", type: "2", link: canary },
    { name: "h", type: "1", link: "l/file" },
    { name: "h", content: "changed" },
  ]],
  ["a hard link to a link, written through", (canary) => [
    { name: "l", type: "2", link: `${canary}/file` },
    { name: "h", type: "1", link: "l" },
    { name: "h", content: "changed" },
  ]],
  ["a hard link to an absolute path", (canary) => [
    { name: "h", type: "1", link: `${canary}/file` },
    { name: "h", content: "changed" },
  ]],
  ["a whiteout through a link", (canary) => [
    { name: "l", type: "2", link: canary },
    { name: "l/.wh.file" },
  ]],
];

for (const [what, members] of ESCAPES) {
  testWhole(`import never lets ${what} reach the host`, async (wherry) => {
    await importBox(wherry);
    const canary = `${wherry.scratch}/canary`;
    Deno.mkdirSync(canary);
    Deno.writeTextFileSync(`${canary}/file`, "untouched");
    const look = ["find", canary, "-printf", "%P %y %m %U %n %s %T@ %C@\n"];
    const hostBefore = await wherry.runHost(...look);
    const storeBefore = await describeStore(wherry);
    Deno.writeFileSync(`${wherry.scratch}/evil.tar`, tarOf(...members(canary)));

    const result = await wherry.run(["import", "evil.tar", "evil"]);

    strictEqual(await wherry.runHost(...look), hostBefore);
    strictEqual(Deno.readTextFileSync(`${canary}/file`), "untouched");
    if (result.code === 0) return;
    assertOneLine(result, 1, /^wherry: Cannot import "evil\.tar": /);
    strictEqual(await describeStore(wherry), storeBefore);
  });
}

testWhole("import follows a link inside the image, where the image is the root", async (wherry) => {
  const tar = tarOf(
    { name: "etc/", type: "5", mode: 0o755 },
    { name: "l", type: "2", link: "/etc" },
    { name: "l/wherry-canary", content: "inside" },
  );
  Deno.writeFileSync(`${wherry.scratch}/linked.tar`, tar);

  const { code } = await wherry.run(["import", "linked.tar", "linked"]);

  strictEqual(code, 0);
  strictEqual(exists("/etc/wherry-canary"), false);
  const { stdout } = await wherry.run(
    ["inspect", "-f", "{{.GraphDriver.Data.LowerDir}}", "linked"],
  );
  strictEqual(Deno.readTextFileSync(`${stdout.trim()}/etc/wherry-canary`), "inside");
});

testWhole("what is not there or is a directory is named", async (wherry) => {
  await importBox(wherry);
  Deno.mkdirSync(`${wherry.scratch}/dir`);
  const before = await describeStore(wherry);
  const cases: [args: string[], code: number, message: RegExp][] = [
    [
      ["run", "--pull", "never", "missing", "true"],
      125,
      /^wherry: Cannot find image "missing": [^\n]*\n.*wherry images/,
    ],
    [["run", "./missing.tar", "true"], 125, /^wherry: Cannot open image "\.\/missing\.tar": /],
    [
      ["run", "./dir", "true"],
      125,
      /^wherry: Cannot run "\.\/dir": it is a directory\n[^\n]*--rootfs/,
    ],
    [["run", "No Reference", "true"], 125, /^wherry: Cannot [^\n]*"No Reference"/],
    [["import", "missing.tar"], 1, /^wherry: Cannot read "missing\.tar": no such file\n/],
    [["import", "dir"], 1, /^wherry: Cannot read "dir": it is a directory\n[^\n]*--rootfs/],
    [["import", "dir/missing"], 1, /^wherry: Cannot read "dir\/missing": no such file\n/],
    [
      ["import", await wherry.imageTar(), "UPPER"],
      1,
      /^wherry: Cannot [^\n]*"UPPER": [^\n]* must be lowercase\n/,
    ],
    [["import", "-c", "NONSENSE 1", await wherry.imageTar()], 1, /"NONSENSE 1"[^\n]*\n[^\n]*CMD/],
    [["load", "-i", "missing.tar"], 1, /^wherry: Cannot read "missing\.tar": no such file\n/],
    [["rmi", "missing"], 1, /^wherry: Cannot find image "missing"/],
  ];
  for (const [args, code, message] of cases) {
    assertOneLine(await wherry.run(args), code, message);
    strictEqual(await describeStore(wherry), before, args.join(" "));
  }
});

testWhole("run with a malformed flag names it and makes nothing", async (wherry) => {
  await importBox(wherry);
  await wherry.run(["run", "-d", "--name", "taken", "box", "sleep", "100"]);
  const before = await describeStore(wherry);
  const cases: [flags: string[], message: RegExp][] = [
    [["-e", "=value"], /"=value"/],
    [["-e", ""], /""/],
    [["-v", ":/target"], /invalid spec: :\/target: [^\n]*\n[^\n]*--mount/],
    [["-v", "/tmp:relative"], /'\/tmp:relative'/],
    [["-v", "/tmp:/target:nonsense"], /nonsense/],
    [["-v", "/tmp:/target:ro:more"], /\/tmp:\/target:ro:more/],
    [["--mount", "type=bind,src=/tmp"], /"type=bind,src=\/tmp"[^\n]*\n[^\n]*target=/],
    [["--mount", "type=bind,src=/nonesuch,dst=/target"], /\/nonesuch\n[^\n]*bind-create-src/],
    [["--tmpfs", "relative"], /"relative"/],
    [["--tmpfs", "/mnt:size=nonsense"], /size=nonsense/],
    [["--rm", "-u", "stranger"], /"stranger"/],
    [["--rm", "-u", "-1"], /"-1"/],
    [["--rm", "-u", "0:strangers"], /"strangers"/],
    [["-w", "relative"], /"relative"/],
    [["--network", "nowhere"], /nowhere[^\n]*\n[^\n]*wherry network ls/],
    [["--name", "with space"], /"with space"[^\n]*\n[^\n]*--name/],
    [["--name", "-dash"], /"-dash"/],
    [["--name", "taken"], /"taken"/],
    [["--no-such-flag"], /--no-such-flag/],
    [["-Q"], /-Q/],
    [["--pull", "never", "--name"], /name/],
    [["--rm=perhaps"], /perhaps/],
  ];
  for (const [flags, message] of cases) {
    const result = await wherry.run(["run", ...flags, "box", "true"]);

    strictEqual(result.code, 125, `${flags.join(" ")}: ${result.stderr}`);
    assertOneLine(result, 125, message);
    strictEqual(await describeStore(wherry), before, flags.join(" "));
  }
  await wherry.run(["rm", "-f", "taken"]);
});

testWhole("what wherry does not know is named, and help is near", async (wherry) => {
  const cases: [args: string[], code: number, message: RegExp][] = [
    [["nonsense"], 1, /nonsense\n[^\n]*wherry --help/],
    [["iamges"], 1, /iamges\n[^\n]*wherry images/],
    [["images", "--nonsense"], 125, /--nonsense\n[^\n]*wherry images --help/],
    [["--nonsense", "images"], 125, /--nonsense\n[^\n]*--help/],
    [["rmi"], 1, /'wherry rmi' requires at least 1 argument\nUsage: /],
    [["import"], 1, /'wherry import' requires at least 1 [^\n]*\nUsage: /],
    [["import", "a", "b", "c"], 1, /'wherry import' requires [^\n]*\nUsage: /],
    [["images", "--format", "{{"], 1, /template[^\n]*unclosed action/],
  ];
  for (const [args, code, message] of cases) {
    const result = await wherry.run(args);

    strictEqual(result.code, code, `${args.join(" ")}: ${result.stderr}`);
    assertOneLine(result, code, message);
  }
  strictEqual(exists(wherry.root), false);
});

/** Tars that do not fit: their stored bytes, or only what is in them. */
const LARGE: readonly [what: string, bytes: () => Uint8Array][] = [
  ["stored", () => tarOf({ name: "file", content: new Uint8Array(9 << 20).fill(1) })],
  ["unpacked", () => gzipSync(tarOf({ name: "file", content: new Uint8Array(9 << 20).fill(1) }))],
];

for (const [what, bytes] of LARGE) {
  testWhole(`import leaves the store as it was when the disk is full, ${what}`, async (wherry) => {
    await using _disk = await Disk.mount(wherry, "size=8m");
    await importBox(wherry);
    Deno.writeFileSync(`${wherry.scratch}/large.tar`, bytes());
    const before = await describeStore(wherry);

    const result = await wherry.run(["import", "large.tar", "large"]);

    assertOneLine(
      result,
      1,
      /^wherry: Cannot import "large\.tar": [^\n]*no space left on device[^\n]*\n[^\n]*--root/,
    );
    strictEqual(await describeStore(wherry), before);
    strictEqual((await wherry.run(["run", "--rm", "box", "true"])).code, 0);
  });
}

testWhole("import into a root without any space says so", async (wherry) => {
  await using _disk = await Disk.mount(wherry, "size=4m,nr_inodes=1");
  const tar = await wherry.imageTar();

  const result = await wherry.run(["import", tar, "box"]);

  assertOneLine(result, 1, /^wherry: Cannot [^\n]*no space left on device/i);
});

testWhole("a root that is read-only is named, and what is in it stays", async (wherry) => {
  await using disk = await Disk.mount(wherry, "size=16m");
  await importBox(wherry);
  const before = await describeStore(wherry);
  await disk.remount("ro");

  const imported = await wherry.run(["import", await wherry.imageTar(), "more"]);
  const started = await wherry.run(["run", "--rm", "box", "true"]);
  const removed = await wherry.run(["rmi", "box"]);
  const listed = await wherry.run(["images", "--format", "{{.Repository}}"]);

  const message = /^wherry: Cannot [^\n]*read-only file system/i;
  assertOneLine(imported, 1, message);
  assertOneLine(started, 125, message);
  assertOneLine(removed, 1, message);
  ok([imported, started, removed].every(({ stderr }) => stderr.includes(wherry.root)));
  strictEqual(listed.stdout, "box\n");
  strictEqual(await describeStore(wherry), before);
});

testWhole("a root that is a file or cannot be made is named", async (wherry) => {
  const tar = await wherry.imageTar();
  Deno.writeTextFileSync(wherry.root, "not a directory");
  const [program = "", ...rest] = wherry.commandLine([]);
  const source = rest.slice(0, rest.indexOf("--root"));
  const cases: [root: string, args: string[], code: number][] = [
    [wherry.root, ["import", tar, "box"], 1],
    [wherry.root, ["run", "--rm", "box", "true"], 125],
    [wherry.root, ["images"], 1],
    [`${wherry.root}/below`, ["import", tar, "box"], 1],
    ["/proc/wherry", ["import", tar, "box"], 1],
    ["/proc/wherry", ["run", "--rm", "box", "true"], 125],
  ];
  for (const [root, args, code] of cases) {
    const result = await wherry.runCommand(
      [program, ...source, "--root", root, "--run-root", wherry.runRoot, ...args],
    );

    assertOneLine(result, code, new RegExp(`^wherry: Cannot [^\n]*"${root}"`));
  }
  strictEqual(Deno.readTextFileSync(wherry.root), "not a directory");
  await Deno.remove(wherry.root);
});

testWhole("every command that needs root says so to anybody else", async (wherry) => {
  const asNobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
  const cases: [args: string[], code: number][] = [
    [["import", await wherry.imageTar(), "box"], 1],
    [["load", "-i", await wherry.imageTar()], 1],
    [["images"], 1],
    [["rmi", "box"], 1],
    [["run", "--rm", "box", "true"], 125],
  ];
  for (const [args, code] of cases) {
    const result = await wherry.runCommand([...asNobody, ...wherry.commandLine(args)]);

    assertOneLine(
      result,
      code,
      new RegExp(
        `^wherry: Cannot run "wherry ${args[0]}": [^\n]*needs root[^\n]*65534\n[^\n]*sudo\n$`,
      ),
    );
  }
  strictEqual(exists(wherry.root), false);
});
