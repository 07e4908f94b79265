/** Mounting file systems in this process's mount namespace. @see mount(2), fsconfig(2) @module */

import { cString } from "../../ffi/c_string.ts";
import { Descriptor } from "../../ffi/descriptor.ts";
import { checked } from "../../ffi/errno.ts";
import { mounting } from "../../ffi/native.ts";
import { SYSCALL } from "../../ffi/syscalls.ts";

/** Arguments of mount(2). */
export interface MountCall {
  /** Device, directory, or whatever the file system takes for one; may be empty. */
  source: string;
  /** An existing directory. */
  target: string;
  /** Of the file system; empty where the flags say all. */
  type: string;
  /** Bits of `MS`. */
  flags: number;
  /** Options of the file system, comma-separated. */
  data: string;
}

/** The kernel reads from them on another thread, where nobody else refers to them. */
const buffersInUse = new Set<Uint8Array[]>();

/**
 * Mounts something. This may take as long as a server does to answer: it happens on another thread, and ends early
 * only with this process.
 *
 * @throws {SystemError} Whatever the file system answers.
 */
export async function mountFileSystem(call: MountCall): Promise<void> {
  const source = cString(call.source);
  const target = cString(call.target);
  const type = cString(call.type);
  const data = cString(call.data);
  const buffers = [source, target, type, data];
  buffersInUse.add(buffers);
  try {
    const result = await mounting().bbblbLater(
      SYSCALL.mount,
      source,
      target,
      type,
      BigInt(call.flags),
      data,
    );
    checked(result, "mount", call.target);
  } finally {
    buffersInUse.delete(buffers);
  }
}

const FSOPEN_CLOEXEC = 1;
const FSCONFIG_SET_FLAG = 0;
const FSCONFIG_SET_STRING = 1;
const MESSAGE_BYTES = 4096;

/**
 * Asks the kernel what is wrong with the options of a file system. Nothing is mounted.
 *
 * @param data As for {@linkcode MountCall}.
 * @returns Its own words, for example `tmpfs: Unknown parameter 'colour'`; `undefined` if it says nothing, as older
 * kernels do and many file systems. @see fsopen(2), since Linux 5.2
 */
export function explainRefusal(type: string, data: string): string | undefined {
  const opened = mounting().bn(SYSCALL.fsopen, cString(type), FSOPEN_CLOEXEC);
  if (opened < 0) return undefined;
  using context = new Descriptor(opened);
  for (const word of data.split(",").filter((word) => word !== "")) {
    if (setOption(context, word) < 0) return readMessage(context);
  }
  return undefined;
}

function setOption({ number }: Descriptor, word: string): number {
  const at = word.indexOf("=");
  const key = cString(at < 0 ? word : word.slice(0, at));
  const { nnbbn } = mounting();
  return at < 0
    ? nnbbn(SYSCALL.fsconfig, number, FSCONFIG_SET_FLAG, key, null, 0)
    : nnbbn(SYSCALL.fsconfig, number, FSCONFIG_SET_STRING, key, cString(word.slice(at + 1)), 0);
}

/** The kernel marks each message by a letter, such as `e` for an error. */
function readMessage({ number }: Descriptor): string | undefined {
  const bytes = new Uint8Array(MESSAGE_BYTES);
  const size = mounting().nbn(SYSCALL.read, number, bytes, bytes.length);
  if (size <= 0) return undefined;
  return new TextDecoder().decode(bytes.subarray(0, size)).trimEnd().replace(/^[a-z] /, "");
}
