/** Damages bytes at random, the same way for the same seed. @module */

const BLOCK_SIZE = 512;

/** Bytes that mean something in archives: ends of names, signs, separators, digits, types, ends of ranges. */
const TELLING_BYTES = [
  0x00,
  0xff,
  0x80,
  0x7f,
  0x2f,
  0x2e,
  0x0a,
  0x20,
  0x3d,
  0x30,
  0x31,
  0x37,
  0x4c,
];

/** A row of numbers that are as good as random. */
export class Randomness {
  #state: number;

  /** @param seed Not 0. */
  constructor(seed: number) {
    this.#state = seed;
  }

  /** A whole number from 0 to before `limit`. */
  below(limit: number): number {
    // Marsaglia's xorshift
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % limit;
  }

  /** One of `items`. */
  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new RangeError("Cannot pick an item: there is none");
    return item;
  }
}

type Bytes = Uint8Array<ArrayBuffer>;
type Mutation = (bytes: Bytes, random: Randomness) => Bytes;

function changeByte(bytes: Bytes, random: Randomness): Bytes {
  bytes[random.below(bytes.length)] = random.below(256);
  return bytes;
}

function putTellingByte(bytes: Bytes, random: Randomness): Bytes {
  bytes[random.below(bytes.length)] = random.pick(TELLING_BYTES);
  return bytes;
}

function truncate(bytes: Bytes, random: Randomness): Bytes {
  return bytes.slice(0, 1 + random.below(bytes.length));
}

function copyRange(bytes: Bytes, random: Randomness): Bytes {
  const start = random.below(bytes.length);
  bytes.copyWithin(random.below(bytes.length), start, start + random.below(64));
  return bytes;
}

function repeatRange(bytes: Bytes, random: Randomness): Bytes {
  const [start, length] = [random.below(bytes.length), random.below(2 * BLOCK_SIZE)];
  return joined(bytes.subarray(0, start + length), bytes.subarray(start));
}

const MUTATIONS: readonly Mutation[] = [
  changeByte,
  changeByte,
  putTellingByte,
  putTellingByte,
  copyRange,
  repeatRange,
  truncate,
];

/** A copy of `bytes` with one to eight changes. */
export function mutated(bytes: Bytes, random: Randomness): Bytes {
  let result = bytes.slice();
  for (let left = 1 + random.below(8); left > 0; left--) {
    result = random.pick(MUTATIONS)(result, random);
  }
  return result;
}

/** A copy of a tar with one to eight changes in headers, blocks in another order, and checksums that are right. */
export function mutatedTar(
  tar: Bytes,
  random: Randomness,
  fixChecksum: (block: Bytes) => Bytes,
): Bytes {
  const blocks: Bytes[] = [];
  for (let at = 0; at < tar.length; at += BLOCK_SIZE) blocks.push(tar.slice(at, at + BLOCK_SIZE));
  for (let left = 1 + random.below(8); left > 0; left--) {
    const index = random.below(blocks.length);
    const block = blocks[index];
    if (block === undefined) continue;
    const isHeader = block[257] === 0x75;
    if (random.below(8) === 0) blocks.splice(random.below(blocks.length), 0, block.slice());
    else if (isHeader) blocks[index] = fixChecksum(changedHeader(block, random));
    else blocks[index] = putTellingByte(block, random);
  }
  return joined(...blocks);
}

/** Where fields of a header begin: name, mode, ids, size, time, type, link, devices, prefix. */
const FIELDS = [0, 100, 108, 116, 124, 136, 156, 156, 157, 329, 337, 345];

function changedHeader(block: Bytes, random: Randomness): Bytes {
  const field = random.pick(FIELDS);
  const types = "01234567DSLKxgXV";
  if (field === 156) block[field] = types.charCodeAt(random.below(types.length));
  else block[field + random.below(10)] = random.pick(TELLING_BYTES);
  return block;
}

function joined(...parts: readonly Bytes[]): Bytes {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
