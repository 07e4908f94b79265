/** What a container may do: capabilities, limits, parameters, groups, and what it sees of the kernel. @module */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { eventually, type Result, type TestEngine, testWhole } from "./harness.ts";

const SHOW = ["grep", "-E", "^Cap(Prm|Eff|Bnd|Amb)", "/proc/self/status"];

/** As {@linkcode SHOW} prints it. */
function sets(permitted: string, bounding: string, ambient: string): string {
  const all = [["Prm", permitted], ["Eff", permitted], ["Bnd", bounding], ["Amb", ambient]];
  return all.map(([name = "", mask = ""]) => `Cap${name}:\t${mask.padStart(16, "0")}\n`).join("");
}

const DEFAULT = "a80425fb";
const NET_BIND_SERVICE = "400";

/** What wherry itself may do, which is what these tests may. */
function ownCapabilities(): bigint {
  const status = Deno.readTextFileSync("/proc/self/status");
  return BigInt(`0x${/^CapPrm:\s*([0-9a-f]+)$/m.exec(status)?.[1]}`);
}

/** A command of wherry's that lacks capabilities, in setpriv's words: `-sys_time,-sys_resource`. */
async function runWithout(
  wherry: TestEngine,
  capabilities: string,
  args: readonly string[],
): Promise<Result> {
  const command = wherry.commandLine(args);
  return await wherry.runCommand(["setpriv", "--bounding-set", capabilities, ...command]);
}

function assertRefused({ code, stdout, stderr }: Result, message: RegExp | string): void {
  if (typeof message === "string") ok(stderr.includes(message), stderr);
  else match(stderr, message);
  match(stderr, /^wherry: [^\n]+\n(?:[^\n]+\n)?$/);
  deepStrictEqual([code, stdout], [125, ""], stderr);
}

async function assertNoContainer(wherry: TestEngine): Promise<void> {
  strictEqual((await wherry.run(["ps", "-aq"])).stdout, "");
}

testWhole("root has what is added and not what is dropped", async (wherry) => {
  const { stdout } = await wherry.runBusybox(
    ["--cap-drop", "ALL", "--cap-add", "net_bind_service", "--cap-add", "CAP_CHOWN"],
    SHOW,
  );

  strictEqual(stdout, sets("401", "401", "0"));
});

testWhole("another user holds what is added, and nothing else", async (wherry) => {
  const flags = ["-u", "1000", "--cap-add", "NET_BIND_SERVICE"];

  const plain = await wherry.runBusybox(flags, SHOW);
  const withInit = await wherry.runBusybox(["--init", ...flags], SHOW);

  const expected = sets(NET_BIND_SERVICE, DEFAULT, NET_BIND_SERVICE);
  deepStrictEqual([plain.stdout, withInit.stdout], [expected, expected]);
});

testWhole("another user can use what is added in what it executes", async (wherry) => {
  const script = "touch /t/file && chown 0 /t/file && stat -c %u /t/file";
  const flags = ["-u", "1000", "--tmpfs", "/t:mode=1777"];

  const without = await wherry.runBusybox(flags, ["sh", "-c", script]);
  const added = await wherry.runBusybox([...flags, "--cap-add", "chown"], ["sh", "-c", script]);

  match(without.stderr, /Operation not permitted/);
  strictEqual(added.stdout, "0\n");
});

testWhole("--cap-add ALL and --privileged give all that wherry has", async (wherry) => {
  const all = ownCapabilities().toString(16);

  const added = await wherry.runBusybox(["--cap-add", "all"], SHOW);
  const privileged = await wherry.runBusybox(["--privileged"], SHOW);

  deepStrictEqual([added.stdout, privileged.stdout], Array(2).fill(sets(all, all, "0")));
});

testWhole("a privileged container lacks what is dropped", async (wherry) => {
  const most = (ownCapabilities() & ~(1n << 16n)).toString(16);

  const { stdout } = await wherry.runBusybox(["--privileged", "--cap-drop", "SYS_MODULE"], SHOW);

  strictEqual(stdout, sets(most, most, "0"));
});

testWhole(
  "a capability that wherry lacks is refused by name, and left out of ALL",
  async (wherry) => {
    const run = async (capability: string): Promise<Result> =>
      await runWithout(wherry, "-sys_time", [
        ...["run", "--rm", "--cap-add", capability],
        ...await wherry.busybox(),
        ...SHOW,
      ]);

    const named = await run("sys_time");
    const all = await run("ALL");

    assertRefused(named, 'not available in the current environment: "CAP_SYS_TIME"');
    const rest = (ownCapabilities() & ~(1n << 25n)).toString(16);
    strictEqual(all.stdout, sets(rest, rest, "0"));
    await assertNoContainer(wherry);
  },
);

testWhole("wherry without a default capability says what to do", async (wherry) => {
  const image = await wherry.busybox();

  const refused = await runWithout(wherry, "-audit_write", ["run", "--rm", ...image, "true"]);
  const dropped = await runWithout(wherry, "-audit_write", [
    ...["run", "--rm", "--cap-drop", "audit_write"],
    ...image,
    "true",
  ]);

  assertRefused(refused, "Cannot give the container its capabilities: wherry lacks some of them");
  strictEqual(dropped.stderr, "");
});

testWhole("exec has the container's capabilities, added ones as its user alone", async (wherry) => {
  await wherry.start(["--name", "box", "-u", "1000", "--cap-add", "NET_BIND_SERVICE"], [
    "sleep",
    "1000",
  ]);

  const same = await wherry.run(["exec", "box", ...SHOW]);
  const other = await wherry.run(["exec", "-u", "daemon", "box", ...SHOW]);
  const root = await wherry.run(["exec", "-u", "0", "box", ...SHOW]);

  strictEqual(same.stdout, sets(NET_BIND_SERVICE, DEFAULT, NET_BIND_SERVICE));
  strictEqual(other.stdout, sets("0", DEFAULT, "0"));
  strictEqual(root.stdout, sets(DEFAULT, DEFAULT, "0"));
  await wherry.run(["rm", "-f", "box"]);
});

testWhole("a set-user-ID program gives nothing under no-new-privileges", async (wherry) => {
  const image = await wherry.copyOfImage();
  const source = new URL("effective_id.c", import.meta.url).pathname;
  const compiler = Deno.env.get("CC") || "gcc";
  await wherry.runHost(compiler, "-static", "-O1", "-o", `${image}/bin/effective`, source);
  Deno.chmodSync(`${image}/bin/effective`, 0o4755);
  const run = async (...flags: string[]): Promise<string> =>
    (await wherry.run(["run", "--rm", "-u", "1000", ...flags, "--rootfs", image, "effective"]))
      .stdout;

  const plain = await run();
  const kept = await run("--security-opt", "no-new-privileges");
  const named = await run("--security-opt", "no-new-privileges:true");
  const not = await run("--security-opt", "no-new-privileges=false");

  deepStrictEqual([plain, kept, named, not], [
    "1000 0\n",
    "1000 1000\n",
    "1000 1000\n",
    "1000 0\n",
  ]);
});

testWhole("limits, groups, umask and OOM score are those asked for", async (wherry) => {
  const script = "ulimit -Sn; ulimit -Hn; ulimit -c; id -G; umask; cat /proc/self/oom_score_adj; " +
    "grep NoNewPrivs /proc/self/status";
  const flags = [
    ...["--ulimit", "nofile=100:200", "--ulimit", "core=0", "--umask", "027"],
    ...["--group-add", "daemon", "--group-add", "4711", "--oom-score-adj", "700"],
    ...["--security-opt", "no-new-privileges", "-u", "1000:1000"],
  ];
  await wherry.start(["--name", "box", ...flags], ["sleep", "1000"]);

  const first = await wherry.run(["exec", "box", "sh", "-c", "cat /proc/1/limits /proc/1/status"]);
  const second = await wherry.run(["exec", "box", "sh", "-c", script]);
  const other = await wherry.run(["exec", "-u", "2000", "box", "id", "-G"]);

  match(first.stdout, /^Max open files +100 +200 /m);
  match(first.stdout, /^NoNewPrivs:\t1$/m);
  match(first.stdout, /^Umask:\t0027$/m);
  match(first.stdout, /^Groups:\t1 1000 4711 $/m);
  strictEqual(second.stdout, "100\n200\n0\n1000 1 4711\n0027\n700\nNoNewPrivs:\t1\n");
  strictEqual(other.stdout, "0 1 4711\n");
  await wherry.run(["rm", "-f", "box"]);
});

testWhole(
  "health checks, restarts and a new start keep what a container may do",
  async (wherry) => {
    const check = '[ "$(ulimit -n)" = 99 ] && grep -q "^CapBnd:.0*$" /proc/self/status';
    const flags = ["--cap-drop", "ALL", "--ulimit", "nofile=99", "--umask", "077"];
    await wherry.start(
      ["--name", "box", ...flags, "--health-cmd", check, "--health-interval", "100ms"],
      ["sleep", "1000"],
    );
    const look = async (): Promise<string> =>
      (await wherry.run(["exec", "box", "grep", "-E", "^(CapBnd|Umask)", "/proc/1/status"])).stdout;

    await eventually(async () =>
      (await wherry.run(["inspect", "-f", "{{.State.Health.Status}}", "box"])).stdout ===
        "healthy\n"
    );
    const before = await look();
    await wherry.run(["restart", "-t", "0", "box"]);
    const after = await look();
    await wherry.run(["stop", "-t", "0", "box"]);
    await wherry.run(["start", "box"]);
    const again = await look();

    const expected = `Umask:\t0077\nCapBnd:\t${"0".repeat(16)}\n`;
    deepStrictEqual([before, after, again], [expected, expected, expected]);
    await wherry.run(["rm", "-f", "box"]);
  },
);

testWhole("raising a hard limit takes a capability, and the error says which", async (wherry) => {
  const image = await wherry.busybox();
  const run = async (limit: string): Promise<Result> =>
    await wherry.runCommand([
      ...["setpriv", "--bounding-set", "-sys_resource", "prlimit", "--nproc=5000:5000"],
      ...wherry.commandLine(["run", "--rm", "--ulimit", limit, ...image, "true"]),
    ]);

  assertRefused(await run("nproc=5001"), /Cannot raise the limit nproc to 5001: it is 5000 here/);
  assertRefused(
    await run("nproc=-1"),
    /to unlimited: it is 5000 .* CAP_SYS_RESOURCE, which wherry/,
  );
  strictEqual((await run("nproc=5000")).stderr, "");
  await assertNoContainer(wherry);
});

testWhole("lowering the OOM score takes a capability, and the error says which", async (wherry) => {
  const image = await wherry.busybox();

  const result = await runWithout(wherry, "-sys_resource", [
    ...["run", "--rm", "--oom-score-adj", "-1000"],
    ...image,
    "true",
  ]);

  assertRefused(result, "Cannot set the OOM score adjustment to -1000: ");
  ok(result.stderr.includes("CAP_SYS_RESOURCE"));
  await assertNoContainer(wherry);
});

testWhole("parameters of the kernel are the container's own", async (wherry) => {
  const values = {
    "net.core.somaxconn": "17",
    "net.ipv4.ip_unprivileged_port_start": "1000",
    "kernel.shmmax": "4096",
    "kernel.sem": "1\t2\t3\t4",
    "fs.mqueue.msg_max": "5",
    "kernel.domainname": "example.org",
  };
  const paths = Object.keys(values).map((name) => `/proc/sys/${name.replaceAll(".", "/")}`);
  const ofHost = paths.map((path) => Deno.readTextFileSync(path));

  const { stdout } = await wherry.runBusybox(
    Object.entries(values).flatMap(([name, value]) => ["--sysctl", `${name}=${value}`]),
    ["cat", ...paths],
  );

  strictEqual(stdout, Object.values(values).map((value) => `${value}\n`).join(""));
  deepStrictEqual(paths.map((path) => Deno.readTextFileSync(path)), ofHost);
});

testWhole("a parameter that cannot be set so is named with its value", async (wherry) => {
  const run = async (sysctl: string): Promise<Result> =>
    await wherry.runBusybox(["--sysctl", sysctl], ["true"]);

  assertRefused(
    await run("net.core.somaxconn=many"),
    /Cannot set the sysctl "net\.core\.somaxconn" to "many": invalid argument/,
  );
  assertRefused(await run("net.core.none=1"), /Cannot set the sysctl "net\.core\.none" to "1": /);
  assertRefused(
    await wherry.runBusybox(["--network", "host", "--sysctl", "net.core.somaxconn=1"], ["true"]),
    'sysctl "net.core.somaxconn" not allowed in host network namespace',
  );
  await assertNoContainer(wherry);
});

testWhole("/dev/shm has the size that is asked for", async (wherry) => {
  const { stdout } = await wherry.runBusybox(["--shm-size", "1m"], ["df", "-k", "/dev/shm"]);

  match(stdout, /^\S+ +1024 /m);
});

testWhole("nothing is hidden from a privileged container, nor read-only", async (wherry) => {
  const { stdout } = await wherry.runBusybox(["--privileged"], ["cat", "/proc/mounts"]);

  const mounts = stdout.trim().split("\n").map((line) => line.split(" "));
  const inProc = mounts.filter(([, target = ""]) => target.startsWith("/proc/"));
  const ofKernel = mounts.filter(([, , type = ""]) => /^(sysfs|cgroup2?|proc)$/.test(type));
  deepStrictEqual(inProc, []);
  deepStrictEqual(ofKernel.filter(([, , , options = ""]) => !options.startsWith("rw,")), []);
});

testWhole("systempaths=unconfined hides nothing, and /sys stays read-only", async (wherry) => {
  const { stdout } = await wherry.runBusybox(
    ["--security-opt", "systempaths=unconfined"],
    ["cat", "/proc/mounts"],
  );

  ok(!/ \/proc\/\S+ /.test(stdout), stdout);
  match(stdout, /^sysfs \/sys sysfs ro,/m);
});

testWhole("writable-cgroups makes its own cgroups writable and nothing else", async (wherry) => {
  const { stdout } = await wherry.runBusybox(
    ["--security-opt", "writable-cgroups"],
    ["sh", "-c", "cat /proc/self/cgroup; grep -E ' (cgroup2|sysfs) ' /proc/mounts"],
  );

  match(stdout, /^0::\/$/m);
  match(stdout, /^cgroup2 \S+ cgroup2 rw,/m);
  match(stdout, /^sysfs \/sys sysfs ro,/m);
});

testWhole("writable-cgroups changes no cgroup outside", async (wherry) => {
  const outside = "for d in /sys/fs/cgroup/*/; do [ -e $d/cgroup.procs ] || continue; " +
    "[ -e $d/cgroup.controllers ] || ! { mkdir $d/wherry-made && rmdir $d/wherry-made; } 2>/dev/null || echo made $d; done; echo end";

  const { stdout } = await wherry.runBusybox(["--security-opt", "writable-cgroups"], [
    "sh",
    "-c",
    outside,
  ]);
  const host = await wherry.runBusybox(
    ["--security-opt", "writable-cgroups", "--cgroupns", "host"],
    ["true"],
  );

  strictEqual(stdout, "end\n");
  assertRefused(
    host,
    "Cannot make the cgroups writable: with --cgroupns host they are those of the whole host",
  );
});

testWhole("a container sees and changes no cgroup of another one", async (wherry) => {
  const victim = await wherry.start(["--pids-limit", "50"], ["sleep", "100"]);
  const script = `find /sys/fs/cgroup -name "*${victim}*"
    for file in $(find /sys/fs/cgroup -path "*${victim}*" -name pids.max); do echo 3 >$file; done`;

  for (const flags of [[], ["--security-opt", "writable-cgroups"]]) {
    const { stdout, stderr } = await wherry.runBusybox(flags, ["sh", "-c", script]);
    deepStrictEqual([stdout, stderr], ["", ""]);
  }
  const limit = await wherry.run(["inspect", "-f", "{{.HostConfig.PidsLimit}}", victim]);
  const limited = await wherry.runBusybox(
    ["--pids-limit", "50", "--security-opt", "writable-cgroups"],
    ["sh", "-c", "cat $(find /sys/fs/cgroup -name pids.max | head -n 1)"],
  );

  deepStrictEqual([limit.stdout, limited.stdout], ["50\n", "50\n"]);
  await wherry.run(["rm", "-f", victim]);
});

testWhole("a path of the image can be hidden, but not through a link", async (wherry) => {
  const hidden = await wherry.runBusybox(["--security-opt", "mask=/etc/passwd:/etc"], [
    "ls",
    "-A",
    "/etc",
  ]);
  const image = await wherry.copyOfImage();
  Deno.symlinkSync("/proc/sysrq-trigger", `${image}/etc/link`);
  const linked = await wherry.run([
    ...["run", "--rm", "--security-opt", "mask=/etc/link", "--rootfs", image, "true"],
  ]);

  deepStrictEqual([hidden.stdout, hidden.stderr], ["", ""]);
  assertRefused(linked, 'Cannot hide "/etc/link": there is a symbolic link on the way');
});

testWhole("a user may start in a directory that only root may enter", async (wherry) => {
  const image = await wherry.copyOfImage();
  Deno.mkdirSync(`${image}/secret`, { mode: 0o700 });

  const { stdout, stderr } = await wherry.run([
    ...["run", "--rm", "-u", "1000", "-w", "/secret", "--rootfs", image],
    ...["sh", "-c", "readlink /proc/self/cwd; ls"],
  ]);

  strictEqual(stdout, "/secret\n");
  match(stderr, /Permission denied/);
});

const BAD: readonly (readonly [flags: readonly string[], message: string])[] = [
  [["--cap-add", "FOO"], 'invalid CapAdd: unknown capability: "CAP_FOO"'],
  [["--cap-add", "CHOWN,KILL"], 'invalid CapAdd: unknown capability: "CAP_CHOWN,KILL"'],
  [["--cap-drop", ""], 'invalid CapDrop: unknown capability: "CAP_"'],
  [["--cap-add", "ALL", "--cap-drop", "all"], "adding all caps and removing all caps not allowed"],
  [["--security-opt", "foo"], 'Invalid --security-opt: "foo"'],
  [["--security-opt", "foo=bar"], 'invalid --security-opt 2: "foo=bar"'],
  [["--security-opt", "no-new-privileges=maybe"], 'invalid --security-opt 2: "no-new-priv'],
  [["--security-opt", "label=level:s0"], 'the SELinux label "level:s0"'],
  [["--security-opt", "seccomp=/missing"], "opening seccomp profile (/missing) failed"],
  [["--sysctl", "vm.swappiness=1"], "sysctl 'vm.swappiness=1' is not allowed"],
  [["--sysctl", "kernel.core_pattern=|/x"], "sysctl 'kernel.core_pattern=|/x' is not allowed"],
  [["--sysctl", "net.//.kernel.core_pattern=|/x"], "is not allowed"],
  [["--sysctl", "kernel.sem="], 'Cannot set the sysctl "kernel.sem" to ""'],
  [["--ulimit", "nofile"], "invalid ulimit argument: nofile"],
  [["--ulimit", "files=1"], "invalid ulimit type: files"],
  [["--ulimit", "nofile=2:1"], "must be less than or equal to hard limit: 2 > 1"],
  [["--ulimit", "nofile=-2"], "Cannot limit nofile to -2: limits are 0 to "],
  [["--oom-score-adj", "1001"], "Invalid value 1001, range for oom score adj is [-1000, 1000]"],
  [["--oom-score-adj", "x"], 'strconv.ParseInt: parsing "x": invalid syntax'],
  [["--shm-size", "0"], "Cannot make /dev/shm of 0 bytes: it takes at least 1"],
  [["--shm-size", "-1m"], "invalid size: '-1m'"],
  [["--umask", "99"], "invalid umask string 99: invalid argument"],
  [["--privileged=maybe"], 'strconv.ParseBool: parsing "maybe": invalid syntax'],
];

testWhole("what cannot be asked for is refused before there is a container", async (wherry) => {
  for (const [flags, message] of BAD) {
    const result = await wherry.run(["run", ...await wherry.busybox(flags), "true"]);

    assertRefused(result, message);
  }
  await assertNoContainer(wherry);
});

testWhole("a group that the image does not have is refused", async (wherry) => {
  const unknown = await wherry.runBusybox(["--group-add", "strangers"], ["true"]);
  const tooHigh = await wherry.runBusybox(["--group-add", "4294967295"], ["true"]);

  assertRefused(unknown, 'Cannot add the group "strangers": the image\'s /etc/group has no group');
  assertRefused(tooHigh, 'Cannot add the group "4294967295": ids are numbers from 0 to 4294967294');
  await assertNoContainer(wherry);
});

testWhole("inspect tells what a container may do", async (wherry) => {
  const flags = [
    ...["--cap-add", "net_admin", "--cap-drop", "CHOWN", "--group-add", "daemon"],
    ...["--security-opt", "no-new-privileges", "--sysctl", "net.core.somaxconn=5"],
    ...["--ulimit", "nofile=10:20", "--oom-score-adj", "5", "--shm-size", "2m", "-u", "1000"],
  ];
  await wherry.run(["create", "--name", "box", ...await wherry.busybox(flags), "true"]);

  const { stdout } = await wherry.run(["inspect", "box"]);

  const [{ HostConfig, Config }] = JSON.parse(stdout);
  deepStrictEqual([HostConfig.CapAdd, HostConfig.CapDrop], [["CAP_NET_ADMIN"], ["CAP_CHOWN"]]);
  deepStrictEqual([HostConfig.GroupAdd, HostConfig.Privileged], [["daemon"], false]);
  deepStrictEqual(HostConfig.SecurityOpt, ["no-new-privileges"]);
  deepStrictEqual(HostConfig.Sysctls, { "net.core.somaxconn": "5" });
  deepStrictEqual(HostConfig.Ulimits, [{ Name: "nofile", Hard: 20, Soft: 10 }]);
  deepStrictEqual([HostConfig.OomScoreAdj, HostConfig.ShmSize, Config.User], [5, 2097152, "1000"]);
  ok(HostConfig.MaskedPaths.includes("/proc/kcore"));
  await wherry.run(["rm", "box"]);
});
