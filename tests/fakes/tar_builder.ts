/** Builds tar archives byte by byte, also ones that no sane program would write. @module */

const BLOCK_SIZE = 512;
const encoder = new TextEncoder();

/** One member; everything has a harmless default. */
export interface TarMember {
  name: string;
  /** Type flag. @default {"0"} */
  type?: string;
  link?: string;
  content?: string | Uint8Array;
  mode?: number;
  uid?: number;
  gid?: number;
  /** Seconds since the epoch. */
  mtime?: number;
  deviceMajor?: number;
  deviceMinor?: number;
  /** Size field, if it is to lie about the content; text goes in as it is. */
  size?: number | string;
  /** PAX records that go before it. */
  pax?: Readonly<Record<string, string | Uint8Array>>;
}

function bytesOf(content: string | Uint8Array | undefined): Uint8Array {
  return typeof content === "string" ? encoder.encode(content) : content ?? new Uint8Array(0);
}

function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function padded(content: Uint8Array): Uint8Array {
  const size = Math.ceil(content.length / BLOCK_SIZE) * BLOCK_SIZE;
  return concat([content, new Uint8Array(size - content.length)]);
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0") + "\0";
}

/** A header block with its right checksum. */
export function headerBlock(member: TarMember): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(BLOCK_SIZE);
  const put = (offset: number, text: string): void => block.set(encoder.encode(text), offset);
  const size = member.size ?? bytesOf(member.content).length;
  put(0, member.name.slice(0, 100));
  put(100, octal(member.mode ?? 0o644, 7));
  put(108, octal(member.uid ?? 0, 7));
  put(116, octal(member.gid ?? 0, 7));
  put(124, typeof size === "string" ? size : octal(size, 11));
  put(136, octal(member.mtime ?? 1_700_000_000, 11));
  put(156, member.type ?? "0");
  put(157, (member.link ?? "").slice(0, 100));
  put(257, "ustar\x0000");
  put(329, octal(member.deviceMajor ?? 0, 7));
  put(337, octal(member.deviceMinor ?? 0, 7));
  return withChecksum(block);
}

/** Sets the checksum of a header that was changed by hand. */
export function withChecksum(block: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  block.set(encoder.encode(" ".repeat(8)), 148);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.set(encoder.encode(sum.toString(8).padStart(6, "0") + "\0 "), 148);
  return block;
}

/** One PAX record, with the length that counts itself. */
export function paxRecord(key: string, value: string | Uint8Array): Uint8Array {
  const rest = concat([encoder.encode(` ${key}=`), bytesOf(value), encoder.encode("\n")]);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length++;
  return concat([encoder.encode(String(length)), rest]);
}

/** An extended header of any type in front of a member. */
export function extendedHeader(type: string, payload: Uint8Array): Uint8Array {
  return concat([headerBlock({ name: "extended", type, content: payload }), padded(payload)]);
}

/** The blocks of one member. */
export function memberBlocks(member: TarMember): Uint8Array {
  const records = Object.entries(member.pax ?? {}).map(([key, value]) => paxRecord(key, value));
  const extended = records.length === 0 ? [] : [extendedHeader("x", concat(records))];
  return concat([...extended, headerBlock(member), padded(bytesOf(member.content))]);
}

/** Puts blocks together and ends them as tar does, with two blocks of zeros. */
export function archiveOf(...blocks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return concat([...blocks, new Uint8Array(2 * BLOCK_SIZE)]);
}

/** A whole archive. */
export function tarOf(...members: readonly TarMember[]): Uint8Array<ArrayBuffer> {
  return archiveOf(...members.map(memberBlocks));
}
