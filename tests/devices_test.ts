/** `run --device` and `--device-cgroup-rule`: which of the host's devices work inside, and that no other one does. @module */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { eventually, type Result, type TestEngine, testWhole } from "./harness.ts";
import { needs } from "./needs.ts";

/** A device that nearly every host has, and no container; whoever may open it needs no right besides. */
const FUSE = { path: "/dev/fuse", numbers: "c 10 229", type: "a,e5" };

/** A shell function that says whether a device can be opened for reading, writing, and both. */
const TRY = "try() { r=-; w=-; b=-; (: <$1) 2>&- && r=r; (: >>$1) 2>&- && w=w; " +
  '(: <>$1) 2>&- && b=b; echo "${1##*/} $r$w$b"; }; ';

/** What {@linkcode TRY} prints of each path, after `prepare`. */
async function tryDevices(
  wherry: TestEngine,
  flags: readonly string[],
  paths: readonly string[],
  prepare = ":",
): Promise<string[]> {
  const script = `${TRY}${prepare}; for path; do try $path; done`;
  const { stdout, stderr } = await wherry.runBusybox(flags, ["sh", "-c", script, "sh", ...paths]);
  strictEqual(stderr, "");
  return stdout.trimEnd().split("\n");
}

testWhole(
  "a device that every container has works wherever a container makes it",
  async (wherry) => {
    const volume = `${wherry.scratch}/volume`;
    Deno.mkdirSync(volume);
    const directories = ["", "/tmp", "/dev", "/volume", "/x"];

    const results = await tryDevices(
      wherry,
      ["-v", `${volume}:/volume`, "--tmpfs", "/x:dev"],
      directories.map((directory) => `${directory}/made`),
      `for dir in '' ${directories.join(" ")}; do mknod $dir/made c 1 3; done`,
    );

    deepStrictEqual(results, Array(directories.length).fill("made rwb"));
  },
);

testWhole("a device of the host that a container makes cannot be opened", async (wherry) => {
  const numbers = ["c 1 1", "c 1 2", "c 1 4", "c 1 11", "c 4 0", "c 10 1", FUSE.numbers, "c 29 0"]
    .concat(["b 1 3", "b 7 0", "b 8 0", "b 136 0", "b 254 0", "b 259 0"]);

  const results = await tryDevices(
    wherry,
    [],
    numbers.map((_, index) => `/made/${index}`),
    `mkdir /made; ${numbers.map((text, index) => `mknod /made/${index} ${text}`).join("; ")}`,
  );

  deepStrictEqual(results, numbers.map((_, index) => `${index} ---`));
});

testWhole("a device that is refused is refused as not permitted", async (wherry) => {
  const script = `mknod /made ${FUSE.numbers}; cat /made`;

  const { code, stderr } = await wherry.runBusybox([], ["sh", "-c", script]);

  deepStrictEqual([code, stderr], [1, "cat: can't open '/made': Operation not permitted\n"]);
});

testWhole("devices in an image and in a volume work as far as they are allowed", async (wherry) => {
  const image = await wherry.copyOfImage();
  const volume = `${wherry.scratch}/volume`;
  Deno.mkdirSync(volume);
  for (const directory of [image, volume]) {
    await wherry.runHost("mknod", `${directory}/zero`, "c", "1", "5");
    await wherry.runHost("mknod", `${directory}/fuse`, ...FUSE.numbers.split(" "));
  }
  const script = `${TRY} try /zero; try /fuse; try /volume/zero; try /volume/fuse`;

  const { stdout } = await wherry.run(
    ["run", "--rm", "-v", `${volume}:/volume`, "--rootfs", image, "sh", "-c", script],
  );

  strictEqual(stdout, "zero rwb\nfuse ---\nzero rwb\nfuse ---\n");
});

testWhole("a process that is added has no more devices, nor has a health check", async (wherry) => {
  const script = `mknod /made ${FUSE.numbers}; exec sleep 1000`;
  const check = ["--health-cmd", "cat </made", "--health-interval", "50ms"];
  const id = await wherry.start([...check, "--health-retries", "1"], ["sh", "-c", script]);

  const added = await wherry.run(["exec", "--privileged", id, "sh", "-c", ": </made"]);
  const health = "{{.State.Health.Status}} {{(index .State.Health.Log 0).Output}}";
  await eventually(async () =>
    (await wherry.run(["inspect", "-f", health, id])).stdout.startsWith("unhealthy")
  );
  const checked = await wherry.run(["inspect", "-f", health, id]);

  match(added.stderr, /can't open \/made: Operation not permitted/);
  match(checked.stdout, /^unhealthy .*can't open \/made: Operation not permitted/);
  await wherry.run(["rm", "-f", id]);
});

testWhole("a container that is started again has the same devices", async (wherry) => {
  const script = `${TRY} try ${FUSE.path}; mknod /made b 7 0; try /made; rm /made; exit 1`;
  const flags = ["--device", `${FUSE.path}:r`, "--restart", "on-failure:1", "--name", "twice"];
  await wherry.run(["run", ...await wherry.busybox(flags), "sh", "-c", script]);
  await wherry.run(["wait", "twice"]);

  await wherry.run(["start", "-a", "twice"]);
  const logs = await wherry.run(["logs", "twice"]);

  strictEqual(logs.stdout, "fuse r--\nmade ---\n".repeat(logs.stdout.split("\n").length >> 1));
  ok(logs.stdout.split("\n").length >= 7, logs.stdout);
  await wherry.run(["rm", "-f", "twice"]);
});

testWhole("--device gives a device as far as it says", async (wherry) => {
  const [all] = await tryDevices(wherry, ["--device", FUSE.path], [FUSE.path]);
  const [read] = await tryDevices(wherry, ["--device", `${FUSE.path}:r`], [FUSE.path]);
  const [write] = await tryDevices(wherry, ["--device", `${FUSE.path}:/dev/log:wm`], ["/dev/log"]);

  deepStrictEqual([all, read, write], ["fuse rwb", "fuse r--", "log -w-"]);
});

testWhole("--device joins what is said of one device", async (wherry) => {
  const flags = ["--device", `${FUSE.path}:r`, "--device", `${FUSE.path}:/dev/log:w`];

  const results = await tryDevices(wherry, flags, [FUSE.path, "/dev/log"]);

  deepStrictEqual(results, ["fuse rwb", "log rwb"]);
});

testWhole("--device keeps owner and mode, follows a link and makes directories", async (wherry) => {
  const device = `${wherry.scratch}/device`;
  await wherry.runHost("mknod", "-m", "640", device, ...FUSE.numbers.split(" "));
  await wherry.runHost("chown", "1000:2000", device);
  Deno.symlinkSync("device", `${wherry.scratch}/link`);

  const { stdout } = await wherry.runBusybox(
    ["--device", `${wherry.scratch}/link:/dev/a/b/c`, "--device", `${device}:/data/d`],
    ["stat", "-c", "%n %a %u %g %t,%T", "/dev/a/b/c", "/data/d"],
  );

  strictEqual(
    stdout,
    `/dev/a/b/c 640 1000 2000 ${FUSE.type}\n/data/d 640 1000 2000 ${FUSE.type}\n`,
  );
});

testWhole("--device takes all devices of a directory and below", async (wherry) => {
  const directory = `${wherry.scratch}/devices`;
  Deno.mkdirSync(`${directory}/deep/er`, { recursive: true });
  for (const name of ["one", "deep/two", "deep/er/three"]) {
    await wherry.runHost("mknod", `${directory}/${name}`, ...FUSE.numbers.split(" "));
  }
  Deno.writeTextFileSync(`${directory}/file`, "");
  Deno.symlinkSync("one", `${directory}/link`);

  const { stdout } = await wherry.runBusybox(
    ["--device", `${directory}:/dev/mine:r`],
    ["sh", "-c", `${TRY} cd /dev/mine; for path in $(find . ! -type d | sort); do try $path; done`],
  );

  strictEqual(stdout, "three r--\ntwo r--\none r--\n");
});

testWhole("--device works for any place, and leaves no device in the layer", async (wherry) => {
  const volume = `${wherry.scratch}/volume`;
  Deno.mkdirSync(volume);
  const flags = ["--device", `${FUSE.path}:/data/fuse`, "--device", `${FUSE.path}:/volume/fuse`]
    .concat(["--device", FUSE.path, "-v", `${volume}:/volume`, "--read-only", "--name", "one"]);
  const script =
    `r() { (: <$1) && echo $1; }; chmod 777 /data/fuse; r /data/fuse; r /volume/fuse; ` +
    "r /dev/fuse";

  const run = await wherry.run(["run", ...await wherry.busybox(flags), "sh", "-c", script]);
  const diff = await wherry.run(["diff", "one"]);
  await wherry.run(["export", "-o", "all.tar", "one"]);
  const list = await wherry.runHost("tar", "-tvf", `${wherry.scratch}/all.tar`);

  strictEqual(run.stdout, "/data/fuse\n/volume/fuse\n/dev/fuse\n");
  strictEqual(run.stderr, "chmod: /data/fuse: Read-only file system\n");
  ok(!diff.stdout.includes("/dev/fuse"), diff.stdout);
  strictEqual(/^[bc]/m.test(list), false, list);
  strictEqual(Deno.statSync(`${volume}/fuse`).isFile, true);
  await wherry.run(["rm", "one"]);
});

testWhole(
  "--device allows a device of the host's /dev, which is mounted inside",
  async (wherry) => {
    const mount = ["-v", "/dev:/dev"];

    const without = await tryDevices(wherry, mount, [FUSE.path, "/dev/null"]);
    const allowed = await tryDevices(wherry, [...mount, "--device", `${FUSE.path}:r`], [FUSE.path]);

    deepStrictEqual(without, ["fuse ---", "null rwb"]);
    deepStrictEqual(allowed, ["fuse r--"]);
  },
);

testWhole("--device allows a device that is mounted on its own", async (wherry) => {
  const mount = ["-v", `${FUSE.path}:/log`];

  const results = [
    await tryDevices(wherry, mount, ["/log"]),
    await tryDevices(wherry, [...mount, "--device-cgroup-rule", "c 10:229 r"], ["/log"]),
  ];

  deepStrictEqual(results, [["log ---"], ["log r--"]]);
});

testWhole("--device of another device takes the place of a usual one", async (wherry) => {
  const { stdout } = await wherry.runBusybox(
    ["--device", "/dev/zero:/dev/full"],
    ["sh", "-c", "stat -c %t,%T /dev/full; echo x >/dev/full && echo written"],
  );

  strictEqual(stdout, "1,5\nwritten\n");
});

testWhole("--device-cgroup-rule allows devices by their numbers", async (wherry) => {
  const make = `mknod /fuse ${FUSE.numbers}; mknod /mem c 1 1`;
  const paths = ["/fuse", "/mem"];

  const one = await tryDevices(wherry, ["--device-cgroup-rule", "c 10:229 r"], paths, make);
  const two = await tryDevices(
    wherry,
    ["--device-cgroup-rule", "c 10:229 r", "--device-cgroup-rule", "c 10:229 w"],
    paths,
    make,
  );
  const blocks = await tryDevices(wherry, ["--device-cgroup-rule=b *:* rwm"], paths, make);
  const all = await tryDevices(wherry, ["--device-cgroup-rule=a *:* r"], paths, make);

  const everything = await tryDevices(wherry, ["--device-cgroup-rule=a *:* rwm"], paths, make);

  deepStrictEqual(one, ["fuse r--", "mem ---"]);
  deepStrictEqual(two, ["fuse rwb", "mem ---"]);
  deepStrictEqual(blocks, ["fuse ---", "mem ---"]);
  strictEqual(all[0], "fuse r--");
  strictEqual(everything[0], "fuse rwb");
});

testWhole(
  "--device gives a block device, for reading alone if it says so",
  async (wherry) => {
    const file = `${wherry.scratch}/disk`;
    Deno.writeTextFileSync(file, "on the disk\n".padEnd(4096, "."));
    const loop = (await wherry.runHost("losetup", "--find", "--show", file)).trim();
    try {
      const { stdout } = await wherry.runBusybox(
        ["--device", `${loop}:/dev/disk:r`],
        ["sh", "-c", `${TRY} head -n 1 /dev/disk; try /dev/disk; stat -c %F /dev/disk`],
      );

      strictEqual(stdout, "on the disk\ndisk r--\nblock special file\n");
    } finally {
      await wherry.runHost("losetup", "--detach", loop);
    }
  },
  { ignore: !needs("loop") },
);

for (
  const { flag, why } of [
    {
      flag: "--device=/dev/no-such-device",
      why: "error gathering device information while adding custom device " +
        '"/dev/no-such-device": no such file or directory',
    },
    {
      flag: "--device=/etc/passwd",
      why: 'error gathering device information while adding custom device "/etc/passwd": ' +
        "not a device node",
    },
    {
      flag: "--device=/etc/passwd/x",
      why: 'error gathering device information while adding custom device "/etc/passwd/x": ' +
        "not a directory",
    },
    {
      flag: "--device=/etc:/dev/etc",
      why: 'error gathering device information while adding custom device "/etc": ' +
        "not a device node",
    },
    { flag: "--device=/dev/fuse:/dev/fuse:x", why: "bad mode specified: x" },
    { flag: "--device=:", why: "bad format for path: :" },
    {
      flag: "--device=nvidia.com/gpu=all",
      why: 'Cannot use --device "nvidia.com/gpu=all": ' +
        "specifications of the Container Device Interface are not read",
    },
    {
      flag: "--device-cgroup-rule=c 10:229",
      why: 'invalid argument "c 10:229" for "--device-cgroup-rule" flag: ' +
        "invalid device cgroup format 'c 10:229'",
    },
    {
      flag: "--gpus=all",
      why: 'Cannot use --gpus "all": no driver\'s libraries are put into a container',
    },
  ]
) {
  testWhole(`run refuses ${flag}`, async (wherry) => {
    const { code, stdout, stderr } = await wherry.runBusybox([flag], ["true"]);

    deepStrictEqual([code, stdout, stderr.split("\n", 1)[0]], [125, "", `wherry: ${why}`]);
  });
}

testWhole(
  "start finds a device that has come meanwhile, and says when it has gone",
  async (wherry) => {
    const device = `${wherry.scratch}/device`;
    const flags = ["--name", "late", "--device", `${device}:/dev/mine`];
    await wherry.run([
      "create",
      ...await wherry.busybox(flags),
      "stat",
      "-c",
      "%t,%T",
      "/dev/mine",
    ]);

    const missing = await wherry.run(["start", "-a", "late"]);
    await wherry.runHost("mknod", device, ...FUSE.numbers.split(" "));
    const found = await wherry.run(["start", "-a", "late"]);

    strictEqual(missing.code, 1);
    match(missing.stderr, /custom device ".*\/device": no such file or directory/);
    strictEqual(found.stdout, `${FUSE.type}\n`);
    await wherry.run(["rm", "late"]);
  },
);

testWhole("inspect tells the devices that were asked for", async (wherry) => {
  const flags = [
    "--name",
    "one",
    "--device",
    "/dev/fuse:/dev/log:r",
    "--device-cgroup-rule",
    "c 1:1 r",
  ];
  await wherry.run(["create", ...await wherry.busybox(flags), "true"]);
  await wherry.run(["create", ...await wherry.busybox(["--name", "two"]), "true"]);
  const template = "{{json .HostConfig.Devices}} {{json .HostConfig.DeviceCgroupRules}}";

  const { stdout } = await wherry.run(["inspect", "-f", template, "one", "two"]);

  strictEqual(
    stdout,
    '[{"PathOnHost":"/dev/fuse","PathInContainer":"/dev/log","CgroupPermissions":"r"}] ["c 1:1 r"]\n' +
      "[] null\n",
  );
  await wherry.run(["rm", "one", "two"]);
});

/** Shell commands that leave no cgroup file system of these types in sight. */
function unmount(types: "cgroup2" | "cgroup2?"): string {
  return `for point in $(awk '$3 ~ /^${types}$/ { print $2 }' /proc/mounts | tac); ` +
    "do umount -l $point; done";
}

/** Shell commands after which there are no cgroups but those of version 1, the devices controller among them. */
const ONLY_V1 = `${unmount("cgroup2")}; grep -q '^[^ ]* [^ ]* cgroup .*,devices' /proc/mounts || ` +
  "{ mkdir -p devices; mount -t cgroup -o devices devices devices; }";

/** Runs a container where the host's mounts, in a namespace of their own, have been changed. */
async function runAfter(
  wherry: TestEngine,
  prepare: string,
  flags: readonly string[],
  script: string,
): Promise<Result> {
  const command = ["run", "--rm", ...await wherry.busybox(flags), "sh", "-c", script];
  return await wherry.runCommand([
    ...["unshare", "--mount", "sh", "-e", "-c", `${prepare}; exec "$@"`, "sh"],
    ...wherry.commandLine(command),
  ]);
}

/** What a container that may use nothing special finds out. */
const USUAL = `${TRY} mknod /zero c 1 5; mknod /fuse ${FUSE.numbers}; ` +
  "for path in /zero /fuse /dev/zero /dev/null; do try $path; done";

testWhole(
  "--privileged has all devices of the host, and more where somebody asks for them",
  async (wherry) => {
    const device = `${wherry.scratch}/device`;
    await wherry.runHost("mknod", device, ...FUSE.numbers.split(" "));
    const script =
      `${TRY} try /dev/fuse; try /dev/mine; mknod /made c 1 11; : </made && echo kmsg; ` +
      "cd /dev; stat -c '%n %a %t,%T' fuse full; ls -d pts/ptmx ptmx shm mqueue; test -e console";

    const { code, stdout, stderr } = await wherry.runBusybox(
      ["--privileged", "--device", `${device}:/dev/mine`],
      ["sh", "-c", script],
    );

    const host = await wherry.runHost("stat", "-c", "%n %a %t,%T", FUSE.path, "/dev/full");
    strictEqual(
      stdout,
      `fuse rwb\nmine rwb\nkmsg\n${host.replaceAll("/dev/", "")}mqueue\nptmx\npts/ptmx\nshm\n`,
    );
    deepStrictEqual([code, stderr], [1, ""]);
  },
);

testWhole("on a host without cgroups only the usual devices in /dev work", async (wherry) => {
  const { stdout } = await runAfter(wherry, unmount("cgroup2?"), [], USUAL);

  strictEqual(stdout, "zero ---\nfuse ---\nzero rwb\nnull rwb\n");
});

testWhole(
  "on a host without cgroups whole devices can be given, and nothing finer",
  async (wherry) => {
    const why = "this host has neither a writable cgroup2 file system with BPF nor the devices " +
      "controller of cgroup v1";
    const refused = [
      {
        flags: ["--device", "/dev/fuse:r"],
        message: 'Cannot use --device "/dev/fuse:/dev/fuse:r"',
      },
      {
        flags: ["--device-cgroup-rule", "c 10:229 r"],
        message: 'Cannot use --device-cgroup-rule "c 10:229 r"',
      },
    ];

    const given = await runAfter(
      wherry,
      unmount("cgroup2?"),
      ["--device", FUSE.path],
      `${TRY} try /dev/fuse`,
    );
    const mounted = await runAfter(
      wherry,
      unmount("cgroup2?"),
      ["--tmpfs", "/x:size=1m,dev"],
      "true",
    );

    strictEqual(given.stdout, "fuse rwb\n");
    deepStrictEqual([mounted.code, mounted.stderr.split("\n")], [125, [
      'wherry: Cannot mount "/x:size=1m,dev": device files would open the host\'s devices',
      `Leave out dev: ${why}`,
      "",
    ]]);
    for (const { flags, message } of refused) {
      const { code, stderr } = await runAfter(wherry, unmount("cgroup2?"), flags, "true");
      deepStrictEqual([code, stderr.split("\n", 1)[0]], [125, `wherry: ${message}: ${why}`]);
    }
  },
);

testWhole(
  "on a host with cgroups of version 1 alone their devices controller decides",
  async (wherry) => {
    const usual = await runAfter(wherry, ONLY_V1, ["--tmpfs", "/x:dev"], USUAL);
    const given = await runAfter(wherry, ONLY_V1, ["--device", `${FUSE.path}:r`], USUAL);
    const rule = await runAfter(wherry, ONLY_V1, ["--device-cgroup-rule", "c 10:229 w"], USUAL);

    strictEqual(usual.stdout, "zero rwb\nfuse ---\nzero rwb\nnull rwb\n");
    strictEqual(given.stdout, "zero rwb\nfuse r--\nzero rwb\nnull rwb\n");
    strictEqual(rule.stdout, "zero rwb\nfuse -w-\nzero rwb\nnull rwb\n");
  },
);

testWhole(
  "on a host with cgroups of version 1 alone an added process has no more devices",
  async (wherry) => {
    const script = `${ONLY_V1}; exec "$@"`;
    const inside = (...args: string[]): Promise<Result> =>
      wherry.runCommand([
        "unshare",
        "--mount",
        "sh",
        "-e",
        "-c",
        script,
        "sh",
        ...wherry.commandLine(args),
      ]);
    await inside("run", "-d", "--name", "one", ...await wherry.busybox(), "sleep", "1000");

    const { stderr } = await inside(
      "exec",
      "one",
      "sh",
      "-c",
      `mknod /made ${FUSE.numbers}; : </made`,
    );

    match(stderr, /can't open \/made: Operation not permitted/);
    await inside("rm", "-f", "one");
  },
);
