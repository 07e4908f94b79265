/** Killing commands, and those who go on with their work, at random moments. @module */

import { ok, strictEqual } from "node:assert/strict";
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

/** One system call of a command. */
export interface CallPoint {
  /** Name of the system call. */
  name: string;
  /** Which of those by that name, the first being 1. */
  count: number;
}

/** Runs a command to its end; @returns its system calls that change something on the host, but for other threads'. */
export async function listChanges(
  wherry: TestEngine,
  args: readonly string[],
): Promise<CallPoint[]> {
  const log = `${wherry.directory}/strace`;
  strictEqual(
    await traced(wherry, ["--seccomp-bpf", "-o", log, "-e", `trace=${CHANGES}`], args),
    0,
  );
  const lines = Deno.readTextFileSync(log).split("\n");
  const [main = ""] = lines[0]?.split(" ") ?? [];
  const counts = new Map<string, number>();
  return lines.flatMap((line) => {
    const [, pid, name] = /^(\d+) +(\w+)\(/.exec(line) ?? [];
    if (pid !== main || name === undefined) return [];
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    return [{ name, count }];
  });
}

/**
 * Kills a command before its `count`th system call of a kind.
 *
 * Each of its processes counts for itself, and so does each of several kinds.
 *
 * @param kinds As strace(1) names them.
 * @returns False if it was not killed, because it makes fewer.
 */
export async function killBeforeCall(
  wherry: TestEngine,
  args: readonly string[],
  count: number,
  kinds: string,
): Promise<boolean> {
  // Not with --seccomp-bpf, which forgets the signals of strace 6.1
  const inject = `inject=${kinds}:signal=SIGKILL:when=${count}`;
  const flags = ["-o", "/dev/null", "-e", `trace=${kinds}`, "-e", inject];
  const code = await traced(wherry, flags, args);
  if (code !== SIGKILLED) strictEqual(code, 0);
  return code === SIGKILLED;
}

const SIGKILLED = 128 + 9;

/** @returns The status of a command that says nothing on its standard error. */
async function traced(
  wherry: TestEngine,
  flags: readonly string[],
  args: readonly string[],
): Promise<number> {
  const { code, stderr } = await wherry.runCommand([
    // Who ends by a signal because of it says so by a status
    ...["sh", "-c", '"$@"; exit $?', "sh"],
    ...["strace", "-f", "-qqq", ...flags, "--"],
    ...wherry.commandLine(args),
  ]);
  strictEqual(stderr.replace(/^Killed\n$/, ""), "");
  return code;
}

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

/** At most `count` of several, each of them once. */
export function pickSome<T>(random: () => number, items: readonly T[], count: number): T[] {
  const rest = [...items];
  const picked: T[] = [];
  while (picked.length < count && rest.length > 0) {
    picked.push(...rest.splice(Math.floor(random() * rest.length), 1));
  }
  return picked;
}
