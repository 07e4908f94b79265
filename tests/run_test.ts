/** `wherry run`: what the command gets, what the caller gets back. @module */

import { deepStrictEqual, match, notStrictEqual, ok, strictEqual } from "node:assert/strict";
import { eventually, exists, listNames, testWhole } from "./harness.ts";

const SHOW_ARGUMENTS = "cat /proc/$$/cmdline; :";

testWhole("run hands over every argument exactly as it was typed", async (wherry) => {
  const argv = [
    "",
    " two  words ",
    `"quoted" 'both'`,
    "line\nbreak",
    "--",
    "-it",
    "höß 🚣",
    "$HOME",
    "",
  ];

  const { stdout } = await wherry.runBusybox([], ["sh", "-c", SHOW_ARGUMENTS, ...argv]);

  deepStrictEqual(stdout.split("\0"), ["sh", "-c", SHOW_ARGUMENTS, ...argv, ""]);
});

testWhole("run takes thousands of arguments", async (wherry) => {
  const argv = Array.from({ length: 20_000 }, (_, index) => `argument-${index}`);

  const { stdout } = await wherry.runBusybox([], ["sh", "-c", 'echo "$#" "${19999}"', ...argv]);

  strictEqual(stdout, "19999 argument-19999\n");
});

testWhole("run ends with the exit status of the command", async (wherry) => {
  strictEqual((await wherry.runBusybox([], ["true"])).code, 0);
  strictEqual((await wherry.runBusybox([], ["sh", "-c", "exit 42"])).code, 42);
  strictEqual((await wherry.runBusybox([], ["sh", "-c", "exit 255"])).code, 255);
});

testWhole("run ends with 127 when the command does not exist", async (wherry) => {
  const byName = await wherry.runBusybox([], ["no-such-command"]);
  const byPath = await wherry.runBusybox([], ["/no/such/command"]);

  strictEqual(byName.code, 127);
  strictEqual(byName.stderr, 'wherry: Cannot execute "no-such-command": not found in $PATH\n');
  strictEqual(byPath.code, 127);
  match(
    byPath.stderr,
    /^wherry: Cannot execute "\/no\/such\/command": no such file or directory\n$/,
  );
});

testWhole(
  "run leaves a container whose command cannot be started, as docker does",
  async (wherry) => {
    const argv = ["--cidfile", "cid", ...await wherry.busybox(), "/nonesuch"];
    const foreground = await wherry.run(["run", "--name", "first", ...argv]);
    Deno.removeSync(`${wherry.scratch}/cid`);
    const detached = await wherry.run(["run", "-d", "--name", "second", ...argv]);

    // What runs that were killed left goes, these stay
    await wherry.run(["system", "recover"]);
    const format = "{{.State.Status}} {{.State.ExitCode}} {{.Id}}";
    const { stdout } = await wherry.run(["inspect", "-f", format, "first", "second"]);

    const id = Deno.readTextFileSync(`${wherry.scratch}/cid`);
    deepStrictEqual([foreground.code, foreground.stdout], [127, ""]);
    deepStrictEqual([detached.code, detached.stdout], [127, `${id}\n`]);
    match(stdout, new RegExp(`^created 127 [0-9a-f]{64}\ncreated 127 ${id}\n$`));
    strictEqual((await wherry.run(["rm", "first", "second"])).stderr, "");
  },
);

testWhole("run ends with 126 when the command cannot be executed", async (wherry) => {
  const directory = await wherry.runBusybox([], ["/etc"]);
  const file = await wherry.runBusybox([], ["/etc/passwd"]);

  strictEqual(directory.code, 126);
  match(directory.stderr, /^wherry: Cannot execute "\/etc": /);
  strictEqual(file.code, 126);
  match(file.stderr, /^wherry: Cannot execute "\/etc\/passwd": /);
});

testWhole("run ends with 125 and one line when it cannot do what was asked", async (wherry) => {
  const cases: [flags: string[], message: RegExp][] = [
    [["--no-such-flag"], /no-such-flag/],
    [["-e", "=value"], /Cannot set the variable "=value"/],
    [["-e", ""], /Cannot set the variable ""/],
    [["--env-file", "missing"], /Cannot read --env-file "missing": no such file/],
    [["-u", "stranger"], /Cannot run as user "stranger"/],
    [["-u", "0:strangers"], /no group "strangers"/],
    [["-u", "4294967295"], /Cannot run as user "4294967295"/],
    [["-w", "relative"], /Cannot use the working directory "relative"/],
    [["-h", "two words"], /Cannot use the hostname "two words"/],
    [["--name", "x"], /Cannot use the container name "x"/],
    [["--network", "nowhere"], /network nowhere not found/],
    [["-l", "=value"], /Cannot use the label "=value"/],
  ];
  for (const [flags, message] of cases) {
    const { code, stdout, stderr } = await wherry.runBusybox(flags, ["true"]);

    strictEqual(code, 125, flags.join(" "));
    strictEqual(stdout, "");
    match(stderr, message);
  }
});

testWhole("run names an image that does not exist", async (wherry) => {
  const { code, stderr } = await wherry.run(["run", "--rm", "no-such-image", "true"]);

  strictEqual(code, 125);
  match(stderr, /no-such-image/);
});

testWhole("run names a --rootfs that does not exist or is no directory", async (wherry) => {
  Deno.writeTextFileSync(`${wherry.scratch}/file`, "");

  const missing = await wherry.run(["run", "--rm", "--rootfs", "missing", "true"]);
  const file = await wherry.run(["run", "--rm", "--rootfs", "file", "true"]);

  deepStrictEqual(
    [missing.code, missing.stderr],
    [125, 'wherry: Cannot use --rootfs "missing": no such directory\n'],
  );
  deepStrictEqual(
    [file.code, file.stderr],
    [125, 'wherry: Cannot use --rootfs "file": not a directory\n'],
  );
});

testWhole("run ends with 128 + n when a signal ended the command", async (wherry) => {
  const { code } = await wherry.runBusybox(["--init"], ["sh", "-c", "kill -SEGV $$"]);

  strictEqual(code, 128 + 11);
});

testWhole("run passes SIGTERM on and ends with what the command makes of it", async (wherry) => {
  const script = 'trap "echo stopped; exit 5" TERM; echo ready; while :; do sleep 0.05; done';
  const child = wherry.spawn(["run", "--rm", ...await wherry.busybox(), "sh", "-c", script]);
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();

  const first = await reader.read();
  child.kill("SIGTERM");
  const second = await reader.read();

  strictEqual(first.value, "ready\n");
  strictEqual(second.value, "stopped\n");
  strictEqual((await child.status).code, 5);
  await reader.cancel();
  await child.stderr.cancel();
});

testWhole("run -i hands over stdin up to its end", async (wherry) => {
  const { stdout } = await wherry.runBusybox(["-i"], ["cat"], { stdin: "one\ntwo" });

  strictEqual(stdout, "one\ntwo");
});

testWhole("run without -i gives the command an empty stdin", async (wherry) => {
  const { code, stdout } = await wherry.runBusybox([], ["cat"], { stdin: "unread" });

  deepStrictEqual([code, stdout], [0, ""]);
});

testWhole("run -i reads stdin from a file", async (wherry) => {
  Deno.writeTextFileSync(`${wherry.scratch}/in`, "from a file\n");

  const { stdout } = await wherry.runBusybox(["-i"], ["cat"], { redirect: "<in" });

  strictEqual(stdout, "from a file\n");
});

testWhole("run works with stdin, stdout and stderr closed", async (wherry) => {
  const flags = ["-v", `${wherry.scratch}:/out`];
  const script = "echo done >/out/done; exit 3";

  const result = await wherry.runBusybox(flags, ["sh", "-c", script], {
    redirect: "<&- >&- 2>&-",
  });

  strictEqual(result.code, 3);
  strictEqual(Deno.readTextFileSync(`${wherry.scratch}/done`), "done\n");
});

testWhole("run -i works with a closed stdin", async (wherry) => {
  const { code, stdout } = await wherry.runBusybox(["-i"], ["sh", "-c", "cat; echo end"], {
    redirect: "<&-",
  });

  deepStrictEqual([code, stdout], [0, "end\n"]);
});

testWhole("run keeps stdout and stderr apart", async (wherry) => {
  const { stdout, stderr } = await wherry.runBusybox([], ["sh", "-c", "echo out; echo err >&2"]);

  deepStrictEqual([stdout, stderr], ["out\n", "err\n"]);
});

testWhole("run writes at the end of a file that others write to", async (wherry) => {
  const [program = "", ...args] = wherry.commandLine([
    "run",
    "--rm",
    ...await wherry.busybox(),
    "echo",
    "middle",
  ]);

  await wherry.runHost(
    "sh",
    "-c",
    '{ echo first; "$@"; echo last; } >out',
    "sh",
    program,
    ...args,
  );

  strictEqual(Deno.readTextFileSync(`${wherry.scratch}/out`), "first\nmiddle\nlast\n");
});

testWhole("run goes on to the end when nobody reads its output", async (wherry) => {
  const script = "echo one; sleep 0.2; echo two; sleep 0.1; echo three; echo done >/out/done";

  const { stdout } = await wherry.runBusybox(
    ["-v", `${wherry.scratch}:/out`],
    ["sh", "-c", script],
    { redirect: "| head -n 1" },
  );

  strictEqual(stdout, "one\n");
  await eventually(() => exists(`${wherry.scratch}/done`));
});

testWhole("run carries 64 MiB through stdin and stdout unchanged", async (wherry) => {
  const bytes = new Uint8Array(64 * 1024 * 1024);
  for (let at = 0; at < bytes.length; at += 65536) {
    crypto.getRandomValues(bytes.subarray(at, at + 65536));
  }
  Deno.writeFileSync(`${wherry.scratch}/in`, bytes);

  const piped = await wherry.runBusybox(["-i"], ["cat"], { redirect: "<in | sha256sum" });
  const filed = await wherry.runBusybox(["-i"], ["cat"], { redirect: "<in >out" });

  strictEqual(piped.stdout, await wherry.runHost("sh", "-c", "sha256sum <in"));
  strictEqual(filed.code, 0);
  await wherry.runHost("cmp", "in", "out");
});

testWhole("run gives the command none of the host's environment", async (wherry) => {
  const { stdout } = await wherry.runBusybox(["-h", "box"], ["env"], { env: { SECRET: "1" } });

  deepStrictEqual(stdout.trim().split("\n").toSorted(), [
    "HOME=/root",
    "HOSTNAME=box",
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  ]);
});

testWhole("run -e sets variables, and passes the caller's on by their names", async (wherry) => {
  Deno.writeTextFileSync(
    `${wherry.scratch}/vars`,
    "# comment\n\nFROM_FILE=a b\nTWICE=file\nMINE\n",
  );
  const flags = ["--env-file", "vars", "-e", "TWICE=flag", "-e", "EMPTY=", "-e", "LINE=a\nb"];

  const { stdout } = await wherry.runBusybox(
    [...flags, "-e", "CALLER", "-e", "UNSET", "-e", "PATH=/bin"],
    ["env"],
    { env: { CALLER: "called", MINE: "mine" } },
  );

  const variables = stdout.split("\n");
  for (const entry of ["FROM_FILE=a b", "TWICE=flag", "EMPTY=", "CALLER=called", "MINE=mine"]) {
    ok(variables.includes(entry), `${entry} in ${stdout}`);
  }
  ok(stdout.includes("LINE=a\nb\n"));
  ok(variables.includes("PATH=/bin"));
  ok(!stdout.includes("TWICE=file") && !stdout.includes("UNSET"));
});

testWhole("run -w starts in a directory, and makes it when it is missing", async (wherry) => {
  strictEqual((await wherry.runBusybox(["-w", "/usr/bin"], ["pwd"])).stdout, "/usr/bin\n");
  strictEqual((await wherry.runBusybox(["-w", "/new/one"], ["pwd"])).stdout, "/new/one\n");
});

testWhole("run -w names a path that is no directory", async (wherry) => {
  const { code, stderr } = await wherry.runBusybox(["-w", "/etc/passwd"], ["pwd"]);

  ok(code === 125 || code === 126);
  match(stderr, /"?\/etc\/passwd"?/);
});

testWhole("run -u takes users and groups by name and by number", async (wherry) => {
  const whoIs = async (user: string): Promise<string> =>
    (await wherry.runBusybox(["-u", user], ["sh", "-c", "id; echo $HOME"])).stdout;

  strictEqual(await whoIs("daemon"), "uid=1(daemon) gid=1(daemon) groups=1(daemon)\n/usr/sbin\n");
  strictEqual(await whoIs("1"), "uid=1(daemon) gid=1(daemon) groups=1(daemon)\n/usr/sbin\n");
  strictEqual(await whoIs("1234"), "uid=1234 gid=0(root) groups=0(root)\n/\n");
  strictEqual(await whoIs("1234:users"), "uid=1234 gid=100(users) groups=100(users)\n/\n");
  match(await whoIs("daemon:77"), /^uid=1\(daemon\) gid=77 groups=77\n/);
  strictEqual(await whoIs(""), "uid=0(root) gid=0(root) groups=0(root)\n/root\n");
});

testWhole("run -u gives the user the groups that list it", async (wherry) => {
  const image = await wherry.copyOfImage();
  Deno.writeTextFileSync(`${image}/etc/group`, "daemon:x:1:\nwheel:x:10:daemon,x\nlp:x:7:daemon\n");

  const { stdout } = await wherry.run([
    "run",
    "--rm",
    "-u",
    "daemon",
    "--rootfs",
    image,
    "id",
    "-G",
  ]);

  strictEqual(stdout, "1 7 10\n");
});

testWhole("run -h sets the host name, which is the short id otherwise", async (wherry) => {
  const show = ["sh", "-c", "hostname; cat /etc/hostname; echo $HOSTNAME"];

  const chosen = await wherry.runBusybox(["-h", "chosen.name"], show);
  const id = await wherry.runBusybox(["--cidfile", "cid"], show);

  const shortId = Deno.readTextFileSync(`${wherry.scratch}/cid`).slice(0, 12);
  strictEqual(chosen.stdout, "chosen.name\n".repeat(3));
  strictEqual(id.stdout, `${shortId}\n`.repeat(3));
});

testWhole("run --entrypoint puts a program before the command", async (wherry) => {
  strictEqual((await wherry.runBusybox(["--entrypoint", "echo"], ["a", "b"])).stdout, "a b\n");
  strictEqual((await wherry.runBusybox(["--entrypoint", ""], ["echo", "c"])).stdout, "c\n");
});

testWhole("run without any command says so", async (wherry) => {
  const { code, stderr } = await wherry.runBusybox([], []);

  strictEqual(code, 125);
  match(stderr, /no command specified/);
});

testWhole(
  "run --read-only lets nobody write to the root, only to what is mounted",
  async (wherry) => {
    const script =
      "touch /file; touch /tmp/file && touch /dev/shm/file && touch /out/file && echo rest";

    const { stdout, stderr } = await wherry.runBusybox(
      ["--read-only", "--tmpfs", "/tmp", "-v", `${wherry.scratch}:/out`],
      ["sh", "-c", script],
    );

    strictEqual(stderr, "touch: /file: Read-only file system\n");
    strictEqual(stdout, "rest\n");
  },
);

testWhole("run --tmpfs mounts a file system with the options asked for", async (wherry) => {
  const { stdout } = await wherry.runBusybox(
    ["--tmpfs", "/a/b:size=2m,mode=0710,exec", "--tmpfs", "/plain"],
    ["sh", "-c", "stat -c %a /a/b; grep -E '^tmpfs /(a|plain)' /proc/mounts | sort"],
  );

  const [mode, first = "", second = ""] = stdout.split("\n");
  strictEqual(mode, "710");
  match(first, /^tmpfs \/a\/b tmpfs rw,nosuid,nodev,relatime,size=2048k,mode=710/);
  match(second, /^tmpfs \/plain tmpfs rw,nosuid,nodev,noexec,relatime/);
});

testWhole("run refuses --tmpfs options that are wrong", async (wherry) => {
  const option = await wherry.runBusybox(["--tmpfs", "/x:size=lots"], ["true"]);
  const target = await wherry.runBusybox(["--tmpfs", "x"], ["true"]);

  strictEqual(option.code, 125);
  strictEqual(target.code, 125);
  match(target.stderr, /invalid mount path: 'x' mount path must be absolute/);
});

testWhole("run --init reaps orphans", async (wherry) => {
  // Until neither they nor what is left of them is there, or half a minute long
  const script = `for i in 1 2 3; do (sh -c 'sleep 0.05 & exit' &); done; sleep 0.1; tries=0
    while ps -o stat,comm >/tmp/all; grep -qE '^Z|sleep' /tmp/all && [ $tries -lt 600 ]
    do sleep 0.05; tries=$((tries + 1)); done; cat /tmp/all`;

  const { stdout } = await wherry.runBusybox(["--init"], ["sh", "-c", script]);

  match(stdout, /^S +wherry-init$/m);
  ok(!/^Z|sleep/m.test(stdout), stdout);
});

testWhole("run --init passes signals on to the command", async (wherry) => {
  const script = 'trap "exit 9" USR1; touch /out/ready; while :; do sleep 0.05; done';
  const flags = ["--init", "--name", "signalled", "-v", ".:/out"];
  await wherry.start(flags, ["sh", "-c", script]);
  await eventually(() => exists(`${wherry.scratch}/ready`));

  await wherry.run(["kill", "-s", "USR1", "signalled"]);

  strictEqual((await wherry.run(["wait", "signalled"])).stdout, "9\n");
  await wherry.run(["rm", "signalled"]);
});

testWhole("run --cidfile writes the id, and refuses a file that exists", async (wherry) => {
  const first = await wherry.run([
    "run",
    "-d",
    "--cidfile",
    "cid",
    ...await wherry.busybox(),
    "true",
  ]);
  const second = await wherry.runBusybox(["--cidfile", "cid"], ["true"]);

  strictEqual(Deno.readTextFileSync(`${wherry.scratch}/cid`), first.stdout.trim());
  strictEqual(second.code, 125);
  match(second.stderr, /Cannot use --cidfile "cid": it exists already/);
  await wherry.run(["rm", "-f", first.stdout.trim()]);
});

testWhole("run leaves no --cidfile of a container that was never made", async (wherry) => {
  await wherry.run(["run", "--cidfile", "cid", "--rootfs", "missing", "true"]);

  deepStrictEqual(listNames(wherry.scratch), []);
});

testWhole("run refuses a name that is taken, and frees it with its container", async (wherry) => {
  await wherry.start(["--name", "taken"], ["true"]);

  const refused = await wherry.runBusybox(["--name", "taken"], ["true"]);
  await wherry.run(["rm", "-f", "taken"]);
  const accepted = await wherry.runBusybox(["--name", "taken"], ["true"]);

  strictEqual(refused.code, 125);
  match(refused.stderr, /Cannot use the container name "taken"/);
  strictEqual(accepted.code, 0);
});

testWhole("run --network none has a loopback interface and nothing else", async (wherry) => {
  const script = "ls /sys/class/net; ping -c 1 -W 60 127.0.0.1 >/dev/null && echo up";

  const { stdout } = await wherry.runBusybox(["--network", "none"], ["sh", "-c", script]);

  strictEqual(stdout, "lo\nup\n");
});

testWhole("run --network host has the host's network and name", async (wherry) => {
  const script = "readlink /proc/self/ns/net; hostname";

  const { stdout } = await wherry.runBusybox(["--network", "host"], ["sh", "-c", script]);

  const namespace = wherry.network.within(() => Deno.readLinkSync("/proc/thread-self/ns/net"));
  strictEqual(stdout, `${namespace}\n${Deno.hostname()}\n`);
});

testWhole("run without --rm keeps the container until rm", async (wherry) => {
  const result = await wherry.run(["run", "--name", "kept", ...await wherry.busybox(), "true"]);

  strictEqual(result.code, 0);
  strictEqual(listNames(`${wherry.root}/containers`).length, 1);
  strictEqual((await wherry.run(["rm", "kept"])).stdout, "kept\n");
});

testWhole("run --rm removes a container that could not be started", async (wherry) => {
  await wherry.runBusybox(["--name", "failed"], ["no-such-command"]);

  deepStrictEqual(listNames(`${wherry.root}/containers`), []);
  deepStrictEqual(listNames(`${wherry.root}/names`), []);
});

testWhole("run -d prints the id and leaves the container running", async (wherry) => {
  const id = await wherry.start(["--name", "background"], ["sleep", "100"]);

  match(id, /^[0-9a-f]{64}$/);
  const { pid, status } = wherry.readStateRecord(id);
  strictEqual(status, "running");
  strictEqual(Deno.readTextFileSync(`/proc/${pid}/cmdline`), "sleep\x00100\x00");
  strictEqual((await wherry.run(["rm", "-f", "background"])).code, 0);
});

testWhole("run -d says why the command cannot be started", async (wherry) => {
  const { code, stdout, stderr } = await wherry.run(
    ["run", "-d", "--rm", ...await wherry.busybox(), "no-such-command"],
  );

  strictEqual(code, 127);
  match(stderr, /not found in \$PATH/);
  notStrictEqual(stdout, "0");
});

testWhole("run -d --rm removes the container when it ends by itself", async (wherry) => {
  const script = "until [ -e /out/go ]; do sleep 0.05; done";
  const id = await wherry.start(["--rm", "-v", ".:/out"], ["sh", "-c", script]);

  strictEqual(listNames(`${wherry.root}/containers`)[0], id);
  Deno.writeTextFileSync(`${wherry.scratch}/go`, "");
  await eventually(() => listNames(`${wherry.root}/containers`).length === 0);
  await eventually(() => listNames(`${wherry.runRoot}/containers`).length === 0);
});

testWhole("run gives the command the caller's limit of open files", async (wherry) => {
  const { stdout } = await wherry.runBusybox([], ["sh", "-c", "ulimit -Sn"]);

  strictEqual(stdout, await wherry.runHost("sh", "-c", "ulimit -Sn"));
});

testWhole("run never changes the directory that --rootfs names", async (wherry) => {
  const image = await wherry.copyOfImage();
  const before = await wherry.runHost("sh", "-c", 'ls -lR --full-time "$0"', image);

  await wherry.run(
    ["run", "--rm", "--rootfs", image, "sh", "-c", "rm -r /home; echo >/etc/passwd; touch /new"],
  );

  strictEqual(await wherry.runHost("sh", "-c", 'ls -lR --full-time "$0"', image), before);
});

testWhole("run uses directories whose names hold separators of mount options", async (wherry) => {
  const image = await wherry.copyOfImage(`a,b:c\\d"e`);

  const { stdout, stderr } = await wherry.run(["run", "--rm", "--rootfs", image, "echo", "works"]);

  deepStrictEqual([stdout, stderr], ["works\n", ""]);
});

testWhole("run refuses a data root that cannot be one", async (wherry) => {
  Deno.writeTextFileSync(`${wherry.scratch}/file`, "");
  const [program = "", ...args] = wherry.commandLine([]);
  const root = `${wherry.scratch}/file/root`;
  const argv = args.map((arg) => arg === wherry.root ? root : arg);

  const { code, stderr } = await wherry.runCommand(
    [program, ...argv, "run", "--rm", ...await wherry.busybox(), "true"],
  );

  strictEqual(code, 125);
  match(stderr, /^wherry: Cannot use ".*\/file\/root"/);
});

testWhole("run -i ends with the command, whether or not stdin has ended", async (wherry) => {
  const argv = ["run", "--rm", "-i", ...await wherry.busybox(), "echo", "done"];
  const child = wherry.spawn(argv, { stdin: "" });

  const { code, stdout } = await child.output();

  deepStrictEqual([code, new TextDecoder().decode(stdout)], [0, "done\n"]);
  await child.stdin.abort().catch(() => undefined);
});

testWhole(
  "run -i ends when the command reads only the beginning of an endless stdin",
  async (wherry) => {
    const [program = "", ...args] = wherry.commandLine(
      ["run", "--rm", "-i", ...await wherry.busybox(), "head", "-n", "2"],
    );

    strictEqual(await wherry.runHost("sh", "-c", 'yes | "$@"', "sh", program, ...args), "y\ny\n");
  },
);

testWhole("run goes on when the disk that keeps its log is full", async (wherry) => {
  Deno.mkdirSync(wherry.root);
  await wherry.runHost("mount", "-t", "tmpfs", "-o", "size=512k", "none", wherry.root);
  try {
    const { code, stdout } = await wherry.runBusybox([], ["sh", "-c", "seq 1 200000; exit 6"]);

    strictEqual(code, 6);
    ok(stdout === await wherry.runHost("seq", "1", "200000"), "The output differs");
    await eventually(() => listNames(`${wherry.root}/containers`).length === 0);
  } finally {
    await wherry.removeUnusedNetworks();
    await wherry.runHost("umount", wherry.root);
  }
});

testWhole("run on a disk without any space left says so and leaves nothing", async (wherry) => {
  Deno.mkdirSync(wherry.root);
  await wherry.runHost("mount", "-t", "tmpfs", "-o", "size=64k", "none", wherry.root);
  try {
    await wherry.runBusybox([], ["true"]);
    await wherry.runHost("sh", "-c", 'head -c 100000 /dev/zero >"$0"/fill || :', wherry.root);

    const { code, stderr } = await wherry.runBusybox([], ["true"]);

    strictEqual(code, 125);
    match(stderr, /^wherry: Cannot [^\n]*no space left/i);
    deepStrictEqual(listNames(`${wherry.root}/containers`), []);
    deepStrictEqual(listNames(`${wherry.root}/names`), []);
  } finally {
    await wherry.removeUnusedNetworks();
    await wherry.runHost("umount", wherry.root);
  }
});

testWhole("run refuses a data root that cannot be written to", async (wherry) => {
  Deno.mkdirSync(wherry.root);
  await wherry.runHost("mount", "-t", "tmpfs", "-o", "ro", "none", wherry.root);
  try {
    const { code, stderr } = await wherry.runBusybox([], ["true"]);

    strictEqual(code, 125);
    match(stderr, new RegExp(`^wherry: Cannot use "${wherry.root}"[^\n]*read-only`, "i"));
  } finally {
    await wherry.runHost("umount", wherry.root);
  }
});

testWhole("run works below directories with long names", async (wherry) => {
  const long = `${wherry.scratch}/${"a".repeat(200)}/${"b".repeat(200)}`;
  const [program = "", ...args] = wherry.commandLine([]);
  const argv = args.map((arg) => arg.replace(wherry.directory, long));
  const command = [program, ...argv, "run", "--name", "box", ...await wherry.busybox()];

  const { code, stdout, stderr } = await wherry.runCommand([...command, "echo", "works"]);

  deepStrictEqual([code, stdout, stderr], [0, "works\n", ""]);
  for (const words of [["rm", "box"], ["network", "prune", "-f"]]) {
    strictEqual((await wherry.runCommand([program, ...argv, ...words])).code, 0);
  }
});

testWhole("run takes its directories from the environment, also relative ones", async (wherry) => {
  const [program = "", ...rest] = wherry.commandLine([]);
  const source = rest.slice(0, rest.indexOf("--root"));
  const argv = ["run", "--rm", "--cidfile", "cid", ...await wherry.busybox(), "pwd"];

  const env = { WHERRY_ROOT: "data", WHERRY_RUN_ROOT: `${wherry.scratch}/run` };

  for (const words of [argv, ["network", "prune", "-f"]]) {
    strictEqual((await wherry.runCommand([program, ...source, ...words], { env })).code, 0);
  }
  deepStrictEqual(listNames(wherry.scratch), ["cid", "data", "run"]);
});

testWhole("run by somebody who is not root says so", async (wherry) => {
  const [program = "", ...args] = wherry.commandLine(
    ["run", "--rm", ...await wherry.busybox(), "true"],
  );
  const asNobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];

  const { code, stderr } = await wherry.runCommand([...asNobody, program, ...args]);

  strictEqual(code, 125);
  match(stderr, /^wherry: [^\n]*needs root/);
});

testWhole("run works in a directory that has been deleted", async (wherry) => {
  const [program = "", ...args] = wherry.commandLine(
    ["run", "--rm", ...await wherry.busybox(), "echo", "works"],
  );
  const script = 'mkdir gone && cd gone && rmdir ../gone && exec "$@"';

  strictEqual(await wherry.runHost("sh", "-c", script, "sh", program, ...args), "works\n");
});

testWhole("run ends like any program in a pipeline when nobody reads on", async (wherry) => {
  const args = [
    "run",
    "--rm",
    ...await wherry.busybox(),
    "sh",
    "-c",
    "yes 2>/dev/null; echo $? >/dev/stderr",
  ];

  const { stdout, stderr } = await wherry.run(args, { redirect: "| head -n 1" });

  strictEqual(stdout, "y\n");
  strictEqual(stderr, "141\n"); // 128 + SIGPIPE
});
