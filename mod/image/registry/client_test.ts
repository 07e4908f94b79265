import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { type FakeAnswer, FakeServer } from "../../../tests/fakes/http_server.ts";
import { type FakeSettings, fakeSettings } from "../../../tests/fakes/registry_settings.ts";
import { digestOfBytes } from "../spec/digest.ts";
import { MAX_DOCUMENT_SIZE, MEDIA_TYPE } from "../spec/oci.ts";
import { openRepository } from "./client.ts";
import type { FetchedManifest } from "./registry.ts";

const { signal } = new AbortController();
const MANIFEST = JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.manifest });
const BYTES = new TextEncoder().encode(MANIFEST);
const DIGEST = digestOfBytes(BYTES);

async function getManifest(
  domain: string,
  reference: string,
  options: FakeSettings = {},
): Promise<FetchedManifest> {
  using settings = fakeSettings(options);
  const repository = await openRepository({ domain, path: "a/b" }, { actions: "pull", settings });
  return await repository.getManifest(reference, { signal });
}

function answering(answer: FakeAnswer): FakeServer {
  return new FakeServer(() => answer);
}

Deno.test("getManifest() asks for all kinds of manifests, and tells which it is", async () => {
  const type = `${MEDIA_TYPE.manifest}; charset=utf-8`;
  await using server = answering({ body: MANIFEST, headers: { "content-type": type } });

  deepStrictEqual(await getManifest(server.host, "v1"), {
    mediaType: MEDIA_TYPE.manifest,
    digest: DIGEST,
    bytes: BYTES,
  });
  deepStrictEqual(server.log, ["GET /v2/a/b/manifests/v1"]);
  strictEqual(
    server.requests[0]?.headers.get("accept"),
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, " +
      "application/vnd.docker.distribution.manifest.list.v2+json, " +
      "application/vnd.docker.distribution.manifest.v2+json",
  );
});

Deno.test("getManifest() tells the kind of a document that says nothing by what is in it", async () => {
  await using server = new FakeServer(({ path }) => ({
    body: path.endsWith("index") ? '{"manifests":[]}' : '{"layers":[]}',
    headers: { "content-type": "application/json" },
  }));

  strictEqual((await getManifest(server.host, "index")).mediaType, MEDIA_TYPE.index);
  strictEqual((await getManifest(server.host, "other")).mediaType, MEDIA_TYPE.manifest);
});

Deno.test("getManifest() refuses a document that the registry calls something else", async () => {
  await using server = answering({
    body: MANIFEST,
    headers: { "content-type": MEDIA_TYPE.index },
  });

  await rejects(getManifest(server.host, "v1"), {
    kind: "corrupt",
    message: `Cannot use manifest of "${server.host}/a/b:v1": ` +
      `it is "${MEDIA_TYPE.manifest}", but sent as "${MEDIA_TYPE.index}"`,
  });
});

Deno.test("getManifest() refuses a document with another digest than asked for", async () => {
  const wanted = digestOfBytes(new Uint8Array());
  await using server = answering({
    body: MANIFEST,
    headers: { "docker-content-digest": wanted },
  });

  await rejects(getManifest(server.host, wanted), {
    kind: "corrupt",
    message: `Cannot use manifest of "${server.host}/a/b@${wanted}": ` +
      `its digest is ${DIGEST}, not ${wanted}`,
  });
});

Deno.test("getManifest() refuses a document with another digest than the registry says", async () => {
  const said = digestOfBytes(new Uint8Array());
  await using server = answering({ body: MANIFEST, headers: { "docker-content-digest": said } });

  await rejects(getManifest(server.host, "v1"), { kind: "corrupt" });
});

Deno.test("getManifest() passes over a digest of a kind that it cannot compare", async () => {
  await using server = answering({
    body: MANIFEST,
    headers: { "docker-content-digest": "sha512:abc" },
  });

  strictEqual((await getManifest(server.host, "v1")).digest, DIGEST);
});

Deno.test("getManifest() does not read a document of any size", async () => {
  await using server = answering({
    body: new Uint8Array(MAX_DOCUMENT_SIZE + 1),
    length: null,
  });

  await rejects(getManifest(server.host, "v1"), {
    kind: "corrupt",
    message: `Cannot use manifest of "${server.host}/a/b:v1": ` +
      "it is larger than 4194304 bytes",
  });
});

for (const body of ["", "<html>", "[]", "null"]) {
  Deno.test(`getManifest() refuses ${JSON.stringify(body)}`, async () => {
    await using server = answering({ body });

    await rejects(getManifest(server.host, "v1"), { kind: "corrupt" });
  });
}

Deno.test("getManifest() says that there is no such tag", async () => {
  const body = '{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}';
  await using server = answering({ status: 404, body });

  await rejects(getManifest(server.host, "v1"), {
    kind: "not_found",
    message: `Cannot pull "${server.host}/a/b:v1": manifest not found: manifest unknown`,
  });
});

Deno.test("getManifest() tries again when there are too many requests, and says so at last", async () => {
  const body = '{"errors":[{"code":"TOOMANYREQUESTS","message":"you have reached your limit"}]}';
  await using server = answering({ status: 429, body, headers: { "retry-after": "0" } });

  await rejects(getManifest(server.host, "v1"), {
    kind: "unavailable",
    message: `Cannot pull "${server.host}/a/b:v1": too many requests: ` +
      "toomanyrequests: you have reached your limit",
    hint: `Try again later, or get a higher limit with "wherry login ${server.host}"`,
  });
  strictEqual(server.requests.length, 3);
});

for (const status of [500, 502, 503, 504]) {
  Deno.test(`getManifest() tries again after status ${status}`, async () => {
    await using server = new FakeServer((_request, index) =>
      index === 0 ? { status } : { body: MANIFEST }
    );

    strictEqual((await getManifest(server.host, "v1")).digest, DIGEST);
  });
}

Deno.test("getManifest() does not try again what is wrong with the request", async () => {
  await using server = answering({ status: 400, body: "<html>nonsense</html>" });

  await rejects(getManifest(server.host, "v1"), {
    kind: "unavailable",
    message: `Cannot pull "${server.host}/a/b:v1": ` +
      `status 400 of "http://${server.host}/v2/a/b/manifests/v1"`,
  });
  strictEqual(server.requests.length, 1);
});

Deno.test("getManifest() asks a mirror first, below its path", async () => {
  await using mirror = answering({ body: MANIFEST });
  const mirrors = [new URL(`http://${mirror.host}/proxied/`)];
  const registries = new Map([["registry.invalid", { mirrors }]]);

  strictEqual((await getManifest("registry.invalid", "v1", { registries })).digest, DIGEST);
  deepStrictEqual(mirror.log, ["GET /v2/proxied/a/b/manifests/v1"]);
});

const USELESS: readonly [string, FakeAnswer | undefined][] = [
  ["lacks it", { status: 404 }],
  ["wants a password", { status: 401 }],
  ["is in trouble", { status: 500 }],
  ["gives nonsense", { body: "<html>" }],
  ["is cut", undefined],
];

for (const [what, answer] of USELESS) {
  Deno.test(`getManifest() asks the registry when a mirror ${what}`, async () => {
    await using mirror = new FakeServer(() => answer);
    await using server = answering({ body: MANIFEST });
    const mirrors = [new URL(`http://${mirror.host}`)];
    const registries = new Map([[server.host, { mirrors }]]);

    strictEqual((await getManifest(server.host, "v1", { registries })).digest, DIGEST);
  });
}

Deno.test("readBlob() goes on at the registry where a mirror ended", async () => {
  const bytes = new TextEncoder().encode("hello world");
  await using mirror = new FakeServer(({ headers }) =>
    headers.has("range") ? { status: 500 } : { body: bytes, cutAfter: 5 }
  );
  await using server = answering({
    status: 206,
    headers: { "content-range": "bytes 5-10/11" },
    body: bytes.slice(5),
  });
  const mirrors = [new URL(`http://${mirror.host}`)];
  using settings = fakeSettings({ registries: new Map([[server.host, { mirrors }]]) });
  const repository = await openRepository({ domain: server.host, path: "a" }, {
    actions: "pull",
    settings,
  });

  const blob = { digest: digestOfBytes(bytes), size: bytes.length };
  const chunks = await Array.fromAsync(repository.readBlob(blob, 0, { signal }));

  strictEqual(await new Blob(chunks).text(), "hello world");
});

async function listTags(server: FakeServer): Promise<string[]> {
  using settings = fakeSettings();
  const repository = await openRepository({ domain: server.host, path: "a" }, {
    actions: "pull",
    settings,
  });
  return await Array.fromAsync(repository.listTags({ signal }));
}

Deno.test("listTags() reads page after page", async () => {
  await using server = new FakeServer(({ path }) =>
    path.includes("last=b") ? { body: '{"tags":["c"]}' } : {
      body: '{"name":"a","tags":["a","b"]}',
      headers: { link: '</v2/a/tags/list?n=2&last=b>; rel="next"' },
    }
  );

  deepStrictEqual(await listTags(server), ["a", "b", "c"]);
});

Deno.test("listTags() takes no list for an empty one", async () => {
  await using server = answering({ body: '{"name":"a","tags":null}' });

  deepStrictEqual(await listTags(server), []);
});

Deno.test("listTags() ends a loop of pages", async () => {
  await using server = answering({
    body: '{"tags":["a"]}',
    headers: { link: '</v2/a/tags/list>; rel="next"' },
  });

  await rejects(listTags(server), {
    kind: "corrupt",
    message: `Cannot list tags of "${server.host}/a": they never end`,
  });
});

Deno.test("listTags() ends a list of more pages than any repository has", async () => {
  const tags = JSON.stringify({ tags: Array.from({ length: 100_000 }, (_, i) => `v${i}`) });
  await using server = new FakeServer((_request, index) => ({
    body: tags,
    headers: { link: `</v2/a/tags/list?n=${index}>; rel="next"` },
  }));

  await rejects(listTags(server), { kind: "corrupt" });
  strictEqual(server.requests.length, 3);
});

Deno.test("listTags() does not go to another server", async () => {
  await using server = answering({
    body: '{"tags":["a"]}',
    headers: { link: '<http://other.invalid/v2/a/tags/list>; rel="next"' },
  });

  await rejects(listTags(server), { kind: "corrupt" });
});

for (
  const body of ["", "[1]", '{"tags":[1]}', '{"tags":"a"}', '{"tags":["a b"]}', '{"tags":["../a"]}']
) {
  Deno.test(`listTags() refuses ${JSON.stringify(body)}`, async () => {
    await using server = answering({ body });

    await rejects(listTags(server), { kind: "corrupt" });
  });
}

Deno.test("putManifest() stores a document as it is", async () => {
  await using server = new FakeServer(() => ({
    status: 201,
    headers: { "docker-content-digest": DIGEST },
  }));
  using settings = fakeSettings();
  const repository = await openRepository({ domain: server.host, path: "a" }, {
    actions: "push",
    settings,
  });

  await repository.putManifest(
    "v1",
    { mediaType: MEDIA_TYPE.manifest, digest: DIGEST, bytes: BYTES },
    { signal },
  );

  deepStrictEqual(server.log, ["PUT /v2/a/manifests/v1"]);
  strictEqual(server.requests[0]?.headers.get("content-type"), MEDIA_TYPE.manifest);
  deepStrictEqual(server.requests[0]?.body, BYTES);
});

Deno.test("putManifest() finds that the registry has stored something else", async () => {
  const other = digestOfBytes(new Uint8Array());
  await using server = answering({ status: 201, headers: { "docker-content-digest": other } });
  using settings = fakeSettings();
  const repository = await openRepository({ domain: server.host, path: "a" }, {
    actions: "push",
    settings,
  });
  const manifest = { mediaType: MEDIA_TYPE.manifest, digest: DIGEST, bytes: BYTES };

  await rejects(repository.putManifest("v1", manifest, { signal }), { kind: "corrupt" });
});
