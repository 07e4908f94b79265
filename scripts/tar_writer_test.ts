import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { hasPrerequisite } from "./prerequisites.ts";
import { writeTar } from "./tar_writer.ts";

Deno.test({
  name: "writeTar() writes what GNU tar reads back when tar is installed",
  ignore: !hasPrerequisite("tar"),
  async fn(): Promise<void> {
    const directory = await Deno.makeTempDir();
    const content = new Uint8Array(513).fill(7);
    await writeTar(`${directory}/a.tar`, [
      { path: "d/", mode: 0o750 },
      { path: "d/link", mode: 0o777, content: { linkTarget: "file" } },
      { path: "d/file", mode: 0o640, content },
    ]);

    const { success } = await new Deno.Command("tar", {
      args: ["-xf", `${directory}/a.tar`, "-C", directory],
    }).output();
    const read = await Deno.readFile(`${directory}/d/link`);
    const { mode } = await Deno.stat(`${directory}/d`);

    await Deno.remove(directory, { recursive: true });
    strictEqual(success, true);
    deepStrictEqual(read, content);
    strictEqual((mode ?? 0) & 0o777, 0o750);
  },
});

Deno.test("writeTar() ends an archive with two empty blocks", async () => {
  const path = await Deno.makeTempFile();

  await writeTar(path, [{ path: "file", mode: 0o644, content: new Uint8Array([1]) }]);

  const { size } = await Deno.stat(path);
  await Deno.remove(path);
  strictEqual(size, 4 * 512);
});
