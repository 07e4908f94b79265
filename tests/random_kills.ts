/** Killing commands, and those who go on with their work, at random moments. @module */

import { deepStrictEqual, ok } from "node:assert/strict";
import { killUnlessGone, pause, type TestEngine } from "./harness.ts";
import { isInOtherPidNamespace, listDescendants } from "./surroundings.ts";

/** Longer than any of the commands takes on its own. */
const MAX_DELAY_MS = 120;
/** How long a command may take that was not killed itself, however slow the machine. */
const MAX_WAIT_MS = 120_000;

/** Whom to kill: the command, or any monitor or clean-up that is alive at that moment, or one of each. */
export const VICTIMS = ["command", "monitor", "both"] as const;

/** Kills while a command is at work; what it leaves running is not waited for. */
export async function killDuring(
  wherry: TestEngine,
  args: readonly string[],
  victim: typeof VICTIMS[number],
  random: () => number,
): Promise<void> {
  // Nobody reads a pipe to its end that a monitor may hold for as long as its container runs
  const child = wherry.spawn(args, { redirect: ">/dev/null 2>&1" });
  const status = child.status;
  await Promise.all([child.stdout.cancel(), child.stderr.cancel()]);
  await Promise.race([status, pause(random() * MAX_DELAY_MS)]);
  if (victim !== "monitor") killUnlessGone(child.pid);
  if (victim !== "command") killOneOf(random, helpersOf(child.pid));
  const isOver = await Promise.race([status.then(() => true), pause(MAX_WAIT_MS)]);
  ok(isOver, `wherry ${args.join(" ")} hangs after the kill of ${victim}`);
}

/** System calls by which something on the host changes, but for writing into an open file. */
const CHANGES = [
  ...["mkdir", "mkdirat", "rmdir", "unlink", "unlinkat", "rename", "renameat", "renameat2"],
  ...["link", "linkat", "symlink", "symlinkat", "fsync", "mount", "move_mount", "umount2"],
  ...["chmod", "fchmod", "fchmodat", "chown", "fchownat", "ftruncate", "utimensat"],
].map((name) => `?${name}`).join();

/**
 * Kills a command before its `count`th system call of a kind.
 *
 * Each of its processes counts for itself, and so does each of several kinds.
 *
 * @param kinds As strace(1) names them. @default {all that change something on the host}
 * @returns False if it was not killed, because it makes fewer.
 */
export async function killBeforeCall(
  wherry: TestEngine,
  args: readonly string[],
  count: number,
  kinds: string = CHANGES,
): Promise<boolean> {
  const { code, stderr } = await wherry.runCommand([
    // strace ends by the signal that has ended the command: a shell makes an exit status of that
    ...["sh", "-c", '"$@"; exit $?', "sh"],
    ...["strace", "-f", "-qqq", "-o", "/dev/null", "--seccomp-bpf", "-e", `trace=${kinds}`],
    ...["-e", `inject=${kinds}:signal=SIGKILL:when=${count}`, "--"],
    ...wherry.commandLine(args),
  ]);
  if (code === SIGKILLED) return true;
  deepStrictEqual([code, stderr], [0, ""]);
  return false;
}

const SIGKILLED = 128 + 9;

/** Monitors and what cleans up after them: all that was started outside containers but for the command. */
function helpersOf(command: number): number[] {
  return listDescendants().map(({ pid }) => pid)
    .filter((pid) => pid !== command && !isInOtherPidNamespace(pid));
}

function killOneOf(random: () => number, pids: readonly number[]): void {
  if (pids.length > 0) killUnlessGone(pick(random, pids));
}

/** `seed` gives the same row of numbers from 0 to 1 every time. */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** One of several. */
export function pick<T>(random: () => number, items: readonly T[]): T {
  const item = items[Math.floor(random() * items.length)];
  if (item === undefined) throw new RangeError("Cannot pick one of none");
  return item;
}
