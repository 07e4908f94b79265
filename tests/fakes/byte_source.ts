/** Bytes in memory as a stream to read from. @module */

/** Gives `bytes` in pieces of at most `step`. */
export function sourceOf(
  bytes: Uint8Array,
  step = 10_000,
): { read(buffer: Uint8Array): Promise<number | null> } {
  let at = 0;
  return {
    read: (buffer) => {
      if (at >= bytes.length) return Promise.resolve(null);
      const piece = bytes.subarray(at, at + Math.min(step, buffer.length));
      buffer.set(piece);
      at += piece.length;
      return Promise.resolve(piece.length);
    },
  };
}
