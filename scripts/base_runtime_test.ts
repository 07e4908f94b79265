import { strictEqual } from "node:assert/strict";
import { hasBaseRuntime } from "./base_runtime.ts";

/** Sets an environment variable until the end of the scope. */
function withVariable(name: string, value: string): Disposable {
  const before = Deno.env.get(name);
  Deno.env.set(name, value);
  return {
    [Symbol.dispose]: () =>
      before === undefined ? Deno.env.delete(name) : Deno.env.set(name, before),
  };
}

Deno.test("hasBaseRuntime() is true when DENORT_BIN names a file", async () => {
  using _ = withVariable("DENORT_BIN", Deno.execPath());
  strictEqual(await hasBaseRuntime(), true);
});

Deno.test("hasBaseRuntime() is false when DENORT_BIN names nothing", async () => {
  using _ = withVariable("DENORT_BIN", "/proc/none/denort");
  strictEqual(await hasBaseRuntime(), false);
});

Deno.test("hasBaseRuntime() is true when deno's cache has the base runtime of this version", async () => {
  const directory = await Deno.makeTempDir();
  try {
    using _ = withVariable("DENO_DIR", directory);
    const release = `${directory}/dl/release/v${Deno.version.deno}`;
    await Deno.mkdir(release, { recursive: true });
    await Deno.writeFile(`${release}/denort-${Deno.build.target}.zip`, new Uint8Array());
    strictEqual(await hasBaseRuntime(), true);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
