/** `cp` from and to containers that do all they can to have it read or write something of the host. @module */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { type TarMember, tarOf } from "./fakes/tar_builder.ts";
import { exists, listNames, type Result, type TestEngine, testWhole } from "./harness.ts";

/** How often a copy meets somebody who swaps things. */
const ROUNDS = 15;

const SECRET = "a secret of the host";

/** Paths of everything below a directory, and of regular files the content. */
async function contentsOf(wherry: TestEngine, directory: string): Promise<string> {
  return await wherry.runHost(
    "busybox",
    "find",
    directory,
    "-type",
    "f",
    "-exec",
    "cat",
    "{}",
    ";",
  );
}

/** Starts a container that does something in a loop. */
async function startLoop(wherry: TestEngine, prepare: string, loop: string): Promise<void> {
  await wherry.start(["--name", "box"], ["sh", "-c", `${prepare}; while :; do ${loop}; done`]);
}

testWhole("cp out follows no link that takes a directory's place meanwhile", async (wherry) => {
  const secret = `${wherry.scratch}/secret`;
  Deno.mkdirSync(secret);
  Deno.writeTextFileSync(`${secret}/file`, SECRET);
  await startLoop(
    wherry,
    "mkdir -p /work; for i in 1 2 3 4 5 6; do mkdir /work/$i; echo inside >/work/$i/file; done",
    `for i in 1 2 3 4 5 6; do mv /work/$i /work/old$i; ln -s ${secret} /work/$i; rm /work/$i; ` +
      "mv /work/old$i /work/$i; done",
  );

  for (let round = 0; round < ROUNDS; round++) {
    const { code, stderr } = await wherry.run(["cp", "box:/work", `out${round}`]);
    strictEqual(code, 0, stderr);
    const contents = await contentsOf(wherry, `${wherry.scratch}/out${round}`);
    ok(!contents.includes(SECRET), contents);
  }
  await wherry.run(["rm", "-f", "box"]);
});

testWhole("cp in writes nothing through a link that takes a directory's place", async (wherry) => {
  const victim = `${wherry.scratch}/victim`;
  Deno.mkdirSync(victim);
  for (const name of ["1", "2", "3", "4", "5", "6"]) {
    Deno.mkdirSync(`${wherry.scratch}/tree/${name}`, { recursive: true });
    for (const file of ["a", "b", "c"]) {
      Deno.writeTextFileSync(`${wherry.scratch}/tree/${name}/${file}`, "x");
    }
  }
  await startLoop(
    wherry,
    "mkdir -p /work/tree",
    `for i in 1 2 3 4 5 6; do rm -rf /work/tree/$i; ln -s ${victim} /work/tree/$i; rm -f /work/tree/$i; done 2>/dev/null`,
  );
  const before = Deno.statSync(victim);

  for (let round = 0; round < ROUNDS; round++) {
    await wherry.run(["cp", "-a", "tree", "box:/work"]);
  }
  await wherry.run(["rm", "-f", "box"]);

  deepStrictEqual(listNames(victim), []);
  const { mode, uid, mtime } = Deno.statSync(victim);
  deepStrictEqual([mode, uid, mtime], [before.mode, before.uid, before.mtime]);
});

testWhole("a link that a copy has brought out leads no later copy anywhere", async (wherry) => {
  const victim = `${wherry.scratch}/victim`;
  Deno.mkdirSync(victim, { mode: 0o700 });
  Deno.mkdirSync(`${wherry.scratch}/out`);
  Deno.writeTextFileSync(`${wherry.scratch}/file`, "mine");
  await wherry.start(["--name", "box"], ["sleep", "1000"]);
  const prepare = (script: string): Promise<Result> =>
    wherry.run(["exec", "box", "sh", "-c", `mkdir -p /work; cd /work; ${script}`]);
  await prepare("ln -s ../../victim dir; ln -s ../../file file");
  const first = await wherry.run(["cp", "box:/work", "out"]);

  await prepare("rm dir file; mkdir -m 777 dir; echo stolen >dir/new; echo stolen >file");
  const whole = await wherry.run(["cp", "box:/work", "out"]);
  const single = await wherry.run(["cp", "box:/work/file", "out/work"]);
  await wherry.run(["rm", "-f", "box"]);

  deepStrictEqual([first.code, whole.code, single.code], [0, 1, 0]);
  match(whole.stderr, /cannot overwrite non-directory ".*\/out\/work\/dir" with directory/);
  deepStrictEqual(listNames(victim), []);
  strictEqual((Deno.statSync(victim).mode ?? 0) & 0o777, 0o700);
  strictEqual(Deno.readTextFileSync(`${wherry.scratch}/file`), "mine");
  ok(Deno.lstatSync(`${wherry.scratch}/out/work/file`).isFile);
});

testWhole(
  "what a container calls its files does not speak to the terminal of who copies them",
  async (wherry) => {
    const name = "so\x1b[31m\nck";
    Deno.mkdirSync(`${wherry.scratch}/data`);
    using _socket = Deno.listen({ transport: "unix", path: `${wherry.scratch}/data/${name}` });
    await wherry.start(["--name", "box", "-v", `${wherry.scratch}/data:/data`], ["sleep", "1000"]);

    const copied = await wherry.run(["cp", "box:/data", "out"]);
    const archived = await wherry.run(["cp", "box:/data", "-"], { redirect: ">out.tar" });
    await wherry.run(["rm", "-f", "box"]);

    for (const { stderr } of [copied, archived]) {
      match(stderr, /^WARNING: (data|out)\/so\\x1b\[31m\\nck is a socket: it was left out\n$/);
    }
  },
);

testWhole("links of a container lead nowhere on the host", async (wherry) => {
  const secret = `${wherry.scratch}/secret`;
  Deno.mkdirSync(secret);
  Deno.writeTextFileSync(`${secret}/file`, SECRET);
  Deno.writeTextFileSync(`${wherry.scratch}/new`, "new");
  await wherry.start(["--name", "box"], ["sleep", "1000"]);
  await wherry.run(["exec", "box", "ln", "-s", `../../../../../..${secret}`, "/link"]);
  await wherry.run(["exec", "box", "ln", "-s", "/proc/1/root", "/magic"]);

  const results = [
    await wherry.run(["cp", "box:/link/file", "out"]),
    await wherry.run(["cp", "-L", "box:/link", "out"]),
    await wherry.run(["cp", "new", "box:/link/file"]),
    await wherry.run(["cp", "new", "box:/link/"]),
    await wherry.run(["cp", "box:/magic/etc/hosts", "out"]),
    await wherry.run(["cp", "-", "box:/link"], { stdin: tarOf({ name: "file" }) }),
  ];
  await wherry.run(["rm", "-f", "box"]);

  deepStrictEqual(results.map(({ code }) => code), [1, 1, 1, 1, 1, 1]);
  ok(!exists(`${wherry.scratch}/out`));
  strictEqual(Deno.readTextFileSync(`${secret}/file`), SECRET);
});

testWhole("a tar on standard input cannot leave the container", async (wherry) => {
  const victim = `${wherry.scratch}/victim`;
  Deno.mkdirSync(victim);
  await wherry.start(["--name", "box"], ["sleep", "1000"]);
  const unpack = (...members: readonly TarMember[]): Promise<Result> =>
    wherry.run(["cp", "-", "box:/tmp"], { stdin: tarOf(...members) });

  const climbing = await unpack({ name: "../../../../../../../tmp/x" });
  const hard = await unpack({ name: "x", type: "1", link: "../../etc/passwd" });
  const through = await unpack(
    { name: "link", type: "2", link: `../../../../..${victim}` },
    { name: "link/file", content: "x" },
  );
  await wherry.run(["rm", "-f", "box"]);

  match(climbing.stderr, /leads out of the destination/);
  match(hard.stderr, /leads out of the destination/);
  strictEqual(through.code, 1);
  deepStrictEqual(listNames(victim), []);
});

testWhole("cp waits for no FIFO and reads no device", async (wherry) => {
  await wherry.start(["--name", "box"], ["sleep", "1000"]);
  await wherry.run([
    ...["exec", "box", "sh", "-c"],
    "mkdir /work; cd /work; mkfifo fifo; mknod zero c 1 5; mknod disk b 7 200; echo x >file",
  ]);

  const { code, stderr } = await wherry.run(["cp", "box:/work", "out"]);
  const single = await wherry.run(["cp", "box:/work/fifo", "single"]);
  const archived = await wherry.run(["cp", "box:/work", "-"]);
  await wherry.run(["rm", "-f", "box"]);

  deepStrictEqual([code, stderr, single.code, archived.code], [0, "", 0, 0]);
  ok(Deno.lstatSync(`${wherry.scratch}/out/fifo`).isFifo);
  ok(Deno.lstatSync(`${wherry.scratch}/single`).isFifo);
  ok(Deno.lstatSync(`${wherry.scratch}/out/zero`).isCharDevice);
  ok(Deno.lstatSync(`${wherry.scratch}/out/disk`).isBlockDevice);
});

testWhole("cp reads nothing that is the kernel's", async (wherry) => {
  await wherry.start(["--name", "box"], ["sleep", "1000"]);

  const refused = await wherry.run(["cp", "box:/proc/version", "version"]);
  const written = await wherry.run(["cp", "/bin/sh", "box:/proc"]);
  const whole = await wherry.run(["cp", "box:/", "out"]);
  await wherry.run(["rm", "-f", "box"]);

  match(refused.stderr, /"\/proc\/version" from container "box": it is no file but the kernel's/);
  match(written.stderr, /only the kernel makes files there/);
  deepStrictEqual([refused.code, written.code, whole.code], [1, 1, 0]);
  deepStrictEqual(
    ["proc", "sys", "dev"].map((name) => listNames(`${wherry.scratch}/out/${name}`)),
    [[], [], []],
  );
  ok(exists(`${wherry.scratch}/out/bin/busybox`));
});

testWhole("a sparse file of a terabyte is copied at once, with its hole", async (wherry) => {
  await wherry.start(["--name", "box"], ["sleep", "1000"]);
  await wherry.run(["exec", "box", "sh", "-c", "truncate -s 1024G /huge; echo end >>/huge"]);

  const { code, stderr } = await wherry.run(["cp", "box:/huge", "huge"]);
  await wherry.run(["rm", "-f", "box"]);

  deepStrictEqual([code, stderr], [0, ""]);
  const { size, blocks } = Deno.statSync(`${wherry.scratch}/huge`);
  strictEqual(size, 2 ** 40 + 4);
  ok((blocks ?? Infinity) < 1000);
});

testWhole("a file that grows and shrinks breaks no copy and no archive", async (wherry) => {
  await startLoop(
    wherry,
    "mkdir /work; head -c 3000000 /dev/zero >/work/log",
    "head -c 3000000 /dev/zero >>/work/log; truncate -s 100000 /work/log; head -c 900000 /dev/zero >>/work/log",
  );

  for (let round = 0; round < ROUNDS; round++) {
    const copied = await wherry.run(["cp", "box:/work/log", "log"]);
    const archived = await wherry.run(["cp", "box:/work", "-"], { redirect: ">work.tar" });
    deepStrictEqual([copied.stderr, copied.code], ["", 0]);
    deepStrictEqual([archived.stderr, archived.code], ["", 0]);
    match(await wherry.runHost("tar", "tf", `${wherry.scratch}/work.tar`), /^work\/\nwork\/log\n$/);
  }
  await wherry.run(["rm", "-f", "box"]);
});

testWhole("cp takes no mount away to replace the file that it is on", async (wherry) => {
  Deno.writeTextFileSync(`${wherry.scratch}/hosts`, "mine");
  await wherry.start(["--name", "box"], ["sleep", "1000"]);

  const { code, stderr } = await wherry.run(["cp", "hosts", "box:/etc/hosts"]);
  const inside = await wherry.run(["exec", "box", "cat", "/etc/hosts"]);
  await wherry.run(["rm", "-f", "box"]);

  strictEqual(code, 1);
  match(stderr, /Cannot replace "\/etc\/hosts": something is mounted on it/);
  match(inside.stdout, /localhost/);
});

testWhole("a directory is not copied into itself by another name", async (wherry) => {
  const data = `${wherry.scratch}/data`;
  Deno.mkdirSync(`${data}/sub`, { recursive: true });
  await wherry.start(["--name", "box", "-v", `${data}:/data`], ["sleep", "1000"]);

  const out = await wherry.run(["cp", "box:/data", `${data}/sub`]);
  const into = await wherry.run(["cp", data, "box:/data/sub"]);
  await wherry.run(["rm", "-f", "box"]);

  for (const { code, stderr } of [out, into]) {
    strictEqual(code, 1);
    match(stderr, /Cannot copy a directory into itself/);
  }
});
