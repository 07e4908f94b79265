/**
 * Launch plans: the ordered steps that `wherry-monitor` interprets.
 *
 * The words and their meaning stand in `docs/monitor.md`; a test compares this
 * list with the one that `wherry-monitor --list-steps` prints.
 *
 * @module
 */

import { cStringBlock } from "../../../ffi/c_string.ts";

/** Fewest and most arguments of each word; `undefined` means any number. */
export const STEP_ARGUMENTS = {
  "stdio": [1, 1],
  "log": [4, 4],
  "listen": [1, 1],
  "record": [2, 2],
  "cgroup": [1, undefined],
  "join-cgroup": [1, 1],
  "controller": [2, undefined],
  "join-controller": [1, 1],
  "delegate": [3, undefined],
  "inherit": [2, 2],
  "control": [2, undefined],
  "control-if-present": [2, undefined],
  "oom": [2, 2],
  "device-filter": [1, 1],
  "restart": [3, 3],
  "events": [6, 6],
  "health": [9, 9],
  "cleanup": [1, undefined],
  "wake": [2, undefined],
  "ruleset": [2, 2],
  "clone": [1, 1],
  "check": [1, 1],
  "join": [1, 1],
  "join-network": [0, 0],
  "take-shm": [0, 0],
  "join-ipc": [0, 0],
  "join-pid": [0, 0],
  "owner": [2, 2],
  "join-user": [1, 1],
  "fork": [0, 0],
  "mount": [5, 5],
  "overlay": [6, undefined],
  "root": [1, 1],
  "mkdir": [4, 4],
  "mount-in": [5, 5],
  "mount-at": [5, 5],
  "take-tree": [4, 4],
  "attach-taken": [6, 6],
  "attach-tree": [5, 5],
  "attach-shm": [2, 2],
  "mknod": [4, 4],
  "chown": [3, 3],
  "symlink": [2, 2],
  "terminal": [2, 2],
  "pivot-root": [0, 0],
  "mask": [1, 1],
  "readonly": [1, 1],
  "remount-root-readonly": [0, 0],
  "sethostname": [1, 1],
  "setdomainname": [1, 1],
  "sysctl": [2, 2],
  "loopback-up": [0, 0],
  "rlimit": [3, 3],
  "umask": [1, 1],
  "oom-score-adj": [1, 1],
  "apparmor": [1, 1],
  "bounding": [1, 1],
  "user": [2, undefined],
  "capset": [4, 4],
  "no-new-privs": [0, 0],
  "seccomp": [2, 2],
  "chdir": [1, 1],
  "parent-death": [1, 1],
  "reaper": [0, 0],
  "idle": [0, 0],
  "show": [0, 0],
  "exec": [2, undefined],
} as const satisfies Record<string, readonly [number, number | undefined]>;

/** A word that the monitor knows. */
export type StepWord = keyof typeof STEP_ARGUMENTS;

/** One thing to do: a word and its arguments. */
export type Step = readonly [word: StepWord, ...args: string[]];

const MAGIC = "wherry-plan";
const VERSION = "1";

/**
 * The bytes that the monitor reads.
 *
 * @param steps In the order they are done; `exec`, `idle` or `show` comes last.
 * @throws {TypeError} If an argument contains a NUL byte.
 */
export function encodePlan(steps: readonly Step[]): Uint8Array<ArrayBuffer> {
  const strings = steps.flatMap(([word, ...args]) => [word, String(args.length), ...args]);
  return cStringBlock([MAGIC, VERSION, ...strings]);
}
