/** The end of a conversation on a socket. @see shutdown(2) @module */

import type { Descriptor } from "../../ffi/descriptor.ts";
import { core } from "../../ffi/native.ts";
import { SYSCALL } from "../../ffi/syscalls.ts";

const SHUT_WR = 1;
const EINTR = 4;

/**
 * Tells the other end of a connection that nothing more will be said, and waits until nobody has that end any more.
 * What it still says is dropped. This stops the event loop.
 */
export function endConversation(socket: Descriptor): void {
  // The other end may be gone already, which is all that is wanted
  core.nnn(SYSCALL.shutdown, socket.number, SHUT_WR, 0);
  const rest = new Uint8Array(1);
  for (let result = 1; result > 0 || result === -EINTR;) {
    result = core.nbnn(SYSCALL.read, socket.number, rest, rest.length, 0);
  }
}
