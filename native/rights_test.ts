import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { execute, plan, readLog, shell, testBoth } from "./testing.ts";

const EPERM = 1;
const EINVAL = 22;

const CLONE_NEWPID = 0x20000000;

const ALLOW = "060000000000ff7f";

/** A filter that answers EPERM to one system call and lets all others through. */
function denying(number: number): string {
  const digits = number.toString(16).padStart(2, "0");
  return [
    "2000000000000000", // ld nr
    `15000001${digits}000000`, // jeq number, 0, 1
    "0600000001000500", // ret ERRNO | EPERM
    ALLOW,
  ].join("");
}

const SYSCALLS = Deno.build.arch === "x86_64"
  ? { mkdir: 83, execve: 59, capset: 126, umask: 95, wait: 128 }
  : { mkdir: 34, execve: 221, capset: 91, umask: 166, wait: 137 };

/** What `/proc/self/status` of a program says that ran with these steps before it. */
const STATUS = shell(
  "grep -E '^(Seccomp|CapEff|CapPrm|NoNewPrivs):' /proc/self/status | tr '\\n\\t' '; '",
);

const SOME_CAPS = "c1"; // CAP_CHOWN, CAP_SETGID, CAP_SETUID

testBoth("step_seccomp() filters the program's system calls", async ({ start, directory }) => {
  const log = `${directory}/log`;

  await using monitor = start(plan(
    ["log", log, "cri", "0", "1"],
    ["clone", "0"],
    ["seccomp", "0", denying(SYSCALLS.mkdir)],
    shell(`mkdir ${directory}/made 2>/dev/null || echo denied`),
  ));
  await monitor.finished();

  strictEqual(readLog(log), "denied\n");
});

testBoth("step_seccomp() leaves the program what capset says", async ({ start, directory }) => {
  const log = `${directory}/log`;

  await using monitor = start(plan(
    ["log", log, "cri", "0", "1"],
    ["clone", "0"],
    ["seccomp", "4", ALLOW],
    ["bounding", SOME_CAPS],
    ["user", "0", "0"],
    ["capset", SOME_CAPS, SOME_CAPS, "0", "0"],
    STATUS,
  ));
  await monitor.finished();

  const caps = SOME_CAPS.padStart(16, "0");
  strictEqual(readLog(log), `CapPrm: ${caps};CapEff: ${caps};NoNewPrivs: 0;Seccomp: 2;`);
});

testBoth("step_seccomp() filters another user's program too", async ({ start, directory }) => {
  const log = `${directory}/log`;

  await using monitor = start(plan(
    ["log", log, "cri", "0", "1"],
    ["clone", "0"],
    ["user", "1234", "1234"],
    ["capset", "0", "0", "0", "0"],
    ["seccomp", "0", ALLOW],
    STATUS,
  ));
  await monitor.finished();

  const none = "0".repeat(16);
  strictEqual(readLog(log), `CapPrm: ${none};CapEff: ${none};NoNewPrivs: 0;Seccomp: 2;`);
});

testBoth("step_seccomp() needs execve alone with no-new-privs", async ({ start, directory }) => {
  const log = `${directory}/log`;
  const deniesCapset = denying(SYSCALLS.capset);

  await using monitor = start(plan(
    ["log", log, "cri", "0", "1"],
    ["clone", "0"],
    ["seccomp", "0", deniesCapset],
    ["user", "1234", "1234"],
    ["capset", "0", "0", "0", "0"],
    ["no-new-privs"],
    STATUS,
  ));
  await monitor.finished();

  const none = "0".repeat(16);
  strictEqual(readLog(log), `CapPrm: ${none};CapEff: ${none};NoNewPrivs: 1;Seccomp: 2;`);
});

testBoth("step_seccomp() lets capset fail that its filter forbids", async ({ start }) => {
  await using monitor = start(plan(
    ["clone", "0"],
    ["capset", "0", "0", "0", "0"],
    ["seccomp", "0", denying(SYSCALLS.capset)],
    shell("true"),
  ));

  strictEqual(await monitor.receive(), `failed 1 ${EPERM}`);
});

testBoth("step_seccomp() lets exec fail that its filter forbids", async ({ start }) => {
  await using monitor = start(
    plan(["clone", "0"], ["seccomp", "0", denying(SYSCALLS.execve)], shell("true")),
  );

  strictEqual(await monitor.receive(), `failed 2 ${EPERM}`);
});

testBoth("step_seccomp() does not hinder the steps behind it", async ({ start, directory }) => {
  const log = `${directory}/log`;

  await using monitor = start(plan(
    ["log", log, "cri", "0", "1"],
    ["clone", "0"],
    ["seccomp", "0", denying(SYSCALLS.umask)],
    ["umask", "027"],
    ["chdir", "/"],
    shell("grep Umask /proc/self/status"),
  ));
  await monitor.finished();

  strictEqual(readLog(log), "Umask:\t0027\n");
});

/** The lines of a process's status that say what it may do. */
function rightsOf(pid: number): string[] {
  return Deno.readTextFileSync(`/proc/${pid}/status`).split("\n")
    .filter((line) => /^(?:CapPrm|Seccomp):/.test(line));
}

testBoth("step_reaper() takes the rights of its child before that runs", async ({ start }) => {
  await using monitor = start(plan(
    ["clone", "0"],
    ["user", "0", "0"],
    ["capset", SOME_CAPS, SOME_CAPS, "0", "0"],
    ["seccomp", "0", ALLOW],
    ["reaper"],
    execute("/bin/sleep", "100"),
  ));

  const rights = rightsOf(await monitor.started());
  monitor.send("signal 9");

  deepStrictEqual(rights, [`CapPrm:\t${SOME_CAPS.padStart(16, "0")}`, "Seccomp:\t2"]);
});

testBoth("step_idle() ends where its filter forbids to wait for signals", async ({ start }) => {
  await using monitor = start(
    plan(["clone", "0"], ["seccomp", "0", denying(SYSCALLS.wait)], ["idle"]),
  );

  strictEqual(await monitor.finished(), "exited 127");
});

testBoth("step_seccomp() tells of a program that the kernel does not take", async ({ start }) => {
  const withoutEnd = "2000000000000000";

  await using monitor = start(
    plan(["clone", "0"], ["seccomp", "0", withoutEnd], execute("/bin/true")),
  );

  strictEqual(await monitor.receive(), `failed 1 ${EINVAL}`);
});

for (const last of [["idle"], ["reaper"]] as const) {
  testBoth(`step_${last[0]}() tells of rights that it cannot take`, async ({ start }) => {
    const withoutEnd = "2000000000000000";
    const end = last[0] === "idle" ? [] : [execute("/bin/true")];

    await using monitor = start(
      plan(["clone", String(CLONE_NEWPID)], ["seccomp", "0", withoutEnd], last, ...end),
    );

    strictEqual(await monitor.receive(), `failed 1 ${EINVAL}`);
  });
}

testBoth("step_seccomp() refuses flags that make a descriptor", async ({ start }) => {
  const newListener = "8";

  await using monitor = start(plan(
    ["clone", "0"],
    ["capset", "0", SOME_CAPS, "0", "0"],
    ["seccomp", newListener, ALLOW],
    execute("/bin/true"),
  ));

  strictEqual(await monitor.receive(), `failed 2 ${EINVAL}`);
});

const MALFORMED = [
  ["nothing", ""],
  ["half an instruction", "06000000"],
  ["other letters", "060000000000ff7g"],
  ["capital letters", "060000000000FF7F"],
  ["too many instructions", ALLOW.repeat(4097)],
] as const;

for (const [name, program] of MALFORMED) {
  testBoth(`plan_check() refuses a filter of ${name}`, async ({ start }) => {
    await using monitor = start(
      plan(["clone", "0"], ["seccomp", "0", program], execute("/bin/true")),
    );

    strictEqual(await monitor.receive(), `failed 1 ${EINVAL}`);
  });
}
