/** The part of the kernel that runs filters of system calls. @module */

/** What a filter sees of a system call: `struct seccomp_data`. */
export interface FilteredCall {
  /** `AUDIT_ARCH_` number. */
  architecture: number;
  number: number;
  /** At most six, of 64 bits. */
  args?: readonly bigint[];
}

const INSTRUCTION_DIGITS = 16;
const DATA_SIZE = 64;

/**
 * Runs a filter.
 *
 * @param program Hexadecimal digits of `struct sock_filter`s.
 * @returns What it returns.
 * @throws {RangeError} Where the kernel would refuse the program, or the call leads there.
 */
export function runFilter(program: string, call: FilteredCall): number {
  const bytes = Uint8Array.fromHex(program);
  const code = new DataView(bytes.buffer);
  const data = dataOf(call);
  let accumulator = 0;
  let at = 0;
  for (;;) {
    if (at >= program.length / INSTRUCTION_DIGITS) throw new RangeError("The program has no end");
    const offset = at * 8;
    const k = code.getUint32(offset + 4, true);
    const onTrue = code.getUint8(offset + 2);
    const onFalse = code.getUint8(offset + 3);
    const branch = (isTrue: boolean): number => at + 1 + (isTrue ? onTrue : onFalse);
    switch (code.getUint16(offset, true)) {
      case 0x20: // BPF_LD | BPF_W | BPF_ABS
        if (k % 4 !== 0 || k >= DATA_SIZE) throw new RangeError(`Cannot load from ${k}`);
        accumulator = data.getUint32(k, true);
        at++;
        break;
      case 0x54: // BPF_ALU | BPF_AND | BPF_K
        accumulator = (accumulator & k) >>> 0;
        at++;
        break;
      case 0x05: // BPF_JMP | BPF_JA
        at += 1 + k;
        break;
      case 0x15: // BPF_JMP | BPF_JEQ | BPF_K
        at = branch(accumulator === k);
        break;
      case 0x25: // BPF_JMP | BPF_JGT | BPF_K
        at = branch(accumulator > k);
        break;
      case 0x35: // BPF_JMP | BPF_JGE | BPF_K
        at = branch(accumulator >= k);
        break;
      case 0x45: // BPF_JMP | BPF_JSET | BPF_K
        at = branch((accumulator & k) !== 0);
        break;
      case 0x06: // BPF_RET | BPF_K
        return k;
      default:
        throw new RangeError(`Unknown instruction at ${at}`);
    }
  }
}

function dataOf({ architecture, number, args = [] }: FilteredCall): DataView {
  const data = new DataView(new ArrayBuffer(DATA_SIZE));
  data.setUint32(0, number, true);
  data.setUint32(4, architecture, true);
  for (const [i, value] of args.entries()) data.setBigUint64(16 + 8 * i, value, true);
  return data;
}
