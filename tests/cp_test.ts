/** `cp`, in both directions, by docker's rules. @module */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import {
  eventually,
  exists,
  listNames,
  type Result,
  type TestEngine,
  testWhole,
} from "./harness.ts";

/** Makes what the tests copy from: `dir/a`, `dir/sub/b`, `file`, links to both, and to nothing. */
const MAKE_SOURCE = `
  mkdir -p dir/sub; echo A >dir/a; echo B >dir/sub/b; echo F >file
  ln -s file lnk; ln -s dir dlnk; ln -s missing dang
  mkdir sp; mkfifo sp/fifo; echo S >sp/suid; echo H >sp/one; ln sp/one sp/two; ln -s ../../../../up sp/up
  echo C >a:b; chown -R 1000:1001 .; chmod 750 dir; chmod 640 file; chmod 4755 sp/suid; chmod 1777 dir/sub
  find . -exec touch -h -d '2001-02-03 04:05:06' {} ';'`;

/** Makes what they copy to: an empty directory `d`, a file `f`, links to both and to nothing, and what is in the way. */
const MAKE_TARGET = `
  mkdir d; echo old >f; ln -s d ld; ln -s f lf; ln -s nowhere ldang
  mkdir -p conf/file m/dir; echo x >conf/dir; echo keep >m/dir/keep`;

/** Prints all names below the working directory, of files with their content, of links with what they say. */
const LIST = `find . ! -name . | sort | while read -r p; do
  if [ -L "$p" ]; then echo "$p -> $(readlink "$p")"
  elif [ -f "$p" ]; then echo "$p = $(cat "$p")"
  elif [ -d "$p" ]; then echo "$p/"
  else echo "$p ?"; fi; done`;

/** What is there before anything has been copied. */
const TARGET = [
  "./conf/",
  "./conf/dir = x",
  "./conf/file/",
  "./d/",
  "./f = old",
  "./ld -> d",
  "./ldang -> nowhere",
  "./lf -> f",
  "./m/",
  "./m/dir/",
  "./m/dir/keep = keep",
];

const DIR = (name: string): string[] => [
  `./${name}/`,
  `./${name}/a = A`,
  `./${name}/sub/`,
  `./${name}/sub/b = B`,
];

/** What is copied to what, and what is new or other then; or why it is refused. */
type Case = readonly [
  flags: readonly string[],
  from: string,
  to: string,
  expected: string[] | RegExp,
];

/** The same in both directions; `from` is in the source's directory, `to` in the target's. */
const CASES: readonly Case[] = [
  [[], "file", ".", ["./file = F"]],
  [[], "file", "new", ["./new = F"]],
  [[], "file", "d", ["./d/file = F"]],
  [[], "file", "d/.", ["./d/file = F"]],
  [[], "file", "ld", ["./d/file = F"]],
  [[], "file", "f", ["./f = F"]],
  [[], "file", "lf", ["./f = F"]],
  [[], "file", "ldang", ["./nowhere = F"]],
  [[], "file", "new/", /: no such directory\n/],
  [[], "file", "f/", /not a directory|no such directory/],
  [[], "file", "conf", /cannot overwrite directory ".*\/conf\/file" with non-directory ".*\/conf"/],
  [[], "dir", ".", DIR("dir")],
  [[], "dir", "new", DIR("new")],
  [[], "dir", "new/", DIR("new")],
  [[], "dir/", "d", DIR("d/dir")],
  [[], "dir", "ld", DIR("d/dir")],
  [[], "dir/.", "d", ["./d/a = A", "./d/sub/", "./d/sub/b = B"]],
  [[], "dir/.", "new", DIR("new")],
  [[], "dir", "m", ["./m/dir/a = A", "./m/dir/sub/", "./m/dir/sub/b = B"]],
  [[], "dir", "f", /: cannot copy directory\n/],
  [[], "dir/.", "f", /: cannot copy directory\n/],
  [[], "dir", "conf", /cannot overwrite non-directory ".*\/conf\/dir" with directory ".*\/conf"/],
  [[], "lnk", ".", ["./lnk -> file"]],
  [[], "lnk", "f", ["./f -> file"]],
  [[], "dlnk", ".", ["./dlnk -> dir"]],
  [[], "dlnk/", ".", DIR("dlnk")],
  [[], "dlnk/.", "d", ["./d/a = A", "./d/sub/", "./d/sub/b = B"]],
  [[], "dang", ".", ["./dang -> missing"]],
  [["-L"], "lnk", ".", ["./lnk = F"]],
  [["-L"], "lnk", "new", ["./new = F"]],
  [["-L"], "dlnk", ".", DIR("dlnk")],
  [["-L"], "dlnk", "new", DIR("new")],
  [["-L"], "dlnk/.", "d", ["./d/a = A", "./d/sub/", "./d/sub/b = B"]],
  [["-L"], "dang", ".", /no such file or directory|Could not find the file/],
  [[], "./a:b", ".", ["./a:b = C"]],
  [[], "./a:b", "./x:y", ["./x:y = C"]],
  [[], "missing", ".", /no such file or directory|Could not find the file/],
  [[], "file/", ".", /not a directory/],
  [[], "file", "nodir/new", /does not exist|Could not find the file/],
];

/** Compares all cases at once, so that a failure shows every one that is wrong. */
interface Outcome {
  command: string;
  code: number;
  result: string[] | string;
}

function outcomeOf(command: string, { code, stderr }: Result, listed: string): Outcome {
  const lines = listed.trimEnd().split("\n");
  const changed = lines.filter((line) => !TARGET.includes(line));
  return { command, code, result: code === 0 ? changed : stderr };
}

function check(outcomes: readonly Outcome[]): void {
  strictEqual(outcomes.length, CASES.length);
  const wrong = outcomes.filter(({ code, result }, index) => {
    const expected = CASES[index]?.[3] ?? [];
    if (expected instanceof RegExp) return code !== 1 || !expected.test(`: ${String(result)}`);
    return code !== 0 || JSON.stringify(result) !== JSON.stringify(expected);
  });
  deepStrictEqual(wrong, []);
}

async function runScript(wherry: TestEngine, cwd: string, script: string): Promise<string> {
  const { code, stdout, stderr } = await wherry.runCommand(
    ["busybox", "sh", "-c", script],
    { cwd },
  );
  strictEqual(code, 0, stderr);
  return stdout;
}

/** Starts a container called `box` that has sources in `/src`. */
async function startBox(wherry: TestEngine, flags: readonly string[] = []): Promise<string> {
  const script = `mkdir /src; cd /src; ${MAKE_SOURCE}; touch /ready; exec sleep 1000`;
  const id = await wherry.start(["--name", "box", ...flags], ["sh", "-c", script]);
  await wherry.run(["exec", "box", "sh", "-c", "until [ -e /ready ]; do usleep 1000; done"]);
  return id;
}

async function checkOut(wherry: TestEngine): Promise<void> {
  const outcomes: Outcome[] = [];
  for (const [index, [flags, from, to]] of CASES.entries()) {
    const cwd = `${wherry.scratch}/out${index}`;
    Deno.mkdirSync(cwd);
    await runScript(wherry, cwd, MAKE_TARGET);
    const args = ["cp", ...flags, `box:/src/${from}`, to];
    const result = await wherry.run(args, { cwd });
    outcomes.push(outcomeOf(args.join(" "), result, await runScript(wherry, cwd, LIST)));
  }
  check(outcomes);
}

testWhole("cp copies out of a running container by docker's rules", async (wherry) => {
  await startBox(wherry);

  await checkOut(wherry);
  await wherry.run(["rm", "-f", "box"]);
});

testWhole("cp copies out of a stopped container by docker's rules", async (wherry) => {
  await startBox(wherry);
  await wherry.run(["stop", "-t", "0", "box"]);

  await checkOut(wherry);
  await wherry.run(["rm", "box"]);
});

testWhole("cp copies into a running container by docker's rules", async (wherry) => {
  const cwd = `${wherry.scratch}/src`;
  Deno.mkdirSync(cwd);
  await runScript(wherry, cwd, MAKE_SOURCE);
  await startBox(wherry);
  const outcomes: Outcome[] = [];

  for (const [index, [flags, from, to]] of CASES.entries()) {
    const target = `/out${index}`;
    const inside = (script: string): Promise<Result> =>
      wherry.run(["exec", "box", "sh", "-c", `mkdir -p ${target}; cd ${target}; ${script}`]);
    await inside(MAKE_TARGET);
    const args = ["cp", ...flags, from, `box:${target}/${to}`];
    const result = await wherry.run(args, { cwd });
    outcomes.push(outcomeOf(args.join(" "), result, (await inside(LIST)).stdout));
  }
  await wherry.run(["rm", "-f", "box"]);

  check(outcomes);
});

testWhole("what is copied into a stopped container is there when it starts", async (wherry) => {
  Deno.writeTextFileSync(`${wherry.scratch}/file`, "copied\n");
  await wherry.run(["create", "--name", "box", ...await wherry.busybox(), "cat", "/etc/new"]);

  const copied = await wherry.run(["cp", "file", "box:/etc/new"]);
  const started = await wherry.run(["start", "-a", "box"]);
  const back = await wherry.run(["cp", "box:/etc/new", "back"]);
  await wherry.run(["rm", "box"]);

  deepStrictEqual(copied, { code: 0, stdout: "", stderr: "" });
  strictEqual(started.stdout, "copied\n");
  strictEqual(back.code, 0);
  strictEqual(Deno.readTextFileSync(`${wherry.scratch}/back`), "copied\n");
});

testWhole("a copy keeps modes, times, hard links and special files", async (wherry) => {
  await startBox(wherry);

  const { code, stderr } = await wherry.run(["cp", "box:/src/sp", "."]);
  const again = await wherry.run(["cp", "sp", "box:/back"]);
  const inside = await wherry.run([
    ...["exec", "box", "sh", "-c"],
    "cd /back; stat -c '%n %A %h' * | sort; date -r /back +%Y",
  ]);
  await wherry.run(["rm", "-f", "box"]);

  deepStrictEqual([code, stderr, again.code, again.stderr], [0, "", 0, ""]);
  const path = (name: string): string => `${wherry.scratch}/sp/${name}`;
  strictEqual((Deno.statSync(path("suid")).mode ?? 0) & 0o7777, 0o4755);
  strictEqual(Deno.statSync(path("one")).mtime?.toISOString(), "2001-02-03T04:05:06.000Z");
  strictEqual(Deno.statSync(path("one")).ino, Deno.statSync(path("two")).ino);
  strictEqual(Deno.readLinkSync(path("up")), "../../../../up");
  strictEqual(
    inside.stdout,
    "fifo prw-r--r-- 1\none -rw-r--r-- 2\nsuid -rwsr-xr-x 1\ntwo -rw-r--r-- 2\nup lrwxrwxrwx 1\n2001\n",
  );
});

testWhole(
  "files that are copied out are the caller's, and with -a the same user's",
  async (wherry) => {
    await startBox(wherry);

    await wherry.run(["cp", "box:/src/file", "mine"]);
    await wherry.run(["cp", "-a", "box:/src/dir", "theirs"]);
    await wherry.run(["rm", "-f", "box"]);

    const owners = ["mine", "theirs", "theirs/sub/b"].map((name) => {
      const { uid, gid } = Deno.statSync(`${wherry.scratch}/${name}`);
      return [uid, gid];
    });
    deepStrictEqual(owners, [[0, 0], [1000, 1001], [1000, 1001]]);
  },
);

testWhole("owners are the container's where it has ids of its own", async (wherry) => {
  const source = `${wherry.scratch}/tree`;
  Deno.mkdirSync(source);
  Deno.writeTextFileSync(`${source}/file`, "x");
  Deno.chownSync(`${source}/file`, 33, 44);
  await startBox(wherry, ["--userns", "auto"]);

  const into = await wherry.run(["cp", "tree", "box:/tree"]);
  const inside = await wherry.run(["exec", "box", "stat", "-c", "%u:%g", "/tree", "/tree/file"]);
  const out = await wherry.run(["cp", "-a", "box:/src/dir", "out"]);
  await wherry.run(["cp", "box:/src/file", "-"], { redirect: ">file.tar" });
  const listed = await wherry.runHost(
    "tar",
    "tvf",
    `${wherry.scratch}/file.tar`,
    "--numeric-owner",
  );
  await wherry.run(["rm", "-f", "box"]);

  deepStrictEqual([into.stderr, out.stderr], ["", ""]);
  strictEqual(inside.stdout, "0:0\n33:44\n");
  strictEqual(Deno.statSync(`${wherry.scratch}/out/a`).uid, 1000);
  match(listed, / 1000\/1001 /);
});

testWhole("cp to - writes a tar with docker's names", async (wherry) => {
  await startBox(wherry);
  const names = async (path: string): Promise<string[]> => {
    const { code, stderr } = await wherry.run(["cp", `box:${path}`, "-"], { redirect: ">x.tar" });
    deepStrictEqual([code, stderr], [0, ""]);
    const listed = await wherry.runHost("tar", "tPf", `${wherry.scratch}/x.tar`);
    return listed.trimEnd().split("\n").sort();
  };

  const found = [
    await names("/src/dir"),
    await names("/src/dir/."),
    await names("/src/file"),
    await names("/src/dlnk"),
    await names("/src/dlnk/"),
    (await names("/")).slice(0, 2),
  ];
  await wherry.run(["rm", "-f", "box"]);

  deepStrictEqual(found, [
    ["dir/", "dir/a", "dir/sub/", "dir/sub/b"],
    ["./", "./a", "./sub/", "./sub/b"],
    ["file"],
    ["dlnk"],
    ["dlnk/", "dlnk/a", "dlnk/sub/", "dlnk/sub/b"],
    ["/", "/bin/"],
  ]);
});

testWhole("cp from - unpacks a tar, also a compressed one", async (wherry) => {
  await startBox(wherry);
  const cwd = wherry.scratch;
  await runScript(wherry, cwd, "mkdir -p one two; echo 1 >one/x; echo 2 >two/y; chown 5:6 one/x");
  await wherry.runHost("tar", "-C", cwd, "-cf", `${cwd}/one.tar`, "one");
  await wherry.runHost("tar", "-C", cwd, "-czf", `${cwd}/two.tar`, "two");

  const results = [
    await wherry.run(["cp", "-", "box:/src/dir"], { redirect: "<one.tar" }),
    await wherry.run(["cp", "-", "box:/src/dlnk"], { redirect: "<two.tar" }),
    await wherry.run(["cp", "-", "box:/src/file"], { redirect: "<two.tar" }),
    await wherry.run(["cp", "-", "box:/new"], { redirect: "<two.tar" }),
  ];
  const inside = await wherry.run([
    ...["exec", "box", "sh", "-c"],
    "cd /src/dir; cat one/x two/y; stat -c %u:%g one/x",
  ]);
  await wherry.run(["rm", "-f", "box"]);

  deepStrictEqual(results.map(({ code }) => code), [0, 0, 1, 1]);
  strictEqual(results[2]?.stderr, 'wherry: destination "box:/src/file" must be a directory\n');
  strictEqual(inside.stdout, "1\n2\n5:6\n");
});

testWhole(
  "cp reaches volumes and file systems in memory of a running container",
  async (wherry) => {
    const data = `${wherry.scratch}/data`;
    Deno.mkdirSync(data);
    Deno.writeTextFileSync(`${wherry.scratch}/file`, "x");
    await startBox(wherry, ["-v", `${data}:/data`, "--tmpfs", "/memory", "-v", "vol:/vol"]);

    const results = [
      await wherry.run(["cp", "file", "box:/data/new"]),
      await wherry.run(["cp", "file", "box:/memory/new"]),
      await wherry.run(["cp", "file", "box:/vol/new"]),
      await wherry.run(["cp", "box:/memory/new", "back"]),
    ];
    const inside = await wherry.run(["exec", "box", "cat", "/data/new", "/memory/new", "/vol/new"]);
    await wherry.run(["rm", "-f", "box"]);

    deepStrictEqual(results.map(({ code, stderr }) => [code, stderr]), [
      [0, ""],
      [0, ""],
      [0, ""],
      [0, ""],
    ]);
    strictEqual(inside.stdout, "xxx");
    strictEqual(Deno.readTextFileSync(`${data}/new`), "x");
    strictEqual(Deno.readTextFileSync(`${wherry.root}/volumes/vol/_data/new`), "x");
    ok(exists(`${wherry.scratch}/back`));
  },
);

testWhole("cp refuses to write to what is read-only, and says what that is", async (wherry) => {
  const data = `${wherry.scratch}/data`;
  Deno.mkdirSync(data);
  Deno.writeTextFileSync(`${wherry.scratch}/file`, "x");
  const flags = ["--name", "box", "--read-only", "-v", `${data}:/data`, "-v", `${data}:/ro:ro`];
  await wherry.start(flags, ["sleep", "1000"]);

  const root = await wherry.run(["cp", "file", "box:/etc"]);
  const volume = await wherry.run(["cp", "file", "box:/ro"]);
  const writable = await wherry.run(["cp", "file", "box:/data/ok"]);
  const out = await wherry.run(["cp", "box:/bin/busybox", "sh"]);
  await wherry.run(["rm", "-f", "box"]);

  match(root.stderr, /^wherry: container rootfs is marked read-only\n/);
  match(volume.stderr, /^wherry: mounted volume is marked read-only\n/);
  deepStrictEqual([root.code, volume.code, writable.code, out.code], [1, 1, 0, 0]);
  deepStrictEqual(listNames(data), ["ok"]);
});

testWhole("cp says what is wrong with its arguments in docker's words", async (wherry) => {
  await startBox(wherry);
  const said = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await wherry.run(["cp", ...args]);
    deepStrictEqual([code, stdout], [1, ""]);
    return stderr.split("\n")[0] ?? "";
  };

  const words = [
    await said("box:/x", "box:/y"),
    await said("x", "y"),
    await said("", "box:/y"),
    await said("box:/y", ""),
    await said("nobody:/x", "."),
    await said("box:/nothing", "."),
    await said("/etc/hostname", "box:/dev/null"),
    await said("box:/src/file", "/dev/null"),
    await said("/nothing", "box:/"),
  ];
  await wherry.run(["rm", "-f", "box"]);

  deepStrictEqual(words, [
    "wherry: copying between containers is not supported",
    "wherry: must specify at least one container source",
    "wherry: source can not be empty",
    "wherry: destination can not be empty",
    "wherry: No such container: nobody",
    "wherry: Could not find the file /nothing in container box",
    'wherry: destination "box:/dev/null" must be a directory or a regular file: got a device',
    'wherry: invalid output path: "/dev/null" must be a directory or a regular file: got a device',
    "wherry: lstat /nothing: no such file or directory",
  ]);
});

testWhole(
  "cp tells on a terminal what it has copied, and elsewhere if it is to",
  async (wherry) => {
    await startBox(wherry);

    const silent = await wherry.run(["cp", "box:/src/file", "one"]);
    const told = await wherry.run(["cp", "--quiet=false", "box:/src/file", "one"]);
    await using terminal = wherry.openTerminal(["cp", "box:/src/dir", "two"]);
    await terminal.finish();
    await wherry.run(["rm", "-f", "box"]);

    deepStrictEqual(silent, { code: 0, stdout: "", stderr: "" });
    deepStrictEqual(told, {
      code: 0,
      stdout: "",
      stderr: `Successfully copied 2.05kB to ${wherry.scratch}/one\n`,
    });
    match(terminal.shown, /Successfully copied 4\.1kB to .*\/two\r\n$/);
  },
);

testWhole("cp refuses to write a tar to a terminal, or to read one from it", async (wherry) => {
  await startBox(wherry);

  await using out = wherry.openTerminal(["cp", "box:/src/file", "-"]);
  await out.finish();
  await using into = wherry.openTerminal(["cp", "-", "box:/src"]);
  await into.finish();
  await wherry.run(["rm", "-f", "box"]);

  match(out.shown, /cowardly refusing to save to a terminal/);
  match(into.shown, /Cannot read standard input: it is a terminal/);
});

testWhole("each copy is an event", async (wherry) => {
  Deno.writeTextFileSync(`${wherry.scratch}/file`, "x");
  await startBox(wherry);

  await wherry.run(["cp", "file", "box:/new"]);
  await wherry.run(["cp", "box:/new", "back"]);
  await wherry.run(["cp", "box:/nothing", "back"]);
  await wherry.run(["rm", "-f", "box"]);
  const { stdout } = await wherry.run([
    ...["events", "--since", "0", "--until", "0s", "--format", "{{.Action}}"],
    ...["--filter", "event=archive-path", "--filter", "event=extract-to-dir"],
  ]);

  strictEqual(stdout, "extract-to-dir\narchive-path\n");
});

testWhole("Ctrl-C ends a copy and leaves nothing mounted, locked or half made", async (wherry) => {
  const script = "dd if=/dev/zero of=/huge bs=1 count=1 seek=999999999999";
  await wherry.run(["run", "--name", "box", ...await wherry.busybox(), "sh", "-c", script]);

  const child = wherry.spawn(["cp", "box:/huge", "-"], { redirect: ">/dev/null" });
  await eventually(async () => {
    const { stdout } = await wherry.run([
      ...["events", "--since", "0", "--until", "0s", "--filter", "event=archive-path"],
    ]);
    return stdout !== "";
  });
  child.kill("SIGINT");
  const { signal } = await child.output();
  const started = await wherry.run(["start", "box"]);
  await wherry.run(["rm", "-f", "box"]);

  strictEqual(signal, "SIGINT");
  deepStrictEqual(started, { code: 0, stdout: "box\n", stderr: "" });
  deepStrictEqual(listNames(wherry.scratch), []);
});
