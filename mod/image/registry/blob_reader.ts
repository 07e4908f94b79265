/** Blobs out of a registry, from any byte on. @see RFC 9110, section 14 @module */

import { WherryError } from "../../errors.ts";
import type { Digest } from "../spec/digest.ts";
import type { Patience } from "./patience.ts";
import type { Place } from "./place.ts";
import type { TransferOptions } from "./registry.ts";
import { Retries, TransientError } from "./retry.ts";
import type { Answer } from "./transport.ts";

/** How far a blob has been read. */
export interface BlobReading {
  digest: Digest;
  /** In bytes. */
  size: number;
  /** Of the next byte; moves on while the blob is read. */
  position: number;
}

/**
 * Reads a blob to its end. Where the connection is cut, a new request goes on; `reading` says where when an error is
 * thrown.
 */
export async function* readBlobFrom(
  place: Place,
  reading: BlobReading,
  { patience, options }: { patience: Patience; options: TransferOptions },
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const retries = new Retries(patience, options);
  while (reading.position < reading.size) {
    try {
      await using answer = await ask(place, reading, options);
      for await (const chunk of wantedChunks(answer, reading)) {
        reading.position += chunk.length;
        retries.reset();
        yield chunk;
      }
      if (reading.position < reading.size) throw new TransientError(tooShort(reading));
    } catch (error) {
      await retries.after(error);
    }
  }
}

async function ask(
  place: Place,
  { digest, position }: BlobReading,
  options: TransferOptions,
): Promise<Answer> {
  return await place.host.attempt({
    method: "GET",
    target: `${place.path}/blobs/${digest}`,
    headers: position === 0 ? {} : { range: `bytes=${position}-` },
    scopes: place.scopes,
    expected: [200, 206, 416],
    explain: (refusal, authorization) =>
      place.explain(refusal, authorization, { type: "blob", reference: digest }),
  }, options);
}

/** The bytes of an answer that are still wanted, and not one more. */
async function* wantedChunks(
  answer: Answer,
  reading: BlobReading,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let toSkip = reading.position - startOf(answer, reading);
  let wanted = reading.size - reading.position;
  for await (const chunk of answer.chunks()) {
    const from = Math.min(toSkip, chunk.length);
    toSkip -= from;
    const part = chunk.subarray(from, from + wanted);
    wanted -= part.length;
    if (part.length > 0) yield part;
    // Where the length was said, the end comes at once, and the connection can be used again
    if (wanted === 0 && !answer.headers.has("content-length")) return;
  }
}

/** Where the bytes of an answer begin in the blob. */
function startOf(answer: Answer, reading: BlobReading): number {
  const { status, headers } = answer;
  if (status === 416) throw mismatch(reading, "it is shorter");
  const length = headers.get("content-length");
  if (status === 200) {
    if (length !== null && Number(length) !== reading.size) {
      throw mismatch(reading, `the registry has ${length}`);
    }
    return 0;
  }
  const header = headers.get("content-range") ?? "";
  const [, first, last, total] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(header) ?? [];
  const isAsked = Number(first) === reading.position && Number(last) < reading.size &&
    (total === "*" || Number(total) === reading.size) &&
    (length === null || Number(length) === Number(last) - Number(first) + 1);
  if (!isAsked) throw mismatch(reading, `the registry gave range "${header.slice(0, 100)}"`);
  return reading.position;
}

function mismatch({ digest, size }: BlobReading, state: string): WherryError {
  return new WherryError("corrupt", `Cannot read blob "${digest}" of ${size} bytes: ${state}`);
}

function tooShort(reading: BlobReading): WherryError {
  return mismatch(reading, `the registry gave ${reading.position}`);
}
