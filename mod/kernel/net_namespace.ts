/** Network namespaces. @see network_namespaces(7), setns(2) @module */

import type { Descriptor } from "../../ffi/descriptor.ts";
import { checked } from "../../ffi/errno.ts";
import { core } from "../../ffi/native.ts";
import { SYSCALL } from "../../ffi/syscalls.ts";
import { CLONE_NEW } from "./mount.ts";
import { openForReading } from "./open.ts";

const THIS_NAMESPACE = "/proc/thread-self/ns/net";

/**
 * Makes a network namespace, which lasts as long as somebody holds its descriptor or a process is in it.
 *
 * Called on the main thread, which leaves its own namespace for a moment.
 *
 * @throws {SystemError} EPERM without CAP_SYS_ADMIN, ENOSPC if there are too many.
 */
export function createNetNamespace(): Descriptor {
  using own = openForReading(THIS_NAMESPACE);
  checked(core.nnn(SYSCALL.unshare, CLONE_NEW.NET, 0, 0), "unshare", "CLONE_NEWNET");
  try {
    return openForReading(THIS_NAMESPACE);
  } finally {
    enter(own);
  }
}

/**
 * Opens the network namespace of a process.
 *
 * @param pidfd The process; needs Linux 5.8.
 * @throws {SystemError} ESRCH if the process has ended.
 */
export function openNetNamespace(pidfd: Descriptor): Descriptor {
  return inNetNamespace(pidfd, () => openForReading(THIS_NAMESPACE));
}

/**
 * Does something in another network namespace: sockets opened there stay in it, and `/proc/sys/net` is its own.
 *
 * @param namespace Its descriptor, or the pidfd of a process in it.
 * @param act Must not be asynchronous: others of this thread would find themselves in the wrong namespace.
 */
export function inNetNamespace<T>(namespace: Descriptor, act: () => T): T {
  using own = openForReading(THIS_NAMESPACE);
  enter(namespace);
  try {
    return act();
  } finally {
    enter(own);
  }
}

function enter(namespace: Descriptor): void {
  checked(core.nnn(SYSCALL.setns, namespace.number, CLONE_NEW.NET, 0), "setns", "CLONE_NEWNET");
}
