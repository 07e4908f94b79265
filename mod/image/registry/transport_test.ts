import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { type FakeAnswer, FakeServer } from "../../../tests/fakes/http_server.ts";
import { type FakeSettings, fakeSettings } from "../../../tests/fakes/registry_settings.ts";
import type { HttpRequest } from "./http_request.ts";
import { TransientError } from "./retry.ts";
import { type Answer, Transport } from "./transport.ts";

const { signal } = new AbortController();
const SECRET = { authorization: "Bearer secret" };

function redirectTo(location: string, status = 307): FakeAnswer {
  return { status, headers: { location } };
}

function transportWith(options: FakeSettings = {}): Disposable & { send: Transport["send"] } {
  const settings = fakeSettings(options);
  const transport = new Transport(settings.http, settings.patience);
  return {
    send: (request, signal) => transport.send(request, signal),
    [Symbol.dispose]: () => settings[Symbol.dispose](),
  };
}

function get(host: string, more: Partial<HttpRequest> = {}): HttpRequest {
  return { method: "GET", url: new URL(`http://${host}/a`), headers: SECRET, ...more };
}

async function textOf(answer: Answer): Promise<string> {
  await using _read = answer;
  return new TextDecoder().decode(await answer.bytes(1 << 20));
}

Deno.test("send() keeps credentials on a redirect within one server", async () => {
  await using server = new FakeServer(({ path }) => path === "/a" ? redirectTo("/b") : {});
  using transport = transportWith();

  await using answer = await transport.send(get(server.host), signal);

  strictEqual(answer.url.pathname, "/b");
  strictEqual(server.requests[1]?.headers.get("authorization"), "Bearer secret");
});

Deno.test("send() gives no credentials to another server", async () => {
  await using other = new FakeServer(() => ({ body: "there" }));
  await using server = new FakeServer(() => redirectTo(`http://${other.host}/b`));
  using transport = transportWith();

  const text = await textOf(await transport.send(get(server.host), signal));

  strictEqual(text, "there");
  strictEqual(server.requests[0]?.headers.get("authorization"), "Bearer secret");
  strictEqual(other.requests[0]?.headers.has("authorization"), false);
});

Deno.test("send() gives no credentials to a server that another one leads back to", async () => {
  const places: string[] = [];
  await using other = new FakeServer(() => redirectTo(`http://${places[0]}/back`));
  await using server = new FakeServer(({ path }) =>
    path === "/back" ? {} : redirectTo(`http://${other.host}/b`)
  );
  places.push(server.host);
  using transport = transportWith();

  await using _answer = await transport.send(get(server.host), signal);

  strictEqual(server.requests[1]?.headers.has("authorization"), false);
});

Deno.test("send() gives no password in an address to anybody", async () => {
  await using other = new FakeServer(() => ({}));
  await using server = new FakeServer(() => redirectTo(`http://user:word@${other.host}/b`));
  using transport = transportWith();

  await using _answer = await transport.send(get(server.host), signal);

  strictEqual(other.requests[0]?.headers.has("authorization"), false);
});

Deno.test("send() gives no secret body to another server", async () => {
  await using other = new FakeServer(() => ({}));
  await using server = new FakeServer(({ path }) =>
    path === "/a" ? redirectTo("/b") : redirectTo(`http://${other.host}/c`)
  );
  using transport = transportWith();
  const body = new TextEncoder().encode("refresh_token=secret");

  await rejects(
    transport.send(get(server.host, { method: "POST", body, isBodySecret: true }), signal),
    {
      message: `Cannot follow "http://${server.host}/b": it leads to "http://${other.host}/c", ` +
        "and nobody else may learn what is sent",
    },
  );
  deepStrictEqual([server.log, other.log], [["POST /a", "POST /b"], []]);
});

Deno.test("send() ends a loop of redirects", async () => {
  await using server = new FakeServer((_request, index) => redirectTo(`/${index}`));
  using transport = transportWith();

  await rejects(transport.send(get(server.host), signal), {
    kind: "unavailable",
    message: `Cannot get "http://${server.host}/a": more than 10 redirects`,
  });
  strictEqual(server.requests.length, 11);
});

Deno.test("send() does not follow a redirect to something that is not HTTP", async () => {
  await using server = new FakeServer(() => redirectTo("file:///etc/passwd"));
  using transport = transportWith();

  await rejects(transport.send(get(server.host), signal), {
    message: `Cannot follow "http://${server.host}/a": its redirect leads nowhere`,
  });
});

Deno.test("send() does not make a GET of what changes something", async () => {
  await using server = new FakeServer(() => redirectTo("/b", 303));
  using transport = transportWith();

  await rejects(transport.send(get(server.host, { method: "PUT" }), signal), {
    message: `Cannot follow "http://${server.host}/a": status 303 would turn PUT into GET`,
  });
});

Deno.test("send() sends a stream again where a redirect leads to", async () => {
  await using server = new FakeServer(({ path }) => path === "/a" ? redirectTo("/b") : {});
  using transport = transportWith();
  const body = { open: () => ReadableStream.from([new TextEncoder().encode("hello")]) };

  await using _answer = await transport.send(get(server.host, { method: "PATCH", body }), signal);

  deepStrictEqual(server.requests.map(({ body }) => new TextDecoder().decode(body)), [
    "hello",
    "hello",
  ]);
});

Deno.test("send() asks for bytes as they are", async () => {
  await using server = new FakeServer(() => ({}));
  using transport = transportWith();

  await using _answer = await transport.send(get(server.host), signal);

  strictEqual(server.requests[0]?.headers.get("accept-encoding"), "identity");
});

Deno.test("send() fails for now when the connection is cut before an answer", async () => {
  await using server = new FakeServer(() => undefined);
  using transport = transportWith();

  await rejects(transport.send(get(server.host), signal), TransientError);
});

Deno.test("send() fails for now when there is no answer in time", async () => {
  await using server = new FakeServer(() => ({ hangs: "at once" }));
  using transport = transportWith({ patience: { answerMs: 50 } });

  await rejects(transport.send(get(server.host), signal), {
    name: "TransientError",
    message: `Cannot get "http://${server.host}/a": nothing came for 0.05 seconds`,
  });
});

Deno.test("bytes() fails for now when nothing more comes", async () => {
  await using server = new FakeServer(() => ({ hangs: "after the body", body: "a", length: 9 }));
  using transport = transportWith({ patience: { idleMs: 50 } });

  await using answer = await transport.send(get(server.host), signal);

  await rejects(answer.bytes(10), {
    name: "TransientError",
    message: `Cannot get "http://${server.host}/a": nothing came for 0.05 seconds`,
  });
});

Deno.test("send() ends when it is aborted", async () => {
  const controller = new AbortController();
  await using server = new FakeServer(() => {
    controller.abort();
    return { hangs: "after the body", length: 5 };
  });
  using transport = transportWith();

  const read = async (): Promise<void> => {
    await using answer = await transport.send(get(server.host), controller.signal);
    await answer.bytes(10);
  };

  await rejects(read(), { name: "AbortError" });
});

Deno.test("send() says that a host is not known", async () => {
  using transport = transportWith();

  await rejects(transport.send(get("nowhere.invalid"), signal), {
    kind: "unavailable",
    failure: "unknown_host",
    message: 'Cannot reach "nowhere.invalid": the host is not known',
  });
});

Deno.test("send() says that nobody answers", async () => {
  const { host } = await (async () => {
    await using server = new FakeServer(() => ({}));
    return server;
  })();
  using transport = transportWith();

  await rejects(transport.send(get(host), signal), {
    failure: "refused",
    message: `Cannot reach "${host}": nobody answers there`,
  });
});

Deno.test("bytes() reads no more than it may, whatever the length is said to be", async () => {
  await using server = new FakeServer(() => ({ body: "x".repeat(100_000), length: null }));
  using transport = transportWith();

  await using answer = await transport.send(get(server.host), signal);

  strictEqual(await answer.bytes(99_999), undefined);
});

Deno.test("bytes() reads nothing of what is said to be too long", async () => {
  await using server = new FakeServer(() => ({ length: 1e12, hangs: "after the body" }));
  using transport = transportWith();

  await using answer = await transport.send(get(server.host), signal);

  strictEqual(await answer.bytes(1 << 20), undefined);
});

Deno.test("chunks() fails for now when the answer is cut", async () => {
  await using server = new FakeServer(() => ({ body: "hello world", cutAfter: 5 }));
  using transport = transportWith();

  await using answer = await transport.send(get(server.host), signal);

  await rejects(answer.bytes(100), (error) => {
    ok(error instanceof TransientError);
    strictEqual(error.message, `Cannot get "http://${server.host}/a": the connection was cut`);
    return true;
  });
});
