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

import { lazySymbols, openSymbols } from "./library.ts";

/** The functions that every command needs. */
const CORE = {
  /** `wherry_syscall(number, a, b, c)` */
  nnn: { name: "wherry_syscall", parameters: ["i32", "i32", "i32", "i32"], result: "i32" },
  /** `wherry_syscall(number, *a, b)` */
  bn: { name: "wherry_syscall", parameters: ["i32", "buffer", "i32"], result: "i32" },
  /** `wherry_syscall(number, *a, *b, c)` */
  bbn: { name: "wherry_syscall", parameters: ["i32", "buffer", "buffer", "i32"], result: "i32" },
  /** `wherry_syscall(number, a, b, *c)` */
  nnb: { name: "wherry_syscall", parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  /** `wherry_syscall(number, a, b, c, *d)` */
  nnnb: {
    name: "wherry_syscall",
    parameters: ["i32", "i32", "i32", "i32", "buffer"],
    result: "i32",
  },
  /** `wherry_syscall(number, a, *b, *c, d)` */
  nbbn: {
    name: "wherry_syscall",
    parameters: ["i32", "i32", "buffer", "buffer", "i32"],
    result: "i32",
  },
  /** `wherry_syscall(number, a, *b, c, d)` */
  nbnn: {
    name: "wherry_syscall",
    parameters: ["i32", "i32", "buffer", "i32", "i32"],
    result: "i32",
  },
  /** `wherry_syscall(number, a, b, c, *d, e)` */
  nnnbn: {
    name: "wherry_syscall",
    parameters: ["i32", "i32", "i32", "i32", "buffer", "i32"],
    result: "i32",
  },
  /** `wherry_syscall(number, *a, *b, *c, d, *e)` */
  bbbnb: {
    name: "wherry_syscall",
    parameters: ["i32", "buffer", "buffer", "buffer", "i32", "buffer"],
    result: "i32",
  },
  /** `wherry_syscall(number, a, *b, c)` that may wait long, on another thread. */
  nbnLater: {
    name: "wherry_syscall",
    parameters: ["i32", "i32", "buffer", "i32"],
    result: "i32",
    nonblocking: true,
  },
  /** Starting a program; see `native/wherry.h`, also for the following. */
  spawn: {
    name: "wherry_spawn",
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
  /** Sending a packet. */
  send: {
    name: "wherry_send",
    parameters: ["i32", "buffer", "u32", "buffer", "u32"],
    result: "i32",
  },
  /** Waiting for a packet, on another thread. */
  receive: {
    name: "wherry_receive",
    parameters: ["i32", "buffer", "u32", "buffer", "buffer"],
    result: "i32",
    nonblocking: true,
  },
  /** Removing a tree. */
  removeTree: { name: "wherry_remove_tree", parameters: ["i32", "buffer"], result: "i32" },
} as const;

const ADDRESS = { type: "pointer" } as const;

/** The library's functions as bare addresses. */
const ADDRESSES = {
  wherry_syscall: ADDRESS,
  wherry_spawn: ADDRESS,
  wherry_send: ADDRESS,
  wherry_receive: ADDRESS,
  wherry_remove_tree: ADDRESS,
} as const;

type Opened = Deno.StaticForeignLibraryInterface<typeof CORE>;
type Core = { -readonly [Name in keyof Opened]: Opened[Name] };

let addresses: Deno.StaticForeignLibraryInterface<typeof ADDRESSES> | undefined;

/** Makes a function of an address when it is first called. */
function lazyCall(definition: (typeof CORE)[keyof typeof CORE]): (...args: never[]) => unknown {
  let call = (...args: never[]): unknown => {
    const address = (addresses ??= openSymbols(ADDRESSES))[definition.name];
    if (address === null) throw new TypeError(`Cannot call ${definition.name}: no address`);
    const pointer = new Deno.UnsafeFnPointer<Deno.ForeignFunction>(
      address as Deno.PointerObject<Deno.ForeignFunction>,
      definition,
    );
    call = pointer.call.bind(pointer) as typeof call;
    return call(...args);
  };
  return (...args) => call(...args);
}

/**
 * The functions that every command needs.
 *
 * They are called through their addresses: a symbol that is declared as a function costs half a millisecond when
 * the library is opened, an address nothing. A call costs 10 us in place of 0.2: {@linkcode files} is for the many.
 * After {@linkcode loadNativeCode} they are symbols, too.
 */
export const core = Object.fromEntries(
  Object.entries(CORE).map(([name, definition]) => [name, lazyCall(definition)]),
) as unknown as Core;

/** Making files below a directory descriptor; used by `mod/kernel/file.ts` and not by `run`. */
export const files = lazySymbols(
  {
    nnn: { name: "wherry_syscall", parameters: ["i32", "i32", "i32", "i32"], result: "i32" },
    nbnn: {
      name: "wherry_syscall",
      parameters: ["i32", "i32", "buffer", "i32", "i32"],
      result: "i32",
    },
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
    /** A file with its bytes, owner, mode and times; see `native/wherry.h`. */
    createFile: {
      name: "wherry_create_file",
      parameters: ["i32", "buffer", "buffer", "u32", "buffer", "buffer"],
      result: "i32",
    },
    /** Many of them out of a tar archive. */
    createMembers: {
      name: "wherry_create_members",
      parameters: ["i32", "buffer", "u32", "buffer", "u32", "u32", "buffer"],
      result: "i32",
    },
  } as const,
);

/** Reading files below a directory descriptor; used by `mod/kernel/file_reading.ts` and not by `run`. */
export const reading = lazySymbols(
  {
    nbn: { name: "wherry_syscall", parameters: ["i32", "i32", "buffer", "i32"], result: "i32" },
    nbnn: {
      name: "wherry_syscall",
      parameters: ["i32", "i32", "buffer", "i32", "i32"],
      result: "i32",
    },
    nbbn: {
      name: "wherry_syscall",
      parameters: ["i32", "i32", "buffer", "buffer", "i32"],
      result: "i32",
    },
    bbn: { name: "wherry_syscall", parameters: ["i32", "buffer", "buffer", "i32"], result: "i32" },
    bbbn: {
      name: "wherry_syscall",
      parameters: ["i32", "buffer", "buffer", "buffer", "i32"],
      result: "i32",
    },
    nbnnb: {
      name: "wherry_syscall",
      parameters: ["i32", "i32", "buffer", "i32", "i32", "buffer"],
      result: "i32",
    },
  } as const,
);

/** Copying files; used by `mod/kernel/copy.ts`. */
export const copying = lazySymbols(
  {
    nnn: { name: "wherry_syscall", parameters: ["i32", "i32", "i32", "i32"], result: "i32" },
    nbn: { name: "wherry_syscall", parameters: ["i32", "i32", "buffer", "i32"], result: "i32" },
    nln: { name: "wherry_syscall", parameters: ["i32", "i32", "i64", "i32"], result: "i64" },
    nbnbnn: {
      name: "wherry_syscall",
      parameters: ["i32", "i32", "buffer", "i32", "buffer", "i32", "i32"],
      result: "i32",
    },
  } as const,
);

/** Mounting file systems; used by `mod/kernel/mounting.ts`. */
export const mounting = lazySymbols(
  {
    /** `wherry_syscall(number, *a, *b, *c, d, *e)` that may wait long, on another thread. */
    bbblbLater: {
      name: "wherry_syscall",
      parameters: ["i32", "buffer", "buffer", "buffer", "i64", "buffer"],
      result: "i32",
      nonblocking: true,
    },
    bn: { name: "wherry_syscall", parameters: ["i32", "buffer", "i32"], result: "i32" },
    nbn: { name: "wherry_syscall", parameters: ["i32", "i32", "buffer", "i32"], result: "i32" },
    nnbbn: {
      name: "wherry_syscall",
      parameters: ["i32", "i32", "i32", "buffer", "buffer", "i32"],
      result: "i32",
    },
  } as const,
);

/** Hashing; used by `mod/image/spec/digester.ts`. */
export const hashing = lazySymbols(
  {
    /** Starting a stream. */
    begin: { name: "wherry_sha256_begin", parameters: ["buffer"], result: "i32" },
    /** Taking a few bytes. */
    update: {
      name: "wherry_sha256_update",
      parameters: ["buffer", "buffer", "u32"],
      result: "i32",
    },
    /** Leaving many bytes to another thread. */
    give: { name: "wherry_sha256_give", parameters: ["buffer", "buffer", "u32"], result: "i32" },
    /** Hashing what has been given, on another thread. */
    work: {
      name: "wherry_sha256_work",
      parameters: ["buffer"],
      result: "i32",
      nonblocking: true,
    },
    /** Waiting until something given is hashed, on another thread. */
    wait: {
      name: "wherry_sha256_wait",
      parameters: ["buffer", "u32"],
      result: "i32",
      nonblocking: true,
    },
    /** Ending a stream. */
    end: { name: "wherry_sha256_end", parameters: ["buffer", "buffer"], result: "i32" },
  } as const,
);

/** Writing this process into a file; used by `mod/kernel/process_snapshot.ts`. */
export const snapshots = lazySymbols(
  {
    write: {
      name: "wherry_snapshot",
      parameters: ["buffer", "buffer", "buffer", "u32"],
      result: "i32",
    },
    kcmp: {
      name: "wherry_syscall",
      parameters: ["i32", "i32", "i32", "i32", "i32", "i32"],
      result: "i32",
    },
  } as const,
);

/** Opens everything above, for a process that many others are made of. */
export function loadNativeCode(): void {
  for (const open of [files, reading, copying, mounting, hashing, snapshots]) open();
  Object.assign(core, openSymbols(CORE));
}
