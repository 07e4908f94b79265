import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { compileDefault } from "../../../scripts/default_seccomp_filter.ts";
import { runFilter } from "../../../tests/fakes/filter_machine.ts";
import { AUDIT_ARCH } from "../../kernel/seccomp.ts";
import { type SyscallAbi, syscallNumbers } from "../../kernel/syscall_numbers.ts";
import { DEFAULT_PROFILE } from "./default_seccomp.ts";
import { DEFAULT_SECCOMP_PROGRAMS } from "./default_seccomp_filter.ts";
import { compileSeccomp } from "./seccomp_filter.ts";

const ALLOW = 0x7fff0000;
const EPERM = 0x50001;
const ENOSYS = 0x50026;

/** What a container with these capabilities besides the usual ones is told. */
function ask(
  name: string,
  { args = [], abi = "x86_64", capabilities = [] }: {
    args?: readonly bigint[];
    abi?: SyscallAbi;
    capabilities?: readonly string[];
  } = {},
): number {
  const architecture = abi === "aarch64" || abi === "arm" ? "aarch64" : "x86_64";
  const { program } = compileSeccomp(DEFAULT_PROFILE, {
    architecture,
    capabilities: new Set(["CAP_SYS_CHROOT", ...capabilities]),
    kernel: [6, 1],
  });
  const number = syscallNumbers(abi).get(name) ?? -1;
  return runFilter(program, { architecture: AUDIT_ARCH[abi], number, args });
}

Deno.test("DEFAULT_SECCOMP_PROGRAMS are what the compiler makes of the default profile", () => {
  deepStrictEqual(DEFAULT_SECCOMP_PROGRAMS, {
    "x86_64": compileDefault("x86_64"),
    "aarch64": compileDefault("aarch64"),
  });
});

Deno.test("DEFAULT_PROFILE names no call that no machine has", () => {
  const abis = ["x86_64", "i386", "aarch64", "arm"] as const;
  const known = new Set(abis.flatMap((abi) => [...syscallNumbers(abi).keys()]));

  deepStrictEqual(
    DEFAULT_PROFILE.rules.flatMap(({ names }) => names).filter((name) => !known.has(name)),
    [],
  );
});

Deno.test("DEFAULT_PROFILE denies what reaches beyond a container", () => {
  const names = "mount umount2 unshare setns keyctl add_key request_key bpf perf_event_open " +
    "init_module kexec_load reboot swapon syslog pivot_root quotactl acct settimeofday " +
    "io_uring_setup userfaultfd open_by_handle_at process_madvise fsopen open_tree move_mount " +
    "lsm_list_modules ioperm iopl nfsservctl sethostname move_pages vhangup";

  deepStrictEqual(names.split(" ").filter((name) => ask(name) !== EPERM), []);
});

Deno.test("DEFAULT_PROFILE lets programs of all kinds run", () => {
  const names = "read write execve mmap clock_gettime futex openat statx prctl arch_prctl ptrace " +
    "chroot mknod setuid seccomp landlock_restrict_self cachestat mseal setxattrat futex_wake";

  deepStrictEqual(names.split(" ").filter((name) => ask(name) !== ALLOW), []);
});

Deno.test("DEFAULT_PROFILE allows 32-bit programs", () => {
  for (const abi of ["i386", "arm"] as const) {
    deepStrictEqual(
      ["execve", "mmap2", "clock_gettime64", "stat64", "_llseek", "setuid32"]
        .filter((name) => ask(name, { abi }) !== ALLOW),
      [],
    );
  }
  strictEqual(ask("set_tls", { abi: "arm" }), ALLOW);
});

Deno.test("DEFAULT_PROFILE sends clone3 back to clone, which makes no namespaces", () => {
  const CLONE_NEWUSER = 0x10000000n;
  const CLONE_NEWTIME_OR_SIGNAL = 0x80n;

  deepStrictEqual(
    [
      ask("clone3"),
      ask("clone", { args: [17n] }),
      ask("clone", { args: [17n | CLONE_NEWUSER] }),
      ask("clone", { args: [CLONE_NEWTIME_OR_SIGNAL] }),
      ask("clone", { args: [CLONE_NEWUSER], abi: "i386" }),
    ],
    [ENOSYS, ALLOW, EPERM, ALLOW, EPERM],
  );
});

Deno.test("DEFAULT_PROFILE opens to who holds a capability", () => {
  const admin = { capabilities: ["CAP_SYS_ADMIN"] };

  deepStrictEqual(
    ["mount", "unshare", "clone3", "bpf", "setns"].map((name) => ask(name, admin)),
    [ALLOW, ALLOW, ALLOW, ALLOW, ALLOW],
  );
  strictEqual(ask("clone", { args: [0x10000000n], ...admin }), ALLOW);
  strictEqual(ask("settimeofday", { capabilities: ["CAP_SYS_TIME"] }), ALLOW);
  strictEqual(ask("mount", { capabilities: ["CAP_SYS_TIME"] }), EPERM);
});

Deno.test("DEFAULT_PROFILE denies sockets to the kernel's crypto and to the hypervisor", () => {
  const families = [1n, 16n, 37n, 38n, 39n, 40n, 41n, (1n << 32n) + 40n];

  deepStrictEqual(
    families.filter((family) => ask("socket", { args: [family] }) === EPERM),
    [38n, 40n, (1n << 32n) + 40n],
  );
});

Deno.test("DEFAULT_PROFILE lets a program be what docker lets it be", () => {
  const ADDR_NO_RANDOMIZE = 0x40000n;
  const personalities = [0n, 0x8n, 0x20000n, 0x20008n, 0xffffffffn, ADDR_NO_RANDOMIZE];

  deepStrictEqual(
    personalities.filter((value) => ask("personality", { args: [value] }) !== ALLOW),
    [ADDR_NO_RANDOMIZE],
  );
});

Deno.test("DEFAULT_PROFILE tells programs that calls it does not know do not exist", () => {
  strictEqual(ask("open_tree_attr"), ENOSYS);
  strictEqual(ask("removexattrat"), ALLOW);
});
