import { rejects, strictEqual } from "node:assert/strict";
import { SystemError } from "../../ffi/errno.ts";
import { TemporaryDirectory } from "../../tests/fakes/temporary_directory.ts";
import { explainRefusal, mountFileSystem } from "./mounting.ts";
import { detachMount } from "./unmount.ts";

Deno.test("mountFileSystem() tells what the kernel refuses", async () => {
  using directory = new TemporaryDirectory();
  const call = { source: "x", target: directory.path, type: "no_such_type", flags: 0, data: "" };

  await rejects(
    mountFileSystem(call),
    (error) => error instanceof SystemError && error.code === "ENODEV",
  );
});

Deno.test("detachMount() says that nothing is mounted where nothing is", () => {
  using directory = new TemporaryDirectory();

  strictEqual(detachMount(directory.path), false);
  strictEqual(detachMount(directory.join("missing")), false);
});

Deno.test("explainRefusal() says which option the kernel does not know", () => {
  strictEqual(
    explainRefusal("tmpfs", "size=1m,colour=red"),
    "tmpfs: Unknown parameter 'colour'",
  );
});

Deno.test("explainRefusal() says nothing of options that are fine, or of no file system", () => {
  strictEqual(explainRefusal("tmpfs", "size=1m,mode=700"), undefined);
  strictEqual(explainRefusal("no_such_type", "x"), undefined);
});
