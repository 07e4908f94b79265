import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { Descriptor } from "../ffi/descriptor.ts";
import { RenameStorm } from "../tests/fakes/rename_storm.ts";
import {
  eventually,
  type Monitor,
  plan,
  readBytes,
  readLog,
  run,
  testBoth,
  type TestContext,
} from "./testing.ts";

const NEW_ALL = String(0x20000 + 0x02000000 + 0x04000000 + 0x08000000 + 0x20000000 + 0x40000000);
const BIND_RECURSIVE = String(4096 + 16384);
const STRICT = String(2 + 4 + 8);
const READ_ONLY = "1";
const RECURSIVE = "1";
const MAKE_SOURCE = "2";
const ELOOP = 40;
const ENODEV = 19;

/** A root file system with nothing but busybox. */
async function makeRoot(directory: string): Promise<string> {
  const root = `${directory}/root`;
  for (const name of ["bin", "etc"]) Deno.mkdirSync(`${root}/${name}`, { recursive: true });
  Deno.copyFileSync("/usr/bin/busybox", `${root}/bin/busybox`);
  Deno.chmodSync(`${root}/bin/busybox`, 0o755);
  await run("/usr/bin/busybox", "--install", "-s", `${root}/bin`);
  for (const { name } of Deno.readDirSync(`${root}/bin`)) {
    if (name === "busybox") continue;
    Deno.removeSync(`${root}/bin/${name}`);
    Deno.symlinkSync("busybox", `${root}/bin/${name}`);
  }
  return root;
}

/** A plan of a whole container around `steps` inside the unpivoted root and `hardening` after the pivot. */
function container(
  { directory, steps = [], hardening = [], script, root = `${directory}/root` }: {
    directory: string;
    steps?: string[][];
    hardening?: string[][];
    script: string;
    root?: string;
  },
): Uint8Array<ArrayBuffer> {
  return plan(
    ["stdio", "null"],
    ["log", `${directory}/log`, "cri", "0", "1"],
    ["clone", NEW_ALL],
    ["mount", "", "/", "", String(0x4000 + 0x80000), ""],
    ["mount", root, root, "", BIND_RECURSIVE, ""],
    ["root", root],
    ["mount-in", "proc", "/proc", "proc", STRICT, ""],
    ["mount-in", "tmpfs", "/dev", "tmpfs", "2", "mode=755,size=65536k"],
    ["mount-in", "devpts", "/dev/pts", "devpts", "10", "newinstance,ptmxmode=0666,mode=0620,gid=5"],
    ["mknod", "/dev/null", "20666", "1", "3"],
    ["symlink", "pts/ptmx", "/dev/ptmx"],
    ...steps,
    ["pivot-root"],
    ...hardening,
    ["exec", "3", "/bin/sh", "-c", script, "PATH=/bin"],
  );
}

/** Runs a container to its end and returns the last message and what it wrote to stdout. */
async function runContainer(
  { start, directory }: TestContext,
  options: { steps?: string[][]; hardening?: string[][]; script: string },
): Promise<{ message: string; output: string }> {
  await makeRoot(directory);
  await using monitor = start(container({ directory, ...options }));
  const first = await monitor.receive();
  const message = first.startsWith("started") ? await monitor.receive() : first;
  return { message, output: readLog(`${directory}/log`) + readLog(`${directory}/log`, "stderr") };
}

/** Index of the first of `steps`, for `failed INDEX`. */
const FIRST_STEP = 11;
/** Index of the first of `hardening`, when there are no `steps`. */
const FIRST_HARDENING = 12;

testBoth("step_pivot_root() leaves nothing of the host in sight", async (context) => {
  const { message, output } = await runContainer(context, {
    script: "ls /; cut -d' ' -f5 /proc/self/mountinfo; echo $$; ls /proc/1/fd; true",
  });

  strictEqual(message, "exited 0");
  strictEqual(
    output,
    "bin\ndev\netc\nproc\n/\n/proc\n/dev\n/dev/pts\n1\n0\n1\n2\n",
  );
});

testBoth("step_exec() gives a process without input the container's /dev/null", async (context) => {
  const { output } = await runContainer(context, {
    script: "stat -L -c '%d %i' /dev/null /dev/stdin; stat -L -c %t:%T /dev/stdin",
    steps: [["symlink", "/proc/self/fd/0", "/dev/stdin"]],
  });

  const [own, stdin, numbers] = output.split("\n");
  deepStrictEqual([stdin, numbers], [own, "1:3"]);
});

testBoth("step_exec() gives it that also where nothing more may be open", async (context) => {
  const { message, output } = await runContainer(context, {
    script: "read -r line; echo $?",
    hardening: [["rlimit", "7", "3", "3"]],
  });

  deepStrictEqual([message, output], ["exited 0", "1\n"]);
});

testBoth("step_exec() gives empty input where /dev/null is another device", async (context) => {
  const { output } = await runContainer(context, {
    script: "stat -L -c %F /proc/self/fd/0; head -c 1 | wc -c",
    hardening: [["mknod", "/dev/other", "20666", "1", "5"], [
      "attach-tree",
      "/dev/other",
      "/dev/null",
      "0",
      "0",
      "0",
    ]],
  });

  strictEqual(output, "fifo\n0\n");
});

testBoth("step_pivot_root() leaves no mount on the host", async (context) => {
  // Others may mount meanwhile, but neither here nor where a container does
  const listMounts = (): string[] =>
    Deno.readTextFileSync("/proc/self/mountinfo").split("\n").filter((line) => {
      const point = line.split(" ")[4] ?? "";
      return line.includes(context.directory) || ["/", "/proc", "/dev", "/dev/pts"].includes(point);
    });
  const before = listMounts();

  await runContainer(context, { script: "true" });

  deepStrictEqual(listMounts(), before);
});

testBoth("child_run() leaves the session keyring of the host", async (context) => {
  const before = Deno.readTextFileSync("/proc/keys");

  const { output } = await runContainer(context, { script: "grep -w _ses /proc/keys" });

  const serials = output.trim().split("\n").map((line) => line.split(" ", 1)[0] ?? "");
  ok(serials.some((serial) => !before.includes(serial)), output);
});

testBoth("step_mount_in() refuses a link as its target", async (context) => {
  const root = await makeRoot(context.directory);
  Deno.symlinkSync("/etc", `${root}/sys`);

  await using monitor = context.start(container({
    directory: context.directory,
    steps: [["mount-in", "sysfs", "/sys", "sysfs", STRICT, ""]],
    script: "true",
  }));

  strictEqual(await monitor.receive(), `failed ${FIRST_STEP} ${ELOOP}`);
});

testBoth(
  "inside_open() keeps absolute and dotted links of an image inside the root",
  async (context) => {
    const { directory, start } = context;
    const root = await makeRoot(directory);
    Deno.mkdirSync(`${directory}/outside`);
    Deno.symlinkSync(`${directory}/outside`, `${root}/absolute`);
    Deno.symlinkSync("../../../../../../..", `${root}/etc/up`);

    await using monitor = start(container({
      directory,
      steps: [
        ["mkdir", `${directory}/outside`, "0755", "0", "0"],
        ["mkdir", "/absolute/made", "0700", "7", "8"],
        ["mkdir", "/etc/up/from-up", "01770", "0", "0"],
        ["mkdir", "/../../dots", "0755", "0", "0"],
      ],
      script: `stat -c '%n %a %u %g' ${directory}/outside/made /from-up /dots`,
    }));
    const message = await monitor.finished();

    strictEqual(message, "exited 0");
    strictEqual(
      readLog(`${directory}/log`),
      `${directory}/outside/made 700 7 8\n/from-up 1770 0 0\n/dots 755 0 0\n`,
    );
    deepStrictEqual([...Deno.readDirSync(`${directory}/outside`)], []);
  },
);

testBoth("inside_open() follows .. while others rename files of the host", async (context) => {
  await using _storm = await RenameStorm.begin(context.directory);

  const { message } = await runContainer(context, {
    steps: Array(500).fill(["mkdir", "/etc/../etc/../made", "0755", "0", "0"]),
    script: "rmdir /made",
  });

  strictEqual(message, "exited 0");
});

testBoth(
  "step_mkdir() makes parents as root and leaves an existing directory as it is",
  async (context) => {
    const { message, output } = await runContainer(context, {
      steps: [
        ["mkdir", "/a/b/c", "0711", "5", "6"],
        ["mkdir", "/a/b", "0700", "1", "1"],
      ],
      script: "stat -c '%a %u %g' /a /a/b /a/b/c",
    });

    strictEqual(message, "exited 0");
    strictEqual(output, "755 0 0\n755 0 0\n711 5 6\n");
  },
);

testBoth("step_mknod() makes a device with exactly the mode of the plan", async (context) => {
  const { output } = await runContainer(context, {
    steps: [["mknod", "/dev/big", "20606", "259", "70000"]],
    script: "stat -c '%a %F %t %T' /dev/big",
  });

  strictEqual(output, "606 character special file 103 11170\n");
});

testBoth("step_chown() gives a device another owner, and no link's target", async (context) => {
  const { message, output } = await runContainer(context, {
    steps: [
      ["mknod", "/dev/deep/er", "20640", "1", "5"],
      ["chown", "/dev/deep/er", "1000", "2000"],
      ["symlink", "null", "/dev/link"],
      ["chown", "/dev/link", "7", "8"],
    ],
    script: "stat -c '%a %u %g' /dev/deep/er /dev/link /dev/null",
  });

  strictEqual(message, "exited 0");
  strictEqual(output, "640 1000 2000\n777 7 8\n666 0 0\n");
});

testBoth("step_symlink() tolerates a link that exists", async (context) => {
  const { output } = await runContainer(context, {
    steps: [["symlink", "/proc/self/fd", "/dev/fd"], ["symlink", "other", "/dev/fd"]],
    script: "readlink /dev/fd",
  });

  strictEqual(output, "/proc/self/fd\n");
});

testBoth(
  "step_attach_tree() binds directories and files, read-only on request",
  async (context) => {
    const { directory } = context;
    Deno.mkdirSync(`${directory}/data`);
    Deno.writeTextFileSync(`${directory}/file`, "content\n");

    const { message, output } = await runContainer(context, {
      steps: [
        ["attach-tree", `${directory}/data`, "/data", RECURSIVE, "0", "0"],
        ["attach-tree", `${directory}/file`, "/etc/new/file", "0", READ_ONLY, String(0x40000)],
      ],
      script:
        "echo in > /data/made; cat /etc/new/file; (echo x > /etc/new/file) 2>/dev/null || echo ro",
    });

    strictEqual(message, "exited 0");
    strictEqual(output, "content\nro\n");
    strictEqual(Deno.readTextFileSync(`${directory}/data/made`), "in\n");
  },
);

testBoth("step_attach_tree() sets attributes on mounts below, too", async (context) => {
  const { directory } = context;
  Deno.mkdirSync(`${directory}/data/below`, { recursive: true });
  await run("mount", "-t", "tmpfs", "tmpfs", `${directory}/data/below`);
  try {
    const { output } = await runContainer(context, {
      steps: [["attach-tree", `${directory}/data`, "/data", RECURSIVE, READ_ONLY, "0"]],
      script: "touch /data/below/x 2>/dev/null || echo ro",
    });

    strictEqual(output, "ro\n");
  } finally {
    await run("umount", `${directory}/data/below`);
  }
});

testBoth("step_attach_tree() makes a missing source on request", async (context) => {
  const { directory } = context;

  const { output } = await runContainer(context, {
    steps: [["attach-tree", `${directory}/new/deep`, "/data", MAKE_SOURCE, "0", "0"]],
    script: "touch /data/x; stat -c %a /data",
  });

  strictEqual(output, "755\n");
  ok(Deno.statSync(`${directory}/new/deep/x`).isFile);
});

testBoth("step_attach_tree() fails when the source is missing", async (context) => {
  const { message } = await runContainer(context, {
    steps: [["attach-tree", `${context.directory}/missing`, "/data", "0", "0", "0"]],
    script: "true",
  });

  strictEqual(message, `failed ${FIRST_STEP} 2`);
});

testBoth("step_attach_tree() follows a link of the image inside the root only", async (context) => {
  const { directory, start } = context;
  const root = await makeRoot(directory);
  Deno.mkdirSync(`${root}/real`);
  Deno.mkdirSync(`${directory}/data`);
  Deno.symlinkSync("/real", `${root}/link`);
  Deno.writeTextFileSync(`${directory}/data/here`, "");

  await using monitor = start(container({
    directory,
    steps: [["attach-tree", `${directory}/data`, "/link", "0", "0", "0"]],
    script: "ls /real",
  }));
  await monitor.finished();

  strictEqual(readLog(`${directory}/log`), "here\n");
});

testBoth("step_mask() hides files and directories and skips missing paths", async (context) => {
  const { message, output } = await runContainer(context, {
    hardening: [["mask", "/proc/meminfo"], ["mask", "/proc/irq"], ["mask", "/proc/none/such"]],
    script: "stat -c %t:%T /proc/meminfo; ls /proc/irq; touch /proc/irq/x 2>/dev/null || echo ro",
  });

  strictEqual(message, "exited 0");
  strictEqual(output, "1:3\nro\n");
});

testBoth("step_mask() refuses a /dev/null that is another device", async (context) => {
  await makeRoot(context.directory);
  await using monitor = context.start(container({
    directory: context.directory,
    hardening: [
      ["symlink", "/proc/null", "/dev/link"],
      ["mount-in", "tmpfs", "/dev", "tmpfs", "0", ""],
      ["mknod", "/dev/null", "20666", "1", "5"],
      ["mask", "/proc/meminfo"],
    ],
    script: "true",
  }));

  strictEqual(await monitor.receive(), `failed ${FIRST_HARDENING + 3} ${ENODEV}`);
});

testBoth("step_readonly() refuses a path with a link on its way", async (context) => {
  const { message } = await runContainer(context, {
    hardening: [["symlink", "/proc/sys", "/dev/sys"], ["readonly", "/dev/sys/kernel"]],
    script: "true",
  });

  strictEqual(message, `failed ${FIRST_HARDENING + 1} ${ELOOP}`);
});

testBoth("step_readonly() makes directories and files read-only", async (context) => {
  const { output } = await runContainer(context, {
    hardening: [["readonly", "/proc/sys"], ["readonly", "/proc/sysrq-trigger"]],
    script:
      "for f in /proc/sys/kernel/domainname /proc/sysrq-trigger; do (: > $f) 2>/dev/null || echo ro; done",
  });

  strictEqual(output, "ro\nro\n");
});

testBoth("step_remount_root_readonly() spares the mounts below", async (context) => {
  const { output } = await runContainer(context, {
    hardening: [["remount-root-readonly"]],
    script: "touch /x 2>/dev/null || echo ro; touch /dev/x && echo rw",
  });

  strictEqual(output, "ro\nrw\n");
});

testBoth(
  "step_sethostname(), step_setdomainname() and step_sysctl() set names and keys",
  async (context) => {
    const { message, output } = await runContainer(context, {
      hardening: [
        ["sethostname", "boat"],
        ["setdomainname", "harbour"],
        ["sysctl", "net/ipv4/ip_forward", "1"],
      ],
      script: "hostname; cat /proc/sys/kernel/domainname /proc/sys/net/ipv4/ip_forward",
    });

    strictEqual(message, "exited 0");
    strictEqual(output, "boat\nharbour\n1\n");
  },
);

testBoth("step_sysctl() fails for a key that does not exist", async (context) => {
  const { message } = await runContainer(context, {
    hardening: [["sysctl", "net/none", "1"]],
    script: "true",
  });

  strictEqual(message, `failed ${FIRST_HARDENING} 2`);
});

testBoth("step_loopback_up() brings lo up", async (context) => {
  const { output } = await runContainer(context, {
    hardening: [["loopback-up"]],
    script: "ip -o link show lo | grep -c LOWER_UP; ping -c 1 -q 127.0.0.1 > /dev/null && echo ok",
  });

  strictEqual(output, "1\nok\n");
});

testBoth("step_oom_score_adj() sets the adjustment", async (context) => {
  const { output } = await runContainer(context, {
    hardening: [["oom-score-adj", "123"]],
    script: "cat /proc/self/oom_score_adj",
  });

  strictEqual(output, "123\n");
});

testBoth("step_chdir() does not follow magic links out of the container", async (context) => {
  const { message } = await runContainer(context, {
    hardening: [["chdir", "/proc/self/fd/0"]],
    script: "true",
  });

  strictEqual(message, `failed ${FIRST_HARDENING} ${ELOOP}`);
});

/** Asks for a pidfd of the container's init. */
async function requestPidfd(monitor: Monitor): Promise<Descriptor> {
  monitor.send("pidfd");
  const packet = await monitor.receiveWithDescriptors();
  return packet?.descriptors[0] ?? new Descriptor(-1);
}

const JOINED = String(0x20000 + 0x02000000 + 0x04000000 + 0x08000000 + 0x20000000 + 0x40000000);

testBoth(
  "step_join() and step_fork() run a program in a container's namespaces",
  async (context) => {
    const { directory, start } = context;
    await makeRoot(directory);
    await using main = start(container({ directory, script: "exec sleep 100" }));
    const pid = await main.started();
    await eventually(() => readBytes(`/proc/${pid}/cmdline`) === "sleep\x00100\x00");
    using target = await requestPidfd(main);

    await using joined = start(
      plan(
        ["stdio", "null"],
        ["log", `${directory}/exec.log`, "cri", "0", "1"],
        ["clone", "0"],
        ["join", JOINED],
        ["fork"],
        ["parent-death", "9"],
        [
          "exec",
          "3",
          "sh",
          "-c",
          "pwd; ls /; ls /proc/self/fd; ps -o pid,comm > /dev/processes; cut -c 7- /dev/processes; exit 6",
          "PATH=/bin",
        ],
      ),
      { target },
    );
    const message = await joined.finished();
    main.send("signal 9");

    strictEqual(message, "exited 6");
    strictEqual(
      readLog(`${directory}/exec.log`),
      "/\nbin\ndev\netc\nproc\n" +
        "0\n1\n2\n3\n" + // 3 is ls's own directory
        "COMMAND\nsleep\nsh\nps\n",
    );
  },
);

testBoth("step_fork() reports a failing step behind it", async (context) => {
  const { directory, start } = context;
  await makeRoot(directory);
  await using main = start(container({ directory, script: "exec sleep 100" }));
  await main.started();
  using target = await requestPidfd(main);

  await using joined = start(
    plan(["clone", "0"], ["join", JOINED], ["fork"], ["exec", "1", "missing"]),
    { target },
  );
  const message = await joined.receive();
  main.send("signal 9");

  strictEqual(message, "failed 3 2");
});

testBoth("step_terminal() opens the container's own pty for a joined program", async (context) => {
  const { directory, start } = context;
  await makeRoot(directory);
  await using main = start(container({ directory, script: "exec sleep 100" }));
  await main.started();
  using target = await requestPidfd(main);

  await using joined = start(
    plan(
      ["stdio", "terminal"],
      ["log", `${directory}/exec.log`, "cri", "0", "1"],
      ["clone", "0"],
      ["join", JOINED],
      ["fork"],
      ["terminal", "10", "20"],
      ["user", "1000", "1000"],
      ["exec", "3", "sh", "-c", "tty; stty size; echo again > $(tty)", "PATH=/bin"],
    ),
    { target },
  );
  const message = await joined.finished();
  main.send("signal 9");

  strictEqual(message, "exited 0");
  strictEqual(readLog(`${directory}/exec.log`), "/dev/pts/0\r\n10 20\r\nagain\r\n");
});
