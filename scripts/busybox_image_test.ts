import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { makeBusyboxTar } from "./busybox_image.ts";
import { hasPrerequisite } from "./prerequisites.ts";

Deno.test({
  name: "makeBusyboxTar() writes an archive that tar reads when busybox is installed",
  ignore: !hasPrerequisite("busybox") || !hasPrerequisite("tar"),
  async fn(): Promise<void> {
    const directory = await Deno.makeTempDir();
    await makeBusyboxTar(`${directory}/a.tar`);

    const { success, stdout } = await new Deno.Command("tar", {
      args: ["-tvf", `${directory}/a.tar`, "bin/sh", "tmp/"],
      env: { TZ: "UTC" },
    }).output();

    await Deno.remove(directory, { recursive: true });
    strictEqual(success, true);
    deepStrictEqual(new TextDecoder().decode(stdout).trimEnd().split("\n"), [
      "drwxrwxrwt 0/0               0 1970-01-01 00:00 tmp/",
      "lrwxrwxrwx 0/0               0 1970-01-01 00:00 bin/sh -> busybox",
    ]);
  },
});

Deno.test({
  name: "makeBusyboxTar() writes the same bytes every time",
  ignore: !hasPrerequisite("busybox"),
  async fn(): Promise<void> {
    const directory = await Deno.makeTempDir();
    await makeBusyboxTar(`${directory}/a.tar`);
    await makeBusyboxTar(`${directory}/b.tar`);

    const [first, second] = await Promise.all(
      ["a.tar", "b.tar"].map((name) => Deno.readFile(`${directory}/${name}`)),
    );

    await Deno.remove(directory, { recursive: true });
    deepStrictEqual(first, second);
  },
});
