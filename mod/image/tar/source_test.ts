import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { sourceOf } from "../../../tests/fakes/byte_source.ts";
import { chunksOf, peek, VALID_CHUNKS } from "./source.ts";

const BYTES = crypto.getRandomValues(new Uint8Array(60_000));
const LONG = Uint8Array.from({ length: 60 * BYTES.length }, (_, i) => BYTES[i % BYTES.length] ?? 0);

Deno.test("chunksOf() gives every byte once, whatever the source gives at a time", async () => {
  const found = new Uint8Array(LONG.length);
  let length = 0;
  for await (const chunk of chunksOf(sourceOf(LONG, 9_999))) {
    found.set(chunk, length);
    length += chunk.length;
  }

  strictEqual(length, LONG.length);
  strictEqual(found.every((byte, i) => byte === LONG[i]), true);
});

Deno.test("chunksOf() leaves a chunk alone until VALID_CHUNKS more are asked for", async () => {
  let reads = 0;
  const source = {
    read: (buffer: Uint8Array): Promise<number | null> => {
      if (reads === 3 * VALID_CHUNKS) return Promise.resolve(null);
      buffer.fill(reads++);
      return Promise.resolve(buffer.length);
    },
  };

  const chunks: Uint8Array[] = [];
  for await (const chunk of chunksOf(source)) {
    chunks.push(chunk);
    const oldestValid = Math.max(0, chunks.length - VALID_CHUNKS);
    strictEqual(chunks[oldestValid]?.at(0), oldestValid);
  }

  strictEqual(chunks.length, 3 * VALID_CHUNKS);
});

Deno.test("chunksOf() throws a failure that came while its consumer was busy", async () => {
  const failed = Promise.withResolvers<void>();
  let reads = 0;
  const source = {
    read: (buffer: Uint8Array): Promise<number | null> => {
      if (reads++ === 0) return Promise.resolve(buffer.length);
      // After it a turn of the event loop passes, in which nobody waits for the chunk
      setTimeout(failed.resolve);
      return Promise.reject(new Error('Cannot read "source": cut'));
    },
  };
  const chunks = chunksOf(source);

  await chunks.next();
  await failed.promise;

  await rejects(chunks.next(), { message: /: cut$/ });
});

Deno.test("peek() shows the start and keeps it in the stream", async () => {
  const { start, chunks } = await peek(chunksOf(sourceOf(LONG)));

  let length = 0;
  for await (const chunk of chunks) length += chunk.length;

  strictEqual(start.length, 1 << 20);
  strictEqual(length, LONG.length);
});

Deno.test("peek() ends the reading ahead when its consumer stops at the first chunk", async () => {
  let isReading = false;
  const inner = sourceOf(LONG, 1 << 20);
  const source = {
    read: async (buffer: Uint8Array): Promise<number | null> => {
      isReading = true;
      await new Promise((resolve) => setTimeout(resolve, 5));
      isReading = false;
      return await inner.read(buffer);
    },
  };

  for await (const _ of (await peek(chunksOf(source))).chunks) break;

  strictEqual(isReading, false);
});

Deno.test("chunksOf() reads a regular file to its end", async () => {
  const path = Deno.makeTempFileSync();
  const content = crypto.getRandomValues(new Uint8Array(1 << 16));
  const size = 17 * content.length + 5;
  using file = Deno.openSync(path, { read: true, write: true });
  for (let at = 0; at < size; at += content.length) file.writeSync(content.subarray(0, size - at));
  file.seekSync(0, Deno.SeekMode.Start);

  const chunks = await Array.fromAsync(chunksOf(file), (chunk) => chunk.slice());

  Deno.removeSync(path);
  deepStrictEqual(chunks.map(({ length }) => length), [1 << 20, content.length + 5]);
  deepStrictEqual(chunks[1]?.subarray(0, content.length), content);
});

Deno.test("chunksOf() does not stop everything else while a FIFO has nothing to read", async () => {
  const directory = Deno.makeTempDirSync();
  const path = `${directory}/fifo`;
  new Deno.Command("mkfifo", { args: [path] }).outputSync();
  const opener = Deno.openSync(path, { read: true, write: true });
  using reader = Deno.openSync(path);
  const writer = Deno.openSync(path, { write: true });
  opener.close();

  const first = chunksOf(reader).next();
  writer.writeSync(new Uint8Array([1, 2, 3]));
  writer.close();

  deepStrictEqual((await first).value, new Uint8Array([1, 2, 3]));
  Deno.removeSync(directory, { recursive: true });
});
