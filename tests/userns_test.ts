/** `--userns auto`: ids of a container's own, on files that stay as they are. */

import { deepStrictEqual, match, notStrictEqual, ok, strictEqual } from "node:assert/strict";
import {
  eventually,
  exists,
  killUnlessGone,
  listNames,
  type TestEngine,
  testWhole,
} from "./harness.ts";
import { importBusybox } from "./images.ts";

const AUTO = ["--userns", "auto"];

/** Users and groups of a host have lower ids. */
const LOWEST = 100_000;

interface Range {
  first: number;
  count: number;
}

/** The range of the container that a test's only `run` or `start` has made. */
function rangeOf(wherry: TestEngine, id: string): Range {
  return JSON.parse(Deno.readTextFileSync(wherry.containerPath(id, "config.json")))
    .namespaces.idRange;
}

function upperPath(wherry: TestEngine, id: string, path: string): string {
  return wherry.containerPath(id, `upper/${path}`);
}

testWhole("root of a container with ids of its own is nobody outside", async (wherry) => {
  const id = await wherry.start(AUTO, ["sleep", "1000"]);
  const { pid } = wherry.readStateRecord(id);

  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const [, uid] = /^Uid:\t(\d+)\t\1\t\1\t\1$/m.exec(status) ?? [];
  const { stdout } = await wherry.run(["exec", id, "id"]);
  await wherry.run(["rm", "-f", id]);

  ok(Number(uid) >= LOWEST, status);
  strictEqual(stdout, "uid=0(root) gid=0(root) groups=0(root)\n");
});

testWhole("the map has 65536 ids unless size says otherwise", async (wherry) => {
  const map = async (userns: string): Promise<string | undefined> => {
    const { stdout } = await wherry.runBusybox(["--userns", userns], ["cat", "/proc/self/gid_map"]);
    return /^\s*0\s+\d+\s+(\d+)\n$/.exec(stdout)?.[1];
  };

  strictEqual(await map("auto"), "65536");
  strictEqual(await map("auto:size=2000"), "2000");
  strictEqual(await map("host"), "4294967295");
});

testWhole("files are root's inside and on the disk, and nothing is copied", async (wherry) => {
  const { stdout } = await wherry.run([
    "run",
    "--name",
    "con",
    ...await wherry.busybox(AUTO),
    "sh",
    "-c",
    "stat -c %u:%g /bin/busybox /etc/hosts /dev /dev/shm /dev/null; " +
    "echo x >/new; mkdir /dir; chown 1000:1000 /dir; chmod 4755 /new; rm /etc/passwd; " +
    "echo more >>/etc/group; stat -c %a /new",
  ]);
  const id = (await wherry.run(["ps", "-aq", "--no-trunc"])).stdout.trim();

  strictEqual(stdout, "0:0\n0:0\n0:0\n0:0\n0:0\n4755\n");
  const owners = ["new", "dir", "etc/passwd", "etc/group"].map((path) => {
    const { uid, gid } = Deno.lstatSync(upperPath(wherry, id, path));
    return `${path} ${uid}:${gid}`;
  });
  deepStrictEqual(owners, ["new 0:0", "dir 1000:1000", "etc/passwd 0:0", "etc/group 0:0"]);
  ok(Deno.lstatSync(upperPath(wherry, id, "etc/passwd")).isCharDevice);
  ok(!exists(upperPath(wherry, id, "bin")));
  const { stdout: changes } = await wherry.run(["diff", "con"]);
  deepStrictEqual(changes.trim().split("\n").toSorted(), [
    "A /dir",
    "A /new",
    "C /etc",
    "C /etc/group",
    "D /etc/passwd",
  ]);
  await wherry.run(["rm", "con"]);
});

testWhole("a directory that replaces one of the image is opaque", async (wherry) => {
  const { stdout } = await wherry.runBusybox(
    AUTO,
    ["sh", "-c", "rm -r /usr; mkdir /usr && touch /usr/a && ls -A /usr"],
  );

  strictEqual(stdout, "a\n");
});

testWhole("a file of the host's root is not readable without idmap", async (wherry) => {
  const secret = `${wherry.scratch}/secret`;
  Deno.writeTextFileSync(secret, "secret\n", { mode: 0o600 });

  const plain = await wherry.runBusybox([...AUTO, "-v", `${secret}:/secret`], ["cat", "/secret"]);
  const mapped = await wherry.runBusybox(
    [...AUTO, "-v", `${secret}:/secret:idmap`],
    ["cat", "/secret"],
  );

  strictEqual(plain.stderr, "cat: can't open '/secret': Permission denied\n");
  strictEqual(plain.stdout, "");
  strictEqual(mapped.stdout, "secret\n");
});

testWhole(
  "what root makes in a bind mount belongs to root outside only with idmap",
  async (wherry) => {
    Deno.chmodSync(wherry.scratch, 0o777);
    const script = "cp /bin/busybox /data/$0 && chmod 4755 /data/$0";

    await wherry.runBusybox([...AUTO, "-v", `${wherry.scratch}:/data`], ["sh", "-c", script, "a"]);
    await wherry.runBusybox(
      [...AUTO, "-v", `${wherry.scratch}:/data:idmap`],
      ["sh", "-c", script, "b"],
    );

    const [a, b] = ["a", "b"].map((name) => Deno.statSync(`${wherry.scratch}/${name}`));
    ok(Number(a?.uid) >= LOWEST);
    strictEqual(b?.uid, 0);
  },
);

testWhole("-v makes a missing source that the container's root can use", async (wherry) => {
  const { code } = await wherry.runBusybox(
    [...AUTO, "-v", `${wherry.scratch}/new:/data`],
    ["touch", "/data/file"],
  );

  strictEqual(code, 0);
});

testWhole("root inside has no power over the kernel", async (wherry) => {
  const attempts = [
    "echo 1 >/proc/sys/kernel/panic",
    "echo 1 >/proc/sys/vm/drop_caches",
    "echo h >/proc/sysrq-trigger",
    "mount -t tmpfs none /m",
    "mount -t sysfs none /m",
    "umount /proc/sys",
    "mknod /node c 1 1",
    "hostname other",
  ];

  const { stdout } = await wherry.runBusybox(
    AUTO,
    [
      "sh",
      "-c",
      ["mkdir /m", ...attempts.map((line) => `(${line}) 2>/dev/null && echo '${line}'`), ":"]
        .join("\n"),
    ],
  );

  strictEqual(stdout, "");
});

testWhole("root inside has power over its network", async (wherry) => {
  const { stdout, stderr } = await wherry.runBusybox(
    AUTO,
    [
      "sh",
      "-c",
      "cat /sys/class/net/eth0/operstate; ping -c 1 -w 5 127.0.0.1 >/dev/null && echo pong",
    ],
  );

  strictEqual(stderr, "");
  strictEqual(stdout, "up\npong\n");
});

for (const network of ["none", "host"]) {
  testWhole(`a container with ids of its own can have --network ${network}`, async (wherry) => {
    const { code, stderr } = await wherry.runBusybox(
      [...AUTO, "--network", network],
      ["sh", "-c", "ls /sys/class/net/lo && cat /etc/hosts"],
    );

    strictEqual(stderr, "");
    strictEqual(code, 0);
  });
}

testWhole("users of the image are its own too", async (wherry) => {
  const id = await wherry.start([...AUTO, "-u", "1000:1000"], ["sleep", "1000"]);
  const { first } = rangeOf(wherry, id);
  const { pid } = wherry.readStateRecord(id);

  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const { stdout } = await wherry.run(["exec", id, "sh", "-c", "id -u; echo x >/dev/stdout"]);
  await wherry.run(["rm", "-f", id]);

  match(status, new RegExp(`^Uid:\\t${first + 1000}\\t`, "m"));
  strictEqual(stdout, "1000\nx\n");
});

testWhole("a user beyond the container's ids is refused", async (wherry) => {
  const { code, stderr } = await wherry.runBusybox(
    ["--userns", "auto:size=1000", "-u", "1000"],
    ["true"],
  );

  notStrictEqual(code, 0);
  match(stderr, /Cannot run as user "1000": the container has 1000 ids, and 1000 is none of them/);
});

testWhole("a terminal belongs to the container's user", async (wherry) => {
  await using terminal = wherry.openTerminal([
    "run",
    "--rm",
    "-it",
    ...await wherry.busybox([...AUTO, "-u", "1000"]),
    "sh",
    "-c",
    'echo "owner $(stat -L -c %u:%g /proc/self/fd/0) $(tty)"; echo through >/dev/tty',
  ]);

  await terminal.waitFor("owner 1000:5 /dev/pts/0");
  await terminal.waitFor("through");
  strictEqual(await terminal.finish(), 0);
});

testWhole("it restarts and starts again with the same ids", async (wherry) => {
  const id = await wherry.start(AUTO, ["sh", "-c", "touch /made; exec sleep 1000"]);
  const before = rangeOf(wherry, id);
  await eventually(() => exists(upperPath(wherry, id, "made")));

  strictEqual((await wherry.run(["restart", "-t", "0", id])).code, 0);
  strictEqual((await wherry.run(["stop", "-t", "0", id])).code, 0);
  strictEqual((await wherry.run(["start", id])).code, 0);
  const { stdout } = await wherry.run(["exec", id, "stat", "-c", "%u", "/made"]);
  await wherry.run(["rm", "-f", id]);

  strictEqual(stdout, "0\n");
  ok(before.count === 65_536);
});

testWhole("a health check runs with its ids", async (wherry) => {
  const id = await wherry.start([
    ...AUTO,
    "--health-cmd",
    "test $(id -u) = 0 && touch /checked",
    "--health-interval",
    "100ms",
  ], ["sleep", "1000"]);

  await eventually(async () => {
    const { stdout } = await wherry.run(["inspect", "-f", "{{.State.Health.Status}}", id]);
    return stdout === "healthy\n";
  });
  strictEqual(Deno.statSync(upperPath(wherry, id, "checked")).uid, 0);
  await wherry.run(["rm", "-f", id]);
});

testWhole("commit and export have the files as any container's", async (wherry) => {
  await importBusybox(wherry, "box");
  await wherry.run([
    "run",
    "--name",
    "con",
    ...AUTO,
    "box",
    "sh",
    "-c",
    "echo x >/made; chown 7:8 /made",
  ]);

  strictEqual((await wherry.run(["commit", "con", "made"])).code, 0);
  const { stdout } = await wherry.run(["run", "--rm", "made", "stat", "-c", "%u:%g", "/made"]);
  await wherry.run(["export", "-o", `${wherry.scratch}/c.tar`, "con"]);
  const listing = await wherry.runHost("tar", "--numeric-owner", "-tvf", `${wherry.scratch}/c.tar`);
  await wherry.run(["rm", "con"]);

  strictEqual(stdout, "7:8\n");
  match(listing, /^-rw-r--r-- 7\/8 .* made$/m);
});

testWhole("containers of an image share its layers, and no two share ids", async (wherry) => {
  await importBusybox(wherry, "box");
  const results = await Promise.all(
    Array.from({ length: 30 }, () => wherry.run(["create", ...AUTO, "box", "true"])),
  );
  const ids = results.map(({ stdout }) => stdout.trim());

  const ranges = ids.map((id) => rangeOf(wherry, id)).toSorted((a, b) => a.first - b.first);
  for (const [index, { first, count }] of ranges.entries()) {
    const next = ranges[index + 1];
    ok(next === undefined || first + count <= next.first, JSON.stringify(ranges));
  }
  strictEqual((await wherry.run(["start", "-a", ids[7] ?? ""])).code, 0);
  strictEqual((await wherry.run(["rm", ...ids])).code, 0);
});

testWhole("the ids of a container that is removed are free again", async (wherry) => {
  const first = async (): Promise<number> => {
    const { stdout } = await wherry.run(["create", ...await wherry.busybox(AUTO), "true"]);
    const range = rangeOf(wherry, stdout.trim());
    await wherry.run(["rm", stdout.trim()]);
    return range.first;
  };

  strictEqual(await first(), await first());
});

testWhole("inspect tells which ids are its own", async (wherry) => {
  const { stdout: id } = await wherry.run(["create", ...await wherry.busybox(AUTO), "true"]);
  const { first } = rangeOf(wherry, id.trim());

  const { stdout } = await wherry.run([
    "inspect",
    "-f",
    "{{.HostConfig.UsernsMode}} {{json .HostConfig.IDMappings.UidMap}}",
    id.trim(),
  ]);
  await wherry.run(["rm", id.trim()]);

  strictEqual(stdout, `auto ["0:${first}:65536"]\n`);
});

testWhole("nobody with ids of its own joins a container, or is joined", async (wherry) => {
  const plain = await wherry.start(["--name", "plain"], ["sleep", "1000"]);
  const mapped = await wherry.start([...AUTO, "--name", "mapped"], ["sleep", "1000"]);

  for (const kind of ["network", "pid", "ipc"]) {
    const joining = await wherry.runBusybox([...AUTO, `--${kind}`, "container:plain"], ["true"]);
    const joined = await wherry.runBusybox([`--${kind}`, "container:mapped"], ["true"]);
    match(joining.stderr, /of container "plain": the new one has ids of its own/);
    match(joined.stderr, /of container "mapped": it has ids of its own/);
  }

  await wherry.run(["rm", "-f", plain, mapped]);
});

testWhole("CAP_SYS_ADMIN mounts inside, and undoes nothing of what is there", async (wherry) => {
  const attempts = [
    "umount /proc/sys",
    "umount /proc/keys",
    "mount -o remount,rw /proc/sys",
    "mount -o remount,bind,rw /sys",
    "mount -t proc none /m",
    "mount -t sysfs none /m",
    "mount -o bind,dev /dev /m && mknod /m/kmsg c 1 11",
  ];
  const script = [
    "mkdir /m",
    "mount -t tmpfs none /m && umount /m && echo mounted",
    ...attempts.map((line) => `(${line}) 2>/dev/null && echo '${line}'`),
    ":",
  ];

  const { stdout } = await wherry.runBusybox(
    [...AUTO, "--cap-add", "SYS_ADMIN"],
    ["sh", "-c", script.join("\n")],
  );

  strictEqual(stdout, "mounted\n");
});

testWhole("limits are raised by the host's root, in exec too", async (wherry) => {
  const id = await wherry.start(
    [...AUTO, "--ulimit", "nofile=300:400", "--group-add", "100", "--init"],
    ["sleep", "1000"],
  );

  const { stdout, stderr } = await wherry.run([
    "exec",
    id,
    "sh",
    "-c",
    "ulimit -n; ulimit -Hn; id -G",
  ]);
  await wherry.run(["rm", "-f", id]);

  strictEqual(stderr, "");
  strictEqual(stdout, "300\n400\n0 100\n");
});

testWhole("a root file system that is a copy can have ids of its own", async (wherry) => {
  const { stdout } = await wherry.run([
    "--storage-driver",
    "copy",
    "run",
    "--rm",
    ...await wherry.busybox(AUTO),
    "sh",
    "-c",
    "stat -c %u /bin/busybox && touch /new && cat /proc/self/uid_map | wc -l",
  ]);

  strictEqual(stdout, "0\n1\n");
});

testWhole(
  "a command that is killed while it makes the namespaces leaves nothing",
  async (wherry) => {
    const args = ["run", "-d", ...await wherry.busybox(AUTO), "sleep", "1000"];
    for (let delayMs = 0; delayMs < 60; delayMs += 3) {
      const child = wherry.spawn(args);
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      killUnlessGone(child.pid);
      await child.output();
    }

    await wherry.run(["system", "recover"]);
    const { stdout } = await wherry.run(["ps", "-aq"]);
    const ids = stdout.split("\n").filter((id) => id !== "");
    if (ids.length > 0) await wherry.run(["rm", "-f", ...ids]);
    deepStrictEqual(listNames(`${wherry.root}/containers`), []);
  },
);

for (
  const [flags, message] of [
    [["--userns", "keep-id"], /invalid USER mode: "keep-id"/],
    [["--userns", "auto:size=10"], /1000 to 2147483648 ids/],
    [[...AUTO, "--privileged"], /privileged mode is incompatible with user namespaces/],
    [["--userns", "auto:size=2147483648"], /Cannot find 2147483648 ids for the container/],
    [["-v", "/etc:/mnt:idmap"], /with idmap: the container has no ids of its own/],
  ] as const
) {
  testWhole(`${flags.join(" ")} is refused`, async (wherry) => {
    const { code, stderr } = await wherry.runBusybox(flags, ["true"]);

    strictEqual(code, 125);
    match(stderr, message);
  });
}
