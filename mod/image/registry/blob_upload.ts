/**
 * Blobs into a registry.
 *
 * ```
 * HEAD  blobs/DIGEST               200: it is there
 * POST  blobs/uploads/?mount&from  201: it was in another repository, and is there now
 * POST  blobs/uploads/             202: send it to Location
 * PUT   Location?digest            201: a short one, at once
 * PATCH Location                   202: a long one; as docker, all in one stream
 *  cut? GET Location               204: so much of it is there; PATCH the rest
 * PUT   Location?digest            201: that was all of it
 * ```
 *
 * @see distribution-spec 1.1, "Push"
 * @module
 */

import { WherryError } from "../../errors.ts";
import type { Patience } from "./patience.ts";
import { type Place, scopeOf } from "./place.ts";
import type { TransferOptions, Upload, UploadResult } from "./registry.ts";
import { RegistryError } from "./registry_error.ts";
import type { RegistryRequest } from "./registry_host.ts";
import { Retries, TransientError, withRetries } from "./retry.ts";
import type { Answer } from "./transport.ts";

/** Blobs up to this many bytes are sent in one request, and from memory. */
const SHORT_BLOB = 1 << 20;
const BINARY = { "content-type": "application/octet-stream" };

/** How an upload is done. */
export interface UploadOptions extends TransferOptions {
  patience: Patience;
  /** Called with how many bytes of the blob are through. */
  onSent?: ((bytes: number) => void) | undefined;
}

/** One blob on its way into a repository. */
export class BlobUpload {
  readonly #place: Place;
  readonly #upload: Upload;
  readonly #options: UploadOptions;
  /** Where to send it; `undefined` before an upload has been started. */
  #location: URL | undefined;
  /** Bytes that the registry has. */
  #offset = 0;
  /** Whether the registry has to be asked how many it has. */
  #isUnsure = false;

  constructor(place: Place, upload: Upload, options: UploadOptions) {
    this.#place = place;
    this.#upload = upload;
    this.#options = options;
  }

  /** Puts the blob into the repository unless it is there. */
  async run(): Promise<UploadResult> {
    if (await withRetries(() => this.#isThere(), this.#retrying)) return { type: "exists" };
    for (const from of this.#upload.mountFrom) {
      if (from === this.#place.path) continue;
      if (await withRetries(() => this.#mount(from), this.#retrying)) {
        return { type: "mounted", from };
      }
    }
    const retries = new Retries(this.#options.patience, this.#options);
    for (;;) {
      const before = this.#offset;
      try {
        return { type: await this.#send() };
      } catch (error) {
        if (this.#offset > before) retries.reset();
        await retries.after(this.#afterLosingTrack(error));
      }
    }
  }

  get #retrying(): { patience: Patience; options: TransferOptions } {
    return { patience: this.#options.patience, options: this.#options };
  }

  async #request(request: Omit<RegistryRequest, "scopes" | "explain">): Promise<Answer> {
    return await this.#place.host.attempt({
      scopes: this.#place.scopes,
      explain: (refusal, authorization) => this.#place.explain(refusal, authorization),
      ...request,
    }, this.#options);
  }

  async #isThere(): Promise<boolean> {
    const target = `${this.#place.path}/blobs/${this.#upload.digest}`;
    await using answer = await this.#request({ method: "HEAD", target, expected: [200, 404] });
    return answer.status === 200;
  }

  /** Where that is not possible, the registry has started an upload in its place. */
  async #mount(from: string): Promise<boolean> {
    const query = new URLSearchParams({ mount: this.#upload.digest, from });
    try {
      await using answer = await this.#place.host.attempt({
        method: "POST",
        target: `${this.#place.path}/blobs/uploads/?${query}`,
        scopes: [...this.#place.scopes, scopeOf(from, "pull")],
        expected: [201, 202],
        explain: (refusal, authorization) => this.#place.explain(refusal, authorization),
      }, this.#options);
      if (answer.status === 201) return true;
      if (this.#location !== undefined) await this.#cancel(this.#location);
      this.#location = this.#locationOf(answer);
      return false;
    } catch (error) {
      // Who may not read there can still upload
      if (error instanceof WherryError && MOUNT_REFUSALS.includes(error.kind)) return false;
      throw error;
    }
  }

  /** Tells the registry that an upload will not go on; it finds out later by itself otherwise. */
  async #cancel(target: URL): Promise<void> {
    try {
      await using _cancelled = await this.#request({ method: "DELETE", target, expected: [204] });
    } catch (error) {
      this.#options.signal.throwIfAborted();
      if (!(error instanceof WherryError || error instanceof TransientError)) throw error;
    }
  }

  async #send(): Promise<"exists" | "uploaded"> {
    if (this.#isUnsure && this.#location !== undefined) await this.#askHowFar(this.#location);
    if (this.#location === undefined) {
      // What seemed to fail may have worked
      if (this.#isUnsure && await this.#isThere()) return "exists";
      this.#location = await this.#start();
    }
    this.#isUnsure = true;
    if (this.#upload.size <= SHORT_BLOB) await this.#sendWhole(this.#location);
    else {
      while (this.#offset < this.#upload.size) await this.#sendRest(this.#location);
      await this.#finish(this.#location, new Uint8Array());
    }
    this.#options.onSent?.(this.#upload.size);
    return "uploaded";
  }

  async #start(): Promise<URL> {
    const target = `${this.#place.path}/blobs/uploads/`;
    this.#offset = 0;
    await using answer = await this.#request({ method: "POST", target, expected: [202] });
    return this.#locationOf(answer);
  }

  async #sendWhole(location: URL): Promise<void> {
    const bytes = new Uint8Array(this.#upload.size);
    let length = 0;
    for await (const chunk of this.#upload.open(0)) {
      bytes.set(chunk, length);
      length += chunk.length;
    }
    // There is nothing to go on with: another try begins with a new upload
    this.#location = undefined;
    await this.#finish(location, bytes);
  }

  async #sendRest(location: URL): Promise<void> {
    const offset = this.#offset;
    const range: Record<string, string> = offset === 0
      ? {}
      : { "content-range": `${offset}-${this.#upload.size - 1}` };
    await using answer = await this.#request({
      method: "PATCH",
      target: location,
      headers: { ...BINARY, ...range },
      body: { open: () => this.#counted(offset) },
      expected: [202, 204],
    });
    this.#takeStock(answer);
    if (this.#offset <= offset) {
      throw new TransientError(this.#failure("the registry has kept nothing of it"));
    }
  }

  async *#counted(offset: number): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    let sent = offset;
    for await (const chunk of this.#upload.open(offset)) {
      yield chunk;
      sent += chunk.length;
      this.#options.onSent?.(sent);
    }
  }

  async #askHowFar(target: URL): Promise<void> {
    await using answer = await this.#request({
      method: "GET",
      target,
      expected: [202, 204, 404],
    });
    if (answer.status === 404) this.#location = undefined;
    else this.#takeStock(answer);
  }

  /** Learns where to go on, and from which byte on. */
  #takeStock(answer: Answer): void {
    if (answer.headers.has("location")) this.#location = this.#locationOf(answer);
    const header = answer.headers.get("range") ?? "";
    const last = Number(/^(?:bytes=)?0-(\d+)$/.exec(header)?.[1] ?? -1);
    // "0-0" is also what registries say when there is nothing yet
    const offset = last <= 0 ? 0 : last + 1;
    if (offset > this.#upload.size) throw this.#failure(`the registry has ${offset} bytes of it`);
    this.#offset = offset;
    this.#options.onSent?.(offset);
  }

  async #finish(location: URL, body: Uint8Array<ArrayBuffer>): Promise<void> {
    await using _finished = await this.#request({
      method: "PUT",
      target: withDigest(location, this.#upload.digest),
      headers: BINARY,
      body,
      expected: [201, 204],
    });
  }

  #locationOf(answer: Answer): URL {
    const location = URL.parse(answer.headers.get("location") ?? "", answer.url);
    if (location === null || !answer.headers.has("location")) {
      throw this.#failure("the registry does not say where to send it");
    }
    if (answer.url.protocol === "https:" && location.protocol !== "https:") {
      throw this.#failure(`the registry wants it sent to "${location.origin}", not encrypted`);
    }
    return location;
  }

  /** An upload that the registry has forgotten, or sees another end of, is one that can go on. */
  #afterLosingTrack(error: unknown): unknown {
    if (!(error instanceof RegistryError) || this.#offset === 0) return error;
    if (error.status === 404) this.#location = undefined;
    return error.status === 404 || error.status === 416 ? new TransientError(error) : error;
  }

  #failure(state: string): WherryError {
    return new WherryError("unavailable", `Cannot upload blob "${this.#upload.digest}": ${state}`);
  }
}

/** What a mount may end with that an upload need not. */
const MOUNT_REFUSALS = ["not_found", "unauthorized", "unavailable"];

/** Added as text: what the registry has put into the address must stay as it is. */
function withDigest(location: URL, digest: string): URL {
  const url = new URL(location);
  url.search += `${url.search === "" ? "?" : "&"}digest=${encodeURIComponent(digest)}`;
  return url;
}
