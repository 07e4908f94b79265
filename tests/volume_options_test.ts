/** Volumes that are file systems of their own, or directories elsewhere. @module */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { acquireLock } from "../mod/store/lock.ts";
import { eventually, isAlive, listNames, pause, type TestEngine, testWhole } from "./harness.ts";
import { needs } from "./needs.ts";
import { killDuring, randomNumbers, VICTIMS } from "./random_kills.ts";
import { reapAdopted } from "./surroundings.ts";

const ALONE = ["--network", "none"];

/** Makes a volume. */
async function createVolume(
  wherry: TestEngine,
  name: string,
  options: Readonly<Record<string, string>>,
): Promise<void> {
  const flags = Object.entries(options).flatMap(([key, value]) => ["-o", `${key}=${value}`]);
  const { code, stderr } = await wherry.run(["volume", "create", ...flags, name]);
  strictEqual(stderr, "");
  strictEqual(code, 0);
}

async function createTmpfs(wherry: TestEngine, name: string, o = "mode=1777"): Promise<void> {
  await createVolume(wherry, name, { type: "tmpfs", device: "tmpfs", o });
}

/** Where volumes of the engine are mounted. */
function mountPoints({ root }: TestEngine): string[] {
  return Deno.readTextFileSync("/proc/self/mountinfo").split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .filter((path) => path.startsWith(`${root}/volumes/`));
}

/** Runs a shell in a container of its own. */
async function shell(
  wherry: TestEngine,
  volume: string,
  script: string,
): Promise<{ code: number; stdout: string; stderr: string }> {
  return await wherry.runBusybox([...ALONE, "-v", `${volume}:/v`], ["sh", "-c", script]);
}

async function removeVolume(wherry: TestEngine, name: string): Promise<void> {
  const { stderr } = await wherry.run(["volume", "rm", name]);
  strictEqual(stderr, "");
}

testWhole(
  "a tmpfs volume is one for all that use it, and ends with the last of them",
  async (wherry) => {
    await createTmpfs(wherry, "memory");
    const one = await wherry.start([...ALONE, "-v", "memory:/v"], ["sleep", "1000"]);
    await wherry.run(["exec", one, "sh", "-c", "echo kept > /v/file"]);

    const other = await wherry.start([...ALONE, "-v", "memory:/v"], ["sleep", "1000"]);
    await wherry.run(["rm", "-f", one]);
    const seen = await wherry.run(["exec", other, "cat", "/v/file"]);
    const third = await shell(wherry, "memory", "cat /v/file");
    strictEqual(mountPoints(wherry).length, 1);
    await wherry.run(["rm", "-f", other]);

    strictEqual(seen.stdout, "kept\n");
    strictEqual(third.stdout, "kept\n");
    deepStrictEqual(mountPoints(wherry), []);
    strictEqual((await shell(wherry, "memory", "ls -A /v")).stdout, "");
    await removeVolume(wherry, "memory");
  },
);

testWhole("options of a tmpfs volume hold inside", async (wherry) => {
  await createTmpfs(wherry, "small", "size=64k,mode=750,uid=7,noexec");

  const { stdout } = await shell(
    wherry,
    "small",
    "stat -c '%a %u' /v; grep -c '^tmpfs /v tmpfs rw,noexec,.*size=64k' /proc/mounts; " +
      "head -c 100000 /dev/zero > /v/file; stat -c %s /v/file",
  );

  strictEqual(stdout, "750 7\n1\n65536\n");
  deepStrictEqual(mountPoints(wherry), []);
});

testWhole("a tmpfs volume stays with a container that starts again by itself", async (wherry) => {
  await createTmpfs(wherry, "memory");
  const id = await wherry.start(
    [...ALONE, "--restart", "on-failure:2", "-v", "memory:/v"],
    ["sh", "-c", "echo run >> /v/runs; exit 1"],
  );
  await eventually(() => wherry.readStateRecord(id).status === "exited");

  await eventually(() => mountPoints(wherry).length === 0);

  const again = await wherry.run(["start", "-a", id]);
  strictEqual(again.stderr, "");
  strictEqual(again.code, 1);
  await wherry.run(["rm", "-f", id]);
  deepStrictEqual(mountPoints(wherry), []);
});

testWhole("stop and kill leave no volume mounted", async (wherry) => {
  await createTmpfs(wherry, "memory");
  for (const command of [["stop", "-t", "0"], ["kill"]]) {
    const id = await wherry.start([...ALONE, "-v", "memory:/v"], ["sleep", "1000"]);
    strictEqual(mountPoints(wherry).length, 1);
    await wherry.run([...command, id]);
    deepStrictEqual(mountPoints(wherry), [], command.join(" "));
    await wherry.run(["rm", id]);
  }
});

testWhole("a container's own end unmounts its volume without any command", async (wherry) => {
  await createTmpfs(wherry, "memory");
  const id = await wherry.start([...ALONE, "-v", "memory:/v"], ["sleep", "0.2"]);

  await eventually(() => mountPoints(wherry).length === 0);

  await wherry.run(["rm", id]);
});

testWhole("a bound volume shows a directory of the host, which outlives it", async (wherry) => {
  const device = `${wherry.scratch}/data`;
  Deno.mkdirSync(device);
  Deno.writeTextFileSync(`${device}/file`, "of the host\n");
  await createVolume(wherry, "bound", { type: "none", device, o: "bind" });

  const { stdout } = await shell(wherry, "bound", "cat /v/file; echo inside > /v/new");
  await removeVolume(wherry, "bound");

  strictEqual(stdout, "of the host\n");
  deepStrictEqual(listNames(device), ["file", "new"]);
});

testWhole("a bound volume can be read-only, and its directory has to be there", async (wherry) => {
  const device = `${wherry.scratch}/data`;
  await createVolume(wherry, "bound", { type: "none", device, o: "bind,ro" });
  await createVolume(wherry, "plain", { type: "none", device, o: "bind" });
  const missing = await shell(wherry, "bound", "true");
  const alsoMissing = await shell(wherry, "plain", "true");
  Deno.mkdirSync(device);

  const readOnly = await shell(wherry, "bound", "echo no > /v/file");
  const writable = await shell(wherry, "plain", "echo yes > /v/file");
  await removeVolume(wherry, "bound");

  for (const { code, stderr } of [missing, alsoMissing]) {
    strictEqual(code, 125);
    match(stderr, /failed to mount local volume: mount .*data.*: no such file or directory/);
    match(stderr, new RegExp(device));
  }
  match(readOnly.stderr, /Read-only file system/);
  strictEqual(writable.code, 0);
  deepStrictEqual(listNames(device), ["file"]);
  deepStrictEqual(mountPoints(wherry), []);
});

testWhole("the end of a bound volume unmounts nothing below its directory", async (wherry) => {
  const device = `${wherry.scratch}/data`;
  const below = `${device}/below`;
  Deno.mkdirSync(device);
  await wherry.runHost("mount", "-t", "tmpfs", "tmpfs", device);
  // As systemd has it: what is unmounted at one place goes at the other, too
  await wherry.runHost("mount", "--make-shared", device);
  Deno.mkdirSync(below);
  await wherry.runHost("mount", "-t", "tmpfs", "tmpfs", below);
  try {
    Deno.writeTextFileSync(`${below}/file`, "of the host\n");
    await createVolume(wherry, "bound", { type: "none", device, o: "rbind,ro" });
    const { stdout } = await shell(wherry, "bound", "cat /v/below/file");
    strictEqual(stdout, "of the host\n");
    strictEqual(Deno.readTextFileSync(`${below}/file`), "of the host\n");

    // What a command leaves that is killed in the middle
    await wherry.runHost("mount", "--rbind", device, `${wherry.root}/volumes/bound/_data`);
    strictEqual(mountPoints(wherry).length, 2);
    await removeVolume(wherry, "bound");

    deepStrictEqual(mountPoints(wherry), []);
    strictEqual(Deno.readTextFileSync(`${below}/file`), "of the host\n");
  } finally {
    await wherry.runHost("umount", "--recursive", device);
  }
});

testWhole(
  "a volume on a block device keeps its data, whatever becomes of the volume",
  async (wherry) => {
    const file = `${wherry.scratch}/disk`;
    await wherry.runHost("truncate", "-s", "4M", file);
    await wherry.runHost("mkfs.ext4", "-q", file);
    const device = (await wherry.runHost("losetup", "--find", "--show", file)).trim();
    try {
      await createVolume(wherry, "disk", { type: "ext4", device, o: "noatime" });
      await shell(wherry, "disk", "echo kept > /v/file");
      const { stdout } = await shell(wherry, "disk", "cat /v/file; ls /v");
      await removeVolume(wherry, "disk");
      await createVolume(wherry, "disk", { type: "ext4", device });
      const again = await shell(wherry, "disk", "cat /v/file");

      strictEqual(stdout, "kept\nfile\nlost+found\n");
      strictEqual(again.stdout, "kept\n");
      deepStrictEqual(mountPoints(wherry), []);
    } finally {
      await wherry.runHost("losetup", "--detach", device);
    }
  },
  { ignore: !needs("loop") },
);

testWhole("a volume that cannot be mounted says why, and leaves nothing", async (wherry) => {
  const cases: [Record<string, string>, RegExp][] = [
    [{ type: "nosuchfs", device: "x" }, /no such device[^]*modprobe nosuchfs/],
    [
      { type: "tmpfs", device: "tmpfs", o: "colour=red" },
      /data: colour=red: invalid argument[^]*Unknown parameter 'colour'/,
    ],
    [{ type: "ext4", device: "/dev/nothing" }, /no such file or directory[^]*"\/dev\/nothing"/],
    [{ type: "ext4", device: "/dev/null" }, /block device required[^]*losetup/],
    [
      { type: "cifs", device: "//h.invalid/s", o: "username=u,password=secret,addr=127.0.0.1" },
      /password=\*{8}/,
    ],
    [
      { type: "nfs", device: ":/x", o: "addr=nowhere.invalid,nfsvers=4" },
      /error resolving passed in network volume address: lookup nowhere.invalid: no such host/,
    ],
  ];
  for (const [index, [options, expected]] of cases.entries()) {
    await createVolume(wherry, `v${index}`, options);
    const { code, stderr } = await shell(wherry, `v${index}`, "true");
    strictEqual(code, 125);
    match(stderr, expected);
    match(stderr, new RegExp(`Cannot mount volume "v${index}": `));
    ok(!stderr.includes("secret"), stderr);
    await removeVolume(wherry, `v${index}`);
  }
  deepStrictEqual(mountPoints(wherry), []);
});

testWhole("an NFS server that refuses is told of at once", async (wherry) => {
  await createVolume(wherry, "far", {
    type: "nfs",
    device: ":/export",
    o: "addr=localhost,rw,nfsvers=4,port=9,soft,retrans=1,timeo=10",
  });

  const begin = performance.now();
  const { code, stderr } = await shell(wherry, "far", "true");

  strictEqual(code, 125);
  // The kernel of the test machine may have no NFS
  match(stderr, /addr=(127\.0\.0\.1|::1),.*: (no such device|connection refused)/);
  ok(performance.now() - begin < 30_000);
});

testWhole("empty volumes elsewhere get what the image has, once", async (wherry) => {
  const image = await wherry.copyOfImage();
  Deno.mkdirSync(`${image}/v/below`, { recursive: true });
  Deno.writeTextFileSync(`${image}/v/below/file`, "of the image\n");
  Deno.chmodSync(`${image}/v`, 0o1750);
  const device = `${wherry.scratch}/data`;
  Deno.mkdirSync(device);
  await createVolume(wherry, "bound", { type: "none", device, o: "bind" });
  await createVolume(wherry, "mounted", { type: "none", device, o: "bind,noatime" });
  const create = async (volume: string): Promise<void> => {
    const { stdout, stderr } = await wherry.run(
      ["create", ...ALONE, "-v", volume, "--rootfs", image, "true"],
    );
    strictEqual(stderr, "");
    await wherry.run(["rm", stdout.trim()]);
  };

  await create("bound:/v:nocopy");
  deepStrictEqual(listNames(device), []);
  await create("bound:/v");
  strictEqual(Deno.readTextFileSync(`${device}/below/file`), "of the image\n");
  strictEqual((Deno.statSync(device).mode ?? 0) & 0o7777, 0o1750);
  Deno.removeSync(`${device}/below/file`);
  await create("bound:/v");
  deepStrictEqual(listNames(`${device}/below`), []);
  Deno.removeSync(`${device}/below`);
  await create("mounted:/v");
  deepStrictEqual(listNames(`${device}/below`), ["file"]);
  deepStrictEqual(mountPoints(wherry), []);
});

testWhole("a container whose volume cannot be filled is not made", async (wherry) => {
  const image = await wherry.copyOfImage();
  Deno.mkdirSync(`${image}/v`);
  Deno.writeTextFileSync(`${image}/v/file`, "x".repeat(100_000));
  await createTmpfs(wherry, "small", "size=64k");
  await createVolume(wherry, "wrong", { type: "nosuchfs", device: "x" });

  for (const volume of ["small", "wrong"]) {
    const { code, stdout } = await wherry.run(
      ["create", ...ALONE, "-v", `${volume}:/v`, "--rootfs", image, "true"],
    );
    deepStrictEqual([code, stdout], [1, ""]);
  }

  strictEqual((await wherry.run(["ps", "-aq"])).stdout, "");
  deepStrictEqual(mountPoints(wherry), []);
});

testWhole(
  "--mount makes a volume with options, which is one without a name, too",
  async (wherry) => {
    const options = 'volume-opt=type=tmpfs,volume-opt=device=tmpfs,"volume-opt=o=size=1m,mode=700"';
    const stat = ["stat", "-c", "%a", "/v"];

    const named = await wherry.runBusybox(
      [...ALONE, "--mount", `type=volume,src=named,dst=/v,${options}`],
      stat,
    );
    const nameless = await wherry.runBusybox([...ALONE, "--mount", `dst=/v,${options}`], stat);
    const wrong = await wherry.runBusybox(
      [...ALONE, "--mount", "type=volume,src=wrong,dst=/v,volume-opt=colour=red"],
      stat,
    );

    deepStrictEqual([named.stderr, named.stdout], ["", "700\n"]);
    deepStrictEqual([nameless.stderr, nameless.stdout], ["", "700\n"]);
    strictEqual(wrong.code, 125);
    match(wrong.stderr, /Cannot make volume "wrong": invalid option: "colour"/);
    strictEqual((await wherry.run(["volume", "ls", "-q"])).stdout, "named\n");
    deepStrictEqual(mountPoints(wherry), []);
  },
);

testWhole("ids of a container's own are mapped in a volume in memory", async (wherry) => {
  await createTmpfs(wherry, "memory");

  const { stdout, stderr } = await wherry.runBusybox(
    [...ALONE, "--userns", "auto", "-v", "memory:/v"],
    ["sh", "-c", "touch /v/file && stat -c '%u %u' /v /v/file"],
  );

  strictEqual(stderr, "");
  strictEqual(stdout, "0 0\n0 0\n");
});

testWhole("who waits for another container's mount can be interrupted", async (wherry) => {
  await createTmpfs(wherry, "memory");
  const other = `${wherry.runRoot}/containers/${"ab".repeat(32)}`;
  Deno.mkdirSync(other, { recursive: true });
  Deno.writeTextFileSync(`${other}/mounted_volumes.json`, '{"memory":""}');
  {
    using _lock = acquireLock(`${other}/lock`);
    const child = wherry.spawn(
      ["run", "--rm", ...ALONE, "-v", "memory:/v", ...await wherry.busybox(), "true"],
    );
    await eventually(() => listNames(`${wherry.runRoot}/containers`).length === 2);
    const output = child.output();
    // Before it waits, a signal is kept for the command
    const timer = setInterval(() => isAlive(child.pid) && Deno.kill(child.pid, "SIGINT"), 50);
    const { code, stderr } = await output.finally(() => clearInterval(timer));

    strictEqual(code, 130);
    match(new TextDecoder().decode(stderr), /Cannot mount volume "memory": interrupted by SIGINT/);
    deepStrictEqual(mountPoints(wherry), []);
  }
  const { code } = await shell(wherry, "memory", "true");
  strictEqual(code, 0);
  await wherry.run(["ps"]);
});

testWhole("bad options make no volume", async (wherry) => {
  const cases: [string[], RegExp][] = [
    [["-o", "colour=red"], /Cannot make volume "bad": invalid option: "colour"/],
    [["-o", "type=tmpfs"], /missing required option: "device"/],
    [["-o", "device=tmpfs"], /missing required option: "type"/],
    [["-o", "o=size=1m"], /missing required option: "device"/],
    [["-o", "size=1g"], /quota size requested but no quota support/],
    [["-o", "type=none", "-o", "o=bind", "-o", "device=data"], /not an absolute path/],
  ];
  for (const [flags, expected] of cases) {
    const { code, stderr } = await wherry.run(["volume", "create", ...flags, "bad"]);
    strictEqual(code, 1);
    match(stderr, expected);
  }
  deepStrictEqual(listNames(`${wherry.root}/volumes`), []);
});

testWhole("what a killed monitor had mounted is unmounted by the next command", async (wherry) => {
  await createTmpfs(wherry, "memory");
  const id = await wherry.start([...ALONE, "-v", "memory:/v"], ["sleep", "1000"]);
  await wherry.run(["exec", id, "touch", "/v/file"]);
  const { monitorPid } = wherry.readStateRecord(id);

  Deno.kill(monitorPid, "SIGKILL");
  await eventually(() => !isAlive(monitorPid));
  await wherry.run(["ps"]);

  deepStrictEqual(mountPoints(wherry), []);
  strictEqual((await shell(wherry, "memory", "ls -A /v")).stdout, "");
  await wherry.run(["rm", id]);
});

testWhole(
  "a container that starts finds nothing of what a killed monitor had mounted",
  async (wherry) => {
    await createTmpfs(wherry, "memory");
    const id = await wherry.start([...ALONE, "-v", "memory:/v"], ["sleep", "1000"]);
    await wherry.run(["exec", id, "touch", "/v/file"]);
    const { monitorPid } = wherry.readStateRecord(id);

    Deno.kill(monitorPid, "SIGKILL");
    await eventually(() => !isAlive(monitorPid));
    const { stdout } = await shell(wherry, "memory", "ls -A /v");

    strictEqual(stdout, "");
    await wherry.run(["rm", "-f", id]);
    deepStrictEqual(mountPoints(wherry), []);
  },
);

testWhole(
  "system recover unmounts the volumes that no container uses, and no others",
  async (wherry) => {
    await createTmpfs(wherry, "memory");
    await createVolume(wherry, "plain", {});
    const [memory, plain] = ["memory", "plain"].map((name) => `${wherry.root}/volumes/${name}`);
    // What a container makes in a volume is none
    const inside = `${plain}/_data/inside`;
    for (const place of [memory, plain, inside]) {
      await wherry.runHost("mkdir", "-p", `${place}/_data`);
      await wherry.runHost("mount", "-t", "tmpfs", "t", `${place}/_data`);
    }
    Deno.copyFileSync(`${memory}/volume.json`, `${inside}/volume.json`);

    const { stdout } = await wherry.run(["system", "recover"]);

    match(stdout, /^Unmounted the volume memory, which no container uses$/m);
    deepStrictEqual(mountPoints(wherry), [`${plain}/_data`, `${inside}/_data`]);
    await wherry.runHost("umount", "--recursive", `${plain}/_data`);
  },
);

testWhole("volume rm unmounts what a crash left, and deletes nothing of it", async (wherry) => {
  const file = `${wherry.scratch}/data`;
  Deno.mkdirSync(file);
  Deno.writeTextFileSync(`${file}/canary`, "alive");
  await createVolume(wherry, "bound", { type: "none", device: file, o: "bind,nosuid" });
  await wherry.runHost("mount", "--bind", file, `${wherry.root}/volumes/bound/_data`);

  await removeVolume(wherry, "bound");

  deepStrictEqual(mountPoints(wherry), []);
  strictEqual(Deno.readTextFileSync(`${file}/canary`), "alive");
});

testWhole(
  "a volume that is mounted in another mount namespace is not mounted twice",
  async (wherry) => {
    await createTmpfs(wherry, "memory");
    const id = await wherry.start([...ALONE, "-v", "memory:/v"], ["sleep", "1000"]);
    await wherry.run(["exec", id, "sh", "-c", "echo kept > /v/file"]);
    const argv = wherry.commandLine(
      ["run", "--rm", ...ALONE, "-v", "memory:/v", ...await wherry.busybox(), "cat", "/v/file"],
    );
    const unshare = (script: string): Promise<{ stdout: string; stderr: string; code: number }> =>
      wherry.runCommand(["unshare", "-m", "sh", "-c", script, "sh", ...argv]);

    const same = await unshare('"$@"');
    const other = await unshare(`umount ${wherry.root}/volumes/memory/_data && "$@"`);
    const after = await wherry.run(["exec", id, "cat", "/v/file"]);
    await wherry.run(["rm", "-f", id]);

    deepStrictEqual([same.stdout, same.code], ["kept\n", 0]);
    strictEqual(other.code, 125);
    match(other.stderr, /Cannot mount volume "memory": container \w{12} has it mounted in another/);
    strictEqual(after.stdout, "kept\n");
    deepStrictEqual(mountPoints(wherry), []);
  },
);

testWhole("starts and ends that meet never lose a volume that is in use", async (wherry) => {
  await createTmpfs(wherry, "memory");
  const id = await wherry.start([...ALONE, "-v", "memory:/v"], ["sleep", "1000"]);
  await wherry.run(["exec", id, "sh", "-c", "echo kept > /v/file"]);

  const results = await Promise.all(
    Array.from({ length: 8 }, (_, index) => shell(wherry, "memory", `cat /v/file; exit ${index}`)),
  );

  results.forEach(({ stdout, code }, index) => deepStrictEqual([stdout, code], ["kept\n", index]));
  await wherry.run(["rm", "-f", id]);
  deepStrictEqual(mountPoints(wherry), []);

  const alone = await Promise.all(
    Array.from({ length: 8 }, () => shell(wherry, "memory", "mkdir /v/$HOSTNAME && ls /v | wc -l")),
  );
  for (const { stdout, stderr } of alone) {
    strictEqual(stderr, "");
    match(stdout, /^[1-8]\n$/);
  }
  deepStrictEqual(mountPoints(wherry), []);
});

/** Another row of moments: `WHERRY_TEST_SEED=7 deno test …`. */
const SEED = Number(Deno.env.get("WHERRY_TEST_SEED") ?? 20261121);
const MAX_KILLS = 60;
/** No more kills are begun after that, however slow the machine. */
const MAX_DURATION_MS = 20_000;

testWhole(`kills at random moments (seed ${SEED}) leave no volume mounted`, async (wherry) => {
  const random = randomNumbers(SEED);
  const device = `${wherry.scratch}/data`;
  Deno.mkdirSync(device);
  Deno.writeTextFileSync(`${device}/canary`, "alive");
  await createTmpfs(wherry, "memory");
  await createVolume(wherry, "bound", { type: "none", device, o: "bind,noatime" });
  const image = await wherry.busybox([...ALONE, "-v", "memory:/v", "-v", "bound:/b"]);
  const commands = [
    ["run", "--rm", ...image, "true"],
    ["run", "-d", "--rm", ...image, "sleep", "0.02"],
    ["run", "-d", "--name", "box", ...image, "sleep", "100"],
    ["rm", "-f", "box"],
    ["volume", "rm", "memory"],
    ["volume", "create", "-o", "type=tmpfs", "-o", "device=tmpfs", "memory"],
  ];
  const end = Date.now() + MAX_DURATION_MS;
  for (let count = 0; count < MAX_KILLS && Date.now() < end; count++) {
    const command = commands[count % commands.length] ?? [];
    await killDuring(wherry, command, VICTIMS[count % VICTIMS.length] ?? "both", random);
    reapAdopted();
  }

  await wherry.run(["rm", "-f", "box"]);
  const { code, stderr } = await wherry.run(["system", "recover"]);
  await pause(100);

  strictEqual(stderr, "");
  strictEqual(code, 0);
  deepStrictEqual(mountPoints(wherry), []);
  strictEqual(Deno.readTextFileSync(`${device}/canary`), "alive");
  strictEqual(
    (await shell(wherry, "memory", "echo fine > /v/file && cat /v/file")).stdout,
    "fine\n",
  );
  deepStrictEqual(mountPoints(wherry), []);
});
