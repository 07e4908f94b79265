/** Attacks on the kernel that all containers share, by what root may do. @module */

import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { compileAttack, install, testAttack } from "./attack.ts";
import { exists } from "./harness.ts";

/** What root of the host can write to. None is changed by these tests: what is there is written again, or nothing. */
const SETTINGS = [
  "/proc/sys/kernel/core_pattern",
  "/proc/sys/kernel/modprobe",
  "/proc/sys/kernel/hostname",
  "/proc/sys/vm/overcommit_memory",
  "/proc/sysrq-trigger",
  "/sys/kernel/mm/transparent_hugepage/enabled",
  "/sys/kernel/uevent_helper",
  "/sys/power/state",
].filter(exists);

/** The settings whose content can be written as it is read. */
const REWRITTEN = SETTINGS.filter((path) => path.startsWith("/proc/sys/"));

testAttack(
  "writing to the kernel's settings, core_pattern and sysrq-trigger among them",
  async (victim) => {
    const script = 'for path; do { exec 3>>"$path"; } 2>/dev/null && echo "$path"; done';
    // A redirection that fails ends the shell: each gets one of its own
    const each = `for path; do sh -c '${script}' sh "$path"; done`;
    const { stdout } = await victim.run([], ["sh", "-c", each, "sh", ...SETTINGS]);
    return stdout.split("\n").filter(Boolean);
  },
  {
    unprotected: (opened) => deepStrictEqual(opened, SETTINGS),
    wherry: (opened) => deepStrictEqual(opened, []),
  },
);

testAttack(
  "having a program of the attacker's handle the host's crashes (core_pattern)",
  async (victim) => {
    const script = 'for path; do text=$(cat $path) && echo "$text" >$path && echo $path; done';
    return (await victim.run([], ["sh", "-c", script, "sh", ...REWRITTEN])).stdout.trim();
  },
  {
    unprotected: (written) => ok(written.includes("core_pattern"), written),
    wherry: (written) => strictEqual(written, ""),
  },
);

testAttack(
  "mounting, and taking away what hides and protects",
  async (victim) => {
    const script = `
      mount -t tmpfs none /tmp && echo tmpfs; mount -t proc proc /mnt && echo proc
      mount -o bind /proc /mnt && echo bind; mount -o remount,rw /proc && echo remount
      mount -o remount,bind,rw /proc/sys && echo settings; umount /proc/interrupts && echo mask
      umount /proc && echo umount`;
    Deno.mkdirSync(`${victim.image}/mnt`);
    return (await victim.run([], ["sh", "-c", script])).stdout.split("\n").filter(Boolean);
  },
  {
    unprotected: (done) => {
      for (const what of ["tmpfs", "proc", "bind", "remount"]) ok(done.includes(what), what);
    },
    wherry: (done) => deepStrictEqual(done, []),
  },
);

testAttack(
  "having the kernel execute a program when a cgroup is empty (release_agent, CVE-2022-0492)",
  async (victim) => {
    const script = `
      try() { for name in memory pids devices cpu rdma; do
        mkdir -p /tmp/$name; mount -t cgroup -o $name none /tmp/$name || continue
        test -e /tmp/$name/release_agent && (exec 3>>/tmp/$name/release_agent) && echo $1 $name
        umount /tmp/$name; rmdir /tmp/$name
      done; }
      try mount
      for agent in $(find /sys/fs/cgroup -name release_agent); do (exec 3>>$agent) && echo $agent; done`;
    const { stdout } = await victim.run([], ["sh", "-c", script]);
    return stdout.trim();
  },
  {
    unprotected: (opened) => match(opened, /^mount \w+$/m),
    wherry: (opened) => strictEqual(opened, ""),
  },
);

testAttack(
  "making a device of the host with mknod and opening it",
  async (victim) => {
    const script = `
      try() { mknod $1 $2 $3 $4 && (exec 3<$1) && echo "$1"; }
      for directory in /tmp /dev /dev/shm /root; do
        try $directory/kmsg c 1 11; try $directory/mem c 1 1; try $directory/loop c 10 237
        try $directory/fuse c 10 229; try $directory/kvm c 10 232
        while read -r major minor blocks name; do
          test -n "$name" && test "$name" != name && try $directory/$name b $major $minor
        done </proc/partitions
      done`;
    return (await victim.run([], ["sh", "-c", script])).stdout.trim();
  },
  {
    unprotected: (opened) => match(opened, /^\/tmp\/\w+$/m),
    wherry: (opened) => strictEqual(opened, ""),
  },
);

testAttack(
  "mounting in a user namespace of the container's own",
  async (victim) => {
    const script = "unshare -U -r -m sh -c 'mount -t tmpfs none /tmp && echo mounted'; " +
      "unshare -U -r -m sh -c 'mount -t proc proc /proc && echo mounted'";
    const flags = [[], ["-u", "nobody"]];
    const outputs: string[] = [];
    Deno.writeTextFileSync(`${victim.image}/etc/passwd`, "nobody:x:65534:65534::/:/bin/sh\n");
    for (const flag of flags) {
      outputs.push((await victim.run(flag, ["sh", "-c", script])).stdout);
    }
    return outputs.join("");
  },
  {
    unprotected: (output) => match(output, /mounted/),
    wherry: (output) => strictEqual(output, ""),
  },
);

testAttack(
  "reading a file of the host by its handle",
  async (victim) => {
    const program = await compileAttack("file_handle");
    const secret = `${victim.wherry.scratch}/secret`;
    Deno.writeTextFileSync(secret, "the host's secret");
    const handle = await victim.wherry.runHost(program, "show", secret);
    await install(victim, "file_handle");
    const argv = ["/file_handle", "read", "/etc/resolv.conf", handle.trim()];
    Deno.writeTextFileSync(`${victim.image}/etc/resolv.conf`, "");
    return (await victim.run([], argv)).stdout;
  },
  {
    unprotected: (output) => strictEqual(output, "read the host's secret\n"),
    wherry: (output) => match(output, /^no file: /),
  },
);

testAttack(
  "using the system calls by which kernels were broken",
  async (victim) => {
    await install(victim, "kernel_calls");
    const { stdout } = await victim.run([], ["/kernel_calls"]);
    return stdout.trim().split("\n").filter(Boolean);
  },
  {
    unprotected: (calls) => {
      const all = ["bpf", "unshare CLONE_NEWUSER", "unshare CLONE_NEWNS", "clone CLONE_NEWUSER"];
      for (const call of [...all, "mount", "fsopen", "open_tree"]) ok(calls.includes(call), call);
    },
    wherry: (calls) => deepStrictEqual(calls, []),
  },
);

const ESCAPE = "\x1b";
/** Changes the title of a terminal, and its colours. */
const NASTY = `${ESCAPE}]0;owned\x07${ESCAPE}[31m`;

testAttack(
  "writing to the terminal of who lists processes, by their names",
  async (victim) => {
    const long = "x".repeat(100_000);
    await victim.start([], ["sh", "-c", "while :; do sleep 1000; done", NASTY, long]);
    const list = victim.isProtected
      ? victim.wherry.run(["top", "box"])
      : victim.wherry.runCommand(["sh", "-c", "cat /proc/$(cat naive.pid)/cmdline"]);
    const { stdout } = await list;
    const names = victim.isProtected ? (await victim.wherry.run(["ps", "--no-trunc"])).stdout : "";
    await victim.stop();
    return stdout + names;
  },
  {
    unprotected: (text) => ok(text.includes(ESCAPE)),
    wherry: (text) => {
      ok(text.includes("sleep"), text.slice(0, 1000));
      ok(!text.includes(ESCAPE));
    },
  },
);
