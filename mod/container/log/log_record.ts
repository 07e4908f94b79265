/**
 * One record of a container's log, in each format that the monitor writes.
 *
 * @see {@link https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md}
 * @see {@link https://docs.docker.com/engine/logging/drivers/json-file/}
 * @module
 */

import type { LogConfig } from "../record/config.ts";

/** Which of the container's streams a record came from. */
export type LogStream = "stdout" | "stderr";

/** One record of a log; its bytes are valid until the next one is taken apart. */
export interface LogRecord {
  /** RFC 3339, UTC, with nine digits of a second: 30 ASCII bytes, so that their order is that of time. */
  timestamp: Uint8Array;
  stream: LogStream;
  /** Whether the line goes on in the stream's next record; otherwise it ends here. */
  isPartial: boolean;
  /** The container's own bytes, without the newline. */
  text: Uint8Array;
}

/**
 * Takes one line of a log file apart.
 *
 * @param line With its newline; `timestamp` and `text` may be views of it.
 * @returns `undefined` if it is no record or only a part of one.
 */
export type LogRecordParser = (line: Uint8Array) => LogRecord | undefined;

/** Bytes of a time stamp. */
export const TIMESTAMP_LENGTH = 30;

const NEWLINE = 0x0a;
const SPACE = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** Fourth letter of `stdout` and `stderr`. */
const STREAM_LETTER: ReadonlyMap<number, LogStream> = new Map([
  [0x6f, "stdout"],
  [0x65, "stderr"],
]);

const PARTIAL_TAG = 0x50;
const FULL_TAG = 0x46;
const STREAM_OFFSET = TIMESTAMP_LENGTH + 1;
const TAG_OFFSET = STREAM_OFFSET + "stdout ".length;
const TEXT_OFFSET = TAG_OFFSET + 2;

/** The Kubernetes CRI format: `2026-11-20T23:29:20.123456789Z stdout F text`. */
export const parseCriRecord: LogRecordParser = (line) => {
  const tag = line[TAG_OFFSET];
  const stream = STREAM_LETTER.get(line[STREAM_OFFSET + 3] ?? 0);
  const isRecord = line.length > TEXT_OFFSET && line.at(-1) === NEWLINE && stream !== undefined &&
    line[TIMESTAMP_LENGTH] === SPACE && line[TAG_OFFSET - 1] === SPACE &&
    line[TEXT_OFFSET - 1] === SPACE && (tag === PARTIAL_TAG || tag === FULL_TAG);
  if (!isRecord) return undefined;
  return {
    timestamp: line.subarray(0, TIMESTAMP_LENGTH),
    stream,
    isPartial: tag === PARTIAL_TAG,
    text: line.subarray(TEXT_OFFSET, -1),
  };
};

const encoder = new TextEncoder();
const HEAD = encoder.encode('{"log":"');
const STREAM_KEY = encoder.encode('","stream":"std');
const TIME_KEY = encoder.encode('","time":"');
const END = encoder.encode('Z"}\n');
/** Between the text and the time: both keys and the three letters `out` or `err`. */
const MIDDLE_LENGTH = STREAM_KEY.length + 3 + TIME_KEY.length;

/**
 * docker's format: `{"log":"text\n","stream":"stdout","time":"2026-11-20T23:29:20.123456789Z"}`.
 *
 * The keys are expected in this order and without spaces, which is how docker and wherry write them: so the text is
 * found without reading all of it as JSON, and need not be copied if nothing in it was escaped.
 */
export const parseJsonRecord: LogRecordParser = (line) => {
  const timeEnd = line.length - END.length;
  const timeStart = line.lastIndexOf(QUOTE, timeEnd) + 1;
  const textEnd = timeStart - MIDDLE_LENGTH;
  const letter = line[textEnd + STREAM_KEY.length] ?? 0;
  const stream = STREAM_LETTER.get(letter);
  const isRecord = textEnd >= HEAD.length && stream !== undefined && hasAt(line, HEAD, 0) &&
    hasAt(line, STREAM_KEY, textEnd) && hasAt(line, TIME_KEY, timeStart - TIME_KEY.length) &&
    hasAt(line, END, timeEnd);
  if (!isRecord) return undefined;
  const timestamp = wholeTimestamp(line.subarray(timeStart, timeEnd + 1));
  const text = unescape(line.subarray(HEAD.length, textEnd));
  if (timestamp === undefined || text === undefined) return undefined;
  return { timestamp, stream, ...text };
};

function hasAt(line: Uint8Array, bytes: Uint8Array, offset: number): boolean {
  for (let index = 0; index < bytes.length; index++) {
    if (line[offset + index] !== bytes[index]) return false;
  }
  return true;
}

const SECONDS_LENGTH = "2026-11-20T23:29:20".length;
const ZERO = 0x30;
const DOT = 0x2e;
const ZULU = 0x5a;
const padded = new Uint8Array(TIMESTAMP_LENGTH);

/** Gives back the zeros at the end of the fraction, which docker leaves out. */
function wholeTimestamp(timestamp: Uint8Array): Uint8Array | undefined {
  if (timestamp.length === TIMESTAMP_LENGTH) return timestamp;
  if (timestamp.length <= SECONDS_LENGTH || timestamp.length > TIMESTAMP_LENGTH) return undefined;
  padded.fill(ZERO);
  padded.set(timestamp.subarray(0, -1));
  padded[SECONDS_LENGTH] = DOT;
  padded[TIMESTAMP_LENGTH - 1] = ZULU;
  return padded;
}

const LETTER_N = 0x6e;
const LETTER_U = 0x75;
/** What a letter after a backslash stands for, both as bytes. */
const ESCAPES: ReadonlyMap<number, number> = new Map(
  Array.from('"\\/bfnrt', (letter, index) => [
    letter.charCodeAt(0),
    '"\\/\b\f\n\r\t'.charCodeAt(index),
  ]),
);
/** Texts are never longer than what they are escaped to. */
let unescaped = new Uint8Array(0);

/** What the inside of a JSON string stands for; `undefined` if it is malformed. */
function unescape(escaped: Uint8Array): Pick<LogRecord, "text" | "isPartial"> | undefined {
  const first = escaped.indexOf(BACKSLASH);
  if (first < 0) return { text: escaped, isPartial: true };
  // Most lines have nothing to escape but the newline, and are not copied
  if (first === escaped.length - 2 && escaped[first + 1] === LETTER_N) {
    return { text: escaped.subarray(0, first), isPartial: false };
  }
  const text = copyUnescaped(escaped, first);
  const isPartial = text?.at(-1) !== NEWLINE;
  return text && { text: isPartial ? text : text.subarray(0, -1), isPartial };
}

function copyUnescaped(escaped: Uint8Array, first: number): Uint8Array | undefined {
  if (unescaped.length < escaped.length) unescaped = new Uint8Array(escaped.length);
  let length = 0;
  let start = 0;
  for (let at = first; at >= 0; at = escaped.indexOf(BACKSLASH, start)) {
    unescaped.set(escaped.subarray(start, at), length);
    length += at - start;
    const letter = escaped[at + 1] ?? 0;
    const byte = ESCAPES.get(letter);
    if (byte !== undefined) {
      unescaped[length++] = byte;
      start = at + 2;
      continue;
    }
    const unit = letter === LETTER_U ? hexAt(escaped, at + 2) : undefined;
    if (unit === undefined) return undefined;
    length += encoder.encodeInto(String.fromCharCode(unit), unescaped.subarray(length)).written;
    start = at + "\\u0000".length;
  }
  unescaped.set(escaped.subarray(start), length);
  return unescaped.subarray(0, length + escaped.length - start);
}

/** The UTF-16 code unit that four hexadecimal digits stand for. docker escapes none that is half of a character. */
function hexAt(text: Uint8Array, offset: number): number | undefined {
  const digits = String.fromCharCode(...text.subarray(offset, offset + 4));
  return /^[\da-f]{4}$/i.test(digits) ? parseInt(digits, 16) : undefined;
}

/** How the records of a log are read; `undefined` for a driver that keeps none. */
export function recordParser(driver: LogConfig["driver"]): LogRecordParser | undefined {
  switch (driver) {
    case "local":
      return parseCriRecord;
    case "json-file":
      return parseJsonRecord;
    case "none":
      return undefined;
  }
}
