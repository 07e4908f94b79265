/** Parameters of the kernel that a container can have values of its own of. @module */

import { WherryError } from "../../errors.ts";

/** The kind of namespace that a parameter belongs to. */
export type SysctlNamespace = "net" | "ipc" | "uts";

const IPC_NAMES: readonly string[] = [
  "kernel.msgmax",
  "kernel.msgmnb",
  "kernel.msgmni",
  "kernel.sem",
  "kernel.shmall",
  "kernel.shmmax",
  "kernel.shmmni",
  "kernel.shm_rmid_forced",
];

/**
 * The namespace that a parameter belongs to.
 *
 * @param name With dots, for example `"net.core.somaxconn"`.
 * @returns `undefined` if it is the whole host's.
 * @see namespaces(7), proc_sys_kernel(5)
 */
export function sysctlNamespace(name: string): SysctlNamespace | undefined {
  if (!isPath(name)) return undefined;
  if (name.startsWith("net.")) return "net";
  if (name.startsWith("fs.mqueue.") || IPC_NAMES.includes(name)) return "ipc";
  return name === "kernel.domainname" ? "uts" : undefined;
}

/** Whether it names a file and stays below `/proc/sys`. */
function isPath(name: string): boolean {
  return sysctlPath(name).split("/").every((part) => part !== "" && !/^\.\.?$|\0/.test(part));
}

/**
 * The path of a parameter below `/proc/sys`.
 *
 * @param name With dots; a `/` in it stands for a dot, as in `"net.ipv4.conf.eth0/7.rp_filter"`.
 * @see sysctl(8)
 */
export function sysctlPath(name: string): string {
  return name.replace(/[./]/g, (separator) => separator === "." ? "/" : ".");
}

/**
 * Checks what a container's parameters are to be.
 *
 * @throws {WherryError} `invalid_argument` for one that is the whole host's.
 */
export function checkSysctls(sysctls: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(sysctls)) {
    if (sysctlNamespace(name) === undefined) {
      throw new WherryError(
        "invalid_argument",
        `Cannot set the sysctl "${name}": it is not a container's own but the host's`,
        { hint: "Containers have their own net.*, fs.mqueue.*, kernel.shm*, msg* and sem" },
      );
    }
    // The kernel would take an empty one for no change
    if (value === "" || value.includes("\0")) {
      throw new WherryError("invalid_argument", `Cannot set the sysctl "${name}" to "${value}"`);
    }
  }
}
