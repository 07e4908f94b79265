/** `wherry volume`: making, listing, describing, removing and pruning volumes, and what is in them as tars. */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import {
  eventually,
  exists,
  listNames,
  type Result,
  type TestEngine,
  testWhole,
} from "./harness.ts";
import { needs } from "./needs.ts";
import { killBeforeCall } from "./random_kills.ts";

async function volume(wherry: TestEngine, ...args: readonly string[]): Promise<Result> {
  return await wherry.run(["volume", ...args]);
}

/** Where the files of a volume are. */
function dataOf({ root }: TestEngine, name: string): string {
  return `${root}/volumes/${name}/_data`;
}

/** What is in the directory of volumes, leftovers too. */
function volumesIn({ root }: TestEngine): string[] {
  return listNames(`${root}/volumes`).toSorted();
}

/** Makes a container that has a volume, and never runs. */
async function createWith(wherry: TestEngine, name: string, source: string): Promise<string> {
  const flags = await wherry.busybox(["--name", name, "-v", `${source}:/data`]);
  const { code, stdout, stderr } = await wherry.run(["create", ...flags, "true"]);
  deepStrictEqual([code, stderr], [0, ""]);
  return stdout.trim();
}

testWhole(
  "volume create prints the name, and does so again for the same volume",
  async (wherry) => {
    const first = await volume(wherry, "create", "--label", "tier=db", "data");
    Deno.writeTextFileSync(`${dataOf(wherry, "data")}/file`, "kept");
    const second = await volume(wherry, "create", "data");
    const anonymous = await volume(wherry, "create");

    deepStrictEqual([first.code, first.stdout, first.stderr], [0, "data\n", ""]);
    deepStrictEqual([second.code, second.stdout, second.stderr], [0, "data\n", ""]);
    match(anonymous.stdout, /^[0-9a-f]{64}\n$/);
    strictEqual(Deno.readTextFileSync(`${dataOf(wherry, "data")}/file`), "kept");
  },
);

testWhole("volume create refuses other options than the volume has", async (wherry) => {
  await volume(wherry, "create", "data");

  const { code, stdout, stderr } = await volume(
    wherry,
    ...["create", "-o", "type=tmpfs", "-o", "device=tmpfs", "data"],
  );

  deepStrictEqual([code, stdout], [1, ""]);
  match(stderr, /^wherry: Cannot make volume "data": there is one already, with other options\n/);
});

for (
  const [args, message, status] of [
    [["a"], /create a: volume name is too short/],
    [["a/b"], /create a\/b: "a\/b" includes invalid characters for a local volume name/],
    [["../x"], /includes invalid characters/],
    [[".hidden"], /includes invalid characters/],
    [["-d", "nfs", "data"], /Cannot make a volume with the driver "nfs": there is only "local"/],
    [["--label", "=x", "data"], /it has no name/, 125],
    [["one", "two"], /'wherry volume create' requires at most 1 argument/],
  ] as const
) {
  testWhole(`volume create ${args.join(" ")} makes nothing`, async (wherry) => {
    const { code, stdout, stderr } = await volume(wherry, "create", ...args);

    deepStrictEqual([code, stdout], [status ?? 1, ""]);
    match(stderr, message);
    deepStrictEqual([volumesIn(wherry), exists(wherry.root)], [[], false]);
  });
}

testWhole("volume ls lists volumes by name, as docker does", async (wherry) => {
  for (const name of ["web10", "web9"]) await volume(wherry, "create", "--label", "a=b", name);
  await volume(wherry, "create", "other");

  const plain = await volume(wherry, "ls");
  const quiet = await volume(wherry, "list", "-qf", "name=web");
  const table = await volume(
    wherry,
    ...["ls", "-f", "label=a=b", "--format", 'table {{.Name}}\t{{.Label "a"}}'],
  );
  const json = await volume(wherry, "ls", "-f", "name=other", "--format", "json");

  strictEqual(
    plain.stdout,
    "DRIVER    VOLUME NAME\nlocal     other\nlocal     web9\nlocal     web10\n",
  );
  strictEqual(quiet.stdout, "web9\nweb10\n");
  strictEqual(table.stdout, "VOLUME NAME   a\nweb9          b\nweb10         b\n");
  deepStrictEqual(JSON.parse(json.stdout), {
    Availability: "N/A",
    Driver: "local",
    Group: "N/A",
    Labels: "",
    Links: "N/A",
    Mountpoint: dataOf(wherry, "other"),
    Name: "other",
    Scope: "local",
    Size: "N/A",
    Status: "N/A",
  });
});

testWhole("volume ls -f dangling tells what containers have, running or not", async (wherry) => {
  for (const name of ["used", "spare"]) await volume(wherry, "create", name);
  await createWith(wherry, "box", "used");

  const spare = await volume(wherry, "ls", "-qf", "dangling=true");
  const used = await volume(wherry, "ls", "-qf", "dangling=false");
  const bad = await volume(wherry, "ls", "-f", "dangling=maybe");

  deepStrictEqual([spare.stdout, used.stdout], ["spare\n", "used\n"]);
  deepStrictEqual([bad.code, bad.stderr], [1, "wherry: invalid filter 'dangling=maybe'\n"]);
  await wherry.run(["rm", "box"]);
});

testWhole("volume ls and inspect of a new root make nothing", async (wherry) => {
  const list = await volume(wherry, "ls");
  const missing = await volume(wherry, "inspect", "nope");

  deepStrictEqual([list.code, list.stdout], [0, "DRIVER    VOLUME NAME\n"]);
  deepStrictEqual([missing.code, missing.stdout], [1, "[]\n"]);
  match(missing.stderr, /^wherry: get nope: no such volume\n/);
  strictEqual(exists(wherry.root), false);
});

testWhole("volume inspect shows docker's shape, and inspect finds volumes, too", async (wherry) => {
  await volume(wherry, "create", "--label", "a=b", "data");

  const { stdout } = await volume(wherry, "inspect", "data");
  const field = await volume(wherry, "inspect", "-f", "{{.Mountpoint}} {{.Labels.a}}", "data");
  const any = await wherry.run(["inspect", "-f", "{{.Name}} {{.Options}}", "data"]);
  const typed = await wherry.run(["inspect", "--type", "volume", "-f", "{{.Scope}}", "data"]);

  const [{ CreatedAt, ...shown }, ...others] = JSON.parse(stdout);
  match(CreatedAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  deepStrictEqual([shown, others], [{
    Driver: "local",
    Labels: { a: "b" },
    Mountpoint: dataOf(wherry, "data"),
    Name: "data",
    Options: null,
    Scope: "local",
  }, []]);
  strictEqual(field.stdout, `${dataOf(wherry, "data")} b\n`);
  strictEqual(any.stdout, "data map[]\n");
  strictEqual(typed.stdout, "local\n");
});

testWhole("volume rm removes each volume and goes on after an error", async (wherry) => {
  for (const name of ["one", "two"]) await volume(wherry, "create", name);

  const { code, stdout, stderr } = await volume(wherry, "rm", "one", "nope", "two");
  const forced = await volume(wherry, "rm", "-f", "nope");

  deepStrictEqual([code, stdout], [1, "one\ntwo\n"]);
  match(stderr, /^wherry: get nope: no such volume\n/);
  deepStrictEqual([forced.code, forced.stdout], [0, "nope\n"]);
  deepStrictEqual(volumesIn(wherry), []);
});

testWhole("volume rm names the container that has the volume, running or not", async (wherry) => {
  await volume(wherry, "create", "data");
  const id = await createWith(wherry, "box", "data");
  const running = await wherry.start(["--name", "web", "-v", "data:/data"], ["sleep", "100"]);

  const both = await volume(wherry, "rm", "-f", "data");
  await wherry.run(["rm", "-f", "web"]);
  const one = await volume(wherry, "rm", "data");

  strictEqual(both.code, 1);
  match(both.stderr, /^wherry: remove data: volume is in use - \[[0-9a-f]{64}, [0-9a-f]{64}\]\n/);
  ok(both.stderr.includes(id) && both.stderr.includes(running));
  match(both.stderr, /wherry rm -f (box web|web box)"/);
  strictEqual(
    one.stderr,
    `wherry: remove data: volume is in use - [${id}]\n` +
      'Container "box" uses it: remove it first with "wherry rm -f box"\n',
  );
  await wherry.run(["rm", "box"]);
  deepStrictEqual((await volume(wherry, "rm", "data")).stdout, "data\n");
});

testWhole("volume rm -f alone removes a damaged volume, and ls tells of it", async (wherry) => {
  await volume(wherry, "create", "data");
  Deno.writeTextFileSync(`${wherry.root}/volumes/data/volume.json`, "{");

  const list = await volume(wherry, "ls", "-q");
  const inspect = await volume(wherry, "inspect", "data");
  const create = await volume(wherry, "create", "data");
  const pruned = await volume(wherry, "prune", "-af");
  const gentle = await volume(wherry, "rm", "data");
  deepStrictEqual(volumesIn(wherry), ["data"]);
  const forced = await volume(wherry, "rm", "-f", "data");

  strictEqual(list.stdout, "data\n");
  match(list.stderr, /volume data is damaged: .*; "wherry volume rm -f data" removes it\n/);
  for (const { code, stderr } of [inspect, create, gentle]) {
    strictEqual(code, 1);
    match(stderr, /"wherry volume rm -f data" removes the volume with all that is in it\n/);
  }
  strictEqual(pruned.stdout, "Total reclaimed space: 0B\n");
  deepStrictEqual([forced.code, forced.stdout, volumesIn(wherry)], [0, "data\n", []]);
});

testWhole("volume rm removes nothing when something is mounted in the volume", async (wherry) => {
  await volume(wherry, "create", "data");
  const data = dataOf(wherry, "data");
  Deno.mkdirSync(`${data}/mnt`);
  Deno.writeTextFileSync(`${data}/file`, "kept");
  Deno.writeTextFileSync(`${wherry.scratch}/canary`, "alive");
  const script = `mount --bind ${wherry.scratch} ${data}/mnt && shift 0 && "$@"`;

  const { code, stderr } = await wherry.runCommand([
    ...["unshare", "-m", "sh", "-c", script, "sh"],
    ...wherry.commandLine(["volume", "rm", "-f", "data"]),
  ]);

  strictEqual(code, 1);
  match(stderr, /^wherry: Cannot remove volume "data": something is mounted on ".*\/_data\/mnt"\n/);
  strictEqual(Deno.readTextFileSync(`${data}/file`), "kept");
  strictEqual(Deno.readTextFileSync(`${wherry.scratch}/canary`), "alive");
});

testWhole("volume prune asks first, and takes anonymous volumes alone", async (wherry) => {
  await volume(wherry, "create", "named");
  const anonymous = (await volume(wherry, "create")).stdout.trim();
  Deno.writeTextFileSync(`${dataOf(wherry, anonymous)}/file`, "x".repeat(1500));
  const used = (await volume(wherry, "create")).stdout.trim();
  await createWith(wherry, "box", used);
  const question = "WARNING! This will remove anonymous local volumes not used by at least one " +
    "container.\nAre you sure you want to continue? [y/N] ";

  const refused = await wherry.run(["volume", "prune"], { stdin: "n\n" });
  const agreed = await wherry.run(["volume", "prune"], { stdin: "y\n" });

  deepStrictEqual([refused.code, refused.stdout], [0, question]);
  deepStrictEqual(
    [agreed.code, agreed.stdout],
    [0, `${question}Deleted Volumes:\n${anonymous}\n\nTotal reclaimed space: 1.5kB\n`],
  );
  deepStrictEqual(volumesIn(wherry), ["named", used].toSorted());
  await wherry.run(["rm", "box"]);
});

testWhole("volume prune -a takes all unused volumes that the filters choose", async (wherry) => {
  for (const name of ["one", "two"]) await volume(wherry, "create", name);
  await volume(wherry, "create", "--label", "keep", "kept");

  const question = await wherry.run(["volume", "prune", "-a"], { stdin: "" });
  const { stdout } = await volume(wherry, "prune", "-af", "--filter", "label!=keep");
  const both = await volume(wherry, "prune", "-af", "--filter", "all=1");
  const until = await volume(wherry, "prune", "-f", "--filter", "until=1h");
  const all = await volume(wherry, "prune", "-f", "--filter", "all=true");

  match(question.stdout, /^WARNING! This will remove all local volumes not used by at least one /);
  strictEqual(stdout, "Deleted Volumes:\none\ntwo\n\nTotal reclaimed space: 0B\n");
  match(both.stderr, /conflicting options: cannot specify both --all and --filter all=1\n/);
  match(until.stderr, /invalid filter 'until'\n/);
  strictEqual(all.stdout, "Deleted Volumes:\nkept\n\nTotal reclaimed space: 0B\n");
});

testWhole("volume prune removes nothing while a damaged container may want it", async (wherry) => {
  const anonymous = (await volume(wherry, "create")).stdout.trim();
  const id = await createWith(wherry, "box", anonymous);
  Deno.writeTextFileSync(wherry.containerPath(id, "config.json"), "{");

  const { code, stdout, stderr } = await volume(wherry, "prune", "-af");

  deepStrictEqual([code, stdout], [0, "Total reclaimed space: 0B\n"]);
  match(stderr, /all volumes stay: container \w{12} was put aside with a damaged record/);
  deepStrictEqual(volumesIn(wherry), [anonymous]);
  await wherry.run(["system", "prune", "-f"]);
  strictEqual((await volume(wherry, "prune", "-f")).code, 0);
  deepStrictEqual(volumesIn(wherry), []);
});

testWhole("system prune --volumes takes anonymous volumes, and says so before", async (wherry) => {
  await volume(wherry, "create", "named");
  const anonymous = (await volume(wherry, "create")).stdout.trim();

  const asked = await wherry.run(["system", "prune", "--volumes"], { stdin: "n\n" });
  const without = await wherry.run(["system", "prune", "-f"]);
  const until = await wherry.run(["system", "prune", "-f", "--volumes", "--filter", "until=1h"]);
  const all = await wherry.run(["system", "prune", "-af", "--volumes"]);

  match(asked.stdout, /\n {2}- all anonymous volumes not used by at least one container\n/);
  strictEqual(without.stdout, "Total reclaimed space: 0B\n");
  match(until.stderr, /The "until" filter is not supported with "--volumes"\n/);
  strictEqual(all.stdout, `Deleted Volumes:\n${anonymous}\n\nTotal reclaimed space: 0B\n`);
  deepStrictEqual(volumesIn(wherry), ["named"]);
});

testWhole("system df and info count volumes", async (wherry) => {
  for (const name of ["used", "spare"]) {
    await volume(wherry, "create", name);
    Deno.writeTextFileSync(`${dataOf(wherry, name)}/file`, "x".repeat(1000));
  }
  await createWith(wherry, "box", "used");

  const { stdout } = await wherry.run(["system", "df"]);
  const verbose = await wherry.run(["system", "df", "-v"]);
  const json = await wherry.run(["system", "df", "-v", "--format", "{{json .Volumes}}"]);
  const info = await wherry.run(["info", "--format", "{{.Volumes}} {{.Plugins.Volume}}"]);

  match(stdout, /\nLocal Volumes +2 +1 +2kB +1kB \(50%\)\n/);
  match(
    verbose.stdout,
    /\nLocal Volumes space usage:\n\nVOLUME NAME +LINKS +SIZE\nspare +0 +1kB\nused +1 +1kB\n/,
  );
  deepStrictEqual(JSON.parse(json.stdout).map(({ Name }: { Name: string }) => Name), [
    "spare",
    "used",
  ]);
  strictEqual(info.stdout, "2 [local]\n");
  await wherry.run(["rm", "box"]);
});

testWhole("events tell what happens to volumes", async (wherry) => {
  await volume(wherry, "create", "data");
  await volume(wherry, "create", "data");
  await volume(wherry, "create", "other");
  await volume(wherry, "rm", "data");
  await volume(wherry, "prune", "-af");
  const format = "{{.Type}} {{.Action}} {{.Actor.ID}} {{json .Actor.Attributes}}";
  const read = async (...filter: readonly string[]): Promise<string[]> => {
    const flags = ["--since", "1h", "--until", "0s", "--format", format];
    return (await wherry.run(["events", ...flags, ...filter])).stdout.trimEnd().split("\n");
  };

  deepStrictEqual(await read("-f", "type=volume"), [
    'volume create data {"driver":"local"}',
    'volume create other {"driver":"local"}',
    'volume destroy data {"driver":"local"}',
    'volume destroy other {"driver":"local"}',
    'volume prune  {"reclaimed":"0"}',
  ]);
  strictEqual((await read("-f", "volume=dat")).length, 2);
});

testWhole("volumes of one name made at the same time are one volume", async (wherry) => {
  const results = await Promise.all(
    Array.from({ length: 8 }, () => volume(wherry, "create", "data")),
  );

  deepStrictEqual(
    results.map(({ code, stdout }) => [code, stdout]),
    results.map(() => [0, "data\n"]),
  );
  deepStrictEqual(volumesIn(wherry), ["data"]);
  strictEqual((await volume(wherry, "inspect", "data")).code, 0);
});

/** Files of every kind, with all that a tar keeps of them. */
const MANY_KINDS = `
  mkdir -p d/deep; echo 1 >d/deep/file; ln d/deep/file hard; ln -s nowhere sym; mkfifo fifo; mknod device c 1 3
  echo s >setuid; chown 7:8 d setuid; chmod 4711 setuid; chmod 1777 d; truncate -s 64M sparse; echo end >>sparse
  python3 -c 'import os; os.setxattr("hard", "user.note", b"x")'
  touch -d '2001-02-03 04:05:06.789' hard; touch -d @1000 d; chown 5:6 .; chmod 2750 .; touch -d @2000 .
`;
const DESCRIBE = `
  find . -printf '%p %y %m %U %G %n %s %T@ %l\\n' | grep -v '^./d/deep ' | sed 's/^\\(. d .*\\) [0-9]* \\([0-9.]* \\)$/\\1 \\2/' | sort
  python3 -c 'import os; print(os.getxattr("hard", "user.note"))'; tail -c 4 sparse; stat -c %t:%T device
`;

testWhole("a volume is the same after its export and import", async (wherry) => {
  for (const name of ["from", "to"]) await volume(wherry, "create", name);
  const inside = async (name: string, script: string): Promise<string> =>
    await wherry.runHost("sh", "-ec", `cd ${dataOf(wherry, name)}; ${script}`);
  await inside("from", MANY_KINDS);
  const tar = `${wherry.scratch}/data.tar`;

  const exported = await volume(wherry, "export", "-o", tar, "from");
  const imported = await volume(wherry, "import", "to", tar);

  deepStrictEqual([exported.code, exported.stdout, exported.stderr], [0, "", ""]);
  deepStrictEqual([imported.code, imported.stdout, imported.stderr], [0, "", ""]);
  strictEqual(await inside("to", DESCRIBE), await inside("from", DESCRIBE));
  ok(Number((await inside("to", "du -k sparse")).split("\t")[0]) < 100);
  deepStrictEqual(volumesIn(wherry), ["from", "to"]);
});

for (const [program, suffix] of [["gzip", "gz"], ["zstd", "zst"], ["xz", "xz"]] as const) {
  testWhole(`volume import takes a tar of ${program} from stdin`, async (wherry) => {
    await volume(wherry, "create", "data");
    Deno.writeTextFileSync(`${dataOf(wherry, "data")}/old`, "kept");
    const script = `mkdir t; echo new >t/file; tar -C t -cf - . | ${program} >t.tar.${suffix}`;
    await wherry.runHost("sh", "-ec", script);

    const { code, stderr } = await wherry.run(["volume", "import", "data", "-"], {
      stdin: Deno.readFileSync(`${wherry.scratch}/t.tar.${suffix}`),
    });

    deepStrictEqual([code, stderr], [0, ""]);
    deepStrictEqual(listNames(dataOf(wherry, "data")).toSorted(), ["file", "old"]);
  });
}

testWhole("volume export has what a kill left to be put into the volume", async (wherry) => {
  await volume(wherry, "create", "data");
  Deno.mkdirSync(`${wherry.root}/volumes/data/_fill`);
  Deno.writeTextFileSync(`${wherry.root}/volumes/data/_fill/from_image`, "");

  const { stdout } = await volume(wherry, "export", "data");

  ok(stdout.includes("from_image\0"));
  deepStrictEqual(listNames(dataOf(wherry, "data")), ["from_image"]);
});

testWhole("nothing of a damaged tar gets into a volume", async (wherry) => {
  await volume(wherry, "create", "data");
  const data = dataOf(wherry, "data");
  Deno.writeTextFileSync(`${data}/file`, "old");
  await wherry.runHost(
    "sh",
    "-ec",
    "mkdir t; echo new >t/file; head -c 100000 /dev/urandom >t/z; tar -C t -cf whole.tar . ; " +
      "head -c 60000 whole.tar >cut.tar; echo text >text.tar; : >empty.tar; " +
      "tar -C t -cf out.tar --transform 's,^./file,../../../../escaped,' ./file",
  );

  for (
    const [file, message] of [
      ["cut.tar", /truncated tar archive/],
      ["text.tar", /not a tar archive/],
      ["empty.tar", /not a tar archive: it is empty/],
      ["out.tar", /leads out of the destination/],
    ] as const
  ) {
    const { code, stderr } = await volume(wherry, "import", "data", file);

    strictEqual(code, 1);
    match(stderr, new RegExp(`^wherry: Cannot import "${file}" into volume "data": `));
    match(stderr, message);
    deepStrictEqual([listNames(data), volumesIn(wherry)], [["file"], ["data"]]);
    strictEqual(Deno.readTextFileSync(`${data}/file`), "old");
  }
});

testWhole("volume export and import say what there is not", async (wherry) => {
  await volume(wherry, "create", "data");
  const results = [
    await volume(wherry, "export", "nope"),
    await volume(wherry, "export", "-o", "/nowhere/data.tar", "data"),
    await volume(wherry, "import", "nope", "-"),
    await volume(wherry, "import", "data", "nope.tar"),
    await volume(wherry, "import", "data"),
  ];

  deepStrictEqual(results.map(({ code, stdout }) => [code, stdout]), results.map(() => [1, ""]));
  deepStrictEqual(results.map(({ stderr }) => stderr.split("\n")[0]), [
    "wherry: get nope: no such volume",
    'wherry: Cannot write "/nowhere/data.tar": there is no directory "/nowhere"',
    "wherry: get nope: no such volume",
    'wherry: Cannot read "nope.tar": no such file',
    "wherry: 'wherry volume import' requires 2 arguments",
  ]);
});

testWhole("volume import says how a directory gets into a volume", async (wherry) => {
  await volume(wherry, "create", "data");

  const { code, stderr } = await volume(wherry, "import", "data", wherry.scratch);

  strictEqual(code, 1);
  strictEqual(
    stderr,
    `wherry: Cannot read "${wherry.scratch}": it is a directory\n` +
      `Pipe a tar of it: tar -C ${wherry.scratch} -c . | wherry volume import data -\n`,
  );
});

testWhole("volume export does not write to a terminal", async (wherry) => {
  await volume(wherry, "create", "data");
  await using terminal = wherry.openTerminal(["volume", "export", "data"]);

  await terminal.waitFor("cowardly refusing to save to a terminal. Use the -o flag or redirect");
  strictEqual(await terminal.finish(), 1);
});

testWhole(
  "volume import reaches a container that runs, and replaces what it has",
  async (wherry) => {
    await volume(wherry, "create", "data");
    const script =
      "mkdir /data/dir; echo old >/data/dir/file; ln -s / /data/link; echo ready; sleep 100";
    const id = await wherry.start(["-v", "data:/data"], ["sh", "-c", script]);
    await wherry.runHost(
      "sh",
      "-ec",
      "mkdir -p t/dir t/link; echo new >t/dir/file; echo x >t/link/evil; tar -C t -cf t.tar .",
    );
    await wherry.runHost(
      "sh",
      "-c",
      `until [ -e ${dataOf(wherry, "data")}/link ]; do sleep 0.05; done; :`,
    );

    const { code, stderr } = await volume(wherry, "import", "data", "t.tar");
    const inside = await wherry.run(["exec", id, "cat", "/data/dir/file", "/data/link/evil"]);

    deepStrictEqual([code, stderr], [0, ""]);
    strictEqual(inside.stdout, "new\nx\n");
    strictEqual(exists("/evil"), false);
    await wherry.run(["rm", "-f", id]);
  },
);

testWhole(
  "export and import of a volume follow no link that takes a directory's place meanwhile",
  async (wherry) => {
    const host = `${wherry.scratch}/host`;
    Deno.mkdirSync(host);
    Deno.writeTextFileSync(`${host}/file`, "the host's\n");
    await volume(wherry, "create", "data");
    await wherry.runHost("sh", "-ec", "mkdir -p t/d; echo new >t/d/new; tar -C t -cf t.tar .");
    const swap = `mv d old; ln -s ${host} d; rm -rf d; mv old d`;
    const script = `cd /data; mkdir d; echo x >d/file; echo ready; while :; do ${swap}; done`;
    const id = await wherry.start(["-v", "data:/data"], ["sh", "-c", script]);
    await eventually(() => exists(`${dataOf(wherry, "data")}/d/file`));

    for (let round = 0; round < 15; round++) {
      await volume(wherry, "import", "data", "t.tar");
      await wherry.run(["volume", "export", "data"], { redirect: ">data.tar" });
      const exported = await wherry.runHost("tar", "-xOf", `${wherry.scratch}/data.tar`);
      ok(!exported.includes("the host's"), exported);
    }
    await wherry.run(["rm", "-f", id]);

    deepStrictEqual(listNames(host), ["file"]);
  },
);

/** More system calls of one kind than any of these commands makes. */
const MAX_CALLS = 40;
/** Kinds of system calls that make something of a volume, or take something away. */
const KINDS = [
  ...["?mkdir", "mkdirat", "?rename", "renameat2", "?unlink", "unlinkat", "?chmod", "fchmod"],
  ...["fsync", "fcntl", "openat"],
];

for (
  const [args, isFine] of [
    [["create", "data"], (names: readonly string[]) => names.length <= 1],
    [["rm", "data"], (names: readonly string[]) => names.length <= 1],
    [["prune", "-af"], (names: readonly string[]) => names.length <= 1],
    [["import", "data", "t.tar"], (names: readonly string[]) => names.length === 1],
  ] as const
) {
  testWhole(
    `volume ${args[0]} leaves a whole volume or none, whenever it is killed`,
    async (wherry) => {
      await wherry.runHost("sh", "-ec", "mkdir -p t/d; echo new >t/d/file; tar -C t -cf t.tar .");
      for (const kind of KINDS) {
        let wasKilled = true;
        for (let count = 1; wasKilled && count < MAX_CALLS; count++) {
          if (args[0] !== "create") await fill(wherry);
          wasKilled = await killBeforeCall(wherry, ["volume", ...args], count, kind);

          const list = await volume(wherry, "ls", "-q");

          const where = `${kind} ${count}`;
          deepStrictEqual([list.code, list.stderr], [0, ""], where);
          deepStrictEqual(list.stdout.split("\n").slice(0, -1), volumesIn(wherry), where);
          ok(isFine(volumesIn(wherry)), `${where}: ${volumesIn(wherry)}`);
          await checkWhole(wherry, where);
          if (args[0] === "create") await volume(wherry, "rm", "-f", "data");
        }
      }
    },
    { ignore: !needs("strace") },
  );
}

/** Makes the volume `data` with one file in it. */
async function fill(wherry: TestEngine): Promise<void> {
  await volume(wherry, "create", "data");
  Deno.mkdirSync(`${dataOf(wherry, "data")}/d`, { recursive: true });
  Deno.writeTextFileSync(`${dataOf(wherry, "data")}/d/file`, "old\n");
}

/** A volume that is there can be used, with the old or the new file; `create` has none. */
async function checkWhole(wherry: TestEngine, where: string): Promise<void> {
  if (volumesIn(wherry).length === 0) return;
  strictEqual((await volume(wherry, "inspect", "data")).code, 0, where);
  const file = `${dataOf(wherry, "data")}/d/file`;
  const isEmpty = !exists(`${dataOf(wherry, "data")}/d`);
  if (!isEmpty) match(Deno.readTextFileSync(file), /^(old|new)\n$/, where);
}

testWhole("after system prune -a --volumes and volume prune a root is small", async (wherry) => {
  await volume(wherry, "create");
  const name = (await volume(wherry, "create", "big")).stdout.trim();
  Deno.writeFileSync(`${dataOf(wherry, name)}/file`, new Uint8Array(300_000));

  await volume(wherry, "prune", "-af");
  await wherry.run(["system", "prune", "-af", "--volumes"]);

  ok(Number((await wherry.runHost("du", "-sk", wherry.root)).split("\t")[0]) < 100);
});

testWhole("what is in a volume with options can be exported where it is", async (wherry) => {
  const source = `${wherry.scratch}/source`;
  Deno.mkdirSync(source);
  Deno.writeTextFileSync(`${source}/file`, "");
  const options = ["-o", "type=none", "-o", `device=${source}`, "-o", "o=bind"];
  await volume(wherry, "create", ...options, "elsewhere");
  await volume(wherry, "create", "-o", "type=tmpfs", "-o", "device=tmpfs", "memory");

  const exported = await volume(wherry, "export", "elsewhere");
  const unmounted = await volume(wherry, "export", "memory");
  const imported = await wherry.run(["volume", "import", "elsewhere", "-"], { stdin: "" });
  const pruned = await volume(wherry, "prune", "-af");
  const removed = await volume(wherry, "rm", "elsewhere", "memory");

  ok(exported.stdout.includes("./\0") && exported.stdout.includes("file\0"));
  match(unmounted.stderr, /^wherry: Cannot read volume "memory": it is a file system that is /);
  match(imported.stderr, /^wherry: Cannot write to volume "elsewhere": what is in it is elsewhere/);
  deepStrictEqual([unmounted.code, imported.code], [1, 1]);
  strictEqual(pruned.stdout, "Total reclaimed space: 0B\n");
  strictEqual(removed.stdout, "elsewhere\nmemory\n");
  deepStrictEqual(listNames(source), ["file"]);
});
