/** The root file system that benchmarks of images unpack. @module */

import type { TarEntry } from "./tar_writer.ts";

/** Shape of it: like a Debian root file system with a few large libraries. */
const ARCHIVE = {
  directories: 330,
  filesInEach: 50,
  /** Sizes of the files in a directory, taken in turn, in bytes. */
  fileBytes: [120, 900, 2_300, 700, 5_200, 15_000, 1_400, 40_000, 3_100, 82_000],
} as const;

/** Its members. The bytes do not repeat, and are the same every time. */
export function* largeArchive(): Generator<TarEntry> {
  const noise = new Uint32Array(1 << 20);
  let state = 0x9e3779b9;
  for (let index = 0; index < noise.length; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    noise[index] = state;
  }
  const bytes = new Uint8Array(noise.buffer);
  let offset = 0;
  for (let directory = 0; directory < ARCHIVE.directories; directory++) {
    yield { path: `d${directory}/`, mode: 0o755 };
    for (let file = 0; file < ARCHIVE.filesInEach; file++) {
      const size = ARCHIVE.fileBytes[file % ARCHIVE.fileBytes.length] ?? 0;
      offset = (offset + size) % (bytes.length - 100_000);
      yield {
        path: `d${directory}/f${file}`,
        mode: 0o644,
        content: bytes.subarray(offset, offset + size),
      };
    }
  }
}
