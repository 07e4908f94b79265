import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { FakeServer } from "../../../tests/fakes/http_server.ts";
import { fakeSettings } from "../../../tests/fakes/registry_settings.ts";
import type { Credentials } from "./credentials.ts";
import { logInTo } from "./login.ts";

const { signal } = new AbortController();
const ALICE: Credentials = { type: "password", username: "alice", password: "secret" };

/** A registry whose `/v2/` wants a token. */
function tokenRegistry(service: FakeServer): FakeServer {
  return new FakeServer(({ headers }) =>
    headers.get("authorization") === "Bearer t" ? {} : {
      status: 401,
      headers: { "WWW-Authenticate": `Bearer realm="http://${service.host}/token"` },
    }, { answersPings: true });
}

Deno.test("logInTo() keeps the password that the registry accepts", async () => {
  await using service = new FakeServer(() => ({ body: '{"token":"t"}' }));
  await using server = tokenRegistry(service);
  using settings = fakeSettings();

  const { unencryptedFile } = await logInTo(settings, {
    server: server.host,
    credentials: ALICE,
    signal,
  });

  strictEqual(unencryptedFile, "/fake/config.json");
  deepStrictEqual(await settings.credentials.find(server.host), ALICE);
  deepStrictEqual(service.log, [
    "GET /token?offline_token=true&client_id=wherry&account=alice",
  ]);
});

Deno.test("logInTo() keeps a token in place of the password where it gets one", async () => {
  await using service = new FakeServer(() => ({ body: '{"token":"t","refresh_token":"r"}' }));
  await using server = tokenRegistry(service);
  using settings = fakeSettings();

  const { unencryptedFile } = await logInTo(settings, {
    server: server.host,
    credentials: ALICE,
    signal,
  });

  strictEqual(unencryptedFile, undefined);
  deepStrictEqual(await settings.credentials.find(server.host), {
    type: "identity_token",
    token: "r",
  });
});

Deno.test("logInTo() keeps nothing that the registry does not accept", async () => {
  await using service = new FakeServer(() => ({ status: 401 }));
  await using server = tokenRegistry(service);
  using settings = fakeSettings();

  await rejects(logInTo(settings, { server: server.host, credentials: ALICE, signal }), {
    kind: "unauthorized",
    message: `Cannot sign in to "${server.host}": incorrect username or password`,
  });
  strictEqual(await settings.credentials.find(server.host), undefined);
});

Deno.test("logInTo() asks a registry that wants the password itself once more, and not again", async () => {
  await using server = new FakeServer(() => ({
    status: 401,
    headers: { "WWW-Authenticate": 'Basic realm="r"' },
  }), { answersPings: true });
  using settings = fakeSettings({ registries: new Map([[server.host, { insecure: true }]]) });

  await rejects(logInTo(settings, { server: server.host, credentials: ALICE, signal }), {
    kind: "unauthorized",
    message: `Cannot log in to "${server.host}": incorrect username or password`,
  });
});

for (const server of ["bad host", "localhost:99999", "someone@example.com", "example.com?x"]) {
  Deno.test(`logInTo() refuses "${server}", which no host can be called`, async () => {
    using settings = fakeSettings();

    await rejects(logInTo(settings, { server, credentials: ALICE, signal }), {
      kind: "invalid_argument",
      message: `Cannot use registry "${server}": it is not a host with or without a port`,
    });
  });
}
