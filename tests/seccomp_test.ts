/** Which system calls containers can make. @module */

import { deepStrictEqual, match, notStrictEqual, ok, strictEqual } from "node:assert/strict";
import { DEFAULT_SECCOMP_PROGRAMS } from "../mod/container/security/default_seccomp_filter.ts";
import { AUDIT_ARCH } from "../mod/kernel/seccomp.ts";
import { type SyscallAbi, syscallNumbers } from "../mod/kernel/syscall_numbers.ts";
import { runFilter } from "./fakes/filter_machine.ts";
import { eventually, type TestEngine, testWhole } from "./harness.ts";

const NATIVE = Deno.build.arch;
const IS_FILTERED = ["grep", "^Seccomp:", "/proc/self/status"];
const FILTERED = "Seccomp:\t2\n";
const UNFILTERED = "Seccomp:\t0\n";

const SIGSYS = 31;
/** One more than the newest system call of Linux 7.1. */
const LAST = 472;

/** What filters here answer with. */
const ERRNO_NAMES: Readonly<Record<number, string>> = { 0x50001: "EPERM", 0x50026: "ENOSYS" };

/** Compiles system_calls.c to one static file. @returns Flags that put it into a container. */
async function compileSystemCalls(wherry: TestEngine): Promise<string[]> {
  const source = new URL("system_calls.c", import.meta.url).pathname;
  const program = `${wherry.scratch}/system_calls`;
  await wherry.runHost(Deno.env.get("CC") || "gcc", "-static", "-O1", "-o", program, source);
  return ["-v", `${program}:/system_calls:ro`];
}

/** What came of each system call, by its number. */
async function tryAll(
  wherry: TestEngine,
  flags: readonly string[],
  abi: string,
): Promise<string[]> {
  const { stdout } = await wherry.runBusybox(flags, ["/system_calls", abi, "0", String(LAST)]);
  return stdout.trimEnd().split("\n").map((line) => line.replace(/^\d+ /, ""));
}

/** The name of a native system call's number in a container, and what came of the call. */
async function tryOne(
  wherry: TestEngine,
  flags: readonly string[],
  name: string,
): Promise<string> {
  const number = String(syscallNumbers(NATIVE).get(name));
  const { stdout } = await wherry.runBusybox(flags, ["/system_calls", "native", number, number]);
  return stdout.trimEnd().replace(/^\d+ /, "");
}

/** What the default filter answers to calls with arguments of ones only, but for those that it lets through. */
function listDenied(abi: SyscallAbi): [number: number, answer: string | undefined][] {
  // The kernel makes this one itself where a program is probed, and asks no filter (6.14)
  const unfiltered = abi === "x86_64" ? syscallNumbers(abi).get("uprobe") : undefined;
  const args = Array.from({ length: 6 }, () => abi === "i386" ? 0xffffffffn : (1n << 64n) - 1n);
  return Array.from({ length: LAST + 1 }, (_, number): [number, string | undefined] => {
    const program = DEFAULT_SECCOMP_PROGRAMS[NATIVE];
    const answer = runFilter(program, { architecture: AUDIT_ARCH[abi], number, args });
    return [number, ERRNO_NAMES[answer]];
  }).filter(([number, answer]) => answer !== undefined && number !== unfiltered);
}

/** Writes a profile beside the test's other files. @returns The flag that asks for it. */
function useProfile(wherry: TestEngine, profile: unknown): string[] {
  const path = `${wherry.scratch}/profile.json`;
  const text = typeof profile === "string" ? profile : JSON.stringify(profile, null, 2);
  Deno.writeTextFileSync(path, text);
  return ["--security-opt", `seccomp=${path}`];
}

/** A profile that does `action` at some calls and allows all others. */
function acting(action: string, ...names: string[]): unknown {
  return { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names, action }] };
}

testWhole(
  "a container is denied each system call that the default profile denies",
  async (wherry) => {
    const flags = await compileSystemCalls(wherry);

    const results = await tryAll(wherry, flags, "native");

    const denied = listDenied(NATIVE);
    deepStrictEqual(denied.map(([number]) => [number, results[number]]), denied);
    ok(denied.length > 100);
  },
);

testWhole(
  "programs of older kinds are denied the same",
  async (wherry) => {
    const flags = await compileSystemCalls(wherry);

    const results = await tryAll(wherry, flags, "i386");

    const denied = listDenied("i386");
    deepStrictEqual(denied.map(([number]) => [number, results[number]]), denied);
  },
  { ignore: NATIVE !== "x86_64" },
);

testWhole("with seccomp=unconfined or --privileged nothing is filtered", async (wherry) => {
  const flags = await compileSystemCalls(wherry);
  const unconfined = ["--security-opt", "seccomp=unconfined"];

  const plain = await wherry.runBusybox(["--privileged"], IS_FILTERED);
  const asked = await wherry.runBusybox(unconfined, IS_FILTERED);
  const keyring = await tryOne(wherry, [...flags, ...unconfined], "keyctl");

  deepStrictEqual([plain.stdout, asked.stdout], [UNFILTERED, UNFILTERED]);
  notStrictEqual(keyring, "EPERM");
});

testWhole("seccomp=builtin is the default", async (wherry) => {
  const flags = await compileSystemCalls(wherry);

  const keyring = await tryOne(wherry, [...flags, "--security-opt", "seccomp=builtin"], "keyctl");

  strictEqual(keyring, "EPERM");
});

testWhole(
  "a capability that is added opens what the default profile has for it",
  async (wherry) => {
    const mount = ["mount", "-t", "tmpfs", "none", "/mnt"];

    const plain = await wherry.runBusybox([], mount);
    const admin = await wherry.runBusybox(["--cap-add", "SYS_ADMIN"], [
      "sh",
      "-c",
      "mkdir /mnt; mount -t tmpfs none /mnt && grep ^Seccomp: /proc/self/status",
    ]);

    notStrictEqual(plain.code, 0);
    deepStrictEqual(admin, { code: 0, stdout: FILTERED, stderr: "" });
  },
);

testWhole(
  "a container gets no sockets to the hypervisor or the kernel's crypto",
  async (wherry) => {
    const flags = await compileSystemCalls(wherry);
    const families = [38, 40, 2 ** 32 + 40];

    const answers = await Promise.all(families.map(async (family) => {
      const { stdout } = await wherry.runBusybox(flags, [
        "/system_calls",
        "socket",
        String(family),
      ]);
      return stdout;
    }));

    deepStrictEqual(answers, ["EPERM\n", "EPERM\n", "EPERM\n"]);
  },
);

for (const action of ["SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP"]) {
  testWhole(`a profile ends by ${action} who makes a directory`, async (wherry) => {
    const flags = await compileSystemCalls(wherry);
    const profile = useProfile(wherry, acting(action, "mkdir", "mkdirat"));

    const { code, stdout } = await wherry.runBusybox([...flags, ...profile], [
      "/system_calls",
      "mkdir",
      "/made",
    ]);

    deepStrictEqual([code, stdout], [128 + SIGSYS, ""]);
  });
}

testWhole("a profile decides by the arguments of a call", async (wherry) => {
  const flags = await compileSystemCalls(wherry);
  const profile = useProfile(wherry, {
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{
      names: ["socket"],
      action: "SCMP_ACT_ERRNO",
      errnoRet: 95,
      args: [{ index: 0, value: 2, op: "SCMP_CMP_EQ" }],
    }],
  });
  const open = async (family: string): Promise<string> => {
    const argv = ["/system_calls", "socket", family];
    return (await wherry.runBusybox([...flags, ...profile], argv)).stdout;
  };

  strictEqual(await open("2"), "EOPNOTSUPP\n");
  notStrictEqual(await open("1"), "EOPNOTSUPP\n");
});

testWhole("exec, health checks, other users and PID 1 pass the filter, too", async (wherry) => {
  const show = "grep ^Seccomp: /proc/1/status /proc/self/status";
  await wherry.start([
    ...["--name", "box", "--init", "-u", "1000"],
    ...["--health-cmd", "grep ^Seccomp: /proc/self/status; false", "--health-interval", "50ms"],
  ], ["sleep", "100"]);

  const exec = await wherry.run(["exec", "box", "sh", "-c", show]);
  const asRoot = await wherry.run(["exec", "-u", "0", "--privileged", "box", ...IS_FILTERED]);
  let health = "";
  await eventually(async () => {
    const format = "{{with index .State.Health.Log 0}}{{.Output}}{{end}}";
    health = (await wherry.run(["inspect", "--format", format, "box"])).stdout;
    return health.includes("Seccomp");
  });

  strictEqual(exec.stdout, `/proc/1/status:${FILTERED}/proc/self/status:${FILTERED}`);
  strictEqual(asRoot.stdout, FILTERED);
  strictEqual(health.trimEnd(), FILTERED.trimEnd());
  await wherry.run(["rm", "-f", "box"]);
});

testWhole("a container without a command has a filter of its own, too", async (wherry) => {
  await wherry.start(["--name", "box", "--idle"], []);

  const { stdout } = await wherry.run(["exec", "box", "grep", "^Seccomp:", "/proc/1/status"]);

  strictEqual(stdout, FILTERED);
  await wherry.run(["rm", "-f", "box"]);
});

testWhole("start and exec go by the profile that the container was made with", async (wherry) => {
  const profile = useProfile(wherry, acting("SCMP_ACT_ERRNO", "mkdir", "mkdirat"));
  const flags = ["--name", "box", ...profile];
  await wherry.run(["create", ...await wherry.busybox(flags), "sleep", "100"]);
  Deno.removeSync(`${wherry.scratch}/profile.json`);

  const started = await wherry.run(["start", "box"]);
  const exec = await wherry.run(["exec", "box", "mkdir", "/made"]);

  deepStrictEqual(started, { code: 0, stdout: "box\n", stderr: "" });
  deepStrictEqual([exec.code, exec.stderr], [
    1,
    "mkdir: can't create directory '/made': Operation not permitted\n",
  ]);
  await wherry.run(["rm", "-f", "box"]);
});

testWhole("inspect shows a profile as docker does", async (wherry) => {
  const profile = useProfile(
    wherry,
    '{ "defaultAction" : "SCMP_ACT_ALLOW",\n "comment": " y " }\n',
  );
  await wherry.run(["create", ...await wherry.busybox(["--name", "box", ...profile]), "true"]);

  const format = "{{json .HostConfig.SecurityOpt}}";
  const { stdout } = await wherry.run(["inspect", "--format", format, "box"]);

  deepStrictEqual(JSON.parse(stdout), [
    'seccomp={"defaultAction":"SCMP_ACT_ALLOW","comment":" y "}',
  ]);
  await wherry.run(["rm", "box"]);
});

/** Needs nothing after the filter but execve. */
const NEEDED_BY_WHERRY = ["capset", "prctl"];

testWhole(
  "with no-new-privileges a profile may forbid all that wherry itself needs",
  async (wherry) => {
    const profile = useProfile(
      wherry,
      acting("SCMP_ACT_ERRNO", ...NEEDED_BY_WHERRY, "close_range"),
    );

    const { code, stdout } = await wherry.runBusybox(
      [...profile, "--security-opt", "no-new-privileges"],
      IS_FILTERED,
    );

    deepStrictEqual([code, stdout], [0, FILTERED]);
  },
);

testWhole(
  "a profile that forbids to give up capabilities lets no container start",
  async (wherry) => {
    const profile = useProfile(wherry, acting("SCMP_ACT_ERRNO", ...NEEDED_BY_WHERRY));

    const { code, stderr } = await wherry.runBusybox(profile, ["true"]);

    strictEqual(code, 125);
    match(stderr, /^wherry: Cannot [^\n]+\n[^\n]*no-new-privileges[^\n]*\n$/);
  },
);

testWhole("a profile that forbids execve is told of", async (wherry) => {
  const profile = useProfile(wherry, acting("SCMP_ACT_ERRNO", "execve"));

  const { code, stderr } = await wherry.runBusybox(profile, ["true"]);

  strictEqual(code, 126);
  match(stderr, /^wherry: Cannot execute "true": operation not permitted/);
});

const BAD: readonly (readonly [what: string, profile: unknown, message: RegExp])[] = [
  ["broken JSON", "{", /compacting json for seccomp profile \(.*profile\.json\) failed: /],
  ["no object", "[]", /seccomp profile ".*profile\.json": it is not an object/],
  [
    "an unknown action",
    acting("SCMP_ACT_FOO", "mkdir"),
    /profile\.json": syscalls\[0\]\.action: unknown action "SCMP_ACT_FOO"/,
  ],
  ["a listener", acting("SCMP_ACT_NOTIFY", "mkdir"), /SCMP_ACT_NOTIFY needs a listener/],
];

for (const [what, profile, message] of BAD) {
  testWhole(`a profile with ${what} is refused before there is a container`, async (wherry) => {
    const { code, stdout, stderr } = await wherry.runBusybox(useProfile(wherry, profile), ["true"]);

    deepStrictEqual([code, stdout], [125, ""]);
    match(stderr, message);
    strictEqual((await wherry.run(["ps", "-aq"])).stdout, "");
  });
}

testWhole("a profile that is missing is told of in docker's words", async (wherry) => {
  const { code, stderr } = await wherry.runBusybox(["--security-opt", "seccomp=/no/file"], [
    "true",
  ]);

  strictEqual(code, 125);
  match(stderr, /opening seccomp profile \(\/no\/file\) failed: .*no such file or directory/);
});
