import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { type FakeAnswer, type FakeRequest, FakeServer } from "../../../tests/fakes/http_server.ts";
import { fakeSettings } from "../../../tests/fakes/registry_settings.ts";
import { digestOfBytes } from "../spec/digest.ts";
import { openRepository } from "./client.ts";
import type { UploadResult } from "./registry.ts";

const { signal } = new AbortController();
const SHORT = new TextEncoder().encode("short");
const LONG = new Uint8Array((1 << 20) + 1_000).fill(7);
const HALF = LONG.length / 2;

/** A registry that takes uploads, and lies where it is told to. */
class UploadServer implements AsyncDisposable {
  readonly server: FakeServer;
  /** What was received of the upload. */
  received = new Uint8Array();
  stored: Uint8Array | undefined;

  /** @param lie What to say in place of the truth. */
  constructor(lie: (request: FakeRequest, index: number) => FakeAnswer | "cut" | undefined) {
    this.server = new FakeServer((request, index) => {
      const said = lie(request, index);
      if (said === "cut") return undefined;
      return said ?? this.#answer(request);
    });
  }

  get log(): string[] {
    return this.server.requests.map(({ method, path }) =>
      `${method} ${path.replace("/v2/a/blobs/", "").replace(/sha256[^&]*/, "DIGEST")}`
    );
  }

  take(bytes: Uint8Array): void {
    this.received = new Uint8Array([...this.received, ...bytes]);
  }

  #answer({ method, body }: FakeRequest): FakeAnswer {
    switch (method) {
      case "HEAD":
        return this.stored === undefined ? { status: 404 } : {};
      case "POST":
        this.received = new Uint8Array();
        return this.#progress(202);
      case "PATCH":
        this.take(body);
        return this.#progress(202);
      case "GET":
        return this.#progress(204);
      default:
        this.take(body);
        this.stored = this.received;
        return { status: 201 };
    }
  }

  #progress(status: number): FakeAnswer {
    const range = `0-${Math.max(0, this.received.length - 1)}`;
    return { status, headers: { location: "/v2/a/blobs/uploads/1?_state=x%3D", range } };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
  }
}

async function upload(
  { server }: UploadServer,
  bytes: Uint8Array<ArrayBuffer>,
  { mountFrom = [], onSent }: { mountFrom?: string[]; onSent?: (bytes: number) => void } = {},
): Promise<UploadResult> {
  using settings = fakeSettings();
  const repository = await openRepository({ domain: server.host, path: "a" }, {
    actions: "push",
    settings,
  });
  return await repository.uploadBlob({
    digest: digestOfBytes(bytes),
    size: bytes.length,
    mountFrom,
    open: async function* (offset): AsyncGenerator<Uint8Array<ArrayBuffer>> {
      for (let at = offset; at < bytes.length; at += 1 << 16) {
        yield bytes.slice(at, at + (1 << 16));
      }
    },
  }, { signal, onSent });
}

const honest = (): undefined => undefined;
const SESSION = "uploads/1?_state=x%3D";

Deno.test("uploadBlob() sends nothing of what is there", async () => {
  await using fake = new UploadServer(({ method }) => method === "HEAD" ? {} : undefined);

  deepStrictEqual(await upload(fake, SHORT), { type: "exists" });
  deepStrictEqual(fake.log, ["HEAD DIGEST"]);
});

Deno.test("uploadBlob() sends a short blob at once", async () => {
  await using fake = new UploadServer(honest);

  deepStrictEqual(await upload(fake, SHORT), { type: "uploaded" });
  deepStrictEqual(fake.log, ["HEAD DIGEST", "POST uploads/", `PUT ${SESSION}&digest=DIGEST`]);
  deepStrictEqual(fake.stored, SHORT);
});

Deno.test("uploadBlob() sends an empty blob", async () => {
  await using fake = new UploadServer(honest);

  deepStrictEqual(await upload(fake, new Uint8Array()), { type: "uploaded" });
  deepStrictEqual(fake.stored, new Uint8Array());
});

Deno.test("uploadBlob() sends a long blob as one stream, and tells how far it is", async () => {
  await using fake = new UploadServer(honest);
  const told: number[] = [];

  await upload(fake, LONG, { onSent: (bytes) => told.push(bytes) });

  deepStrictEqual(fake.log, [
    "HEAD DIGEST",
    "POST uploads/",
    `PATCH ${SESSION}`,
    `PUT ${SESSION}&digest=DIGEST`,
  ]);
  strictEqual(digestOfBytes(fake.stored ?? SHORT), digestOfBytes(LONG));
  strictEqual(told.at(-1), LONG.length);
  deepStrictEqual(told, told.toSorted((a, b) => a - b));
});

Deno.test("uploadBlob() goes on where the registry was when the connection was cut", async () => {
  await using fake: UploadServer = new UploadServer(({ method, body }, index) => {
    if (method !== "PATCH" || index > 2) return undefined;
    fake.take(body.subarray(0, HALF));
    return "cut";
  });

  deepStrictEqual(await upload(fake, LONG), { type: "uploaded" });
  deepStrictEqual(fake.log.slice(2), [
    `PATCH ${SESSION}`,
    `GET ${SESSION}`,
    `PATCH ${SESSION}`,
    `PUT ${SESSION}&digest=DIGEST`,
  ]);
  strictEqual(
    fake.server.requests[4]?.headers.get("content-range"),
    `${HALF}-${LONG.length - 1}`,
  );
  strictEqual(digestOfBytes(fake.stored ?? SHORT), digestOfBytes(LONG));
});

Deno.test("uploadBlob() goes on when the registry has taken a part of the stream", async () => {
  await using fake: UploadServer = new UploadServer(({ method, body }, index) => {
    if (method !== "PATCH" || index > 2) return undefined;
    fake.take(body.subarray(0, HALF));
    const range = `0-${HALF - 1}`;
    return { status: 202, headers: { location: "/v2/a/blobs/uploads/1?_state=x%3D", range } };
  });

  await upload(fake, LONG);

  strictEqual(digestOfBytes(fake.stored ?? SHORT), digestOfBytes(LONG));
});

Deno.test("uploadBlob() begins again when the registry has forgotten the upload", async () => {
  await using fake: UploadServer = new UploadServer(({ method }, index) => {
    if (method === "PATCH" && index === 2) return "cut";
    return method === "GET" ? { status: 404 } : undefined;
  });

  deepStrictEqual(await upload(fake, LONG), { type: "uploaded" });
  strictEqual(digestOfBytes(fake.stored ?? SHORT), digestOfBytes(LONG));
});

Deno.test("uploadBlob() finds that what seemed to fail has worked", async () => {
  await using fake: UploadServer = new UploadServer(({ method, body }) => {
    if (method !== "PUT") return undefined;
    fake.stored = body;
    return "cut";
  });

  deepStrictEqual(await upload(fake, SHORT), { type: "exists" });
});

Deno.test("uploadBlob() ends when the registry is cut again and again", async () => {
  await using fake = new UploadServer(({ method }) => method === "PATCH" ? "cut" : undefined);

  await rejects(upload(fake, LONG), { kind: "unavailable" });
});

Deno.test("uploadBlob() takes a blob from another repository", async () => {
  await using fake = new UploadServer(({ path }) =>
    path.includes("from=good") ? { status: 201 } : undefined
  );

  deepStrictEqual(await upload(fake, SHORT, { mountFrom: ["a", "good"] }), {
    type: "mounted",
    from: "good",
  });
  deepStrictEqual(fake.log, ["HEAD DIGEST", "POST uploads/?mount=DIGEST&from=good"]);
});

Deno.test("uploadBlob() uploads to where a mount that failed leads", async () => {
  await using fake = new UploadServer(honest);

  deepStrictEqual(await upload(fake, SHORT, { mountFrom: ["other"] }), { type: "uploaded" });
  deepStrictEqual(fake.log, [
    "HEAD DIGEST",
    "POST uploads/?mount=DIGEST&from=other",
    `PUT ${SESSION}&digest=DIGEST`,
  ]);
});

Deno.test("uploadBlob() uploads what it may not take from another repository", async () => {
  await using fake = new UploadServer(({ path }) =>
    path.includes("from=") ? { status: 403 } : undefined
  );

  deepStrictEqual(await upload(fake, SHORT, { mountFrom: ["private"] }), { type: "uploaded" });
});

Deno.test("uploadBlob() sends nothing that proves who asks to another server", async () => {
  await using storage = new FakeServer(() => ({ status: 201 }));
  await using fake = new UploadServer(({ method, headers }) => {
    if (!headers.has("authorization")) {
      return { status: 401, headers: { "www-authenticate": "Basic realm=r" } };
    }
    return method === "POST"
      ? { status: 202, headers: { location: `http://${storage.host}/put?signature=s` } }
      : undefined;
  });
  using settings = fakeSettings({
    credentials: { type: "password", username: "a", password: "b" },
  });
  const repository = await openRepository({ domain: fake.server.host, path: "a" }, {
    actions: "push",
    settings,
  });

  await repository.uploadBlob({
    digest: digestOfBytes(SHORT),
    size: SHORT.length,
    mountFrom: [],
    open: () => ReadableStream.from([SHORT]),
  }, { signal });

  strictEqual(storage.requests[0]?.headers.has("authorization"), false);
  strictEqual(
    storage.requests[0]?.path,
    `/put?signature=s&digest=${encodeURIComponent(digestOfBytes(SHORT))}`,
  );
});

Deno.test("uploadBlob() throws what goes wrong with the blob itself as it is", async () => {
  await using fake = new UploadServer(honest);
  using settings = fakeSettings();
  const repository = await openRepository({ domain: fake.server.host, path: "a" }, {
    actions: "push",
    settings,
  });
  const failure = new Error("The disk is broken");

  await rejects(
    repository.uploadBlob({
      digest: digestOfBytes(LONG),
      size: LONG.length,
      mountFrom: [],
      open: async function* (): AsyncGenerator<Uint8Array<ArrayBuffer>> {
        yield await Promise.resolve(LONG.slice(0, 10));
        throw failure;
      },
    }, { signal }),
    failure,
  );
});

Deno.test("uploadBlob() says that one may not push", async () => {
  const body = '{"errors":[{"code":"DENIED","message":"requested access is denied"}]}';
  await using fake = new UploadServer(({ method }) =>
    method === "POST" ? { status: 403, body } : undefined
  );

  await rejects(upload(fake, SHORT), {
    kind: "unauthorized",
    message: `Cannot push "${fake.server.host}/a": push access denied: ` +
      "denied: requested access is denied",
  });
});

Deno.test("uploadBlob() refuses an upload that leads nowhere", async () => {
  await using fake = new UploadServer(({ method }) =>
    method === "POST" ? { status: 202 } : undefined
  );

  await rejects(upload(fake, SHORT), {
    message: `Cannot upload blob "${digestOfBytes(SHORT)}": ` +
      "the registry does not say where to send it",
  });
});
