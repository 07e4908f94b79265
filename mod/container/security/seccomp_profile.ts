/**
 * Profiles that say which system calls a container may make, in the JSON format of docker.
 *
 * @see {@link https://docs.docker.com/engine/security/seccomp/} and `seccomp/seccomp.go` of moby/profiles
 * @module
 */

import { WherryError, type WherryErrorOptions } from "../../errors.ts";
import { SECCOMP_FLAG, SECCOMP_RETURN } from "../../kernel/seccomp.ts";

/** How an argument is compared with a value; numbers have no sign. */
export type ComparisonOperator = "NE" | "LT" | "LE" | "EQ" | "GE" | "GT" | "MASKED_EQ";

/** What an argument of a system call must be. */
export interface ArgumentCondition {
  /** 0 to 5. */
  index: number;
  operator: ComparisonOperator;
  /** 64 bits; with `MASKED_EQ` the bits that count. */
  value: bigint;
  /** With `MASKED_EQ` what those bits are. */
  valueTwo: bigint;
  /** Whether only the lower 32 bits count, because the kernel looks at no more of it. @default {false} */
  isInt?: boolean;
}

/** Release of a kernel, of which `6.1.0-18` is 6 and 1. */
export type KernelRelease = readonly [version: number, major: number];

/** Where a rule counts, or does not. */
export interface RuleScope {
  /** `CAP_` names. */
  capabilities: readonly string[];
  /** As docker calls them: `amd64`, `arm64`. */
  architectures: readonly string[];
  /** The oldest kernel. */
  minKernel?: KernelRelease;
}

/** What becomes of some system calls. */
export interface SeccompRule {
  names: readonly string[];
  /** What the filter returns. */
  action: number;
  /** All of them must be so; as with runc any one of them where two are about the same argument. */
  conditions: readonly ArgumentCondition[];
  /** It counts only where all of this is so. */
  includes?: RuleScope;
  /** It does not count where any of this is so. */
  excludes?: RuleScope;
}

/** A profile. */
export interface SeccompProfile {
  /** What the filter returns for all that no rule names. */
  defaultAction: number;
  /** `SECCOMP_FLAG` bits. */
  flags: number;
  /** `SCMP_ARCH_` names of what is let in besides the host's own. */
  architectures: readonly string[];
  /** The same for each host: the first is the host's own. */
  architectureMap: readonly (readonly string[])[];
  rules: readonly SeccompRule[];
}

const ACTIONS: Readonly<Record<string, number>> = {
  SCMP_ACT_KILL: SECCOMP_RETURN.KILL_THREAD,
  SCMP_ACT_KILL_THREAD: SECCOMP_RETURN.KILL_THREAD,
  SCMP_ACT_KILL_PROCESS: SECCOMP_RETURN.KILL_PROCESS,
  SCMP_ACT_TRAP: SECCOMP_RETURN.TRAP,
  SCMP_ACT_ERRNO: SECCOMP_RETURN.ERRNO,
  SCMP_ACT_TRACE: SECCOMP_RETURN.TRACE,
  SCMP_ACT_LOG: SECCOMP_RETURN.LOG,
  SCMP_ACT_ALLOW: SECCOMP_RETURN.ALLOW,
};

const FLAGS: Readonly<Record<string, number>> = {
  // For programs with threads, and what is executed has none
  SECCOMP_FILTER_FLAG_TSYNC: 0,
  SECCOMP_FILTER_FLAG_LOG: SECCOMP_FLAG.LOG,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: SECCOMP_FLAG.SPEC_ALLOW,
};

/** All that runc knows; those of other machines never come in. */
const ARCHITECTURES: ReadonlySet<string> = new Set([
  "X86",
  "X86_64",
  "X32",
  "ARM",
  "AARCH64",
  "LOONGARCH64",
  "MIPS",
  "MIPS64",
  "MIPS64N32",
  "MIPSEL",
  "MIPSEL64",
  "MIPSEL64N32",
  "PPC",
  "PPC64",
  "PPC64LE",
  "RISCV64",
  "S390",
  "S390X",
].map((name) => `SCMP_ARCH_${name}`));

const OPERATORS: ReadonlySet<string> = new Set<ComparisonOperator>([
  "NE",
  "LT",
  "LE",
  "EQ",
  "GE",
  "GT",
  "MASKED_EQ",
]);
const OPERATOR_PREFIX = "SCMP_CMP_";

const EPERM = 1;
/** What the kernel makes of a greater errno. */
const MAX_ERRNO = 4095;
const MAX_ARGUMENT_INDEX = 5;
const MAX_VALUE = (1n << 64n) - 1n;
const MAX_RELEASE = 255;

const PROFILE_KEYS = [
  ...["defaultAction", "defaultErrnoRet", "defaultErrno", "architectures", "archMap", "syscalls"],
  ...["flags", "listenerPath", "listenerMetadata"],
];
const RULE_KEYS = ["names", "name", "action", "errnoRet", "errno", "args", "includes", "excludes"];
const CONDITION_KEYS = ["index", "value", "valueTwo", "op"];
const SCOPE_KEYS = ["caps", "arches", "minKernel"];
/** What people write notes in, and where editors look for a schema. */
const COMMENT_KEY = /^(?:[$_].*|comment|description)$/;

/** One value of a profile and where it stands, for messages. */
class Field {
  readonly #source: string;
  readonly #path: string;
  readonly #value: unknown;

  constructor(source: string, path: string, value: unknown) {
    this.#source = source;
    this.#path = path;
    this.#value = value;
  }

  /** The error of a value that makes no sense. */
  refuse(reason: string, options: WherryErrorOptions = {}): WherryError {
    return new WherryError("invalid_argument", this.#complain(reason), options);
  }

  /** The error of a value that asks for what wherry cannot do. */
  refuseUnsupported(reason: string, hint: string): WherryError {
    return new WherryError("unsupported", this.#complain(reason), { hint });
  }

  #complain(reason: string): string {
    const place = this.#path === "" ? "" : `${this.#path}: `;
    return `Cannot use the seccomp profile "${this.#source}": ${place}${reason}`;
  }

  /** Whether it is missing or null, which is the same to docker. */
  get isAbsent(): boolean {
    return this.#value === undefined || this.#value === null;
  }

  /** The value of `key`. */
  at(key: string): Field {
    if (this.isAbsent) return new Field(this.#source, `${this.#path}.${key}`, undefined);
    if (typeof this.#value !== "object" || Array.isArray(this.#value)) {
      throw this.refuse("it is not an object");
    }
    const path = this.#path === "" ? key : `${this.#path}.${key}`;
    return new Field(this.#source, path, (this.#value as Record<string, unknown>)[key]);
  }

  /**
   * Refuses keys that nobody reads: a misspelt one would let through what it was to deny.
   *
   * @param keys All that have a meaning; those that comment need not be among them.
   */
  checkKeys(keys: readonly string[]): void {
    if (typeof this.#value !== "object" || this.#value === null) return;
    const unknown = Object.keys(this.#value).find((key) =>
      !keys.includes(key) && !COMMENT_KEY.test(key)
    );
    if (unknown === undefined) return;
    throw this.refuse(`unknown field "${unknown}"`, { hint: `Use one of ${keys.join(", ")}` });
  }

  list(): Field[] {
    if (this.isAbsent) return [];
    if (!Array.isArray(this.#value)) throw this.refuse("it is not a list");
    return this.#value.map((value, i) => new Field(this.#source, `${this.#path}[${i}]`, value));
  }

  text(): string {
    if (this.isAbsent) return "";
    if (typeof this.#value !== "string") throw this.refuse("it is not a text");
    return this.#value;
  }

  texts(): string[] {
    return this.list().map((field) => field.text());
  }

  /** 0 where there is none. */
  number(max: bigint): bigint {
    if (this.isAbsent) return 0n;
    const value = typeof this.#value === "number" && Number.isSafeInteger(this.#value)
      ? BigInt(this.#value)
      : this.#value;
    if (typeof value === "bigint" && value >= 0n && value <= max) return value;
    throw this.refuse(`it is not a whole number from 0 to ${max}`);
  }

  /** What `words` says of the text. */
  word(words: Readonly<Record<string, number>>, what: string): number {
    const text = this.text();
    const found = Object.hasOwn(words, text) ? words[text] : undefined;
    if (found !== undefined) return found;
    if (text === "") throw this.refuse(`no ${what} is given`);
    throw this.refuse(`unknown ${what} "${text}"`, {
      hint: `Use one of ${Object.keys(words).join(", ")}`,
    });
  }
}

/**
 * Reads a profile.
 *
 * Names of system calls that nobody knows are ignored as docker ignores them: they may be those of a newer kernel.
 *
 * @param json The text of the file.
 * @param source Name of the file, for messages.
 * @returns `undefined` for a profile that says nothing at all, which docker takes for none.
 * @throws {WherryError} `invalid_argument` if it is no JSON or not a profile, `unsupported` if it asks for what
 * wherry cannot do.
 */
export function parseSeccompProfile(json: string, source: string): SeccompProfile | undefined {
  const root = new Field(source, "", parseJson(json, source));
  root.checkKeys(PROFILE_KEYS);
  const syscalls = root.at("syscalls").list();
  if (root.at("defaultAction").text() === "" && syscalls.length === 0) return undefined;
  checkNoListener(root);
  const architectures = root.at("architectures").list().map(parseArchitecture);
  const architectureMap = root.at("archMap").list().map(parseArchitectureEntry);
  if (architectures.length > 0 && architectureMap.length > 0) {
    throw root.refuse("both 'architectures' and 'archMap' are specified");
  }
  return {
    defaultAction: parseAction(root.at("defaultAction"), root.at("defaultErrnoRet")),
    flags: parseFlags(root.at("flags")),
    architectures,
    architectureMap,
    rules: syscalls.map(parseRule),
  };
}

/** Numbers beyond 53 bits are kept whole. */
function parseJson(json: string, source: string): unknown {
  try {
    return JSON.parse(json, keepWholeNumber);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new WherryError(
      "invalid_argument",
      `Cannot use the seccomp profile "${source}": it is not JSON: ${cause.message}`,
      { cause },
    );
  }
}

/** The third argument is newer than TypeScript's description of `JSON.parse`. */
function keepWholeNumber(_key: string, value: unknown, context?: { source?: string }): unknown {
  const source = context?.source ?? "";
  return typeof value === "number" && /^\d+$/.test(source) && !Number.isSafeInteger(value)
    ? BigInt(source)
    : value;
}

function checkNoListener(root: Field): void {
  const path = root.at("listenerPath");
  if (path.text() === "") return;
  throw path.refuseUnsupported(
    "wherry hands no system calls to another program",
    "Take the listener and all that SCMP_ACT_NOTIFY does out of the profile",
  );
}

function parseAction(field: Field, errno: Field): number {
  if (field.text() === "SCMP_ACT_NOTIFY") {
    throw field.refuseUnsupported(
      "SCMP_ACT_NOTIFY needs a listener, and wherry hands no system calls to another program",
      "Use SCMP_ACT_ERRNO or SCMP_ACT_ALLOW in its place",
    );
  }
  const action = field.word(ACTIONS, "action");
  const carriesNumber = action === SECCOMP_RETURN.ERRNO || action === SECCOMP_RETURN.TRACE;
  const number = errno.isAbsent ? EPERM : Number(errno.number(BigInt(MAX_ERRNO)));
  return carriesNumber ? action + number : action;
}

function parseFlags(field: Field): number {
  // As runc does: a profile that says nothing wants no mitigation that slows its processes down
  if (field.isAbsent) return SECCOMP_FLAG.SPEC_ALLOW;
  return field.list().reduce((flags, flag) => flags | flag.word(FLAGS, "flag"), 0);
}

function parseArchitecture(field: Field): string {
  const name = field.text();
  if (ARCHITECTURES.has(name)) return name;
  throw field.refuse(`unknown architecture "${name}"`);
}

function parseArchitectureEntry(field: Field): string[] {
  return [field.at("architecture"), ...field.at("subArchitectures").list()].map(parseArchitecture);
}

function parseRule(field: Field): SeccompRule {
  field.checkKeys(RULE_KEYS);
  const includes = field.at("includes");
  const excludes = field.at("excludes");
  return {
    names: parseNames(field),
    action: parseAction(field.at("action"), field.at("errnoRet")),
    conditions: field.at("args").list().map(parseCondition),
    ...(includes.isAbsent ? {} : { includes: parseScope(includes) }),
    ...(excludes.isAbsent ? {} : { excludes: parseScope(excludes) }),
  };
}

function parseNames(field: Field): string[] {
  const name = field.at("name").text();
  const names = field.at("names").list();
  if (name === "") {
    for (const entry of names) if (entry.text() === "") throw entry.refuse("it is empty");
    return names.map((entry) => entry.text());
  }
  if (names.length === 0) return [name];
  throw field.refuse("both 'name' and 'names' are specified");
}

function parseCondition(field: Field): ArgumentCondition {
  field.checkKeys(CONDITION_KEYS);
  const operator = field.at("op");
  const name = operator.text();
  if (!isOperator(name)) {
    throw operator.refuse(name === "" ? "no operator is given" : `unknown operator "${name}"`);
  }
  return {
    index: Number(field.at("index").number(BigInt(MAX_ARGUMENT_INDEX))),
    operator: name.slice(OPERATOR_PREFIX.length) as ComparisonOperator,
    value: field.at("value").number(MAX_VALUE),
    valueTwo: field.at("valueTwo").number(MAX_VALUE),
  };
}

function isOperator(name: string): boolean {
  return name.startsWith(OPERATOR_PREFIX) && OPERATORS.has(name.slice(OPERATOR_PREFIX.length));
}

function parseScope(field: Field): RuleScope {
  field.checkKeys(SCOPE_KEYS);
  const minKernel = parseRelease(field.at("minKernel"));
  return {
    capabilities: field.at("caps").texts(),
    architectures: field.at("arches").texts(),
    ...(minKernel === undefined ? {} : { minKernel }),
  };
}

function parseRelease(field: Field): KernelRelease | undefined {
  const text = field.text();
  if (text === "") return undefined;
  const [version = 0, major = 0] = text.split(".").map(Number);
  const isRelease = /^\d+\.\d+$/.test(text) && version <= MAX_RELEASE && major <= MAX_RELEASE &&
    version + major > 0;
  if (isRelease) return [version, major];
  throw field.refuse(`"${text}" is not a kernel release such as "4.8"`);
}
