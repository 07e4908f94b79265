/** Printing log records as the lines they were. @module */

import type { LogRecord, LogStream } from "../../container/log/log_record.ts";
import type { Output } from "../base/output.ts";

/** How {@linkcode LogPrinter} prints. */
export interface LogPrinterOptions {
  /** Whether each line begins with the time of its first record. */
  hasTimestamps: boolean;
  /** What each line begins with, behind the time. @default {nothing, not even a blank} */
  details?: string;
}

const BUFFER_BYTES = 64 * 1024;
const NEWLINE = new Uint8Array([0x0a]);
const SPACE = new Uint8Array([0x20]);

/** Prints records exactly, stdout's on standard output and stderr's on standard error. */
export class LogPrinter {
  readonly #output: Pick<Output, "write" | "writeDiagnostic">;
  readonly #hasTimestamps: boolean;
  /** With a blank behind them, if they are wanted. */
  readonly #details: Uint8Array;
  /** Bytes of `#stream` that are not printed yet. */
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  #used = 0;
  #stream: LogStream = "stdout";
  /** Streams in the middle of a line. */
  readonly #unfinished = new Set<LogStream>();

  constructor(
    output: Pick<Output, "write" | "writeDiagnostic">,
    { hasTimestamps, details }: LogPrinterOptions,
  ) {
    this.#details = new TextEncoder().encode(details === undefined ? "" : `${details} `);
    this.#output = output;
    this.#hasTimestamps = hasTimestamps;
  }

  /** Prints all records before it returns. */
  print(records: Iterable<LogRecord>): void {
    for (const record of records) this.#add(record);
    this.#flush();
  }

  #add({ timestamp, stream, isPartial, text }: LogRecord): void {
    // The order between the streams is kept, for those who send both to one place
    if (stream !== this.#stream) this.#flush();
    this.#stream = stream;
    if (!this.#unfinished.has(stream)) this.#begin(timestamp);
    this.#append(text);
    if (isPartial) {
      this.#unfinished.add(stream);
    } else {
      this.#append(NEWLINE);
      this.#unfinished.delete(stream);
    }
  }

  /** Begins a line. */
  #begin(timestamp: Uint8Array): void {
    if (this.#hasTimestamps) {
      this.#append(timestamp);
      this.#append(SPACE);
    }
    this.#append(this.#details);
  }

  #append(bytes: Uint8Array): void {
    if (this.#used + bytes.length > BUFFER_BYTES) this.#flush();
    if (bytes.length > BUFFER_BYTES) return this.#write(bytes);
    this.#buffer.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  #flush(): void {
    if (this.#used > 0) this.#write(this.#buffer.subarray(0, this.#used));
    this.#used = 0;
  }

  #write(bytes: Uint8Array): void {
    if (this.#stream === "stdout") this.#output.write(bytes);
    else this.#output.writeDiagnostic(bytes);
  }
}
