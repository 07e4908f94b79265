import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { TemporaryDirectory } from "../../tests/fakes/temporary_directory.ts";
import { needs } from "../../tests/needs.ts";
import { asFileOwner } from "./file_identity.ts";

function ownerOf(path: string): (number | null)[] {
  const { uid, gid } = Deno.statSync(path);
  return [uid, gid];
}

Deno.test({
  name: "asFileOwner() makes files another one's, and has all power over others' files",
  ignore: !needs("root"),
  fn: () => {
    using directory = new TemporaryDirectory();
    Deno.chmodSync(directory.path, 0o700);
    const path = directory.join("file");

    asFileOwner({ uid: 12, gid: 34 }, () => Deno.mkdirSync(path));

    deepStrictEqual(ownerOf(path), [12, 34]);
  },
});

Deno.test({
  name: "asFileOwner() ends with its action, also when that fails",
  ignore: !needs("root"),
  fn: () => {
    using directory = new TemporaryDirectory();
    const path = directory.join("file");
    const fail = (): void => Deno.mkdirSync(directory.path);

    throws(() => asFileOwner({ uid: 12, gid: 34 }, fail), Deno.errors.AlreadyExists);
    Deno.mkdirSync(path);

    deepStrictEqual(ownerOf(path), [0, 0]);
    strictEqual(asFileOwner({ uid: 12, gid: 34 }, () => 7), 7);
  },
});
