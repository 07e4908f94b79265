/** A small machine for the programs of device filters, so that every access can be tried without a device. @module */

/** What a process asks the kernel for. */
export interface DeviceAccess {
  /** Block or character. */
  type: "b" | "c";
  major: number;
  minor: number;
  /** Some of `r`, `w` and `m`. */
  access: string;
}

const TYPES = { b: 1, c: 2 };
const ACCESS_BITS: Readonly<Record<string, bigint>> = { m: 1n, r: 2n, w: 4n };

/** Programs without loops end; one that does not jumps backwards. */
const MAX_INSTRUCTIONS = 100_000;

/** What each operation makes of its target and its operand. */
const OPERATIONS: Readonly<Record<number, (target: bigint, operand: bigint) => bigint>> = {
  0xb7: (_, operand) => operand,
  0xbf: (_, operand) => operand,
  0x57: (target, operand) => target & operand,
  0x77: (target, operand) => BigInt.asUintN(64, target) >> operand,
};

/**
 * Whether a program lets an access pass.
 *
 * @param program Hexadecimal digits.
 * @throws {Error} For an instruction that such programs do not have, a register that was never set, or no end.
 */
export function runDeviceFilter(
  program: string,
  { type, major, minor, access }: DeviceAccess,
): boolean {
  const bits = [...access].reduce((all, letter) => all | (ACCESS_BITS[letter] ?? 0n), 0n);
  const context = [bits << 16n | BigInt(TYPES[type]), BigInt(major), BigInt(minor)];
  const code = new DataView(
    Uint8Array.from(program.match(/../g) ?? [], (digits) => parseInt(digits, 16)).buffer,
  );
  const registers = new Map<number, bigint>();
  const read = (register: number): bigint => {
    const value = registers.get(register);
    if (value === undefined) throw new Error(`Cannot read register ${register}: it was never set`);
    return value;
  };
  let at = 0;
  for (let count = 0; count < MAX_INSTRUCTIONS; count++, at += 8) {
    const opcode = code.getUint8(at);
    const target = code.getUint8(at + 1) & 15;
    const source = code.getUint8(at + 1) >> 4;
    const offset = code.getInt16(at + 2, true);
    const constant = BigInt(code.getInt32(at + 4, true));
    const operation = OPERATIONS[opcode];
    if (opcode === 0x95) return read(0) === 1n;
    if (opcode === 0x61) {
      const word = source === 1 && !registers.has(1) ? context[offset / 4] : undefined;
      if (word === undefined) throw new Error(`Cannot load from ${offset} of register ${source}`);
      registers.set(target, word);
    } else if (opcode === 0x55) {
      if (read(target) !== constant) at += offset * 8;
    } else if (operation !== undefined) {
      const operand = opcode === 0xbf ? read(source) : constant;
      registers.set(
        target,
        operation(opcode === 0xb7 || opcode === 0xbf ? 0n : read(target), operand),
      );
    } else throw new Error(`Cannot run the instruction ${opcode.toString(16)}`);
  }
  throw new Error("Cannot run the program: it does not end");
}
