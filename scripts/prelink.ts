/**
 * Applies an ELF program's relative relocations ahead of time, for one fixed address.
 *
 * A position-independent program as large as deno has 160,000 of them, and the
 * dynamic linker works through all of them at every start: 2 ms, and 2.5 MB of
 * pages that each process then has for itself.
 *
 * @see elf(5), and `native/launcher.c`, which maps the program at that address
 * @module
 */

const HEADER_BYTES = 64;
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const DT_NULL = 0n;
const DT_NEEDED = 1n;
const DT_STRTAB = 5n;
const DT_RELA = 7n;
const DT_RELASZ = 8n;
const DT_RELACOUNT = 0x6ffffff9n;
/** Bytes of one `Elf64_Rela`: where, how, and what to add. */
const RELA_BYTES = 24n;

/** A part of the file that the program gets into memory. */
interface Segment {
  type: number;
  fileOffset: bigint;
  address: bigint;
  fileSize: bigint;
}

/** One entry of the dynamic section. */
interface DynamicEntry {
  /** Where in the file its value stands. */
  valueOffset: number;
  value: bigint;
}

/** A 64-bit little-endian ELF program in memory. */
export class ElfProgram {
  readonly #view: DataView;
  readonly #segments: readonly Segment[];
  readonly #dynamic: ReadonlyMap<bigint, readonly DynamicEntry[]>;

  /**
   * @param bytes The file; {@linkcode ElfProgram.prelink} changes it in place.
   * @throws {SyntaxError} If it is not such a program, or is linked statically.
   */
  constructor(readonly bytes: Uint8Array<ArrayBuffer>) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (bytes.length < HEADER_BYTES || this.#view.getUint32(0) !== 0x7f454c46 || bytes[4] !== 2) {
      throw new SyntaxError("Cannot read an ELF program: it does not begin like one of 64 bits");
    }
    this.#segments = this.#readSegments();
    this.#dynamic = this.#readDynamicSection();
  }

  /** Path of the dynamic linker that it asks for. */
  get interpreter(): string {
    const segment = this.#segment(PT_INTERP);
    return this.#text(Number(segment.fileOffset));
  }

  /** Names of the libraries that it asks for, in their order. */
  get neededLibraries(): string[] {
    const names = this.#fileOffset(this.#dynamicValue(DT_STRTAB).value);
    return (this.#dynamic.get(DT_NEEDED) ?? []).map(({ value }) =>
      this.#text(names + Number(value))
    );
  }

  /**
   * Applies the relative relocations for a program that is mapped at `base`,
   * and takes them out of the dynamic linker's table.
   *
   * @param base Address of the program's address 0; a multiple of the page size.
   * @returns Where the relocations stand, so that they can be applied for another address.
   */
  prelink(base: bigint): { relocations: bigint; count: bigint } {
    const table = this.#dynamicValue(DT_RELA);
    const size = this.#dynamicValue(DT_RELASZ);
    const count = this.#dynamicValue(DT_RELACOUNT);
    let entry = this.#fileOffset(table.value);
    for (let index = 0n; index < count.value; index++, entry += Number(RELA_BYTES)) {
      const target = this.#fileOffset(this.#view.getBigUint64(entry, true));
      const addend = this.#view.getBigUint64(entry + 16, true);
      this.#view.setBigUint64(target, base + addend, true);
    }
    const done = RELA_BYTES * count.value;
    this.#view.setBigUint64(table.valueOffset, table.value + done, true);
    this.#view.setBigUint64(size.valueOffset, size.value - done, true);
    this.#view.setBigUint64(count.valueOffset, 0n, true);
    return { relocations: table.value, count: count.value };
  }

  #readSegments(): Segment[] {
    const start = Number(this.#view.getBigUint64(32, true));
    const bytesEach = this.#view.getUint16(54, true);
    return Array.from({ length: this.#view.getUint16(56, true) }, (_, index) => {
      const at = start + index * bytesEach;
      return {
        type: this.#view.getUint32(at, true),
        fileOffset: this.#view.getBigUint64(at + 8, true),
        address: this.#view.getBigUint64(at + 16, true),
        fileSize: this.#view.getBigUint64(at + 32, true),
      };
    });
  }

  #readDynamicSection(): Map<bigint, DynamicEntry[]> {
    const entries = new Map<bigint, DynamicEntry[]>();
    for (let at = Number(this.#segment(PT_DYNAMIC).fileOffset);; at += 16) {
      const tag = this.#view.getBigUint64(at, true);
      if (tag === DT_NULL) return entries;
      const entry = { valueOffset: at + 8, value: this.#view.getBigUint64(at + 8, true) };
      entries.set(tag, [...entries.get(tag) ?? [], entry]);
    }
  }

  #segment(type: number): Segment {
    const found = this.#segments.find((segment) => segment.type === type);
    if (found === undefined) {
      throw new SyntaxError(`Cannot read an ELF program: it has no segment of type ${type}`);
    }
    return found;
  }

  #dynamicValue(tag: bigint): DynamicEntry {
    const found = this.#dynamic.get(tag)?.[0];
    if (found === undefined) {
      throw new SyntaxError(`Cannot read an ELF program: it has no dynamic entry ${tag}`);
    }
    return found;
  }

  /** Where in the file the byte of this address stands. */
  #fileOffset(address: bigint): number {
    for (const segment of this.#segments) {
      const distance = address - segment.address;
      if (segment.type === PT_LOAD && distance >= 0n && distance < segment.fileSize) {
        return Number(segment.fileOffset + distance);
      }
    }
    throw new SyntaxError(`Cannot read an ELF program: address ${address} is not in the file`);
  }

  #text(start: number): string {
    return new TextDecoder().decode(this.bytes.subarray(start, this.bytes.indexOf(0, start)));
  }
}
