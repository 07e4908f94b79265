import { deepStrictEqual, match, notStrictEqual, strictEqual, throws } from "node:assert/strict";
import { VolumeEngine } from "../../../tests/fakes/volume_engine.ts";
import { listNames } from "../../kernel/entry.ts";
import { createVolume, findVolume } from "./volumes.ts";

Deno.test("createVolume() makes a volume and tells of it once", () => {
  using host = new VolumeEngine();

  const first = createVolume(host.engine, { name: "data", labels: { tier: "db" } });
  const second = createVolume(host.engine, { name: "data" });

  deepStrictEqual(first, second);
  deepStrictEqual(findVolume(host.engine, "data"), first);
  deepStrictEqual(host.readEvents(), ['volume create data {"driver":"local"}']);
  deepStrictEqual(host.warnings, []);
});

Deno.test("createVolume() makes up a name where there is none, which makes the volume anonymous", () => {
  using host = new VolumeEngine();

  const [first, second] = [createVolume(host.engine, {}), createVolume(host.engine, {})];

  match(first.name, /^[0-9a-f]{64}$/);
  notStrictEqual(first.name, second.name);
  strictEqual(first.isAnonymous, true);
});

Deno.test("createVolume() takes a volume with the options that are asked for, or that has any", () => {
  using host = new VolumeEngine();
  const options = { type: "tmpfs", device: "tmpfs" };
  createVolume(host.engine, { name: "data", options });

  createVolume(host.engine, { name: "data", options: { ...options } });

  deepStrictEqual(createVolume(host.engine, { name: "data" }).options, options);
});

Deno.test("createVolume() refuses a volume that has other options", () => {
  using host = new VolumeEngine();
  createVolume(host.engine, { name: "data", options: { type: "tmpfs", device: "tmpfs" } });
  createVolume(host.engine, { name: "plain" });

  throws(
    () => createVolume(host.engine, { name: "data", options: { type: "tmpfs", device: "x" } }),
    {
      kind: "conflict",
      message: 'Cannot make volume "data": there is one already, with other options',
      hint: 'See "wherry volume inspect data", and choose another name, or remove it with ' +
        '"wherry volume rm data"',
    },
  );
  throws(
    () => createVolume(host.engine, { name: "plain", options: { type: "tmpfs", device: "x" } }),
    { kind: "conflict", message: /there is one already, with other options$/ },
  );
});

Deno.test("createVolume() warns when a volume keeps other labels", () => {
  using host = new VolumeEngine();
  createVolume(host.engine, { name: "data", labels: { tier: "db" } });

  createVolume(host.engine, { name: "data", labels: { tier: "web" } });

  deepStrictEqual(findVolume(host.engine, "data").labels, { tier: "db" });
  deepStrictEqual(host.warnings, [
    'volume "data" exists already, and keeps the labels that it has',
  ]);
});

for (
  const [request, kind] of [
    [{ name: "a/b" }, "invalid_argument"],
    [{ name: "data", driver: "nfs" }, "unsupported"],
  ] as const
) {
  Deno.test(`createVolume() makes nothing of ${JSON.stringify(request)}`, () => {
    using host = new VolumeEngine();

    throws(() => createVolume(host.engine, request), { kind });

    deepStrictEqual(listNames(host.engine.paths.root), []);
  });
}

Deno.test("findVolume() says in docker's words what there is not", () => {
  using host = new VolumeEngine();

  for (const name of ["nope", "../root", ".new.1.1", ""]) {
    throws(() => findVolume(host.engine, name), {
      kind: "not_found",
      message: `get ${name}: no such volume`,
    });
  }
});

Deno.test("findVolume() says how a damaged volume can be removed", () => {
  using host = new VolumeEngine();
  createVolume(host.engine, { name: "data" });
  Deno.writeTextFileSync(host.engine.paths.volume("data").record, "{");

  throws(() => findVolume(host.engine, "data"), {
    kind: "corrupt",
    hint: '"wherry volume rm -f data" removes the volume with all that is in it',
  });
});
