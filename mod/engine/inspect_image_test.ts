import { deepStrictEqual, throws } from "node:assert/strict";
import { imageIdOf, parseDigest } from "../image/digest.ts";
import type { Image } from "../image/images.ts";
import { parseReference } from "../image/reference.ts";
import { Engine } from "./engine.ts";
import { describeImage, inspectImage } from "./inspect_image.ts";

const ID = `sha256:${"ab".repeat(32)}`;
const MANIFEST = `sha256:${"cd".repeat(32)}`;

const IMAGE: Image = {
  id: imageIdOf(parseDigest(ID)),
  digest: parseDigest(MANIFEST),
  config: {
    architecture: "amd64",
    variant: "",
    author: "",
    history: [],
    os: "linux",
    created: "2026-11-20T09:00:00Z",
    process: {
      env: ["A=1"],
      entrypoint: [],
      command: ["sh"],
      workingDirectory: "/srv",
      user: "www",
      exposedPorts: ["80/tcp"],
      volumes: [],
      labels: { app: "x" },
      stopSignal: undefined,
      healthCheck: undefined,
      shell: [],
    },
    diffIds: [],
  },
  layerDirs: ["/layers/base", "/layers/top"],
};

Deno.test("describeImage() gives docker's shape", () => {
  const references = ["nginx:1.22", "nginx:latest", "host:5000/own"].map(parseReference);

  deepStrictEqual(describeImage(IMAGE, { references, sizeBytes: 42 }), {
    Id: ID,
    RepoTags: ["nginx:1.22", "nginx:latest", "host:5000/own:latest"],
    RepoDigests: [`nginx@${MANIFEST}`, `host:5000/own@${MANIFEST}`],
    Parent: "",
    Created: "2026-11-20T09:00:00Z",
    Config: {
      User: "www",
      ExposedPorts: { "80/tcp": {} },
      Env: ["A=1"],
      Cmd: ["sh"],
      Volumes: null,
      WorkingDir: "/srv",
      Entrypoint: null,
      Labels: { app: "x" },
    },
    Architecture: "amd64",
    Os: "linux",
    Size: 42,
    GraphDriver: { Name: "overlay", Data: { LowerDir: "/layers/top:/layers/base" } },
    RootFS: { Type: "layers", Layers: [] },
  });
});

for (const name of ["missing", "NO REFERENCE", "abcdef", ""]) {
  Deno.test(`inspectImage() finds no image called "${name}"`, () => {
    const engine = new Engine({ root: "/nonexistent", runRoot: "/nonexistent" });

    throws(() => inspectImage(engine, name), {
      kind: "not_found",
      message: `No such image: ${name}`,
    });
  });
}
