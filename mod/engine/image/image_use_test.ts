import { deepStrictEqual } from "node:assert/strict";
import { recordContainer } from "../../../tests/fakes/recorded_container.ts";
import { TemporaryDirectory } from "../../../tests/fakes/temporary_directory.ts";
import type { ImageId } from "../../image/spec/digest.ts";
import { Engine } from "../base/engine.ts";
import { ContainersUse } from "./image_use.ts";

Deno.test("ContainersUse counts images that are mounted, and their layers", () => {
  using directory = new TemporaryDirectory();
  const engine = new Engine({ root: directory.join("a"), runRoot: directory.join("b") });
  const imageId = `sha256:${"12".repeat(32)}` as ImageId;
  const [layer, base] = ["ab".repeat(32), "cd".repeat(32)];
  recordContainer(engine, {
    name: "web",
    mounts: [
      { type: "image", imageId, reference: "data", layers: [layer], target: "/i", subpath: "" },
    ],
    root: { type: "image", imageId: "sha256:other", reference: "box", layers: [base] },
  });

  const use = new ContainersUse(engine);

  deepStrictEqual(use.usersOf(imageId), [{ name: "web", isRunning: false }]);
  deepStrictEqual([...use.layers() ?? []], [`sha256:${base}`, `sha256:${layer}`]);
});
