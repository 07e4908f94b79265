import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { TemporaryDirectory } from "../../../tests/fakes/temporary_directory.ts";
import type { Credentials } from "./credentials.ts";
import { readDockerConfig, writeDockerAuth } from "./docker_config.ts";

const ALICE: Credentials = { type: "password", username: "alice", password: "se:cret" };
const ALICE_AUTH = btoa("alice:se:cret");

function configFile(directory: TemporaryDirectory, json: unknown): string {
  const path = directory.join("config.json");
  Deno.writeTextFileSync(path, JSON.stringify(json));
  return path;
}

Deno.test("readDockerConfig() reads passwords, tokens and names of helpers", () => {
  using directory = new TemporaryDirectory();
  const path = configFile(directory, {
    auths: {
      "a.example": { auth: ALICE_AUTH },
      "b.example": { auth: ALICE_AUTH, identitytoken: "id" },
      "c.example": { username: "u", password: "p" },
      "d.example": {},
      "e.example": { auth: btoa("u:padded\0\0") },
    },
    credHelpers: { "f.example": "gcr" },
    credsStore: "pass",
  });

  const { auths, helpers, defaultHelper } = readDockerConfig(path);

  deepStrictEqual(Object.fromEntries(auths), {
    "a.example": ALICE,
    "b.example": { type: "identity_token", token: "id" },
    "c.example": { type: "password", username: "u", password: "p" },
    "e.example": { type: "password", username: "u", password: "padded" },
  });
  deepStrictEqual(Object.fromEntries(helpers), { "f.example": "gcr" });
  strictEqual(defaultHelper, "pass");
});

Deno.test("readDockerConfig() takes a missing and an empty file for one that says nothing", () => {
  using directory = new TemporaryDirectory();
  Deno.writeTextFileSync(directory.join("empty"), "");

  strictEqual(readDockerConfig(directory.join("missing")).auths.size, 0);
  strictEqual(readDockerConfig(directory.join("empty")).auths.size, 0);
});

const MALFORMED: readonly [unknown, string][] = [
  [[], "it is not an object"],
  [{ auths: [] }, "auths is not an object"],
  [{ auths: { a: "b" } }, 'auths of "a" is malformed'],
  [{ auths: { a: { auth: "%" } } }, 'auths of "a" is malformed'],
  [{ auths: { a: { auth: btoa("no colon") } } }, 'auths of "a" is malformed'],
  [{ credHelpers: { a: 1 } }, "credHelpers is malformed"],
];

for (const [json, state] of MALFORMED) {
  Deno.test(`readDockerConfig() refuses ${JSON.stringify(json)}`, () => {
    using directory = new TemporaryDirectory();
    const path = configFile(directory, json);

    throws(() => readDockerConfig(path), {
      kind: "invalid_argument",
      message: `Cannot read "${path}": ${state}`,
    });
  });
}

Deno.test("readDockerConfig() quotes nothing of a file that is not JSON", () => {
  using directory = new TemporaryDirectory();
  const path = directory.join("config.json");
  Deno.writeTextFileSync(path, '{"auths": secret}');

  throws(() => readDockerConfig(path), {
    message: `Cannot read "${path}": it is not JSON`,
  });
});

Deno.test("writeDockerAuth() keeps all that is not its own, and lets nobody else read it", () => {
  using directory = new TemporaryDirectory();
  const others = { HttpHeaders: { "X-A": "b" }, auths: { "b.example": { auth: ALICE_AUTH } } };
  const path = configFile(directory, others);
  Deno.chmodSync(path, 0o644);

  strictEqual(writeDockerAuth(path, "a.example", ALICE), true);

  deepStrictEqual(JSON.parse(Deno.readTextFileSync(path)), {
    ...others,
    auths: { ...others.auths, "a.example": { auth: ALICE_AUTH } },
  });
  strictEqual((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
});

Deno.test("writeDockerAuth() makes the file and its directory", () => {
  using directory = new TemporaryDirectory();
  const path = directory.join(".docker/config.json");

  writeDockerAuth(path, "a.example", { type: "identity_token", token: "id" });

  strictEqual(
    Deno.readTextFileSync(path),
    '{\n\t"auths": {\n\t\t"a.example": {\n\t\t\t"identitytoken": "id"\n\t\t}\n\t}\n}',
  );
  strictEqual((Deno.statSync(directory.join(".docker")).mode ?? 0) & 0o777, 0o700);
});

Deno.test("writeDockerAuth() gives the file to whoever the directory belongs to", () => {
  using directory = new TemporaryDirectory();
  Deno.chownSync(directory.path, 1234, 5678);
  const path = directory.join("config.json");

  writeDockerAuth(path, "a.example", ALICE);

  const { uid, gid } = Deno.statSync(path);
  deepStrictEqual([uid, gid], [1234, 5678]);
});

Deno.test("writeDockerAuth() leaves a file alone that says it already", () => {
  using directory = new TemporaryDirectory();
  const path = configFile(directory, { auths: { "a.example": { auth: ALICE_AUTH } } });
  const { ino } = Deno.statSync(path);

  strictEqual(writeDockerAuth(path, "a.example", ALICE), false);
  strictEqual(Deno.statSync(path).ino, ino);
});

Deno.test("writeDockerAuth() forgets one registry", () => {
  using directory = new TemporaryDirectory();
  const path = configFile(directory, { auths: { "a.example": {}, "b.example": {} } });

  strictEqual(writeDockerAuth(path, "a.example", undefined), true);
  deepStrictEqual(JSON.parse(Deno.readTextFileSync(path)), { auths: { "b.example": {} } });
});

Deno.test("writeDockerAuth() makes no file in order to forget", () => {
  using directory = new TemporaryDirectory();
  const path = directory.join("config.json");

  strictEqual(writeDockerAuth(path, "a.example", undefined), false);
  throws(() => Deno.statSync(path), Deno.errors.NotFound);
});

Deno.test("writeDockerAuth() writes where a link leads, and leaves the link", () => {
  using directory = new TemporaryDirectory();
  Deno.mkdirSync(directory.join("real"));
  Deno.symlinkSync("real/config.json", directory.join("config.json"));

  writeDockerAuth(directory.join("config.json"), "a.example", ALICE);

  strictEqual(Deno.lstatSync(directory.join("config.json")).isSymlink, true);
  strictEqual(readDockerConfig(directory.join("real/config.json")).auths.size, 1);
});

Deno.test("writeDockerAuth() ends when links lead in a circle", () => {
  using directory = new TemporaryDirectory();
  Deno.symlinkSync("b", directory.join("a"));
  Deno.symlinkSync("a", directory.join("b"));

  throws(() => writeDockerAuth(directory.join("a"), "a.example", ALICE));
});
