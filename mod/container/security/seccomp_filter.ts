/**
 * From a profile to the program that the kernel runs at each system call.
 *
 * In effect it is what runc and libseccomp make of the same profile; where rules contradict each other and that depends
 * on how libseccomp sorts them, the first one counts.
 *
 * @module
 */

import {
  AUDIT_ARCH,
  FilterProgram,
  SECCOMP_DATA,
  SECCOMP_RETURN,
  type Target,
  type Ways,
} from "../../kernel/seccomp.ts";
import { type SyscallAbi, syscallNumbers, X32_BIT } from "../../kernel/syscall_numbers.ts";
import type { SeccompFilter } from "./process_security.ts";
import type {
  ArgumentCondition,
  KernelRelease,
  RuleScope,
  SeccompProfile,
  SeccompRule,
} from "./seccomp_profile.ts";

/** A processor that wherry runs on. */
export type HostArchitecture = "x86_64" | "aarch64";

/** What a profile's rules may depend on. */
export interface SeccompHost {
  architecture: HostArchitecture;
  /** `CAP_` names of the container's bounding set. */
  capabilities: ReadonlySet<string>;
  kernel: KernelRelease;
}

/** What the profiles call an architecture when they name what a rule is for. */
const SCOPE_NAMES: Readonly<Record<HostArchitecture, string>> = {
  "x86_64": "amd64",
  "aarch64": "arm64",
};

const PROFILE_NAMES: Readonly<Record<SyscallAbi, string>> = {
  "x86_64": "SCMP_ARCH_X86_64",
  "i386": "SCMP_ARCH_X86",
  "x32": "SCMP_ARCH_X32",
  "aarch64": "SCMP_ARCH_AARCH64",
  "arm": "SCMP_ARCH_ARM",
};

/** What can come in at all, the host's own first. */
const HOST_ABIS: Readonly<Record<HostArchitecture, readonly SyscallAbi[]>> = {
  "x86_64": ["x86_64", "x32", "i386"],
  "aarch64": ["aarch64", "arm"],
};

/** Argument registers of these have 32 bits. As to libseccomp, those of x32 do, too. */
const SHORT_ABIS: ReadonlySet<SyscallAbi> = new Set(["x32", "i386", "arm"]);

const ENOSYS = 38;

/** What becomes of one system call where some conditions hold. */
interface ConditionalAction {
  conditions: readonly ArgumentCondition[];
  action: number;
}

/** What becomes of one system call: always the same, or the first of these that holds. */
type Verdict = number | readonly ConditionalAction[];

/** What becomes of the system calls of one ABI. */
interface AbiRules {
  abi: SyscallAbi;
  verdicts: ReadonlyMap<number, Verdict>;
  /** The greatest number that the profile names; `undefined` if it names none. */
  last: number | undefined;
}

/**
 * Makes the filter of a profile.
 *
 * @throws {RangeError} If it would be too long for the kernel.
 */
export function compileSeccomp(profile: SeccompProfile, host: SeccompHost): SeccompFilter {
  const rules = profile.rules.filter((rule) => isInScope(rule, host));
  const tables = abisOf(profile, host).map((abi) => resolveRules(abi, rules, profile));
  return { flags: profile.flags, program: assemble(tables, profile.defaultAction) };
}

function isInScope({ includes, excludes }: SeccompRule, host: SeccompHost): boolean {
  return (includes === undefined || isIncluded(includes, host)) &&
    (excludes === undefined || !isExcluded(excludes, host));
}

function isIncluded(
  { capabilities, architectures, minKernel }: RuleScope,
  host: SeccompHost,
): boolean {
  return capabilities.every((name) => host.capabilities.has(name)) &&
    (architectures.length === 0 || architectures.includes(SCOPE_NAMES[host.architecture])) &&
    (minKernel === undefined || isAtLeast(host.kernel, minKernel));
}

function isExcluded(
  { capabilities, architectures, minKernel }: RuleScope,
  host: SeccompHost,
): boolean {
  return capabilities.some((name) => host.capabilities.has(name)) ||
    architectures.includes(SCOPE_NAMES[host.architecture]) ||
    (minKernel !== undefined && isAtLeast(host.kernel, minKernel));
}

function isAtLeast(
  [version, major]: KernelRelease,
  [minVersion, minMajor]: KernelRelease,
): boolean {
  return version > minVersion || (version === minVersion && major >= minMajor);
}

/** What the profile lets in; the host's own even if it does not say so. */
function abisOf(
  { architectures, architectureMap }: SeccompProfile,
  { architecture }: SeccompHost,
): SyscallAbi[] {
  const mapped = architectureMap.find(([own]) => own === PROFILE_NAMES[architecture]) ?? [];
  const named = new Set([...architectures, ...mapped, PROFILE_NAMES[architecture]]);
  return HOST_ABIS[architecture].filter((abi) => named.has(PROFILE_NAMES[abi]));
}

function resolveRules(
  abi: SyscallAbi,
  rules: readonly SeccompRule[],
  { defaultAction }: SeccompProfile,
): AbiRules {
  const numbers = syscallNumbers(abi);
  const verdicts = new Map<number, Verdict>();
  for (const { names, action, conditions } of rules) {
    // As runc does: it changes nothing, not even what other rules say
    if (action === defaultAction) continue;
    for (const { number, group } of callsOf(abi, numbers, { names, conditions })) {
      addRule(verdicts, number, { action, conditions: group });
    }
  }
  const named = rules.flatMap(({ names }) => names.map((name) => numbers.get(name) ?? 0));
  const last = named.reduce((greatest, number) => Math.max(greatest, number), 0);
  return { abi, verdicts, last: last === 0 ? undefined : last };
}

interface Call {
  number: number;
  /** Conditions that must all hold. */
  group: readonly ArgumentCondition[];
}

/** The calls that a rule is about, where one has conditions of its own, or several groups of them. */
function* callsOf(
  abi: SyscallAbi,
  numbers: ReadonlyMap<string, number>,
  { names, conditions }: Pick<SeccompRule, "names" | "conditions">,
): Generator<Call> {
  const effective = conditions.map((condition) =>
    SHORT_ABIS.has(abi) ? { ...condition, isInt: true } : condition
  );
  for (const group of groupsOf(effective)) {
    for (const name of names) {
      const number = numbers.get(name);
      if (number !== undefined) yield { number, group };
      if (abi === "i386") yield* multiplexedCalls(name, numbers, group);
    }
  }
}

/** As runc does: conditions about the same argument are alternatives. */
function groupsOf(conditions: readonly ArgumentCondition[]): (readonly ArgumentCondition[])[] {
  const isRepeated = new Set(conditions.map(({ index }) => index)).size < conditions.length;
  const groups = isRepeated ? conditions.map((condition) => [condition]) : [conditions];
  return groups.map((group) => group.filter((condition) => !isAlwaysTrue(condition)));
}

function isAlwaysTrue(condition: ArgumentCondition): boolean {
  return wordsOf(condition).every(({ mask }) => mask === 0);
}

/** Calls of 32-bit x86 that are made through one call, by the number that its first argument is. */
const MULTIPLEXED: Readonly<Record<string, string>> = {
  socketcall: "_ socket bind connect listen accept getsockname getpeername socketpair send recv " +
    "sendto recvfrom shutdown setsockopt getsockopt sendmsg recvmsg accept4 recvmmsg sendmmsg",
  ipc: "_ semop semget semctl semtimedop _ _ _ _ _ _ msgsnd msgrcv msgget msgctl " +
    "_ _ _ _ _ _ shmat shmdt shmget shmctl",
};

/** As libseccomp does: of a rule's conditions the one about the first argument gives way. */
function* multiplexedCalls(
  name: string,
  numbers: ReadonlyMap<string, number>,
  conditions: readonly ArgumentCondition[],
): Generator<Call> {
  for (const [entrance, list] of Object.entries(MULTIPLEXED)) {
    const call = list.split(" ").indexOf(name);
    const number = numbers.get(entrance);
    if (call < 0 || number === undefined) continue;
    const isThis: ArgumentCondition = {
      index: 0,
      operator: "EQ",
      value: BigInt(call),
      valueTwo: 0n,
      isInt: true,
    };
    yield { number, group: [isThis, ...conditions.filter(({ index }) => index > 0)] };
  }
}

/** What has no conditions stands above what has, and the first of such rules above the next. */
function addRule(
  verdicts: Map<number, Verdict>,
  number: number,
  { action, conditions }: ConditionalAction,
): void {
  const known = verdicts.get(number) ?? [];
  if (typeof known === "number") return;
  verdicts.set(number, conditions.length === 0 ? action : [...known, { action, conditions }]);
}

/** Of an own and a foreign ABI that come in by the same way the own one is first. */
function assemble(tables: readonly AbiRules[], defaultAction: number): string {
  const program = new FilterProgram();
  let entry: Target = { returns: SECCOMP_RETURN.KILL_THREAD };
  for (const table of tables.toReversed()) {
    if (table.abi === "x32") continue;
    const x32 = tables.find(({ abi }) => abi === "x32");
    const body = table.abi === "x86_64"
      ? addX86(program, { own: table, x32 }, defaultAction)
      : addTable(program, table, defaultAction);
    const onTrue = program.load(SECCOMP_DATA.NUMBER, body);
    entry = program.jump("equal", AUDIT_ARCH[table.abi], { onTrue, onFalse: entry });
  }
  return program.finish(program.load(SECCOMP_DATA.ARCHITECTURE, entry));
}

/** The number of a call that a tracer has cancelled. */
const CANCELLED = 0xffffffff;

/** X86-64 and, if it is let in, x32, which differ in a bit of the number. */
function addX86(
  program: FilterProgram,
  { own, x32 }: { own: AbiRules; x32: AbiRules | undefined },
  defaultAction: number,
): Target {
  const onTrue = x32 === undefined
    ? program.jump("equal", CANCELLED, {
      onTrue: { returns: defaultAction },
      onFalse: { returns: SECCOMP_RETURN.KILL_THREAD },
    })
    : addTable(program, x32, defaultAction);
  const onFalse = addTable(program, own, defaultAction);
  return program.jump("at least", X32_BIT, { onTrue, onFalse });
}

/** Numbers from `first` up to that of the next one have the same verdict. */
interface NumberRange {
  first: number;
  target: Target;
}

/** A binary search by the number in the accumulator. */
function addTable(
  program: FilterProgram,
  { verdicts, last }: AbiRules,
  defaultAction: number,
): Target {
  const others: Target = { returns: defaultAction };
  const ranges: NumberRange[] = [{ first: 0, target: others }];
  const begin = (first: number, target: Target): void => {
    if (ranges.at(-1)?.first === first) ranges.pop();
    ranges.push({ first, target });
  };
  // So that programs fall back on something older, as with runc: the profile cannot know calls that are newer
  const end = last === undefined || isPermissive(defaultAction) ? Infinity : last + 1;
  for (const number of [...verdicts.keys()].sort((a, b) => a - b)) {
    if (number >= end) break;
    begin(number, addVerdict(program, verdicts.get(number) ?? [], others));
    begin(number + 1, others);
  }
  if (end !== Infinity) begin(end, { returns: SECCOMP_RETURN.ERRNO + ENOSYS });
  return addSearch(
    program,
    ranges.filter(({ target }, i) => !isSame(target, ranges[i - 1]?.target)),
  );
}

/** A tracer, too, can do what is best for a call that it does not know. */
function isPermissive(action: number): boolean {
  return action === SECCOMP_RETURN.ALLOW || action === SECCOMP_RETURN.LOG ||
    (action & TRACE_MASK) === SECCOMP_RETURN.TRACE;
}

/** All but the number for the tracer. */
const TRACE_MASK = 0x7fff0000;

function isSame(target: Target, other: Target | undefined): boolean {
  if (other === undefined) return false;
  if ("returns" in target) return "returns" in other && target.returns === other.returns;
  return "fromEnd" in other && target.fromEnd === other.fromEnd;
}

function addSearch(program: FilterProgram, ranges: readonly NumberRange[]): Target {
  const middle = ranges.length >> 1;
  const pivot = ranges[middle];
  if (pivot === undefined) throw new RangeError("Cannot search in no ranges");
  if (ranges.length === 1) return pivot.target;
  return program.jump("at least", pivot.first, {
    onTrue: addSearch(program, ranges.slice(middle)),
    onFalse: addSearch(program, ranges.slice(0, middle)),
  });
}

function addVerdict(program: FilterProgram, verdict: Verdict, others: Target): Target {
  if (typeof verdict === "number") return { returns: verdict };
  return verdict.reduceRight<Target>(
    (onFalse, { conditions, action }) =>
      conditions.reduceRight<Target>(
        (onTrue, condition) => addCondition(program, condition, { onTrue, onFalse }),
        { returns: action },
      ),
    others,
  );
}

function addCondition(program: FilterProgram, condition: ArgumentCondition, ways: Ways): Target {
  const words = wordsOf(condition);
  const opposite = { onTrue: ways.onFalse, onFalse: ways.onTrue };
  switch (condition.operator) {
    case "EQ":
    case "MASKED_EQ":
      return addEquality(program, words, ways);
    case "NE":
      return addEquality(program, words, opposite);
    case "GT":
      return addOrder(program, words, { test: "greater", ...ways });
    case "GE":
      return addOrder(program, words, { test: "at least", ...ways });
    case "LT":
      return addOrder(program, words, { test: "at least", ...opposite });
    case "LE":
      return addOrder(program, words, { test: "greater", ...opposite });
  }
}

const WORD_MASK = 0xffffffff;
const WORD_BITS = 32n;
const ARGUMENT_SIZE = 8;
const WORD_SIZE = 4;

/** Half of an argument and what it is compared with. */
interface Word {
  /** In `struct seccomp_data`. */
  offset: number;
  mask: number;
  value: number;
}

/** The lower word, and the upper one unless only the lower one counts. */
type Words = readonly [lower: Word, ...upper: Word[]];

function wordsOf(
  { index, operator, value, valueTwo, isInt }: ArgumentCondition,
): Words {
  const isMasked = operator === "MASKED_EQ";
  const mask = isMasked ? value : BigInt(WORD_MASK) << WORD_BITS | BigInt(WORD_MASK);
  const wanted = isMasked ? value & valueTwo : value;
  const lower = SECCOMP_DATA.ARGUMENTS + ARGUMENT_SIZE * index;
  const word = (offset: number, shift: bigint): Word => ({
    offset,
    mask: Number(mask >> shift & BigInt(WORD_MASK)),
    value: Number(wanted >> shift & BigInt(WORD_MASK)),
  });
  return isInt === true ? [word(lower, 0n)] : [word(lower, 0n), word(lower + WORD_SIZE, WORD_BITS)];
}

function addEquality(program: FilterProgram, words: readonly Word[], ways: Ways): Target {
  return words.filter(({ mask }) => mask !== 0).reduce<Target>(
    (onTrue, { offset, mask, value }) =>
      program.load(offset, addWordEquality(program, { mask, value }, { ...ways, onTrue })),
    ways.onTrue,
  );
}

function addWordEquality(
  program: FilterProgram,
  { mask, value }: Pick<Word, "mask" | "value">,
  ways: Ways,
): Target {
  if (mask === WORD_MASK) return program.jump("equal", value, ways);
  if (value !== 0) return program.mask(mask, program.jump("equal", value, ways));
  return program.jump("any bit", mask, { onTrue: ways.onFalse, onFalse: ways.onTrue });
}

function addOrder(
  program: FilterProgram,
  [lower, upper]: Words,
  { test, ...ways }: Ways & { test: "greater" | "at least" },
): Target {
  const byLower = program.load(lower.offset, program.jump(test, lower.value, ways));
  if (upper === undefined) return byLower;
  const byUpper = program.jump("greater", upper.value, {
    onTrue: ways.onTrue,
    onFalse: program.jump("equal", upper.value, { onTrue: byLower, onFalse: ways.onFalse }),
  });
  return program.load(upper.offset, byUpper);
}
