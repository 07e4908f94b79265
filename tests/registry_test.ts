/** Tests of the registries that tests of images use. @module */

import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { makeRegistryImage } from "./fakes/registry_image.ts";
import { tarOf } from "./fakes/tar_builder.ts";
import { type TestEngine, testWhole } from "./harness.ts";
import { cutAt, flipBit, LyingRegistry, refuse } from "./lying_registry.ts";
import { TestRegistry } from "./registry.ts";

const ACCOUNT = { user: "somebody", password: "secret" };

const IMAGE = makeRegistryImage({
  layers: [tarOf({ name: "a", content: "one" }), tarOf({ name: "b", content: "two" })],
});

/** A lying registry with the image `app:1`. */
function startLying(
  wherry: TestEngine,
  options: Omit<Parameters<typeof LyingRegistry.start>[0], "within"> = {},
): LyingRegistry {
  const registry = LyingRegistry.start({
    within: (act) => wherry.network.within(act),
    ...options,
  });
  registry.addImage("app", "1", IMAGE);
  return registry;
}

/** Copies with skopeo, without TLS. */
async function copy(
  wherry: TestEngine,
  from: string,
  to: string,
  flags: readonly string[] = ["--src-tls-verify=false", "--dest-tls-verify=false"],
): Promise<{ code: number; stderr: string }> {
  return await wherry.runCommand(["skopeo", "--insecure-policy", "copy", ...flags, from, to]);
}

testWhole(
  "the registry of a test keeps what it is given, and tells what it was asked",
  async (wherry) => {
    await using registry = await TestRegistry.start(wherry);
    await using lying = startLying(wherry);

    const there = await copy(
      wherry,
      `docker://${lying.host}/app:1`,
      `docker://localhost:${registry.port}/app:1`,
    );
    const back = await copy(wherry, `docker://${registry.host}/app:1`, "oci:layout:1");

    deepStrictEqual([there.code, back.code], [0, 0], there.stderr + back.stderr);
    const digests = [IMAGE.manifest, IMAGE.config, ...IMAGE.layers].map(({ digest }) => digest);
    deepStrictEqual(registry.blobs(), digests.map((digest) => digest.slice(7)).toSorted());
    match(registry.requests().join("\n"), /^PUT \/v2\/app\/manifests\/1 201$/m);
  },
);

testWhole(
  "the registry of a test wants a password over TLS, and refuses changes",
  async (wherry) => {
    const options = { account: ACCOUNT, isTls: true, isReadOnly: true };
    await using registry = await TestRegistry.start(wherry, options);
    await using lying = startLying(wherry);
    const [from, to] = [`docker://${lying.host}/app:1`, `docker://${registry.host}/app:1`];
    Deno.mkdirSync(`${wherry.scratch}/certificates`);
    Deno.copyFileSync(registry.caPath ?? "", `${wherry.scratch}/certificates/ca.crt`);
    const trusting = ["--src-tls-verify=false", "--dest-cert-dir=certificates"];

    const distrustful = await copy(wherry, from, to, ["--src-tls-verify=false"]);
    const nobody = await copy(wherry, from, to, trusting);
    const account = await copy(wherry, from, to, [...trusting, "--dest-creds=somebody:secret"]);

    match(distrustful.stderr, /certificate signed by unknown authority/);
    match(nobody.stderr, /authentication required/);
    match(account.stderr, /unsupported|405/);
  },
);

for (const type of ["basic", "bearer"] as const) {
  testWhole(`the lying registry asks who comes, with ${type} authentication`, async (wherry) => {
    await using registry = startLying(wherry, { authentication: { type, account: ACCOUNT } });
    const from = `docker://${registry.host}/app:1`;
    const flags = ["--src-tls-verify=false"];

    const nobody = await copy(wherry, from, "oci:a:1", flags);
    const account = await copy(wherry, from, "oci:a:1", [...flags, "--src-creds=somebody:secret"]);

    strictEqual(nobody.code, 1);
    match(nobody.stderr, /unauthorized|authentication required/);
    deepStrictEqual(account, { ...account, code: 0 }, account.stderr);
  });
}

testWhole("the lying registry takes what is pushed to it", async (wherry) => {
  await using registry = startLying(wherry);
  const to = `docker://${registry.host}/other:2`;

  const { code, stderr } = await copy(wherry, `docker://${registry.host}/app:1`, to);

  strictEqual(code, 0, stderr);
  strictEqual(registry.manifest("other", "2")?.digest, IMAGE.manifest.digest);
});

testWhole("the lying registry lies as often as it is told", async (wherry) => {
  await using registry = startLying(wherry);
  const from = `docker://${registry.host}/app:1`;
  const [layer] = IMAGE.layers;
  const flags = ["--src-tls-verify=false"];

  registry.lie(`GET /v2/app/blobs/${layer?.digest}`, flipBit(), { times: 1 });
  const flipped = await copy(wherry, from, "oci:a:1", flags);
  registry.lie(/^GET .*blobs/, cutAt(10));
  const cut = await copy(wherry, from, "oci:b:1", flags);
  registry.stopLying();
  registry.lie("GET /v2/app/manifests/1", refuse(503));
  const refused = await copy(wherry, from, "oci:c:1", flags);
  registry.stopLying();
  const honest = await copy(wherry, from, "oci:d:1", flags);

  match(flipped.stderr, /Digest did not match/);
  match(cut.stderr, /unexpected EOF/);
  match(refused.stderr, /503/);
  strictEqual(honest.code, 0, honest.stderr);
});
