import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { TemporaryDirectory } from "../../../tests/fakes/temporary_directory.ts";
import { openCredentialStore, registryOf } from "./credential_store.ts";
import type { Credentials, CredentialStore } from "./credentials.ts";

const ALICE: Credentials = { type: "password", username: "alice", password: "secret" };
const ALICE_AUTH = { auth: btoa("alice:secret") };

/** Keeps what it is given in a file, and writes down what it was asked for. */
const HELPER = `#!/bin/sh
cd "$(dirname "$0")" || exit 1
input=$(cat)
echo "$1 $input" >> log
case $1 in
get) [ -f kept ] || { echo "credentials not found in native keychain"; exit 1; }; cat kept ;;
store) echo "$input" > kept ;;
erase) rm -f kept ;;
esac
`;

/** A home with a configuration in it, and a helper that is called `fake`. */
class FakeHome extends TemporaryDirectory {
  readonly store: CredentialStore;

  constructor(config: unknown) {
    super();
    Deno.mkdirSync(this.join(".docker"));
    Deno.writeTextFileSync(this.configPath, JSON.stringify(config));
    Deno.writeTextFileSync(this.join("docker-credential-fake"), HELPER, { mode: 0o755 });
    const variables: Record<string, string> = {
      HOME: this.path,
      PATH: `${this.path}:/usr/bin:/bin`,
      XDG_RUNTIME_DIR: this.join("run"),
    };
    this.store = openCredentialStore((name) => variables[name]);
  }

  get configPath(): string {
    return this.join(".docker/config.json");
  }

  get config(): unknown {
    return JSON.parse(Deno.readTextFileSync(this.configPath));
  }

  /** What the helper was asked for. */
  get log(): string[] {
    return Deno.readTextFileSync(this.join("log")).trimEnd().split("\n");
  }
}

Deno.test("find() finds what docker keeps for its own registry, under the name of long ago", async () => {
  using home = new FakeHome({ auths: { "https://index.docker.io/v1/": ALICE_AUTH } });

  deepStrictEqual(await home.store.find("docker.io"), ALICE);
  strictEqual(await home.store.find("other.example"), undefined);
});

Deno.test("find() prefers the exact key to an address", async () => {
  using home = new FakeHome({
    auths: {
      "https://a.example/v1/": { auth: btoa("old:old") },
      "a.example": ALICE_AUTH,
      "http://b.example/v2/": ALICE_AUTH,
    },
  });

  deepStrictEqual(await home.store.find("a.example"), ALICE);
  deepStrictEqual(await home.store.find("b.example"), ALICE);
});

Deno.test("find() looks where podman keeps it, too", async () => {
  using home = new FakeHome({});
  Deno.mkdirSync(home.join("run/containers"), { recursive: true });
  Deno.writeTextFileSync(
    home.join("run/containers/auth.json"),
    JSON.stringify({ auths: { "docker.io": ALICE_AUTH } }),
  );

  deepStrictEqual(await home.store.find("docker.io"), ALICE);
});

Deno.test("find() asks the helper of the registry, and the general one for others", async () => {
  using home = new FakeHome({ credHelpers: { "a.example": "fake" } });
  await home.store.store("a.example", ALICE);

  deepStrictEqual(await home.store.find("a.example"), ALICE);
  strictEqual(await home.store.find("b.example"), undefined);
  deepStrictEqual(home.log, [
    'store {"ServerURL":"a.example","Username":"alice","Secret":"secret"}',
    "get a.example",
  ]);
});

Deno.test("find() takes a helper's secret for a token where its name says so", async () => {
  using home = new FakeHome({ credsStore: "fake" });
  const token: Credentials = { type: "identity_token", token: "id" };
  await home.store.store("docker.io", token);

  deepStrictEqual(await home.store.find("docker.io"), token);
  strictEqual(home.log.at(-1), "get https://index.docker.io/v1/");
});

Deno.test("find() says that there is no such helper", async () => {
  using home = new FakeHome({ credsStore: "missing" });

  await rejects(home.store.find("a.example"), {
    kind: "unavailable",
    message: 'Cannot run "docker-credential-missing": it is not to be found on PATH',
  });
});

Deno.test("find() runs nothing that the configuration names by a path", async () => {
  using home = new FakeHome({ credsStore: "../evil" });

  await rejects(home.store.find("a.example"), { kind: "invalid_argument" });
});

Deno.test("store() writes into docker's file where there is no helper, and says so once", async () => {
  using home = new FakeHome({});

  strictEqual(await home.store.store("docker.io", ALICE), home.configPath);
  strictEqual(await home.store.store("docker.io", ALICE), undefined);
  deepStrictEqual(home.config, { auths: { "https://index.docker.io/v1/": ALICE_AUTH } });
});

Deno.test("store() writes no secret into the file where there is a helper", async () => {
  using home = new FakeHome({ credsStore: "fake", auths: { "a.example": ALICE_AUTH } });

  strictEqual(await home.store.store("a.example", ALICE), undefined);
  deepStrictEqual(home.config, { credsStore: "fake", auths: { "a.example": {} } });
});

Deno.test("erase() forgets a registry under all its names, with the helper and in the file", async () => {
  using home = new FakeHome({
    credsStore: "fake",
    auths: { "a.example": {}, "https://a.example/v1/": ALICE_AUTH, "b.example": {} },
  });
  await home.store.store("a.example", ALICE);

  await home.store.erase("a.example");

  strictEqual(await home.store.find("a.example"), undefined);
  deepStrictEqual(home.config, { credsStore: "fake", auths: { "b.example": {} } });
});

const NAMES: readonly [string, string][] = [
  ["", "docker.io"],
  ["index.docker.io", "docker.io"],
  ["https://index.docker.io/v1/", "docker.io"],
  ["registry-1.docker.io", "docker.io"],
  ["https://a.example:5000/v2/", "a.example:5000"],
  ["a.example", "a.example"],
];

for (const [text, registry] of NAMES) {
  Deno.test(`registryOf() takes "${text}" for ${registry}`, () => {
    strictEqual(registryOf(text), registry);
  });
}
