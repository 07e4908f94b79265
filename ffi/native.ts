/**
 * The functions of `native/wherry.h` as typed symbols.
 *
 * `wherry_syscall` takes six 64-bit words. It is declared once for each
 * combination of numbers and buffers that wherry needs; a short signature
 * leaves the remaining registers undefined, which the kernel does not read.
 * The name says the argument types in order: `n` a number, `b` a buffer.
 * Numbers are passed as 32 bits: every one used here is an `int` of the kernel
 * or not negative, so the upper half of its register does not matter. The
 * result is `>= 0` or `-errno`, and fits 32 bits too.
 *
 * @module
 */

import { lazySymbols } from "./library.ts";

/**
 * The symbols that `run` and `exec` need: in one group, because opening a group costs a millisecond.
 */
export const core = lazySymbols(
  {
    nnn: { name: "wherry_syscall", parameters: ["i32", "i32", "i32", "i32"], result: "i32" },
    bn: { name: "wherry_syscall", parameters: ["i32", "buffer", "i32"], result: "i32" },
    nnnb: {
      name: "wherry_syscall",
      parameters: ["i32", "i32", "i32", "i32", "buffer"],
      result: "i32",
    },
    nnb: { name: "wherry_syscall", parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
    nbbn: {
      name: "wherry_syscall",
      parameters: ["i32", "i32", "buffer", "buffer", "i32"],
      result: "i32",
    },
    nbnn: {
      name: "wherry_syscall",
      parameters: ["i32", "i32", "buffer", "i32", "i32"],
      result: "i32",
    },
    /** Starting a program; see `native/wherry.h`, also for the following. */
    wherry_spawn: {
      parameters: [
        "i32", // int32_t exe_fd
        "buffer", // const char *argv
        "u32", // uint32_t argc
        "buffer", // const char *envp
        "u32", // uint32_t envc
        "buffer", // const int32_t *fds
        "u32", // uint32_t nfds
        "i64", // int64_t rlimit_nofile
        "buffer", // int32_t *ret_pidfd
      ],
      result: "i32",
    },
    wherry_send: {
      parameters: ["i32", "buffer", "u32", "buffer", "u32"],
      result: "i32",
    },
    /** On another thread, because it waits. */
    wherry_receive: {
      parameters: ["i32", "buffer", "u32", "buffer", "buffer"],
      result: "i32",
      nonblocking: true,
    },
    /** Removing a tree. */
    wherry_remove_tree: { parameters: ["i32", "buffer"], result: "i32" },
  } as const,
);

/** Making files below a directory descriptor; used by `mod/kernel/file.ts` and not by `run`. */
export const files = lazySymbols(
  {
    nl: { name: "wherry_syscall", parameters: ["i32", "i32", "i64"], result: "i32" },
    nbn: { name: "wherry_syscall", parameters: ["i32", "i32", "buffer", "i32"], result: "i32" },
    nbnl: {
      name: "wherry_syscall",
      parameters: ["i32", "i32", "buffer", "i32", "i64"],
      result: "i32",
    },
    bnb: { name: "wherry_syscall", parameters: ["i32", "buffer", "i32", "buffer"], result: "i32" },
    nbbn: {
      name: "wherry_syscall",
      parameters: ["i32", "i32", "buffer", "buffer", "i32"],
      result: "i32",
    },
    nbnnn: {
      name: "wherry_syscall",
      parameters: ["i32", "i32", "buffer", "i32", "i32", "i32"],
      result: "i32",
    },
    nbnbn: {
      name: "wherry_syscall",
      parameters: ["i32", "i32", "buffer", "i32", "buffer", "i32"],
      result: "i32",
    },
    nbbnn: {
      name: "wherry_syscall",
      parameters: ["i32", "i32", "buffer", "buffer", "i32", "i32"],
      result: "i32",
    },
    bbbnn: {
      name: "wherry_syscall",
      parameters: ["i32", "buffer", "buffer", "buffer", "i32", "i32"],
      result: "i32",
    },
  } as const,
);
