/**
 * Reading a container's log: records in one file and its rotated predecessors.
 *
 * The monitor writes (docs/monitor.md, "Log"); nothing here does. Memory does
 * not grow with the log: files are read in chunks, and those that
 * were open when a rotation took them away are read to their end.
 *
 * @module
 */

import { WherryError } from "../../errors.ts";
import {
  type LogRecord,
  type LogRecordParser,
  type LogStream,
  TIMESTAMP_LENGTH,
} from "./log_record.ts";

/** Which records to read. */
export interface LogQuery {
  /** How its records are read. */
  parse: LogRecordParser;
  /** How many lines from the end, of both streams together. @default {all} */
  tail?: number;
  /** Nanoseconds since 1970; earlier records are left out. */
  since?: bigint;
  /** Nanoseconds since 1970; later records are left out. */
  until?: bigint;
}

/** What was wrong with a log, as far as it was read. */
export interface LogDamage {
  /** Records that could not be understood, for example one that a crash cut off. */
  brokenRecords: number;
  /** Whether files were rotated away before they could be read. */
  hasGap: boolean;
}

const NEWLINE = 0x0a;

/** More than the monitor's longest record: 16 KiB, each byte of which JSON may need six for, and what is around it. */
const CHUNK_BYTES = 128 * 1024;

/** An open log file; it stays readable after it was rotated away. */
class LogFile implements Disposable {
  readonly inode: number | null;
  readonly #file: Deno.FsFile;

  private constructor(file: Deno.FsFile) {
    this.#file = file;
    this.inode = file.statSync().ino;
  }

  static openIfPresent(path: string): LogFile | undefined {
    try {
      // Neither a link's target, nor a FIFO, which would be waited for
      if (Deno.lstatSync(path).isFile) return new LogFile(Deno.openSync(path));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
    throw new WherryError("corrupt", `Cannot read the log "${path}": it is no regular file`);
  }

  get size(): number {
    return this.#file.statSync().size;
  }

  /** Fills `buffer` from `offset` on; returns how many bytes there were. */
  readAt(offset: number, buffer: Uint8Array): number {
    this.#file.seekSync(offset, Deno.SeekMode.Start);
    let length = 0;
    while (length < buffer.length) {
      const count = this.#file.readSync(buffer.subarray(length));
      if (count === null) break;
      length += count;
    }
    return length;
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

/**
 * Reads one container's log, and goes on reading while it grows and is rotated.
 *
 * @example
 * ```ts ignore
 * using reader = new LogReader(paths.log, { parse: parseCriRecord, tail: 10 });
 * for (const record of reader.read()) print(record);
 * ```
 */
export class LogReader implements Disposable {
  /** What was wrong with the log so far. */
  readonly damage: LogDamage = { brokenRecords: 0, hasGap: false };
  readonly #path: string;
  readonly #parse: LogRecordParser;
  readonly #since: Uint8Array | undefined;
  readonly #until: Uint8Array | undefined;
  /** Oldest first; the first is being read. */
  #files: LogFile[];
  /** Where the next record of the first file begins. */
  #offset = 0;
  readonly #buffer = new Uint8Array(CHUNK_BYTES);

  /**
   * @param path The newest file; a log that does not exist yet is empty.
   * @throws {Deno.errors.PermissionDenied} If it cannot be read.
   */
  constructor(path: string, { parse, tail, since, until }: LogQuery) {
    this.#path = path;
    this.#parse = parse;
    this.#since = since === undefined ? undefined : timestampBytes(since);
    this.#until = until === undefined ? undefined : timestampBytes(until);
    this.#files = openFiles(path, undefined).files;
    if (tail !== undefined) this.#seekTail(tail);
  }

  /** Gives all complete records that were not given yet; call it again for what comes later. */
  *read(): Generator<LogRecord> {
    for (;;) {
      const [current] = this.#files;
      if (current !== undefined) yield* this.#readFile(current);
      if (this.#files.length < 2 && !this.#findNewerFiles()) return;
      // The monitor never writes to a file again after rotating it, but it may have until then
      if (current !== undefined) {
        yield* this.#readFile(current);
        this.#countTornEnd(current);
        this.#files.shift();
        current[Symbol.dispose]();
      }
      this.#offset = 0;
    }
  }

  /** Closes the files. */
  [Symbol.dispose](): void {
    for (const file of this.#files.splice(0)) file[Symbol.dispose]();
  }

  /** Opens what the log was rotated to since; returns whether there is anything. */
  #findNewerFiles(): boolean {
    const current = this.#files.at(-1);
    if (current !== undefined && inodeAt(this.#path) === current.inode) return false;
    const { files, isComplete } = openFiles(this.#path, current?.inode);
    this.#files.push(...files);
    if (current !== undefined && !isComplete) this.damage.hasGap = true;
    return files.length > 0;
  }

  *#readFile(file: LogFile): Generator<LogRecord> {
    // A full disk makes the monitor cut off again what it could not write whole
    this.#offset = Math.min(this.#offset, file.size);
    for (;;) {
      const length = file.readAt(this.#offset, this.#buffer);
      const chunk = this.#buffer.subarray(0, length);
      const end = chunk.lastIndexOf(NEWLINE) + 1;
      if (end === 0 && length < CHUNK_BYTES) return;
      // A line that fills the whole buffer is no record: skip it piece by piece
      this.#offset += end === 0 ? length : end;
      yield* this.#parseLines(end === 0 ? chunk : chunk.subarray(0, end));
    }
  }

  *#parseLines(lines: Uint8Array): Generator<LogRecord> {
    for (let start = 0; start < lines.length;) {
      const newline = lines.indexOf(NEWLINE, start);
      const end = newline < 0 ? lines.length : newline + 1;
      const record = this.#parse(lines.subarray(start, end));
      if (record === undefined) this.damage.brokenRecords++;
      else if (this.#isWanted(record)) yield record;
      start = end;
    }
  }

  #isWanted({ timestamp }: LogRecord): boolean {
    return (this.#since === undefined || compareBytes(timestamp, this.#since) >= 0) &&
      (this.#until === undefined || compareBytes(timestamp, this.#until) <= 0);
  }

  #countTornEnd(file: LogFile): void {
    if (file.size > this.#offset) this.damage.brokenRecords++;
  }

  /** Moves to where the last `count` lines begin, reading backwards from the end. */
  #seekTail(count: number): void {
    const lines = new TailCounter(count);
    let start: { index: number; offset: number } | undefined;
    for (let index = this.#files.length - 1; index >= 0; index--) {
      const file = this.#files[index];
      if (file === undefined) continue;
      for (const { offset, line } of linesBackwards(file)) {
        const record = this.#parse(line);
        const isCounted = record !== undefined && this.#isWanted(record);
        // An unfinished record is still to come, and so is not one of the last
        start ??= { index, offset: line.at(-1) === NEWLINE ? offset + line.length : offset };
        if (isCounted && !lines.take(record)) return this.#startAt(start);
        if (isCounted) start = { index, offset };
      }
    }
  }

  #startAt({ index, offset }: { index: number; offset: number }): void {
    for (const file of this.#files.splice(0, index)) file[Symbol.dispose]();
    this.#offset = offset;
  }
}

/** Counts lines from the last record to the first. */
class TailCounter {
  #left: number;
  /** Streams whose later record goes on with the line that an earlier partial one began. */
  readonly #open = new Set<LogStream>();

  constructor(count: number) {
    this.#left = count;
  }

  /** Whether the record still belongs to the lines asked for. */
  take({ stream, isPartial }: LogRecord): boolean {
    if (isPartial && this.#open.has(stream)) return true;
    this.#open.add(stream);
    return this.#left-- > 0;
  }
}

interface PlacedLine {
  /** Where it begins, in bytes from the start of the file. */
  offset: number;
  /** With its newline, if it has one yet; of an overlong one, only the beginning. */
  line: Uint8Array;
}

/** The lines of a file from the last to the first. */
function* linesBackwards(file: LogFile): Generator<PlacedLine> {
  let rest = new Uint8Array(0);
  for (let position = file.size; position > 0;) {
    const size = Math.min(CHUNK_BYTES, position);
    position -= size;
    const block = new Uint8Array(size + rest.length);
    file.readAt(position, block.subarray(0, size));
    block.set(rest, size);
    let end = block.length;
    while (end > 0) {
      const newline = end < 2 ? -1 : block.lastIndexOf(NEWLINE, end - 2);
      if (newline < 0) break;
      yield { offset: position + newline + 1, line: block.subarray(newline + 1, end) };
      end = newline + 1;
    }
    rest = block.slice(0, Math.min(end, CHUNK_BYTES));
  }
  if (rest.length > 0) yield { offset: 0, line: rest };
}

/**
 * Opens the log's files that are newer than the one with the inode `known`, oldest first.
 *
 * Opening the newest first means that a rotation meanwhile shows a file twice, and never hides one.
 *
 * @returns `isComplete` tells whether the known one was among them, so that nothing is missing between.
 */
function openFiles(
  path: string,
  known: number | null | undefined,
): { files: LogFile[]; isComplete: boolean } {
  const files: LogFile[] = [];
  const inodes = new Set<number | null>();
  let missing = 0;
  for (let number = 0;; number++) {
    const file = LogFile.openIfPresent(number === 0 ? path : `${path}.${number}`);
    if (file === undefined) {
      // Between two steps of a rotation one name is free, but never two
      if (++missing === 2) return { files, isComplete: known === undefined };
      continue;
    }
    const isKnown = file.inode === known;
    if (isKnown || inodes.has(file.inode)) file[Symbol.dispose]();
    else files.unshift(file);
    if (isKnown) return { files, isComplete: true };
    inodes.add(file.inode);
  }
}

function inodeAt(path: string): number | null | undefined {
  try {
    return Deno.statSync(path).ino;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function compareBytes(left: Uint8Array, right: Uint8Array): number {
  for (let index = 0; index < TIMESTAMP_LENGTH; index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

const NANOSECONDS_PER_MILLISECOND = 1_000_000n;
const LAST_MILLISECOND = 253_402_300_799_999n;

/** A point in time as records have it; times out of reach become the first or last that fit. */
function timestampBytes(nanoseconds: bigint): Uint8Array {
  const clamped = nanoseconds < 0n ? 0n : nanoseconds;
  const milliseconds = clamped / NANOSECONDS_PER_MILLISECOND;
  const date = new Date(Number(milliseconds < LAST_MILLISECOND ? milliseconds : LAST_MILLISECOND));
  const rest = String(clamped % NANOSECONDS_PER_MILLISECOND).padStart(6, "0");
  return new TextEncoder().encode(`${date.toISOString().slice(0, -1)}${rest}Z`);
}
