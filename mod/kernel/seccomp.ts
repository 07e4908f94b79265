/**
 * Programs that filter system calls: classic BPF over `struct seccomp_data`.
 *
 * @see seccomp(2), and `Documentation/networking/filter.rst` of Linux
 * @module
 */

import type { SyscallAbi } from "./syscall_numbers.ts";

/** What a filter returns; an errno or a number for a tracer stands in the lower 16 bits. */
export const SECCOMP_RETURN = {
  KILL_PROCESS: 0x80000000,
  KILL_THREAD: 0,
  TRAP: 0x00030000,
  ERRNO: 0x00050000,
  TRACE: 0x7ff00000,
  LOG: 0x7ffc0000,
  ALLOW: 0x7fff0000,
} as const;

/** Flags of `SECCOMP_SET_MODE_FILTER`. */
export const SECCOMP_FLAG = {
  /** All that is not allowed is written to the audit log. */
  LOG: 2,
  /** Processes may be as fast as those without a filter, and are as open to Spectre variant 4. */
  SPEC_ALLOW: 4,
} as const;

/** Most instructions of a program. */
export const MAX_INSTRUCTIONS = 4096;

/** What `seccomp_data.arch` says. @see `linux/audit.h` */
export const AUDIT_ARCH: Readonly<Record<SyscallAbi, number>> = {
  "x86_64": 0xc000003e,
  "i386": 0x40000003,
  "x32": 0xc000003e,
  "aarch64": 0xc00000b7,
  "arm": 0x40000028,
};

/** Where the parts of `struct seccomp_data` are. */
export const SECCOMP_DATA = {
  NUMBER: 0,
  ARCHITECTURE: 4,
  /** The lower half of the first argument; each has 8 bytes, the lower half first. */
  ARGUMENTS: 16,
} as const;

/** How the accumulator is compared with a constant; all numbers have no sign. */
export type Test = "equal" | "greater" | "at least" | "any bit";

/** `BPF_JMP | BPF_K` and the comparison. */
const TEST_CODES: Readonly<Record<Test, number>> = {
  "equal": 0x15,
  "greater": 0x25,
  "at least": 0x35,
  "any bit": 0x45,
};

const JUMP_ALWAYS = 0x05;
const LOAD_WORD = 0x20;
const AND = 0x54;
const RETURN = 0x06;

/** How far a conditional jump reaches, in instructions. */
const REACH = 255;

/** Where a program goes on: at an instruction, or at its end with this value. */
export type Target = { readonly fromEnd: number } | { readonly returns: number };

/** Where a comparison leads. */
export interface Ways {
  onTrue: Target;
  onFalse: Target;
}

/** Bytes of `struct sock_filter`: a code, two short jumps, a constant. */
const INSTRUCTION_SIZE = 8;

interface Instruction {
  code: number;
  onTrue: number;
  onFalse: number;
  constant: number;
}

/**
 * Writes a program from its end to its beginning.
 *
 * BPF jumps forward only, so each instruction is written when all that follows it is known. What a jump cannot reach
 * gets a copy or a long jump on the way.
 */
export class FilterProgram {
  readonly #reversed: Instruction[] = [];
  readonly #returns = new Map<number, number>();

  /** Compares the accumulator with `constant` and goes on at one of two places. */
  jump(test: Test, constant: number, ways: Ways): Target {
    const onTrue = this.#near(ways.onTrue);
    const onFalse = this.#near(ways.onFalse);
    if (onTrue === onFalse) return { fromEnd: onTrue };
    const length = this.#reversed.length;
    return this.#add({
      code: TEST_CODES[test],
      onTrue: length - onTrue,
      onFalse: length - onFalse,
      constant,
    });
  }

  /** Loads the word at `offset` into the accumulator and goes on. */
  load(offset: number, next: Target): Target {
    this.#putFirst(next);
    return this.#add({ code: LOAD_WORD, onTrue: 0, onFalse: 0, constant: offset });
  }

  /** Keeps of the accumulator the bits of `mask` and goes on. */
  mask(mask: number, next: Target): Target {
    this.#putFirst(next);
    return this.#add({ code: AND, onTrue: 0, onFalse: 0, constant: mask });
  }

  /**
   * The program that begins at `entry`, as hexadecimal digits of `struct sock_filter`s in the byte order of the
   * machines that wherry runs on.
   *
   * @throws {RangeError} If the kernel would not take it, because it is too long.
   */
  finish(entry: Target): string {
    this.#putFirst(entry);
    const length = this.#reversed.length;
    if (length > MAX_INSTRUCTIONS) {
      throw new RangeError(
        `Cannot make a filter of ${length} instructions: the kernel takes ${MAX_INSTRUCTIONS}`,
      );
    }
    const view = new DataView(new ArrayBuffer(length * INSTRUCTION_SIZE));
    for (const [i, { code, onTrue, onFalse, constant }] of this.#reversed.toReversed().entries()) {
      const offset = i * INSTRUCTION_SIZE;
      view.setUint16(offset, code, true);
      view.setUint8(offset + 2, onTrue);
      view.setUint8(offset + 3, onFalse);
      view.setUint32(offset + 4, constant, true);
    }
    return new Uint8Array(view.buffer).toHex();
  }

  /** @returns How many instructions the new one and those behind it are. */
  #add(instruction: Instruction): Target {
    this.#reversed.push(instruction);
    return { fromEnd: this.#reversed.length };
  }

  #addReturn(value: number): number {
    const length = this.#reversed.push({
      code: RETURN,
      onTrue: 0,
      onFalse: 0,
      constant: value,
    });
    this.#returns.set(value, length);
    return length;
  }

  #addJump(fromEnd: number): number {
    const constant = this.#reversed.length - fromEnd;
    return this.#reversed.push({ code: JUMP_ALWAYS, onTrue: 0, onFalse: 0, constant });
  }

  /** Whether the next instruction reaches it, should it need one more before it for its other way. */
  #isNear(fromEnd: number): boolean {
    return this.#reversed.length + 1 - fromEnd <= REACH;
  }

  /** Makes sure that a jump can reach `target`; @returns where that is, counted from the end. */
  #near(target: Target): number {
    if ("fromEnd" in target) {
      return this.#isNear(target.fromEnd) ? target.fromEnd : this.#addJump(target.fromEnd);
    }
    const known = this.#returns.get(target.returns);
    return known !== undefined && this.#isNear(known) ? known : this.#addReturn(target.returns);
  }

  /** Makes sure that what is written next runs into `target`. */
  #putFirst(target: Target): void {
    if ("returns" in target) this.#addReturn(target.returns);
    else if (target.fromEnd !== this.#reversed.length) this.#addJump(target.fromEnd);
  }
}
