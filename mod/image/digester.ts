/**
 * SHA-256 of streams.
 *
 * Hashing costs about as much as everything else an import does, so long
 * streams are hashed in a worker, on the second processor.
 *
 * @module
 */

/** Computes the digest of one stream. */
export interface Digester {
  /**
   * Takes the next bytes, which may be overwritten as soon as the promise is fulfilled.
   *
   * @throws {Error} If the worker has failed.
   */
  update(bytes: Uint8Array): Promise<void>;
  /** The digest of all bytes, as 64 lower-case hexadecimal digits; call it once. */
  hex(): Promise<string>;
}

/** Makes digesters; disposing of it ends them all. */
export interface Hasher extends Disposable {
  /** Begins the digest of one more stream. */
  open(): Digester;
}

/** From this many bytes on a worker is worth its 40 ms and 30 MB. */
const WORKER_THRESHOLD = 16 << 20;

/**
 * Opens a hasher that fits the amount of work.
 *
 * @param expectedBytes About how much will be hashed; `undefined` if unknown.
 */
export async function openHasher(expectedBytes: number | undefined): Promise<Hasher> {
  if (expectedBytes === undefined || expectedBytes >= WORKER_THRESHOLD) return new HashWorker();
  const { createHash } = await import("node:crypto");
  return {
    open: () => {
      const hash = createHash("sha256");
      return {
        update: (bytes) => {
          hash.update(bytes);
          return Promise.resolve();
        },
        hex: () => Promise.resolve(hash.digest("hex")),
      };
    },
    [Symbol.dispose]: () => {},
  };
}

/** A request to the worker: bytes of a stream, or nothing for "tell me the digest". */
interface HashRequest {
  stream: number;
  buffer: ArrayBuffer | undefined;
  length: number;
}

/** The worker's answer: the emptied buffer back, or the digest. */
interface HashReply {
  stream: number;
  buffer: ArrayBuffer | undefined;
  hex: string | undefined;
}

/**
 * The whole program of the worker. It is sent as text, so that the worker needs no file: wherry is
 * one bundle that may not be anywhere on disk. Therefore it uses nothing from outside of itself.
 */
async function workerMain(): Promise<void> {
  const { createHash } = await import("node:crypto");
  const scope = globalThis as unknown as {
    onmessage: (event: MessageEvent<HashRequest>) => void;
    postMessage: (reply: HashReply, transfer: Transferable[]) => void;
  };
  const hashes = new Map<number, ReturnType<typeof createHash>>();
  scope.onmessage = ({ data: { stream, buffer, length } }): void => {
    const hash = hashes.get(stream) ?? createHash("sha256");
    hashes.set(stream, hash);
    if (buffer === undefined) {
      hashes.delete(stream);
      scope.postMessage({ stream, buffer: undefined, hex: hash.digest("hex") }, []);
    } else {
      hash.update(new Uint8Array(buffer, 0, length));
      scope.postMessage({ stream, buffer, hex: undefined }, [buffer]);
    }
  };
}

/** Bytes that go to the worker in one message. */
const SLICE_SIZE = 1 << 20;
/** Slices under way at most; more than that and the producer waits. */
const SLICE_COUNT = 12;

/** Several digests computed in one worker. */
class HashWorker implements Hasher {
  readonly #worker: Worker;
  readonly #free: ArrayBuffer[] = [];
  readonly #results = new Map<number, PromiseWithResolvers<string>>();
  #allocated = 0;
  #streams = 0;
  #failure: Error | undefined;
  /** Those who wait for a free slice, first come, first served. */
  readonly #waiting: PromiseWithResolvers<ArrayBuffer>[] = [];

  constructor() {
    const source = new Blob([`(${workerMain})();`], { type: "application/javascript" });
    const url = URL.createObjectURL(source);
    this.#worker = new Worker(url, { type: "module", name: "wherry-hash" });
    this.#worker.onmessage = ({ data }: MessageEvent<HashReply>): void => this.#receive(data);
    this.#worker.onerror = (event): void => {
      event.preventDefault();
      this.#fail(new Error(`Cannot hash: the worker failed: ${event.message}`));
    };
  }

  open(): Digester {
    const stream = this.#streams++;
    return {
      update: async (bytes) => {
        for (let at = 0; at < bytes.length; at += SLICE_SIZE) {
          await this.#send(stream, bytes.subarray(at, at + SLICE_SIZE));
        }
      },
      hex: () => this.#finish(stream),
    };
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
  }

  async #send(stream: number, bytes: Uint8Array): Promise<void> {
    const buffer = await this.#takeSlice();
    new Uint8Array(buffer).set(bytes);
    const request: HashRequest = { stream, buffer, length: bytes.length };
    this.#worker.postMessage(request, [buffer]);
  }

  #finish(stream: number): Promise<string> {
    const result = Promise.withResolvers<string>();
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#results.set(stream, result);
    const request: HashRequest = { stream, buffer: undefined, length: 0 };
    this.#worker.postMessage(request);
    return result.promise;
  }

  async #takeSlice(): Promise<ArrayBuffer> {
    if (this.#failure !== undefined) throw this.#failure;
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#allocated < SLICE_COUNT) {
      this.#allocated++;
      return new ArrayBuffer(SLICE_SIZE);
    }
    const waiting = Promise.withResolvers<ArrayBuffer>();
    this.#waiting.push(waiting);
    return await waiting.promise;
  }

  #receive({ stream, buffer, hex }: HashReply): void {
    if (hex !== undefined) this.#results.get(stream)?.resolve(hex);
    if (buffer === undefined) return;
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#free.push(buffer);
    else waiting.resolve(buffer);
  }

  #fail(error: Error): void {
    this.#failure = error;
    for (const waiting of this.#waiting) waiting.reject(error);
    for (const result of this.#results.values()) result.reject(error);
  }
}
