/** Images of containers, their files as a tar, and what they have changed. @module */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { eventually, listNames, type Result, type TestEngine, testWhole } from "./harness.ts";

/** Imports busybox as `box`. */
async function importBox(wherry: TestEngine, ...flags: string[]): Promise<void> {
  await expectOk(wherry, ["import", ...flags, await wherry.imageTar(), "box"]);
}

/** Runs a command that must say nothing but its result. */
async function expectOk(wherry: TestEngine, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await wherry.run(args);
  deepStrictEqual([code, stderr], [0, ""], args.join(" "));
  return stdout.trimEnd();
}

/** Runs a shell script in a new container that stays. */
async function runScript(
  wherry: TestEngine,
  name: string,
  script: string,
  { flags = [], image = "box" }: { flags?: readonly string[]; image?: string } = {},
): Promise<void> {
  await expectOk(wherry, ["run", "--name", name, ...flags, image, "sh", "-e", "-c", script]);
}

/** What a shell script prints in a new container that goes. */
function show(wherry: TestEngine, image: string, script: string): Promise<string> {
  return expectOk(wherry, ["run", "--rm", image, "sh", "-c", script]);
}

/** A document of the store, by its digest. */
function readBlob(wherry: TestEngine, digest: string): Record<string, unknown> {
  const path = `${wherry.root}/blobs/sha256/${digest.replace("sha256:", "")}`;
  return JSON.parse(Deno.readTextFileSync(path));
}

/** DiffIDs of an image, the base first. */
function diffIds(wherry: TestEngine, id: string): string[] {
  const { rootfs } = readBlob(wherry, id) as { rootfs: { "diff_ids": string[] } };
  return rootfs["diff_ids"];
}

/** Names in the topmost layer of an image, which is an uncompressed blob. */
async function topLayer(wherry: TestEngine, id: string): Promise<string[]> {
  const digest = diffIds(wherry, id).at(-1)?.replace("sha256:", "") ?? "";
  const list = await wherry.runHost("tar", "-tf", `${wherry.root}/blobs/sha256/${digest}`);
  return list.trimEnd().split("\n");
}

async function removeAll(wherry: TestEngine, ...names: string[]): Promise<void> {
  await expectOk(wherry, ["rm", "-f", ...names]);
}

testWhole("commit makes an image of what a stopped container has changed", async (wherry) => {
  await importBox(wherry, "-c", "ENV A=1", "-c", 'CMD ["sh"]');
  await runScript(wherry, "web", "echo hi >/new; rm /etc/group; chmod 700 /bin; mkdir -p /d/e");

  const id = await expectOk(wherry, ["commit", "web", "made:1"]);

  match(id, /^sha256:[0-9a-f]{64}$/);
  deepStrictEqual(await topLayer(wherry, id), [
    "new",
    "bin/",
    "d/",
    "d/e/",
    "etc/",
    "etc/.wh.group",
  ]);
  const seen = await show(wherry, "made:1", "cat /new; test -e /etc/group; stat -c %a /bin; ls /d");
  strictEqual(seen, "hi\n700\ne");
  await removeAll(wherry, "web");
});

testWhole("commit works on a running container, which goes on", async (wherry) => {
  await importBox(wherry);
  const script = "echo 1 >/a; while sleep 0.01; do date +%N >/clock; done";
  await expectOk(wherry, ["run", "-d", "--name", "web", "box", "sh", "-c", script]);
  await eventually(async () => (await wherry.run(["exec", "web", "cat", "/clock"])).code === 0);

  await expectOk(wherry, ["commit", "web", "made"]);

  strictEqual(await expectOk(wherry, ["inspect", "-f", "{{.State.Status}}", "web"]), "running");
  const clock = (): Promise<string> => expectOk(wherry, ["exec", "web", "cat", "/clock"]);
  const before = await clock();
  await eventually(async () => await clock() !== before);
  strictEqual(await show(wherry, "made", "cat /a"), "1");
  const events = await expectOk(wherry, [
    ...["events", "--since", "1h", "--until", "0s", "--filter", "container=web"],
    ...["--format", "{{.Action}}"],
  ]);
  match(events, /\npause\n(?:.*\n)*unpause\ncommit\n/);
  await removeAll(wherry, "web");
});

testWhole("commit leaves a container paused that was", async (wherry) => {
  await importBox(wherry);
  await expectOk(wherry, ["run", "-d", "--name", "web", "box", "sleep", "1000"]);
  await expectOk(wherry, ["pause", "web"]);

  await expectOk(wherry, ["commit", "web"]);

  strictEqual(await expectOk(wherry, ["inspect", "-f", "{{.State.Status}}", "web"]), "paused");
  await removeAll(wherry, "web");
});

testWhole("commit --pause=false does not pause", async (wherry) => {
  await importBox(wherry);
  await expectOk(wherry, ["run", "-d", "--name", "web", "box", "sleep", "1000"]);

  await expectOk(wherry, ["commit", "-p=false", "web"]);

  const events = await expectOk(wherry, [
    ...["events", "--since", "1h", "--until", "0s", "--filter", "event=pause"],
  ]);
  strictEqual(events, "");
  await removeAll(wherry, "web");
});

testWhole(
  "commit gives the same DiffID twice, and again after a run of the image",
  async (wherry) => {
    await importBox(wherry);
    await runScript(wherry, "web", "mkdir /d; for i in 3 1 2; do echo $i >/d/$i; done; ln /d/1 /l");

    const first = await expectOk(wherry, ["commit", "web"]);
    const second = await expectOk(wherry, ["commit", "-m", "other", "web"]);

    deepStrictEqual(diffIds(wherry, first), diffIds(wherry, second));
    strictEqual(first === second, false);
    strictEqual(listNames(`${wherry.root}/layers`).length, 2);
    await removeAll(wherry, "web");
  },
);

testWhole("commit of a container that changed nothing adds no layer", async (wherry) => {
  await importBox(wherry);
  await runScript(wherry, "web", "true");

  const id = await expectOk(wherry, ["commit", "web", "same"]);

  strictEqual(diffIds(wherry, id).length, 1);
  const { history } = readBlob(wherry, id) as { history: Record<string, unknown>[] };
  deepStrictEqual(history.map((entry) => entry["empty_layer"]), [undefined, true]);
  await removeAll(wherry, "web");
});

testWhole("commit on commit stacks layers, and hides files for good", async (wherry) => {
  await importBox(wherry);
  await runScript(wherry, "one", "mkdir /d; echo old >/d/old; echo 1 >/f");
  await expectOk(wherry, ["commit", "one", "first"]);
  await runScript(wherry, "two", "rm -r /d; mkdir /d; echo new >/d/new; rm /f", { image: "first" });

  const id = await expectOk(wherry, ["commit", "two", "second"]);

  strictEqual(diffIds(wherry, id).length, 3);
  ok((await topLayer(wherry, id)).includes("d/.wh..wh..opq"));
  strictEqual(await show(wherry, "second", "ls /d; test -e /f || echo gone"), "new\ngone");
  await removeAll(wherry, "one", "two");
});

testWhole("commit keeps owners, modes, times, links, devices and attributes", async (wherry) => {
  await importBox(wherry);
  const make = "cd /; echo x >f; chown 1000:2000 f; chmod 4755 f; ln f l; ln -s nowhere s; " +
    "mkfifo p; mknod n c 1 3; touch -d '2001-02-03 04:05:06' f; mkdir -m 1777 t";
  const list = "cd /; stat -c '%n %F %a %u %g %h %t %T %Y' f l p n t; readlink s; test f -ef l";
  await runScript(wherry, "web", make);
  const expected = await expectOk(wherry, [
    ...["run", "--name", "same", "box", "sh", "-e", "-c", `${make}; ${list}`],
  ]);

  await expectOk(wherry, ["commit", "web", "made"]);

  const withoutTimes = (text: string): string => text.replace(/^([pnt] .*) \d+$/gm, "$1");
  strictEqual(withoutTimes(await show(wherry, "made", list)), withoutTimes(expected));
  await removeAll(wherry, "web", "same");
});

testWhole("commit leaves out what is mounted in a container", async (wherry) => {
  await importBox(wherry);
  Deno.mkdirSync(`${wherry.scratch}/data`);
  Deno.writeTextFileSync(`${wherry.scratch}/data/secret`, "hidden");
  Deno.writeTextFileSync(`${wherry.scratch}/key`, "hidden");
  await runScript(
    wherry,
    "web",
    "echo x >/tmp/t/x; echo y >>/etc/hosts; echo z >/data/z; test -f /run/key",
    {
      flags: ["-v", `${wherry.scratch}/data:/data`, "-v", `${wherry.scratch}/key:/run/key`]
        .concat(["--tmpfs", "/tmp/t"]),
    },
  ).catch(async (error) => {
    // `ls` prints
    strictEqual(String(error).includes("/run/key"), true);
    await Promise.resolve();
  });

  const id = await expectOk(wherry, ["commit", "web", "made"]);

  deepStrictEqual(await topLayer(wherry, id), ["data/", "run/", "run/key", "tmp/", "tmp/t/"]);
  strictEqual(await show(wherry, "made", "cat /run/key; ls /data /tmp/t"), "/data:\n\n/tmp/t:");
  await removeAll(wherry, "web");
});

testWhole("commit takes the container's settings, and changes on top", async (wherry) => {
  const changes = ["ENV A=image", "LABEL a=image", "WORKDIR /tmp", "EXPOSE 80", "VOLUME /tmp"];
  await importBox(wherry, ...changes.flatMap((change) => ["-c", change]), "-c", 'CMD ["sh"]');
  const flags = ["-e", "B=run", "--label", "b=run", "-u", "5:6", "--name", "web"];
  await expectOk(wherry, ["run", ...flags, "box", "true", "and", "more"]);

  const id = await expectOk(wherry, [
    ...[
      "commit",
      "-a",
      "Ann <ann@example.org>",
      "-m",
      "note",
      "-c",
      "ENV C=3",
      "-c",
      "EXPOSE 53/udp",
    ],
    ...["-c", "ONBUILD RUN x", "-c", "HEALTHCHECK --retries=2 CMD true", "web", "made"],
  ]);

  const document = readBlob(wherry, id);
  deepStrictEqual(document["config"], {
    "User": "5:6",
    "Env": ["A=image", "B=run", "C=3"],
    "Cmd": ["true", "and", "more"],
    "WorkingDir": "/tmp",
    "ExposedPorts": { "80/tcp": {}, "53/udp": {} },
    "Volumes": { "/tmp": {} },
    "Labels": { a: "image", b: "run" },
    "OnBuild": ["RUN x"],
    "Healthcheck": { "Test": ["CMD-SHELL", "true"], "Retries": 2 },
  });
  strictEqual(document["author"], "Ann <ann@example.org>");
  const [, entry] = document["history"] as [unknown, Record<string, unknown>];
  const { created: _created, ...said } = entry;
  deepStrictEqual(said, {
    "author": "Ann <ann@example.org>",
    "created_by": "true and more",
    comment: "note",
    "empty_layer": true,
  });
  await removeAll(wherry, "web");
});

testWhole("commit of a --rootfs container makes an image of all of its files", async (wherry) => {
  const rootfs = await wherry.copyOfImage();
  const flags = ["--rootfs", rootfs, "--name", "web", "-e", "A=1"];
  await expectOk(wherry, ["run", ...flags, "sh", "-c", "echo new >/new; rm /etc/group"]);

  const id = await expectOk(wherry, ["commit", "-c", 'CMD ["cat", "/new"]', "web", "made"]);

  strictEqual(diffIds(wherry, id).length, 1);
  strictEqual(await expectOk(wherry, ["run", "--rm", "made"]), "new");
  strictEqual(await show(wherry, "made", "echo $A; test -e /etc/group || echo gone"), "1\ngone");
  await removeAll(wherry, "web");
});

testWhole("commit keeps every name a container can choose", async (wherry) => {
  await importBox(wherry);
  const script = 'cd /tmp; touch -- "$(printf "a\\nb")" "$(printf "caf\\351")" "-rf" " " ' +
    '"$(printf "n%.0s" $(seq 255))"; mkdir x; cd x; for i in $(seq 30); do ' +
    'd=$(printf "d%.0s" $(seq 100)); mkdir $d; cd $d; done; touch end';
  await runScript(wherry, "web", script);
  const list = "cd /tmp; find . | sort | md5sum";
  const expected = await expectOk(wherry, ["run", "--rm", "box", "sh", "-c", `${script}; ${list}`]);

  await expectOk(wherry, ["commit", "web", "made"]);

  strictEqual(await show(wherry, "made", list), expected);
  await removeAll(wherry, "web");
});

testWhole("commit warns of files whose names mean deletions", async (wherry) => {
  await importBox(wherry);
  await runScript(wherry, "web", "touch /etc/.wh.passwd /etc/kept");

  const { code, stderr } = await wherry.run(["commit", "web", "made"]);

  strictEqual(code, 0);
  match(
    stderr,
    /^WARNING: no layer can hold a file called \/etc\/\.wh\.passwd: it was left out\n$/,
  );
  strictEqual(await show(wherry, "made", "ls /etc/passwd /etc/kept"), "/etc/kept\n/etc/passwd");
  await removeAll(wherry, "web");
});

testWhole("commit refuses what cannot be, and leaves nothing", async (wherry) => {
  await importBox(wherry);
  await runScript(wherry, "web", "touch /x");
  const stored = (): number => listNames(`${wherry.root}/blobs/sha256`).length;
  const before = stored();
  const digest = `sha256:${"0".repeat(64)}`;
  const cases: [args: string[], message: RegExp][] = [
    [["nobody"], /^wherry: No such container: nobody\n/],
    [["web", "UPPER"], /^wherry: Cannot parse image reference "UPPER"/],
    [["web", `box@${digest}`], /^wherry: refusing to create a tag with a digest reference\n/],
    [["-c", "COPY a b", "web"], /^wherry: Cannot apply the change "COPY a b": not understood\n/],
  ];

  for (const [args, message] of cases) {
    const { code, stdout, stderr } = await wherry.run(["commit", ...args]);
    deepStrictEqual([code, stdout], [1, ""]);
    match(stderr, message);
  }

  strictEqual(stored(), before);
  deepStrictEqual(listNames(`${wherry.root}/staging`), []);
  await removeAll(wherry, "web");
});

testWhole("a commit that is killed leaves no image, and nothing paused", async (wherry) => {
  await importBox(wherry);
  const script = "dd if=/dev/zero of=/big bs=1M count=300 2>/dev/null; echo done; exec sleep 1000";
  await expectOk(wherry, ["run", "-d", "--name", "web", "box", "sh", "-c", script]);
  await eventually(async () => (await wherry.run(["logs", "web"])).stdout === "done\n");
  const status = (): Promise<string> =>
    expectOk(wherry, ["inspect", "-f", "{{.State.Status}}", "web"]);
  const staging = `${wherry.root}/staging`;

  const command = wherry.spawn(["commit", "web", "made"]);
  await eventually(() => listNames(staging).length > 0);
  await eventually(async () => await status() === "paused");
  command.kill("SIGKILL");
  await command.output();

  await eventually(async () => await status() === "running");
  strictEqual((await wherry.run(["run", "--rm", "made", "true"])).code, 125);
  await expectOk(wherry, ["system", "recover"]);
  deepStrictEqual(listNames(staging), []);
  await removeAll(wherry, "web");
});

testWhole("Ctrl-C ends a commit in the middle of a file, which leaves nothing", async (wherry) => {
  await importBox(wherry);
  const script = "truncate -s 16G /big; echo done; exec sleep 1000";
  await expectOk(wherry, ["run", "-d", "--name", "web", "box", "sh", "-c", script]);
  await eventually(async () => (await wherry.run(["logs", "web"])).stdout === "done\n");
  const staging = `${wherry.root}/staging`;

  const command = wherry.spawn(["commit", "web", "made"]);
  await eventually(() => listNames(staging).length > 0);
  command.kill("SIGINT");
  const { code, stderr } = await command.output();

  strictEqual(code, 130);
  match(
    new TextDecoder().decode(stderr),
    /^wherry: Cannot commit container "web": interrupted by SIGINT\nNo image was made\n$/,
  );
  deepStrictEqual(listNames(staging), []);
  strictEqual(await expectOk(wherry, ["inspect", "-f", "{{.State.Status}}", "web"]), "running");
  await removeAll(wherry, "web");
});

testWhole(
  "a container that swaps its files gets nothing of the host into an image",
  async (wherry) => {
    await importBox(wherry);
    const script =
      "mkdir /s; cd /s; echo started; while :; do mkdir -p d/e; touch d/e/f g; rm -r d; " +
      "ln -s / d; rm d g; mkfifo g; rm g; mknod g c 1 3; rm g; ln -s /etc g; mv g d; rm d; done";
    await expectOk(wherry, ["run", "-d", "--name", "web", "box", "sh", "-c", script]);
    await eventually(async () => (await wherry.run(["logs", "web"])).stdout === "started\n");

    for (let turn = 0; turn < 10; turn++) {
      const id = await expectOk(wherry, ["commit", "--pause=false", "web"]);
      const names = await topLayer(wherry, id);
      const known = ["s/", "s/d", "s/g", "s/d/", "s/d/e/", "s/d/e/f"];
      deepStrictEqual(names.filter((name) => !known.includes(name)), []);
    }
    await expectOk(wherry, ["export", "-o", "out.tar", "web"]);
    await removeAll(wherry, "web");
  },
);

/** Exports a container to a file of the test. */
async function exportTo(wherry: TestEngine, container: string, file: string): Promise<void> {
  await expectOk(wherry, ["export", "-o", file, container]);
}

testWhole(
  "export and import give the same files, of a stopped and of a running container",
  async (wherry) => {
    await importBox(wherry);
    const script =
      "mkdir /d; echo 1 >/d/1; ln /d/1 /l; rm /etc/group; chown 5 /tmp; rm -r /var; echo v >/var";
    await runScript(wherry, "stopped", script);
    await expectOk(wherry, [
      ...[
        "run",
        "-d",
        "--name",
        "running",
        "box",
        "sh",
        "-c",
        `${script}; echo done; exec sleep 1000`,
      ],
    ]);
    await eventually(async () => (await wherry.run(["logs", "running"])).stdout === "done\n");
    const list = "cd /; find . -path ./proc -prune -o -path ./sys -prune -o -path ./dev -prune " +
      "-o -type f -exec md5sum {} + -o -print | sort | grep -v /etc/ho | md5sum; ls /etc; stat -c %u /tmp";
    await expectOk(wherry, ["commit", "stopped", "committed"]);
    const expected = await show(wherry, "committed", list);

    for (const name of ["stopped", "running"]) {
      await exportTo(wherry, name, `${name}.tar`);
      await expectOk(wherry, ["import", `${name}.tar`, name]);
      strictEqual(await show(wherry, name, list), expected);
    }
    await removeAll(wherry, "stopped", "running");
  },
);

testWhole("export writes to stdout what others read, the same every time", async (wherry) => {
  await importBox(wherry);
  await runScript(wherry, "web", "echo x >/x");
  const toStdout = (file: string): Promise<Result> =>
    wherry.run(["export", "web"], { redirect: `>${file}` });

  const [first, second] = [await toStdout("first.tar"), await toStdout("second.tar")];

  deepStrictEqual([first.code, first.stderr, second.code], [0, "", 0]);
  await wherry.runHost("cmp", `${wherry.scratch}/first.tar`, `${wherry.scratch}/second.tar`);
  const listed = await wherry.runHost("tar", "-tf", `${wherry.scratch}/first.tar`);
  ok(listed.includes("\nbin/busybox\n"));
  await removeAll(wherry, "web");
});

testWhole("export refuses to write to a terminal", async (wherry) => {
  await importBox(wherry);
  await runScript(wherry, "web", "true");

  await using terminal = wherry.openTerminal(["export", "web"]);

  await terminal.waitFor("cowardly refusing to save to a terminal. Use the -o flag or redirect");
  strictEqual(await terminal.finish(), 1);
  await removeAll(wherry, "web");
});

testWhole("export -o leaves the file as it was when there is no such container", async (wherry) => {
  Deno.writeTextFileSync(`${wherry.scratch}/file`, "old");

  const { code, stderr } = await wherry.run(["export", "-o", "file", "nobody"]);

  strictEqual(code, 1);
  match(stderr, /^wherry: No such container: nobody\n/);
  strictEqual(Deno.readTextFileSync(`${wherry.scratch}/file`), "old");
  deepStrictEqual(listNames(wherry.scratch), ["file"]);
});

testWhole("diff tells what a container has changed, as docker does", async (wherry) => {
  await importBox(wherry);
  const script = "echo x >/new; mkdir -p /d/e; touch /d/e/f; rm /etc/group; chmod 700 /bin; " +
    "touch /etc/passwd; rm -r /usr; rm -r /home; echo file >/home; chown 5 /root; mkdir /tmp/x; " +
    "rm -r /tmp/x; mv /bin/tar /bin/tar2; rm -r /var; mkdir /var; touch /var/new";
  await runScript(wherry, "web", script, {
    flags: ["-v", `${wherry.scratch}:/data`, "-w", "/work"],
  });

  const lines = (await expectOk(wherry, ["diff", "web"])).split("\n");

  // What docker 20.10 printed for the same commands, sorted
  deepStrictEqual(lines.toSorted(), [
    ...["A /bin/tar2", "A /d", "A /d/e", "A /d/e/f", "A /data", "A /new", "A /var/new", "A /work"],
    ...["C /bin", "C /etc", "C /etc/passwd", "C /home", "C /root", "C /var"],
    ...["D /bin/tar", "D /etc/group", "D /usr", "D /var/tmp"],
  ]);
  await removeAll(wherry, "web");
});

testWhole("diff keeps the bytes of names, but not on a terminal", async (wherry) => {
  await importBox(wherry);
  await runScript(wherry, "web", 'touch "/$(printf "caf\\351\\033[31m")"');

  const printed = await wherry.run(["diff", "web"], { redirect: ">out" });

  strictEqual(printed.code, 0);
  const expected = [..."A /caf"].map((letter) => letter.charCodeAt(0)).concat([0xe9, 0x1b]);
  deepStrictEqual([...Deno.readFileSync(`${wherry.scratch}/out`)], [
    ...expected,
    ...[..."[31m\n"].map((letter) => letter.charCodeAt(0)),
  ]);
  await using terminal = wherry.openTerminal(["diff", "web"]);
  await terminal.waitFor("A /caf\ufffd\\x1b[31m");
  await removeAll(wherry, "web");
});

testWhole("image export and image import take an image to a file and back", async (wherry) => {
  await importBox(wherry);
  await runScript(wherry, "web", "echo x >/x; rm /etc/group");
  await expectOk(wherry, ["commit", "web", "made:1"]);
  Deno.mkdirSync(`${wherry.scratch}/out`);

  strictEqual(await expectOk(wherry, ["image", "export", "made:1", "out/"]), "out/made.tgz");
  await expectOk(wherry, ["image", "import", "--name", "again", "out/made.tgz"]);
  await expectOk(wherry, ["image", "import", "out/made.tgz"]);

  for (const name of ["again", "made"]) {
    strictEqual(await show(wherry, name, "cat /x; test -e /etc/group || echo gone"), "x\ngone");
  }
  await removeAll(wherry, "web");
});

testWhole("image import leaves a name alone that is taken", async (wherry) => {
  await importBox(wherry);
  Deno.copyFileSync(await wherry.imageTar(), `${wherry.scratch}/box.tar`);

  for (const flags of [[], ["--name", "box"]]) {
    const { code, stderr } = await wherry.run(["image", "import", ...flags, "box.tar"]);
    strictEqual(code, 1);
    match(stderr, /^wherry: Cannot name an image "box": there is another one of that name\n/);
  }
  const both = await wherry.run(["image", "import", "--name", "new", "box.tar", "box"]);
  strictEqual(both.code, 1);
  match(both.stderr, /^wherry: Conflicting options: cannot specify both --name and REPOSITORY\n/);
  await expectOk(wherry, ["image", "import", "box.tar", "box"]);
});
