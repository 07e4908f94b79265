import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { type FakeAnswer, type FakeRequest, FakeServer } from "../../../tests/fakes/http_server.ts";
import { fakeSettings } from "../../../tests/fakes/registry_settings.ts";
import { digestOfBytes } from "../spec/digest.ts";
import { openRepository } from "./client.ts";

const { signal } = new AbortController();
const BYTES = Uint8Array.from({ length: 1_000 }, (_, i) => i % 251);
const DIGEST = digestOfBytes(BYTES);

/** Reads the blob from `offset` on. */
async function read(
  { host }: FakeServer,
  { offset = 0, size = BYTES.length }: { offset?: number; size?: number } = {},
): Promise<Uint8Array> {
  using settings = fakeSettings();
  const repository = await openRepository({ domain: host, path: "a" }, {
    actions: "pull",
    settings,
  });
  const chunks = await Array.fromAsync(
    repository.readBlob({ digest: DIGEST, size }, offset, { signal }),
  );
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

function rangeStart({ headers }: FakeRequest): number {
  return Number(/^bytes=(\d+)-$/.exec(headers.get("range") ?? "")?.[1] ?? 0);
}

/** What an honest server says. */
function honest(request: FakeRequest): FakeAnswer {
  const start = rangeStart(request);
  if (start === 0) return { body: BYTES };
  return {
    status: 206,
    headers: { "content-range": `bytes ${start}-${BYTES.length - 1}/${BYTES.length}` },
    body: BYTES.slice(start),
  };
}

Deno.test("readBlob() reads a whole blob with one request", async () => {
  await using server = new FakeServer(honest);

  deepStrictEqual(await read(server), BYTES);
  deepStrictEqual(server.log, [`GET /v2/a/blobs/${DIGEST}`]);
  strictEqual(server.requests[0]?.headers.has("range"), false);
});

Deno.test("readBlob() goes on where a pull before it ended", async () => {
  await using server = new FakeServer(honest);

  deepStrictEqual(await read(server, { offset: 600 }), BYTES.slice(600));
  strictEqual(server.requests[0]?.headers.get("range"), "bytes=600-");
});

Deno.test("readBlob() asks nobody for what it has", async () => {
  await using server = new FakeServer(honest);

  deepStrictEqual(await read(server, { offset: BYTES.length }), new Uint8Array());
  strictEqual(server.requests.length, 0);
});

for (let cutAfter = 0; cutAfter < BYTES.length; cutAfter += 100) {
  Deno.test(`readBlob() goes on after a cut at byte ${cutAfter}`, async () => {
    await using server = new FakeServer((request, index) =>
      index === 0 ? { ...honest(request), cutAfter } : honest(request)
    );

    deepStrictEqual(await read(server), BYTES);
    strictEqual(server.requests[1]?.headers.get("range"), cutAfter ? `bytes=${cutAfter}-` : null);
  });
}

Deno.test("readBlob() goes on however often it is cut, as long as something comes", async () => {
  await using server = new FakeServer((request) => ({ ...honest(request), cutAfter: 100 }));

  deepStrictEqual(await read(server), BYTES);
  strictEqual(server.requests.length, 10);
});

Deno.test("readBlob() ends when nothing comes any more", async () => {
  await using server = new FakeServer((request) => ({
    ...honest(request),
    cutAfter: rangeStart(request) === 0 ? 100 : 0,
  }));

  await rejects(read(server), { kind: "unavailable" });
  strictEqual(server.requests.length, 3);
});

Deno.test("readBlob() passes over what it has when the server ignores ranges", async () => {
  await using server = new FakeServer(() => ({ body: BYTES }));

  deepStrictEqual(await read(server, { offset: 600 }), BYTES.slice(600));
});

Deno.test("readBlob() goes on when an answer without a length ends early", async () => {
  await using server = new FakeServer((request, index) =>
    index === 0 ? { body: BYTES.slice(0, 10), length: null } : honest(request)
  );

  deepStrictEqual(await read(server), BYTES);
});

Deno.test("readBlob() gives no byte more than the blob has", async () => {
  await using server = new FakeServer(() => ({
    body: new Uint8Array([...BYTES, ...BYTES]),
    length: null,
  }));

  deepStrictEqual(await read(server), BYTES);
});

Deno.test("readBlob() refuses a blob of another length before it reads any of it", async () => {
  await using server = new FakeServer(() => ({ length: 1e12, hangs: "after the body" }));

  await rejects(read(server), {
    kind: "corrupt",
    message: `Cannot read blob "${DIGEST}" of 1000 bytes: the registry has 1000000000000`,
  });
});

const BAD_RANGES = [
  "bytes 0-999/1000",
  "bytes 601-999/1000",
  "bytes 600-1000/1001",
  "bytes 600-999/1001",
  "bytes 600-998/1000",
  "bytes */1000",
  "",
];

for (const range of BAD_RANGES) {
  Deno.test(`readBlob() refuses range "${range}" where it asked for another`, async () => {
    await using server = new FakeServer(() => ({
      status: 206,
      headers: { "content-range": range },
      body: BYTES.slice(600),
    }));

    await rejects(read(server, { offset: 600 }), {
      kind: "corrupt",
      message: `Cannot read blob "${DIGEST}" of 1000 bytes: the registry gave range "${range}"`,
    });
  });
}

Deno.test("readBlob() says that a blob is shorter than it should be", async () => {
  await using server = new FakeServer(() => ({ status: 416 }));

  await rejects(read(server, { offset: 600 }), {
    kind: "corrupt",
    message: `Cannot read blob "${DIGEST}" of 1000 bytes: it is shorter`,
  });
});

Deno.test("readBlob() says that there is no such blob", async () => {
  const body = '{"errors":[{"code":"BLOB_UNKNOWN","message":"blob unknown to registry"}]}';
  await using server = new FakeServer(() => ({ status: 404, body }));

  await rejects(read(server), {
    kind: "not_found",
    message:
      `Cannot pull "${server.host}/a@${DIGEST}": blob not found: blob unknown: blob unknown to registry`,
  });
});
