/**
 * The program that decides which devices the processes of a cgroup may use.
 *
 * @see Linux' Documentation/bpf/standardization/instruction-set.rst and `struct bpf_cgroup_dev_ctx` of <linux/bpf.h>
 * @module
 */

/** Devices that may be used, in the words of the devices controller of cgroup v1. */
export interface DeviceRule {
  /** Block devices, character devices, or all. */
  type: "b" | "c" | "a";
  /** `undefined` for every one. */
  major: number | undefined;
  /** `undefined` for every one. */
  minor: number | undefined;
  /** What may be done with them: some of `r` (read), `w` (write) and `m` (mknod). */
  access: string;
}

/** `BPF_DEVCG_DEV_*` */
const TYPES = { b: 1, c: 2 } as const;
/** `BPF_DEVCG_ACC_*` */
const ACCESS_BITS: Readonly<Record<string, number>> = { m: 1, r: 2, w: 4 };
const ALL_ACCESS = 7;

/** Opcodes: class, operation and kind of operand. */
const LOAD_WORD = 0x61;
const MOVE = 0xb7;
const MOVE_REGISTER = 0xbf;
const AND = 0x57;
const SHIFT_RIGHT = 0x77;
const JUMP_IF_NOT = 0x55;
const EXIT = 0x95;

/** Registers: the result, the context and then a scratch register, and what is taken from the context. */
const RESULT = 0;
const CONTEXT = 1;
const SCRATCH = 1;
const TYPE = 2;
const ACCESS = 3;
const MAJOR = 4;
const MINOR = 5;

/** Offsets in `struct bpf_cgroup_dev_ctx`; the first word has the access above the type. */
const ACCESS_TYPE_OFFSET = 0;
const MAJOR_OFFSET = 4;
const MINOR_OFFSET = 8;
const ACCESS_SHIFT = 16;

/** One instruction, as 16 hexadecimal digits: opcode, registers, offset and constant, little end first. */
function instruction(
  opcode: number,
  target: number,
  { source = 0, offset = 0, constant = 0 }: {
    source?: number;
    offset?: number;
    constant?: number;
  } = {},
): string {
  const bytes = new DataView(new ArrayBuffer(8));
  bytes.setUint8(0, opcode);
  bytes.setUint8(1, source << 4 | target);
  bytes.setInt16(2, offset, true);
  bytes.setInt32(4, constant, true);
  return Array.from(
    new Uint8Array(bytes.buffer),
    (byte) => byte.toString(16).padStart(2, "0"),
  ).join("");
}

const ALLOW = [instruction(MOVE, RESULT, { constant: 1 }), instruction(EXIT, RESULT)];
const DENY = [instruction(MOVE, RESULT, { constant: 0 }), instruction(EXIT, RESULT)];

const PROLOGUE = [
  instruction(LOAD_WORD, TYPE, { source: CONTEXT, offset: ACCESS_TYPE_OFFSET }),
  instruction(MOVE_REGISTER, ACCESS, { source: TYPE }),
  instruction(SHIFT_RIGHT, ACCESS, { constant: ACCESS_SHIFT }),
  instruction(AND, TYPE, { constant: (1 << ACCESS_SHIFT) - 1 }),
  instruction(LOAD_WORD, MAJOR, { source: CONTEXT, offset: MAJOR_OFFSET }),
  instruction(LOAD_WORD, MINOR, { source: CONTEXT, offset: MINOR_OFFSET }),
];

/**
 * Makes the program that allows what one of the rules allows, and nothing else.
 *
 * Whoever opens a device for reading and writing needs a rule that allows both: rules of the same devices are joined,
 * as the kernel's devices controller does it.
 *
 * @returns The instructions of a `BPF_PROG_TYPE_CGROUP_DEVICE` program, as hexadecimal digits.
 */
export function compileDeviceFilter(rules: readonly DeviceRule[]): string {
  const joined = joinRules(rules);
  // The kernel refuses a program with instructions that are never reached
  if (joined.some(allowsAll)) return ALLOW.join("");
  return [...PROLOGUE, ...joined.flatMap(compileRule), ...DENY].join("");
}

function allowsAll({ type, major, minor, access }: DeviceRule): boolean {
  return type === "a" && major === undefined && minor === undefined &&
    accessBits(access) === ALL_ACCESS;
}

/**
 * Joins the rules of the same devices to one each.
 *
 * @returns In the order in which the devices come first.
 */
export function joinRules(rules: readonly DeviceRule[]): DeviceRule[] {
  const byDevices = new Map<string, DeviceRule>();
  for (const rule of rules) {
    const key = [rule.type, rule.major, rule.minor].join();
    const others = byDevices.get(key)?.access ?? "";
    const access = [..."rwm"].filter((letter) => (others + rule.access).includes(letter)).join("");
    byDevices.set(key, { ...rule, access });
  }
  return [...byDevices.values()];
}

/** The checks of a rule, each of which jumps behind it, and then the answer. */
function compileRule({ type, major, minor, access }: DeviceRule): string[] {
  const denied = ALL_ACCESS & ~accessBits(access);
  const hasAll = denied === 0;
  const checks = [
    ...(hasAll ? [] : [{ register: SCRATCH, constant: 0 }]),
    ...(type === "a" ? [] : [{ register: TYPE, constant: TYPES[type] }]),
    ...(major === undefined ? [] : [{ register: MAJOR, constant: major }]),
    ...(minor === undefined ? [] : [{ register: MINOR, constant: minor }]),
  ];
  return [
    ...(hasAll ? [] : [
      instruction(MOVE_REGISTER, SCRATCH, { source: ACCESS }),
      instruction(AND, SCRATCH, { constant: denied }),
    ]),
    ...checks.map(({ register, constant }, index) => {
      const offset = checks.length - 1 - index + ALLOW.length;
      return instruction(JUMP_IF_NOT, register, { offset, constant });
    }),
    ...ALLOW,
  ];
}

function accessBits(access: string): number {
  return [...access].reduce((bits, letter) => bits | (ACCESS_BITS[letter] ?? 0), 0);
}

/** A rule as the devices controller of cgroup v1 takes it; it has no letter for both types in one line. */
export function formatDeviceRule({ type, major, minor, access }: DeviceRule): string[] {
  const types = type === "a" ? ["b", "c"] : [type];
  return types.map((letter) => `${letter} ${major ?? "*"}:${minor ?? "*"} ${access}`);
}
