/** The namespaces in which a container has ids of its own; the protocol stands in `docs/monitor.md`. @module */

import type { Descriptor } from "../../../ffi/descriptor.ts";
import { errnoText } from "../../../ffi/errno.ts";
import { WherryError } from "../../errors.ts";
import { openReadWrite } from "../../kernel/open.ts";
import { startProgram } from "../../kernel/program.ts";
import { receivePacket, socketPair } from "../../kernel/socket.ts";
import { monitorProgram } from "./monitor.ts";
import type { IdRange } from "../record/namespaces.ts";

/** Namespaces that last as long as somebody holds their descriptors, or a process is in them. */
export interface OwnNamespaces extends Disposable {
  /** In which the ids from 0 on are those of the range. */
  user: Descriptor;
  /** A network without anything but `lo`, over which the root of `user` has power. */
  network: Descriptor;
}

/**
 * Makes a user namespace and a network namespace that belongs to it.
 *
 * @throws {WherryError} `unsupported` if this host allows none.
 */
export async function createOwnNamespaces({ first, count }: IdRange): Promise<OwnNamespaces> {
  const [ours, theirs] = socketPair();
  using socket = ours;
  startHelper(theirs, ["--namespaces", String(first), String(count)]);
  theirs[Symbol.dispose]();
  const answer = await receivePacket(socket);
  const [user, network] = answer?.descriptors ?? [];
  if (user !== undefined && network !== undefined) {
    return { user, network, [Symbol.dispose]: () => dispose(user, network) };
  }
  throw refusal(answer?.text ?? "");
}

function startHelper(control: Descriptor, args: readonly string[]): void {
  using nothing = openReadWrite("/dev/null");
  const none = -1;
  const helper = startProgram({
    executable: monitorProgram(),
    argv: ["wherry-monitor", ...args],
    env: [],
    descriptors: [nothing.number, nothing.number, nothing.number, none, control.number],
  });
  helper.pidfd[Symbol.dispose]();
}

function dispose(...descriptors: readonly Descriptor[]): void {
  for (const descriptor of descriptors) descriptor[Symbol.dispose]();
}

const ENOSPC = 28;

function refusal(text: string): WherryError {
  const [, digits] = /^failed \d+ (\d+)$/.exec(text) ?? [];
  if (digits === undefined) {
    return new WherryError(
      "internal",
      "Cannot make a user namespace: its helper ended without a word",
    );
  }
  const errno = Number(digits);
  return new WherryError("unsupported", `Cannot make a user namespace: ${errnoText(errno)}`, {
    hint: errno === ENOSPC
      ? "Raise the sysctl user.max_user_namespaces or user.max_net_namespaces, or leave out --userns"
      : "This kernel, or the sandbox that wherry runs in, allows none: leave out --userns",
  });
}
