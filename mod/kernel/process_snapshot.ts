/** Writing this process into a file, for the launcher to make processes of. @see `native/snapshot.h` @module */

import { cString } from "../../ffi/c_string.ts";
import { checked } from "../../ffi/errno.ts";
import { snapshots } from "../../ffi/native.ts";
import { SYSCALL } from "../../ffi/syscalls.ts";
import { ownPid } from "./process.ts";

/** `enum snapshot_kind` */
const KIND = { copy: 1, self: 2, monitor: 3, null: 4, event: 5, pair: 6, poll: 7, watch: 8 };

/** `struct snapshot_descriptor`: what something open is made again from. */
export interface OpenFile {
  /** `enum snapshot_kind` */
  kind: number;
  /** Its number. */
  number: number;
  /** Number that is copied, of the other end, or that is watched. */
  other?: number;
  /** Of `open(2)`. */
  flags?: number;
  /** Count of an eventfd, or the events that are watched for. */
  value?: bigint;
  /** What epoll says of a file that it watches. */
  data?: bigint;
}

const OPEN_FILE_BYTES = 32;
const BUILD_BYTES = 24;
const STANDARD_STREAMS = [0, 1, 2];
/** `SNAPSHOT_FIRST_DESCRIPTOR`: what is below and no standard stream is there to keep the numbers free. */
const FIRST_NUMBER = 100;
const KCMP_FILE = 0;

/**
 * Writes this process into `directory`, where the launcher finds it. No operation may be under way.
 *
 * @param build The build's id.
 * @returns `false` in this process; and `true` in each one that is made of it.
 * @throws {SystemError} If that cannot be done here.
 * @throws {Error} If this process has something open that cannot be made again.
 */
export function writeProcess(directory: string, build: string): boolean {
  const files = encode(describeOpenFiles());
  const name = new Uint8Array(BUILD_BYTES);
  new TextEncoder().encodeInto(build, name);
  const count = files.length / OPEN_FILE_BYTES;
  const result = snapshots().write(cString(directory), name, files, count);
  return checked(result, "snapshot", directory) === 1;
}

/**
 * What this process has open besides the standard streams and numbers below 100.
 *
 * What has a number of its own comes first, then other numbers of it, then who waits for it.
 *
 * @throws {Error} If something could not be opened again.
 */
export function describeOpenFiles(): OpenFile[] {
  const numbers = [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => Number(name))
    .filter((number) => number >= FIRST_NUMBER).sort((a, b) => a - b);
  const files: OpenFile[] = [];
  const copies: OpenFile[] = [];
  const watches: OpenFile[] = [];
  const sockets: OpenFile[] = [];
  const known = [...STANDARD_STREAMS];
  for (const number of numbers) {
    const link = readLink(number);
    if (link === undefined) continue;
    const info = Deno.readTextFileSync(`/proc/self/fdinfo/${number}`);
    const flags = parseInt(/flags:\s*(\d+)/.exec(info)?.[1] ?? "", 8);
    const other = known.find((known) => isSame(known, number));
    known.push(number);
    if (other !== undefined) copies.push({ kind: KIND.copy, number, other, flags });
    else if (link.startsWith("socket:")) sockets.push({ kind: KIND.pair, number, flags });
    else files.push(...describe(link, info, { number, flags }));
    if (other === undefined) watches.push(...describeWatches(number, info));
  }
  return [...files, ...joinPairs(sockets), ...copies, ...watches];
}

/** Where it leads; `undefined` for the directory that has just been read. */
function readLink(number: number): string | undefined {
  try {
    return Deno.readLinkSync(`/proc/self/fd/${number}`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function isSame(one: number, other: number): boolean {
  const pid = ownPid();
  const result = snapshots().kcmp(SYSCALL.kcmp, pid, pid, KCMP_FILE, one, other);
  return checked(result, "kcmp", `descriptor ${other}`) === 0;
}

/** Nothing for what only the start needs: the main module and the library are in memory. */
function describe(link: string, info: string, open: { number: number; flags: number }): OpenFile[] {
  if (link === Deno.readLinkSync("/proc/self/exe")) return [{ ...open, kind: KIND.self }];
  if (link.startsWith("/memfd:wherry-monitor")) return [{ ...open, kind: KIND.monitor }];
  if (link.startsWith("/memfd:")) return [];
  if (link === "/dev/null") return [{ ...open, kind: KIND.null }];
  if (link === "anon_inode:[eventpoll]") return [{ ...open, kind: KIND.poll }];
  if (link === "anon_inode:[eventfd]") {
    const count = /eventfd-count:\s*([0-9a-f]+)/.exec(info)?.[1] ?? "0";
    return [{ ...open, kind: KIND.event, value: BigInt(`0x${count}`) }];
  }
  throw new Error(`Cannot write this process: nobody knows how to open "${link}" again`);
}

/** What an epoll waits for, see proc_pid_fdinfo(5). */
function describeWatches(number: number, info: string): OpenFile[] {
  const watches = info.matchAll(/tfd:\s*(\d+) events:\s*([0-9a-f]+) data:\s*([0-9a-f]+)/g);
  return [...watches].map(([, other, events, data]) => ({
    kind: KIND.watch,
    number,
    other: Number(other),
    value: BigInt(`0x${events}`),
    data: BigInt(`0x${data}`),
  }));
}

/** The ends of a pair have been made together: by them deno hears of signals. */
function joinPairs(sockets: OpenFile[]): OpenFile[] {
  return sockets.flatMap((socket, index) => {
    if (index % 2 === 1) return [];
    const other = sockets[index + 1]?.number;
    if (other === socket.number + 1) return [{ ...socket, other }];
    throw new Error(`Cannot write this process: socket ${socket.number} is not one of a pair`);
  });
}

function encode(files: readonly OpenFile[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(files.length * OPEN_FILE_BYTES);
  const view = new DataView(bytes.buffer);
  for (
    const [index, { kind, number, other = 0, flags = 0, value = 0n, data = 0n }] of files.entries()
  ) {
    const at = index * OPEN_FILE_BYTES;
    for (const [i, word] of [kind, number, other, flags].entries()) {
      view.setInt32(at + 4 * i, word, true);
    }
    view.setBigUint64(at + 16, value, true);
    view.setBigUint64(at + 24, data, true);
  }
  return bytes;
}
