/**
 * The bzip2 format, undone.
 *
 * ```
 * stream   "BZh" LEVEL block* END crc    any number of them in a row
 * block    Huffman codes -> move to front and run lengths -> Burrows-Wheeler -> run lengths -> bytes
 * ```
 *
 * @see {@link https://github.com/dsnet/compress/blob/master/doc/bzip2-format.pdf}
 * @module
 */

import { ArchiveError } from "../tar/archive_error.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const STREAM_MAGIC = 0x425a68;
/** The first and the last 24 bits of what a block, and the end of a stream, begins with. */
const BLOCK_MAGIC = [0x314159, 0x265359] as const;
const END_MAGIC = [0x177245, 0x385090] as const;

/** Bytes of a block before the last run lengths are undone, for each step of the level. */
const LEVEL_SIZE = 100_000;
const MAX_LEVEL = 9;
/** More than a block can take: 900,000 symbols of 20 bits, and its tables. */
const MAX_BLOCK_INPUT = 5 << 19;
/** Bytes that come out at once. */
const OUTPUT_SIZE = 1 << 18;

const MAX_CODE_LENGTH = 20;
/** Symbols that are decoded with one Huffman table before the next one is selected. */
const GROUP_SIZE = 50;
/** Two symbols that count how often the front byte comes again, in digits 1 and 2 of base 2. */
const RUN_B = 1;
/** Equal bytes after which a byte says how many more there are. */
const RUN_LENGTH = 4;

/**
 * Undoes bzip2. Several streams in a row count as one. Checks the CRC of each block and of each stream.
 *
 * Takes a few megabytes of memory, whatever the stream says.
 *
 * @param source Chunks of any size; each is used up before the next is asked for.
 * @throws {ArchiveError} While iterating, if the stream is damaged or truncated.
 */
export async function* decompressBzip2(source: AsyncIterable<Bytes>): AsyncGenerator<Bytes> {
  const bits = new BitReader();
  const decoder = new BlockDecoder(bits);
  const chunks = source[Symbol.asyncIterator]();
  try {
    await fill(bits, chunks);
    do {
      yield* decompressStream(bits, decoder, chunks);
      bits.align();
      await fill(bits, chunks);
    } while (bits.available > 0);
  } finally {
    await chunks.return?.();
  }
}

/** Reads as much ahead as a block may take, if there is so much. */
async function fill(bits: BitReader, chunks: AsyncIterator<Bytes>): Promise<void> {
  const parts: Bytes[] = [];
  let size = bits.available;
  while (size < MAX_BLOCK_INPUT) {
    const { done, value } = await chunks.next();
    if (done === true) break;
    parts.push(value.slice());
    size += value.length;
  }
  bits.append(parts);
}

async function* decompressStream(
  bits: BitReader,
  decoder: BlockDecoder,
  chunks: AsyncIterator<Bytes>,
): AsyncGenerator<Bytes> {
  if (bits.read(24) !== STREAM_MAGIC) throw damaged("something that is not bzip2 follows");
  const level = bits.read(8) - 0x30;
  if (level < 1 || level > MAX_LEVEL) throw damaged("bad level");
  decoder.blockSize = level * LEVEL_SIZE;
  let crc = 0;
  for (;;) {
    const magic = [bits.read(24), bits.read(24)];
    if (isEqual(magic, END_MAGIC)) break;
    if (!isEqual(magic, BLOCK_MAGIC)) throw damaged("bad block");
    const expected = bits.read32();
    const checksum = new Checksum();
    for (const bytes of decoder.decode()) {
      checksum.add(bytes);
      yield bytes;
    }
    if (checksum.value !== expected) throw damaged("bad checksum");
    crc = ((crc << 1 | crc >>> 31) ^ expected) >>> 0;
    await fill(bits, chunks);
  }
  if (bits.read32() !== crc) throw damaged("bad checksum");
}

function isEqual([a, b]: readonly (number | undefined)[], [x, y]: readonly number[]): boolean {
  return a === x && b === y;
}

function damaged(what: string): ArchiveError {
  return new ArchiveError(`damaged bzip2 stream: ${what}`);
}

/** Bits of bytes that are in memory, the highest first. */
class BitReader {
  #bytes: Bytes = new Uint8Array(0);
  #at = 0;
  #held = 0;
  #heldCount = 0;

  /** Whole bytes that have not been looked at. */
  get available(): number {
    return this.#bytes.length - this.#at;
  }

  /** Adds bytes to those that are left. */
  append(parts: readonly Bytes[]): void {
    if (parts.length === 0) return;
    const rest = this.#bytes.subarray(this.#at);
    const size = parts.reduce((sum, { length }) => sum + length, rest.length);
    const bytes = new Uint8Array(size);
    bytes.set(rest);
    let at = rest.length;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    this.#bytes = bytes;
    this.#at = 0;
  }

  /**
   * Takes the next bits.
   *
   * @param count 1 to 24.
   */
  read(count: number): number {
    const value = this.look(count);
    if (value < 0) throw new ArchiveError("truncated bzip2 stream");
    this.#heldCount -= count;
    return value;
  }

  /**
   * The next bits, which are not taken yet.
   *
   * @param count 1 to 24.
   * @returns -1 if there are not so many.
   */
  look(count: number): number {
    while (this.#heldCount < count) {
      if (this.#at === this.#bytes.length) return -1;
      this.#held = this.#held << 8 | (this.#bytes[this.#at++] ?? 0);
      this.#heldCount += 8;
    }
    return this.#held >>> this.#heldCount - count & (1 << count) - 1;
  }

  /** Takes bits that have been looked at. */
  skip(count: number): void {
    this.#heldCount -= count;
  }

  /** Takes the next 32 bits. */
  read32(): number {
    return this.read(16) * 0x10000 + this.read(16);
  }

  /** Passes over the bits up to the next whole byte. */
  align(): void {
    this.#heldCount = 0;
  }
}

/** Codes of at most so many bits are looked up, longer ones are followed bit by bit. */
const SHORT_LENGTH = 10;
/** A code that is looked up is its symbol with its length in the lowest bits. */
const LENGTH_BITS = 5;
const LENGTH_MASK = (1 << LENGTH_BITS) - 1;

/** How one Huffman table turns bits into symbols: codes of a length are numbers in a row. */
interface HuffmanTable {
  /** By the next bits: the length of the code that they begin with, and its symbol times 32; 0 for a longer one. */
  shortCodes: Uint16Array;
  minLength: number;
  /** The last code of each length; -1 if there is none. */
  limits: Int32Array;
  /** What to subtract from a code of each length to get the place of its symbol in `symbols`. */
  offsets: Int32Array;
  /** Ordered by code. */
  symbols: Uint16Array;
}

/** Decodes one block after the other. */
class BlockDecoder {
  /** Most bytes of a block. */
  blockSize = 0;
  readonly #bits: BitReader;
  /** A byte of the block, and in the upper 24 bits where the one after it is. One for all streams, of 14 bytes each. */
  readonly #block = new Uint32Array(MAX_LEVEL * LEVEL_SIZE);

  constructor(bits: BitReader) {
    this.#bits = bits;
  }

  /** Decodes the block whose magic and checksum have just been read. */
  *decode(): Generator<Bytes> {
    if (this.#bits.read(1) !== 0) {
      throw damaged("a block of a kind that has been obsolete since 1996");
    }
    const origin = this.#bits.read(24);
    const alphabet = this.#readAlphabet();
    const size = this.#readSymbols(alphabet);
    if (origin >= size) throw damaged("bad block");
    this.#sort(size);
    yield* this.#expand(origin, size);
  }

  /** Which bytes occur in the block. */
  #readAlphabet(): Uint8Array {
    const bits = this.#bits;
    const rows = bits.read(16);
    const alphabet: number[] = [];
    for (let row = 0; row < 16; row++) {
      if ((rows & 0x8000 >> row) === 0) continue;
      const columns = bits.read(16);
      for (let column = 0; column < 16; column++) {
        if ((columns & 0x8000 >> column) !== 0) alphabet.push(row * 16 + column);
      }
    }
    if (alphabet.length === 0) throw damaged("bad block");
    return Uint8Array.from(alphabet);
  }

  /** Which table is for which group of symbols. */
  #readSelectors(tableCount: number): Uint8Array {
    const bits = this.#bits;
    const selectors = new Uint8Array(bits.read(15));
    const recent = [0, 1, 2, 3, 4, 5];
    for (let i = 0; i < selectors.length; i++) {
      let index = 0;
      while (bits.read(1) === 1) {
        if (++index >= tableCount) throw damaged("bad selector");
      }
      const [selector = 0] = recent.splice(index, 1);
      recent.unshift(selector);
      selectors[i] = selector;
    }
    return selectors;
  }

  #readTable(symbolCount: number): HuffmanTable {
    const bits = this.#bits;
    const lengths = new Uint8Array(symbolCount);
    let length = bits.read(5);
    for (let symbol = 0; symbol < symbolCount; symbol++) {
      for (;;) {
        if (length < 1 || length > MAX_CODE_LENGTH) throw damaged("bad code");
        if (bits.read(1) === 0) break;
        length += bits.read(1) === 0 ? 1 : -1;
      }
      lengths[symbol] = length;
    }
    return makeTable(lengths);
  }

  #readSymbol(table: HuffmanTable): number {
    const next = this.#bits.look(SHORT_LENGTH);
    const found = next < 0 ? 0 : table.shortCodes[next] ?? 0;
    if (found === 0) return this.#readLongSymbol(table);
    this.#bits.skip(found & LENGTH_MASK);
    return found >> LENGTH_BITS;
  }

  #readLongSymbol({ minLength, limits, offsets, symbols }: HuffmanTable): number {
    const bits = this.#bits;
    let length = minLength;
    let code = bits.read(length);
    while (code > (limits[length] ?? -1)) {
      if (++length > MAX_CODE_LENGTH) throw damaged("bad code");
      code = code << 1 | bits.read(1);
    }
    const symbol = symbols[code - (offsets[length] ?? 0)];
    if (symbol === undefined) throw damaged("bad code");
    return symbol;
  }

  /** Undoes the codes, the run lengths and the moving to the front. @returns The size of the block in bytes. */
  #readSymbols(alphabet: Uint8Array): number {
    const tableCount = this.#bits.read(3);
    if (tableCount < 2 || tableCount > 6) throw damaged("bad block");
    const selectors = this.#readSelectors(tableCount);
    const end = alphabet.length + 1;
    const tables = Array.from({ length: tableCount }, () => this.#readTable(end + 1));
    let [size, run, digit] = [0, 0, 1];
    for (const selector of selectors) {
      const table = tables[selector];
      if (table === undefined) throw damaged("bad selector");
      for (let left = GROUP_SIZE; left > 0; left--) {
        const symbol = this.#readSymbol(table);
        if (symbol <= RUN_B) {
          run += digit << symbol;
          digit <<= 1;
          if (run > this.blockSize) throw damaged("bad run");
          continue;
        }
        if (run > 0) size = this.#append(size, alphabet[0] ?? 0, run);
        run = 0;
        digit = 1;
        if (symbol === end) return size;
        if (size === this.blockSize) throw damaged("bad run");
        this.#block[size++] = moveToFront(alphabet, symbol - 1);
      }
    }
    throw damaged("bad block");
  }

  #append(size: number, byte: number, count: number): number {
    if (size + count > this.blockSize) throw damaged("bad run");
    this.#block.fill(byte, size, size + count);
    return size + count;
  }

  /** Writes down for each byte where the one after it is: the inverse of Burrows' and Wheeler's transform. */
  #sort(size: number): void {
    const block = this.#block;
    const places = new Uint32Array(257);
    for (let i = 0; i < size; i++) {
      const next = ((block[i] ?? 0) & 0xff) + 1;
      places[next] = (places[next] ?? 0) + 1;
    }
    for (let byte = 1; byte < 256; byte++) {
      places[byte] = (places[byte] ?? 0) + (places[byte - 1] ?? 0);
    }
    for (let i = 0; i < size; i++) {
      const byte = (block[i] ?? 0) & 0xff;
      const place = places[byte] ?? 0;
      places[byte] = place + 1;
      block[place] = (block[place] ?? 0) | i << 8;
    }
  }

  /** Follows the bytes in their order, and undoes the run lengths that were made first of all. */
  *#expand(origin: number, size: number): Generator<Bytes> {
    const block = this.#block;
    let output = new Uint8Array(OUTPUT_SIZE);
    let at = 0;
    let next = (block[origin] ?? 0) >>> 8;
    let [last, equal] = [-1, 0];
    for (let left = size; left > 0; left--) {
      const entry = block[next] ?? 0;
      const byte = entry & 0xff;
      next = entry >>> 8;
      // A run of 255 and the byte itself always fit
      if (at + 256 > output.length) {
        yield output.subarray(0, at);
        output = new Uint8Array(OUTPUT_SIZE);
        at = 0;
      }
      if (equal === RUN_LENGTH) {
        output.fill(last, at, at + byte);
        at += byte;
        last = -1;
        equal = 0;
        continue;
      }
      equal = byte === last ? equal + 1 : 1;
      last = byte;
      output[at++] = byte;
    }
    if (at > 0) yield output.subarray(0, at);
  }
}

/** Takes the byte at `index` and puts it first. */
function moveToFront(alphabet: Uint8Array, index: number): number {
  const byte = alphabet[index];
  if (byte === undefined) throw damaged("bad code");
  // Mostly a few steps, for which copyWithin is slower
  for (let i = index; i > 0; i--) alphabet[i] = alphabet[i - 1] ?? 0;
  alphabet[0] = byte;
  return byte;
}

function makeTable(lengths: Uint8Array): HuffmanTable {
  const symbols = new Uint16Array(lengths.length);
  const limits = new Int32Array(MAX_CODE_LENGTH + 1).fill(-1);
  const offsets = new Int32Array(MAX_CODE_LENGTH + 1);
  const shortCodes = new Uint16Array(1 << SHORT_LENGTH);
  let [code, count] = [0, 0];
  for (let length = 1; length <= MAX_CODE_LENGTH; length++) {
    offsets[length] = code - count;
    const before = count;
    for (const [symbol, own] of lengths.entries()) {
      if (own !== length) continue;
      symbols[count++] = symbol;
      const first = code++ << SHORT_LENGTH - length;
      if (length > SHORT_LENGTH) continue;
      shortCodes.fill(symbol << LENGTH_BITS | length, first, first + (1 << SHORT_LENGTH - length));
    }
    if (count > before) limits[length] = code - 1;
    code <<= 1;
  }
  return { shortCodes, minLength: Math.min(...lengths), limits, offsets, symbols };
}

/** CRC-32 with the highest bit first. */
class Checksum {
  #value = 0xffffffff;

  /** Goes on with `bytes`. */
  add(bytes: Bytes): void {
    let value = this.#value;
    for (let i = 0; i < bytes.length; i++) {
      value = value << 8 ^ (CRC_TABLE[value >>> 24 ^ (bytes[i] ?? 0)] ?? 0);
    }
    this.#value = value;
  }

  /** Of all bytes so far. */
  get value(): number {
    return ~this.#value >>> 0;
  }
}

const CRC_POLYNOMIAL = 0x04c11db7;

const CRC_TABLE = Int32Array.from({ length: 256 }, (_, index) => {
  let value = index << 24;
  for (let bit = 0; bit < 8; bit++) value = value << 1 ^ (value < 0 ? CRC_POLYNOMIAL : 0);
  return value;
});
