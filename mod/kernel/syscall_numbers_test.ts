import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { type SyscallAbi, syscallNumbers, X32_BIT } from "./syscall_numbers.ts";

/** Where `linux-libc-dev`, without which nothing here can be built, has the headers of this machine. */
const HEADERS = "/usr/include";

/** The numbers that a header of the kernel defines. */
function readHeader(path: string): [name: string, number: number][] {
  const text = Deno.readTextFileSync(`${HEADERS}/${path}`);
  return Array.from(
    text.matchAll(/^#define __NR(?:_|(?=3264_))(\w+)\s+\(?(?:__X32_SYSCALL_BIT \+ )?(\d+)\)?$/gm),
    ([, name = "", number]) => [name, Number(number)],
  );
}

/** Those of which the table says something else. */
function findWrong(abi: SyscallAbi, header: readonly (readonly [string, number])[]): unknown[] {
  const numbers = syscallNumbers(abi);
  return header.filter(([name, number]) => numbers.get(name) !== number);
}

/** Names for whatever machine takes the header, and not for arm64. */
const FOR_BOTH = /^3264_|^(?:syscalls|arch_specific_syscall|sync_file_range2|riscv_\w+)$|64$/;

Deno.test("syscallNumbers() agrees with the kernel's header for arm64", () => {
  const header = readHeader("asm-generic/unistd.h").filter(([name]) => !FOR_BOTH.test(name));

  deepStrictEqual(findWrong("aarch64", header), []);
  strictEqual(header.length > 250, true);
});

const X86_HEADERS = [["x86_64", "unistd_64.h"], ["i386", "unistd_32.h"], [
  "x32",
  "unistd_x32.h",
]] as const;

for (const [abi, name] of X86_HEADERS) {
  Deno.test({
    name: `syscallNumbers() agrees with the kernel's header for ${abi}`,
    ignore: Deno.build.arch !== "x86_64",
    fn() {
      const base = abi === "x32" ? X32_BIT : 0;
      const header = readHeader(`x86_64-linux-gnu/asm/${name}`)
        .map(([call, number]) => [call, base + number] as const);

      deepStrictEqual(findWrong(abi, header), []);
      strictEqual(header.length > 300, true);
    },
  });
}

Deno.test("syscallNumbers() has names of 32 bits where words are short", () => {
  strictEqual(syscallNumbers("i386").get("clock_gettime64"), 403);
  strictEqual(syscallNumbers("arm").get("futex_time64"), 422);
  strictEqual(syscallNumbers("x86_64").get("clock_gettime64"), undefined);
});

Deno.test("syscallNumbers() gives x32 numbers of its own where its arguments differ", () => {
  const numbers = syscallNumbers("x32");

  deepStrictEqual(
    ["read", "execve", "pwritev2", "uselib", "clone3"].map((name) => numbers.get(name)),
    [X32_BIT, X32_BIT + 520, X32_BIT + 547, undefined, X32_BIT + 435],
  );
});

Deno.test("syscallNumbers() has each number once", () => {
  const abis = ["x86_64", "i386", "x32", "aarch64", "arm"] as const;

  deepStrictEqual(
    abis.map((abi) => new Set(syscallNumbers(abi).values()).size),
    abis.map((abi) => syscallNumbers(abi).size),
  );
});

Deno.test("syscallNumbers() knows what only some machines have", () => {
  strictEqual(syscallNumbers("arm").get("set_tls"), 983045);
  strictEqual(syscallNumbers("arm").has("memfd_secret"), false);
  strictEqual(syscallNumbers("aarch64").get("memfd_secret"), 447);
});
