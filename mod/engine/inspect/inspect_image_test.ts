import { deepStrictEqual, throws } from "node:assert/strict";
import { imageIdOf, parseDigest } from "../../image/spec/digest.ts";
import { type ImageDetails, readImageDetails } from "../../image/spec/image_details.ts";
import type { Image } from "../../image/store/images.ts";
import { parseImageConfig } from "../../image/spec/oci.ts";
import { parseReference } from "../../image/spec/reference.ts";
import { Engine } from "../base/engine.ts";
import { describeImage, inspectImage } from "./inspect_image.ts";

const ID = `sha256:${"ab".repeat(32)}`;
const MANIFEST = `sha256:${"cd".repeat(32)}`;

const CONFIG = {
  "docker_version": "20.10.24",
  author: "Ann <a@b.c>",
  architecture: "arm",
  variant: "v7",
  os: "linux",
  "os.version": "1",
  created: "2026-11-20T09:00:00.123456789Z",
  config: {
    Hostname: "ignored",
    User: "www",
    ExposedPorts: { "80/tcp": {} },
    Env: ["A=1"],
    Cmd: ["sh"],
    Healthcheck: { Test: ["CMD-SHELL", "true"], Interval: 5e9, Timeout: 0, Retries: 2 },
    ArgsEscaped: true,
    Volumes: { "/data": {} },
    WorkingDir: "/srv",
    Entrypoint: ["echo"],
    OnBuild: ["RUN true"],
    Labels: { app: "x" },
    StopSignal: "SIGQUIT",
    Shell: ["/bin/ash", "-c"],
  },
  rootfs: { type: "layers", "diff_ids": [] },
  history: [{ comment: "first" }, { comment: "last" }],
};

const LISTED = {
  references: ["host:5000/own", "nginx:1.22", "nginx:latest"].map(parseReference),
  repositoryDigests: [parseReference(`nginx@${MANIFEST}`)],
  taggedAt: "2026-11-21T10:00:00.000Z",
  sizeBytes: 42,
};

function read(config: unknown): [Image, ImageDetails] {
  const layerDirs = ["/layers/base", "/layers/top"];
  const ids = { id: imageIdOf(parseDigest(ID)), digest: parseDigest(MANIFEST) };
  return [{ ...ids, config: parseImageConfig(config), layerDirs }, readImageDetails(config)];
}

Deno.test("describeImage() gives docker's shape", () => {
  const [image, details] = read(CONFIG);

  deepStrictEqual(describeImage(image, LISTED, details), {
    Id: ID,
    RepoTags: ["host:5000/own:latest", "nginx:1.22", "nginx:latest"],
    RepoDigests: [`nginx@${MANIFEST}`],
    Parent: "",
    Comment: "last",
    Created: "2026-11-20T09:00:00.123456789Z",
    DockerVersion: "20.10.24",
    Author: "Ann <a@b.c>",
    Config: {
      User: "www",
      ExposedPorts: { "80/tcp": {} },
      Env: ["A=1"],
      Cmd: ["sh"],
      Healthcheck: { Test: ["CMD-SHELL", "true"], Interval: 5e9, Retries: 2 },
      ArgsEscaped: true,
      Volumes: { "/data": {} },
      WorkingDir: "/srv",
      Entrypoint: ["echo"],
      OnBuild: ["RUN true"],
      Labels: { app: "x" },
      StopSignal: "SIGQUIT",
      Shell: ["/bin/ash", "-c"],
    },
    Architecture: "arm",
    Variant: "v7",
    Os: "linux",
    OsVersion: "1",
    Size: 42,
    GraphDriver: { Data: { LowerDir: "/layers/top:/layers/base" }, Name: "overlay" },
    RootFS: { Type: "layers", Layers: [] },
    Metadata: { LastTagTime: "2026-11-21T10:00:00.000Z" },
  });
});

Deno.test("describeImage() leaves out or nulls what an image does not say, as docker does", () => {
  const [image, details] = read({ rootfs: { "diff_ids": [] } });
  const unnamed = { references: [], repositoryDigests: [], taggedAt: undefined, sizeBytes: 0 };

  deepStrictEqual(describeImage({ ...image, layerDirs: [] }, unnamed, details), {
    Id: ID,
    RepoTags: [],
    RepoDigests: [],
    Parent: "",
    Comment: "",
    DockerVersion: "",
    Author: "",
    Config: {
      User: "",
      Env: [],
      Cmd: null,
      Volumes: null,
      WorkingDir: "",
      Entrypoint: null,
      OnBuild: null,
      Labels: null,
    },
    Architecture: "",
    Os: "",
    Size: 0,
    GraphDriver: { Data: { LowerDir: "" }, Name: "overlay" },
    RootFS: { Type: "layers", Layers: [] },
    Metadata: { LastTagTime: "0001-01-01T00:00:00Z" },
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
