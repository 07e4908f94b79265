/** What a container cannot see and cannot do, also when its image is hostile. @module */

import { deepStrictEqual, match, notStrictEqual, ok, strictEqual } from "node:assert/strict";
import { exists, listNames, type TestEngine, testWhole } from "./harness.ts";

testWhole("a container has namespaces of its own", async (wherry) => {
  const kinds = ["cgroup", "ipc", "mnt", "net", "pid", "uts"];

  const { stdout } = await wherry.runBusybox(
    [],
    ["sh", "-c", `cd /proc/self/ns; for kind in ${kinds.join(" ")}; do readlink $kind; done`],
  );

  const inside = stdout.trim().split("\n");
  strictEqual(inside.length, kinds.length);
  for (const [index, kind] of kinds.entries()) {
    notStrictEqual(inside[index], Deno.readLinkSync(`/proc/self/ns/${kind}`), kind);
  }
});

testWhole("the command is process 1 and sees no other", async (wherry) => {
  const { stdout } = await wherry.runBusybox([], ["sh", "-c", "echo $$; echo /proc/[0-9]*"]);

  strictEqual(stdout, "1\n/proc/1\n");
});

testWhole("the command inherits no descriptor but 0, 1 and 2", async (wherry) => {
  const { stdout } = await wherry.runBusybox(
    ["-i"],
    ["sh", "-c", "ls /proc/1/fd; :"],
    { redirect: "3</etc/passwd 4</ 7</etc/hostname 9>&1" },
  );

  strictEqual(stdout, "0\n1\n2\n");
});

testWhole("/dev holds the devices of every container and nothing else", async (wherry) => {
  const { stdout } = await wherry.runBusybox(
    [],
    ["sh", "-c", "cd /dev; for name in *; do stat -c '%n %F %t,%T %a' $name; done"],
  );

  deepStrictEqual(stdout.trim().split("\n"), [
    "core symbolic link 0,0 777",
    "fd symbolic link 0,0 777",
    "full character special file 1,7 666",
    "mqueue directory 0,0 1777",
    "null character special file 1,3 666",
    "ptmx symbolic link 0,0 777",
    "pts directory 0,0 755",
    "random character special file 1,8 666",
    "shm directory 0,0 1777",
    "stderr symbolic link 0,0 777",
    "stdin symbolic link 0,0 777",
    "stdout symbolic link 0,0 777",
    "tty character special file 5,0 666",
    "urandom character special file 1,9 666",
    "zero character special file 1,5 666",
  ]);
});

testWhole("devices work", async (wherry) => {
  const script = "echo x >/dev/null && head -c 3 /dev/zero | od -An -tx1; " +
    "head -c 8 /dev/urandom | wc -c; echo x >/dev/full || echo full; echo out >/dev/stdout";

  const { stdout } = await wherry.runBusybox([], ["sh", "-c", script]);

  strictEqual(stdout, " 00 00 00\n8\nfull\nout\n");
});

testWhole("/dev/shm has 64 MiB", async (wherry) => {
  const { stdout } = await wherry.runBusybox([], ["df", "-k", "/dev/shm"]);

  match(stdout, /^shm|tmpfs +65536 /m);
});

testWhole("proc and sys are mounted as the OCI defaults say", async (wherry) => {
  const { stdout } = await wherry.runBusybox([], ["cat", "/proc/mounts"]);

  const optionsOf = (target: string): string =>
    stdout.split("\n").map((line) => line.split(" ")).find((fields) => fields[1] === target)?.[3] ??
      "";
  strictEqual(optionsOf("/proc"), "rw,nosuid,nodev,noexec,relatime");
  strictEqual(optionsOf("/sys"), "ro,nosuid,nodev,noexec,relatime");
  match(optionsOf("/dev"), /^rw,nosuid,/);
  match(optionsOf("/dev/pts"), /^rw,nosuid,noexec,relatime,gid=5,mode=620,ptmxmode=666$/);
  match(optionsOf("/dev/mqueue"), /^rw,nosuid,nodev,noexec,/);
  match(optionsOf("/sys/fs/cgroup"), /^ro,nosuid,nodev,noexec,/);
});

testWhole("the kernel's settings cannot be changed from inside", async (wherry) => {
  const paths = [
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/vm/drop_caches",
    "/proc/sysrq-trigger",
    "/proc/irq/default_smp_affinity",
    "/sys/kernel/mm/transparent_hugepage/enabled",
    "/sys/fs/cgroup/unified/cgroup.procs",
  ].filter(exists);

  const { stdout } = await wherry.runBusybox([], [
    "sh",
    "-c",
    'for path; do { echo x >"$path"; } 2>/dev/null && echo "wrote $path"; done; echo end',
    "sh",
    ...paths,
  ]);

  ok(paths.length > 2);
  strictEqual(stdout, "end\n");
});

testWhole("nothing inside can make a read-only or hidden path writable again", async (wherry) => {
  const script = "mount -o remount,rw /proc/sys; mount -o remount,rw /sys; umount /proc/keys; " +
    "umount /proc/sys; mount -t proc proc /tmp; mount -t tmpfs none /tmp; echo end";

  const { stdout, stderr } = await wherry.runBusybox([], ["sh", "-c", script]);

  strictEqual(stdout, "end\n");
  strictEqual(stderr.trim().split("\n").length, 6, stderr);
});

testWhole("what the kernel tells about the host is hidden", async (wherry) => {
  const files = ["interrupts", "kcore", "keys", "latency_stats", "sched_debug", "timer_list"]
    .map((name) => `/proc/${name}`).filter(exists);
  const directories = ["/proc/acpi", "/proc/asound", "/proc/scsi", "/sys/firmware"].filter(exists);

  const { stdout } = await wherry.runBusybox(
    [],
    ["sh", "-c", "cat " + files.join(" ") + "; ls -A " + directories.map((d) => `${d}/`).join(" ")],
  );

  ok(files.length > 1 && directories.length > 0);
  strictEqual(stdout.replace(/^.*:$|\n/gm, ""), "");
});

testWhole("root has docker's fourteen capabilities", async (wherry) => {
  const { stdout } = await wherry.runBusybox([], ["grep", "^Cap", "/proc/1/status"]);

  strictEqual(
    stdout,
    "CapInh:\t0000000000000000\nCapPrm:\t00000000a80425fb\nCapEff:\t00000000a80425fb\n" +
      "CapBnd:\t00000000a80425fb\nCapAmb:\t0000000000000000\n",
  );
});

testWhole("another user has no capabilities", async (wherry) => {
  const { stdout } = await wherry.runBusybox(["-u", "1000"], ["grep", "^Cap", "/proc/1/status"]);

  strictEqual(
    stdout,
    "CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n" +
      "CapBnd:\t00000000a80425fb\nCapAmb:\t0000000000000000\n",
  );
});

testWhole("--init has no more rights than the command", async (wherry) => {
  const { stdout } = await wherry.runBusybox(
    ["--init", "-u", "1000"],
    ["grep", "-E", "^(Uid|Cap(Prm|Eff))", "/proc/1/status"],
  );

  strictEqual(
    stdout,
    "Uid:\t1000\t1000\t1000\t1000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n",
  );
});

testWhole("no path of the host is in the command's own files", async (wherry) => {
  const { stdout } = await wherry.runBusybox(
    ["--init"],
    ["sh", "-c", "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ; ls -l /proc/[0-9]*/fd"],
  );

  ok(stdout.includes("HOSTNAME="));
  ok(!stdout.includes(wherry.directory), stdout);
  ok(!stdout.includes("wherry-whole"), stdout);
});

testWhole("the program file of process 1 is one of the image", async (wherry) => {
  strictEqual((await wherry.runBusybox([], ["readlink", "/proc/1/exe"])).stdout, "/bin/busybox\n");
});

testWhole("the program file of --init cannot be written to", async (wherry) => {
  const script = "readlink /proc/1/exe; echo x >>/proc/1/exe";

  const { code, stdout } = await wherry.runBusybox(["--init"], ["sh", "-c", script]);

  notStrictEqual(code, 0);
  ok(!stdout.includes(wherry.directory), stdout);
});

testWhole("the old root leaves nothing inside or outside", async (wherry) => {
  const { stdout } = await wherry.runBusybox([], [
    "sh",
    "-c",
    "ls -a /; grep -c ' / ' /proc/mounts",
  ]);

  const names = stdout.trim().split("\n");
  strictEqual(names.pop(), "1");
  deepStrictEqual(names, [
    ...[".", "..", "bin", "dev", "etc", "home", "proc", "root", "sbin", "sys", "tmp", "usr", "var"],
  ]);
  const mounts = Deno.readTextFileSync("/proc/self/mountinfo");
  ok(!mounts.includes(wherry.directory));
});

testWhole(
  "a mount of the host made later does not appear inside, nor one of inside on the host",
  async (wherry) => {
    const id = await wherry.start([], ["sleep", "100"]);
    const { pid } = wherry.readStateRecord(id);

    const inside = Deno.readTextFileSync(`/proc/${pid}/mountinfo`);
    const outside = Deno.readTextFileSync("/proc/self/mountinfo");

    ok(inside.includes(`${id}/upper`));
    ok(!outside.includes(id));
    await wherry.run(["rm", "-f", id]);
  },
);

/** Runs a container of an image with `links` in place of what is there. */
async function runWithLinks(
  wherry: TestEngine,
  links: Record<string, string>,
  script: string,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const image = await wherry.copyOfImage();
  for (const [path, target] of Object.entries(links)) {
    await wherry.runHost("rm", "-rf", image + path);
    Deno.symlinkSync(target, image + path);
  }
  return await wherry.run(["run", "--rm", "--rootfs", image, "sh", "-c", script]);
}

const OUTSIDE = "../../../../../../../..";

for (const path of ["/proc", "/sys", "/dev"]) {
  for (const target of ["/", "/etc", `${OUTSIDE}/canary`, "/canary"]) {
    testWhole(`an image with ${path} -> ${target} is refused or stays inside`, async (wherry) => {
      const canary = `${wherry.directory}/canary`;
      Deno.mkdirSync(canary);

      const { code } = await runWithLinks(
        wherry,
        { [path]: target.replace("canary", `${wherry.directory.slice(1)}/canary`) },
        "true",
      );

      strictEqual(code, 125);
      deepStrictEqual(listNames(canary), []);
      ok(!exists("/null") && !exists("/etc/null"));
    });
  }
}

testWhole("an image whose /etc leads out gets its files inside", async (wherry) => {
  const canary = `${wherry.directory}/canary`;
  Deno.mkdirSync(canary);

  const { stdout } = await runWithLinks(wherry, { "/etc": OUTSIDE + canary }, "cat /etc/hostname");

  match(stdout, /^[0-9a-f]{12}\n$/);
  deepStrictEqual(listNames(canary), []);
});

testWhole(
  "an image whose /etc/hostname is a link to a file of the host does not reach it",
  async (wherry) => {
    const canary = `${wherry.directory}/canary`;
    Deno.writeTextFileSync(canary, "host");

    for (const target of [canary, OUTSIDE + canary]) {
      const result = await runWithLinks(wherry, { "/etc/hostname": target }, "cat /etc/hostname");
      await wherry.runHost("rm", "-rf", `${wherry.directory}/image`);

      match(result.stdout, /^[0-9a-f]{12}\n$/, result.stderr);
    }
    strictEqual(Deno.readTextFileSync(canary), "host");
  },
);

testWhole("an image whose /etc/passwd is no ordinary file cannot disturb run", async (wherry) => {
  const image = await wherry.copyOfImage();
  const passwd = `${image}/etc/passwd`;
  const makers: (() => Promise<unknown>)[] = [
    () => wherry.runHost("mkfifo", passwd),
    () => wherry.runHost("mkdir", passwd),
    () => wherry.runHost("truncate", "-s", "1T", passwd),
    () => wherry.runHost("mknod", passwd, "c", "1", "5"),
    () => wherry.runHost("ln", "-s", "passwd", passwd),
    () => wherry.runHost("ln", "-s", "/proc/self/environ", passwd),
    () => wherry.runHost("ln", "-s", `${OUTSIDE}/etc/passwd`, passwd),
    () => wherry.runHost("ln", "-s", "/dev/stdin", passwd),
  ];
  for (const make of makers) {
    await wherry.runHost("rm", "-rf", passwd);
    await make();

    const root = await wherry.run(["run", "--rm", "--rootfs", image, "echo", "fine"]);
    const named = await wherry.run(["run", "--rm", "-u", "sshd", "--rootfs", image, "true"]);

    deepStrictEqual([root.stdout, root.stderr], ["fine\n", ""]);
    strictEqual(named.code, 125);
  }
});

testWhole("a working directory behind a link that leads out is made inside", async (wherry) => {
  const canary = `${wherry.directory}/canary`;
  Deno.mkdirSync(canary);
  const image = await wherry.copyOfImage();
  Deno.symlinkSync(OUTSIDE + canary, `${image}/out`);

  const { stdout } = await wherry.run(
    ["run", "--rm", "-w", "/out/new", "--rootfs", image, "sh", "-c", "pwd -P"],
  );

  strictEqual(stdout, `${canary}/new\n`);
  deepStrictEqual(listNames(canary), []);
});

testWhole("a mount whose target is behind links that lead out is made inside", async (wherry) => {
  const canary = `${wherry.directory}/canary`;
  Deno.mkdirSync(canary);
  const source = `${wherry.scratch}/source`;
  Deno.mkdirSync(source);
  Deno.writeTextFileSync(`${source}/file`, "content\n");
  const image = await wherry.copyOfImage();
  Deno.symlinkSync("../../..", `${image}/a`);
  Deno.symlinkSync(`a/${OUTSIDE}${canary}`, `${image}/b`);

  const { stdout } = await wherry.run([
    ...["run", "--rm", "-v", `${source}:/b/one`, "-v", `${source}/file:/b/two/file`],
    ...["--tmpfs", "/b/three", "--rootfs", image, "cat", "/b/one/file", "/b/two/file"],
  ]);

  strictEqual(stdout, "content\ncontent\n");
  deepStrictEqual(listNames(canary), []);
});
