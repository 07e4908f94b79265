import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import { type FakeAnswer, type FakeRequest, FakeServer } from "../../../tests/fakes/http_server.ts";
import { fakeSettings } from "../../../tests/fakes/registry_settings.ts";
import { openRepository } from "./client.ts";
import type { Credentials } from "./credentials.ts";

const { signal } = new AbortController();
const ALICE: Credentials = { type: "password", username: "alice", password: "secret" };
const ALICE_BASIC = `Basic ${btoa("alice:secret")}`;
const MANIFEST = '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json"}';

/** A registry that wants a token, and the service that gives them: `t1`, `t2` and so on. */
class TokenRegistry implements AsyncDisposable {
  readonly service: FakeServer;
  readonly registry: FakeServer;
  tokens = 0;

  constructor(
    { accepts, answerToken }: {
      accepts: (token: string) => boolean;
      answerToken?: (request: FakeRequest) => FakeAnswer;
    },
  ) {
    this.service = new FakeServer((request) =>
      answerToken?.(request) ?? { body: JSON.stringify({ token: `t${++this.tokens}` }) }
    );
    this.registry = new FakeServer(({ headers }) => {
      const token = /^Bearer (.*)$/.exec(headers.get("authorization") ?? "")?.[1];
      if (token !== undefined && accepts(token)) return { body: MANIFEST };
      const challenge = `Bearer realm="http://${this.service.host}/token",service="r"`;
      return { status: 401, headers: { "WWW-Authenticate": challenge } };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.registry[Symbol.asyncDispose]();
    await this.service[Symbol.asyncDispose]();
  }
}

async function getManifests(
  host: string,
  { credentials, times = 1 }: { credentials?: Credentials; times?: number } = {},
): Promise<void> {
  using settings = fakeSettings(credentials === undefined ? {} : { credentials });
  const repository = await openRepository({ domain: host, path: "a/b" }, {
    actions: "pull",
    settings,
  });
  for (let i = 0; i < times; i++) await repository.getManifest("latest", { signal });
}

Deno.test("a token is asked for without a password, for pulling alone, and used again", async () => {
  await using fake = new TokenRegistry({ accepts: () => true });

  await getManifests(fake.registry.host, { times: 3 });

  deepStrictEqual(fake.service.log, ["GET /token?service=r&scope=repository%3Aa%2Fb%3Apull"]);
  strictEqual(fake.service.requests[0]?.headers.has("authorization"), false);
  deepStrictEqual(
    fake.registry.requests.map(({ headers }) => headers.get("authorization")),
    [null, "Bearer t1", "Bearer t1", "Bearer t1"],
  );
});

Deno.test("the password goes to the token service, and not to a registry that has one", async () => {
  await using fake = new TokenRegistry({ accepts: () => true });

  await getManifests(fake.registry.host, { credentials: ALICE });

  strictEqual(fake.service.requests[0]?.headers.get("authorization"), ALICE_BASIC);
  match(fake.service.log[0] ?? "", /&account=alice$/);
  deepStrictEqual(
    fake.registry.requests.map(({ headers }) => headers.get("authorization")),
    [null, "Bearer t1"],
  );
});

Deno.test("an identity token is changed for a token in the body of a POST", async () => {
  await using fake = new TokenRegistry({ accepts: () => true });

  await getManifests(fake.registry.host, {
    credentials: { type: "identity_token", token: "i d" },
  });

  deepStrictEqual(fake.service.log, ["POST /token"]);
  strictEqual(
    new TextDecoder().decode(fake.service.requests[0]?.body),
    "grant_type=refresh_token&service=r&client_id=wherry&scope=repository%3Aa%2Fb%3Apull&" +
      "refresh_token=i+d",
  );
});

Deno.test("a token that is refused is replaced once", async () => {
  let accepted = "t1";
  await using fake = new TokenRegistry({ accepts: (token) => token === accepted });
  using settings = fakeSettings();
  const repository = await openRepository({ domain: fake.registry.host, path: "a" }, {
    actions: "pull",
    settings,
  });

  await repository.getManifest("latest", { signal });
  accepted = "t2";
  await repository.getManifest("latest", { signal });

  strictEqual(fake.tokens, 2);
});

Deno.test("a registry that takes no token at all is not asked for ever", async () => {
  await using fake = new TokenRegistry({ accepts: () => false });

  await rejects(getManifests(fake.registry.host), {
    kind: "not_found",
    message:
      `Cannot pull "${fake.registry.host}/a/b:latest": pull access denied, repository does ` +
      `not exist or may require "wherry login ${fake.registry.host}": ` +
      `status 401 of "http://${fake.registry.host}/v2/a/b/manifests/latest"`,
  });
  strictEqual(fake.registry.requests.length, 2);
});

Deno.test("a token service that refuses the password says so", async () => {
  await using fake = new TokenRegistry({
    accepts: () => true,
    answerToken: () => ({ status: 401, body: '{"details":"incorrect"}' }),
  });

  await rejects(getManifests(fake.registry.host, { credentials: ALICE }), {
    kind: "unauthorized",
    message: `Cannot sign in to "${fake.registry.host}": incorrect username or password`,
  });
  strictEqual(fake.service.requests.length, 1);
});

Deno.test("a token service in trouble is asked again", async () => {
  let isInTrouble = true;
  await using fake = new TokenRegistry({
    accepts: () => true,
    answerToken: () => {
      const answer = isInTrouble ? { status: 503 } : { body: '{"access_token":"t"}' };
      isInTrouble = false;
      return answer;
    },
  });

  await getManifests(fake.registry.host);

  strictEqual(fake.service.requests.length, 2);
});

const BAD_TOKENS = ["", "null", "{}", '{"token":""}', '{"token":5}', '{"token":"a\\r\\nb"}'];

for (const body of BAD_TOKENS) {
  Deno.test(`a token service that answers ${JSON.stringify(body)} gives no token`, async () => {
    await using fake = new TokenRegistry({ accepts: () => true, answerToken: () => ({ body }) });

    await rejects(getManifests(fake.registry.host), {
      kind: "corrupt",
      message: `Cannot sign in to "${fake.registry.host}": the token service gave no token`,
    });
  });
}

Deno.test("a registry that names no token service is refused", async () => {
  await using server = new FakeServer(() => ({
    status: 401,
    headers: { "WWW-Authenticate": 'Bearer realm="file:///etc/passwd"' },
  }));

  await rejects(getManifests(server.host), {
    kind: "unauthorized",
    message: `Cannot sign in to "${server.host}": it names no token service, ` +
      'but "file:///etc/passwd"',
  });
});

function basicRegistry(): FakeServer {
  return new FakeServer(({ headers }) =>
    headers.get("authorization") === ALICE_BASIC ? { body: MANIFEST } : {
      status: 401,
      headers: { "WWW-Authenticate": 'Basic realm="r"' },
    }
  );
}

Deno.test("a registry without a token service gets the password when it asks", async () => {
  await using server = basicRegistry();

  await getManifests(server.host, { credentials: ALICE, times: 2 });

  deepStrictEqual(
    server.requests.map(({ headers }) => headers.get("authorization")),
    [null, ALICE_BASIC, ALICE_BASIC],
  );
});

Deno.test("a wrong password is tried once", async () => {
  await using server = basicRegistry();
  const credentials: Credentials = { type: "password", username: "alice", password: "wrong" };

  await rejects(getManifests(server.host, { credentials }), {
    kind: "unauthorized",
    message: `Cannot pull "${server.host}/a/b:latest": incorrect username or password`,
    hint: `Run "wherry login ${server.host}"`,
  });
  strictEqual(server.requests.length, 2);
});

Deno.test("a registry that wants a password where there is none says so", async () => {
  await using server = basicRegistry();

  await rejects(getManifests(server.host), {
    kind: "unauthorized",
    message: `Cannot pull "${server.host}/a/b:latest": ` +
      `the registry "${server.host}" wants a name and a password`,
  });
});
