/** The values of flags that say which namespaces are a container's own. @module */

import {
  hostNameConflict,
  type Namespaces,
  type OfContainer,
  PRIVATE_NAMESPACES,
} from "../../container/record/namespaces.ts";
import { argumentError, flagError } from "../base/argument_error.ts";
import type { NAMESPACE_FLAGS } from "../definitions/namespace_flags.ts";
import type { ParsedFlags } from "../base/flags.ts";

/** The flags, as they are parsed, and those that contradict some of them. */
export type NamespaceFlags = Omit<ParsedFlags<typeof NAMESPACE_FLAGS>["flags"], "userns"> & {
  hostname: string | undefined;
  domainname: string | undefined;
};

/**
 * Reads the flags.
 *
 * @returns Other containers as somebody names them.
 * @throws {WherryError} `invalid_argument` for a value that makes no sense, or two that contradict each other, in
 * docker's words.
 */
export function planNamespaces(flags: NamespaceFlags): Namespaces {
  const namespaces: Namespaces = {
    ...PRIVATE_NAMESPACES,
    pid: parsePid(flags.pid || "private"),
    ipc: parseIpc(flags.ipc || "private"),
    uts: parseOwn(flags.uts || "private", "--uts: invalid UTS mode"),
    cgroup: parseOwn(flags.cgroupns || "private", "--cgroupns: invalid CGROUP mode"),
  };
  const conflict = hostNameConflict(namespaces, flags);
  if (conflict !== undefined) throw argumentError(conflict);
  return namespaces;
}

/** Docker's client looks at most modes itself. @see `cli/command/container/opts.go` of docker/cli */
function parseOwn(text: string, dockerWords: string): "private" | "host" {
  if (text === "private" || text === "host") return text;
  throw flagError(dockerWords);
}

function parsePid(text: string): Namespaces["pid"] {
  return isOfContainer(text) ? text : parseOwn(text, "--pid: invalid PID mode");
}

const IPC_MODES = ["private", "shareable", "none", "host"] as const;

/** This one is left to docker's daemon. */
function parseIpc(text: string): Namespaces["ipc"] {
  const mode = isOfContainer(text) ? text : IPC_MODES.find((one) => one === text);
  if (mode !== undefined) return mode;
  throw argumentError(`invalid IPC mode: ${text}`);
}

function isOfContainer(text: string): text is OfContainer {
  return /^container:./.test(text);
}
