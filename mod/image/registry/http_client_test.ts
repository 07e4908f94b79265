import { rejects, strictEqual } from "node:assert/strict";
import {
  type FakeAnswer,
  type FakeIdentity,
  FakeServer,
} from "../../../tests/fakes/http_server.ts";
import { type FakeSettings, fakeSettings } from "../../../tests/fakes/registry_settings.ts";
import type { Body } from "./http_request.ts";
import type { RegistryOptions } from "./registry_config.ts";
import { Transport } from "./transport.ts";

const { signal } = new AbortController();
const TESTDATA = new URL("testdata/", import.meta.url).pathname;
const SERVER = identity("server");
const OWN_AUTHORITY = identity("own_authority");

function identity(name: string): FakeIdentity {
  return {
    cert: Deno.readTextFileSync(`${TESTDATA}${name}.crt`),
    key: Deno.readTextFileSync(`${TESTDATA}${name}.key`),
  };
}

/** What the server says to one request, read as text. */
async function ask(
  url: string,
  options: FakeSettings,
  body?: Body,
): Promise<string> {
  using settings = fakeSettings(options);
  const transport = new Transport(settings.http, settings.patience);
  const method = body === undefined ? "GET" : "PUT";
  const request = { method, url: new URL(url), headers: {}, body } as const;
  await using answer = await transport.send(request, signal);
  return new TextDecoder().decode(await answer.bytes(1 << 20));
}

function registry(host: string, options: RegistryOptions): FakeSettings {
  return { registries: new Map([[host, options]]) };
}

function hello(): FakeAnswer {
  return { body: "hello" };
}

Deno.test("send() believes nobody who is not vouched for", async () => {
  await using server = new FakeServer(hello, { identity: SERVER });

  await rejects(ask(`https://${server.host}/a`, registry(server.host, { insecure: false })), {
    kind: "unavailable",
    message:
      `Cannot reach "${server.host}": the server's certificate is not trusted (UnknownIssuer)`,
    hint: `Put its authority's certificate into /etc/docker/certs.d/${server.host}/ca.crt, ` +
      "or mark the registry as insecure in /etc/wherry/registries.json",
  });
});

Deno.test("send() believes the authority that is configured for a registry", async () => {
  await using server = new FakeServer(hello, { identity: SERVER });
  const ca = `${TESTDATA}authority.crt`;

  const text = await ask(
    `https://${server.host}/a`,
    registry(server.host, { insecure: false, ca }),
  );

  strictEqual(text, "hello");
});

Deno.test("send() believes a certificate that is its own authority, as docker does", async () => {
  await using server = new FakeServer(hello, { identity: OWN_AUTHORITY });
  const ca = `${TESTDATA}own_authority.crt`;

  const text = await ask(
    `https://${server.host}/a`,
    registry(server.host, { insecure: false, ca }),
  );

  strictEqual(text, "hello");
});

Deno.test("send() does not believe another certificate that is its own authority", async () => {
  await using server = new FakeServer(hello, { identity: OWN_AUTHORITY });
  const ca = `${TESTDATA}authority.crt`;

  await rejects(
    ask(`https://${server.host}/a`, registry(server.host, { insecure: false, ca })),
    { kind: "unavailable", failure: "certificate" },
  );
});

Deno.test("send() believes anybody on this machine, as docker does", async () => {
  await using server = new FakeServer(hello, { identity: SERVER });

  strictEqual(await ask(`https://${server.host}/a`, {}), "hello");
});

Deno.test("send() sends a body of known length without verification, too", async () => {
  await using server = new FakeServer(hello, { identity: SERVER });
  const body = new TextEncoder().encode("content");

  await ask(`https://${server.host}/a`, {}, body);

  strictEqual(new TextDecoder().decode(server.requests[0]?.body), "content");
  strictEqual(server.requests[0]?.headers.get("content-length"), "7");
});

Deno.test("send() sends a stream without verification, too", async () => {
  await using server = new FakeServer(hello, { identity: SERVER });
  const body = { open: () => ReadableStream.from([new TextEncoder().encode("content")]) };

  await ask(`https://${server.host}/a`, {}, body);

  strictEqual(new TextDecoder().decode(server.requests[0]?.body), "content");
});

Deno.test("send() goes past the proxy to what is on this machine", async () => {
  await using proxy = new FakeServer(() => ({ status: 500 }));
  await using server = new FakeServer(hello);

  const text = await ask(`http://${server.host}/a`, {
    environment: { HTTP_PROXY: `http://${proxy.host}` },
  });

  strictEqual(text, "hello");
  strictEqual(proxy.requests.length, 0);
});

Deno.test("send() says that a server does not speak TLS", async () => {
  await using server = new FakeServer(hello);

  await rejects(ask(`https://${server.host}/a`, registry(server.host, { insecure: false })), {
    kind: "unavailable",
    failure: "not_tls",
    hint: `Mark "${server.host}" as insecure in /etc/wherry/registries.json to use HTTP`,
  });
});

Deno.test("send() asks at ports that fetch does not ask at", async () => {
  await rejects(ask("http://127.0.0.1:6566/a", {}), {
    message: 'Cannot reach "127.0.0.1:6566": nobody answers there',
  });
});

Deno.test("send() does not follow a redirect that leaves encryption", async () => {
  await using plain = new FakeServer(hello);
  await using server = new FakeServer(
    () => ({ status: 307, headers: { location: `http://${plain.host}/b` } }),
    { identity: SERVER },
  );
  const ca = `${TESTDATA}authority.crt`;

  await rejects(
    ask(`https://${server.host}/a`, registry(server.host, { insecure: false, ca })),
    {
      kind: "unavailable",
      message: `Cannot follow "https://${server.host}/a": ` +
        `it leads to "http://${plain.host}/b", which is not encrypted`,
    },
  );
  strictEqual(plain.requests.length, 0);
});
