import { deepStrictEqual, throws } from "node:assert/strict";
import type { MountSpec } from "../../container/record/mounts.ts";
import { planMount } from "./mount_spec.ts";

const BIND = {
  type: "bind",
  source: "/a",
  target: "/b",
  isReadOnly: false,
  createsSource: false,
  propagation: "rprivate",
};
const VOLUME = {
  type: "volume",
  name: "",
  target: "/b",
  isReadOnly: false,
  copiesContent: true,
  subpath: "",
  mode: "z",
};
const TMPFS = { type: "tmpfs", target: "/b", options: "", isListed: true };
const IMAGE = { type: "image", image: "debian", target: "/b", subpath: "" };

const planned: [what: string, spec: MountSpec, expected: Record<string, unknown>][] = [
  ["a bind mount", { Type: "bind", Source: "/a", Target: "/b" }, BIND],
  ["paths with dots", { Type: "bind", Source: "/x/../a/", Target: "//b/." }, BIND],
  ["the host's /proc", { Type: "bind", Source: "/proc", Target: "/proc" }, {
    ...BIND,
    source: "/proc",
    target: "/proc",
  }],
  ["a read-only bind mount", { Type: "bind", Source: "/a", Target: "/b", ReadOnly: true }, {
    ...BIND,
    isReadOnly: true,
  }],
  ["a source that is to be made", {
    Type: "bind",
    Source: "/a",
    Target: "/b",
    BindOptions: { CreateMountpoint: true },
  }, { ...BIND, createsSource: true }],
  ["a propagation and mapped ids", {
    Type: "bind",
    Source: "/a",
    Target: "/b",
    BindOptions: { Propagation: "shared", IdMapped: true },
  }, { ...BIND, propagation: "shared", isIdMapped: true }],
  ["a bind mount without what is below", {
    Type: "bind",
    Source: "/a",
    Target: "/b",
    BindOptions: { NonRecursive: true },
  }, { ...BIND, recursion: "disabled" }],
  ["what stays writable below", {
    Type: "bind",
    Source: "/a",
    Target: "/b",
    ReadOnly: true,
    BindOptions: { ReadOnlyNonRecursive: true },
  }, { ...BIND, isReadOnly: true, recursion: "writable" }],
  ["what must be read-only below", {
    Type: "bind",
    Source: "/a",
    Target: "/b",
    ReadOnly: true,
    BindOptions: { ReadOnlyForceRecursive: true },
  }, { ...BIND, isReadOnly: true, recursion: "readonly" }],
  ["a volume without a name", { Type: "volume", Target: "/b" }, VOLUME],
  ["all of a volume", {
    Type: "volume",
    Source: "data",
    Target: "/b",
    ReadOnly: true,
    VolumeOptions: {
      NoCopy: true,
      Labels: { a: "1" },
      Subpath: "x/../y",
      DriverConfig: { Name: "local", Options: { type: "tmpfs" } },
    },
  }, {
    ...VOLUME,
    name: "data",
    isReadOnly: true,
    copiesContent: false,
    subpath: "x/../y",
    driver: "local",
    options: { type: "tmpfs" },
    labels: { a: "1" },
  }],
  ["a volume whose driver has no name", {
    Type: "volume",
    Source: "data",
    Target: "/b",
    VolumeOptions: { DriverConfig: {} },
  }, { ...VOLUME, name: "data" }],
  ["a tmpfs", { Type: "tmpfs", Target: "/b" }, TMPFS],
  ["all of a tmpfs", {
    Type: "tmpfs",
    Target: "/b",
    ReadOnly: true,
    TmpfsOptions: { Mode: 0o1777, SizeBytes: 64 * 1024 ** 2 },
  }, { ...TMPFS, options: "ro,mode=1777,size=64m" }],
  ["a size in GiB", { Type: "tmpfs", Target: "/b", TmpfsOptions: { SizeBytes: 1024 ** 4 } }, {
    ...TMPFS,
    options: "size=1024g",
  }],
  ["a size in bytes", { Type: "tmpfs", Target: "/b", TmpfsOptions: { SizeBytes: 4097 } }, {
    ...TMPFS,
    options: "size=4097",
  }],
  ["a size of 0 for the kernel's own", {
    Type: "tmpfs",
    Target: "/b",
    TmpfsOptions: { SizeBytes: 0, Mode: 0 },
  }, { ...TMPFS, options: "mode=0" }],
  ["an image", { Type: "image", Source: "debian", Target: "/b" }, IMAGE],
  ["a part of an image", {
    Type: "image",
    Source: "debian",
    Target: "/b",
    ReadOnly: true,
    ImageOptions: { Subpath: "etc" },
  }, { ...IMAGE, subpath: "etc" }],
];
for (const [what, spec, expected] of planned) {
  Deno.test(`planMount() takes ${what}`, () => {
    deepStrictEqual(planMount(spec), expected);
  });
}

const refused: [spec: MountSpec, message: string][] = [
  [{ Type: "bind", Source: "/a" }, "field Target must not be empty"],
  [{ Type: "bind", Target: "/b" }, "field Source must not be empty"],
  [
    { Type: "bind", Source: "a", Target: "/b" },
    "invalid mount path: 'a' mount path must be absolute",
  ],
  [
    { Type: "bind", Source: "/a", Target: "b" },
    "invalid mount path: 'b' mount path must be absolute",
  ],
  [
    { Type: "volume", Source: "data", Target: "/" },
    "invalid specification: destination can't be '/'",
  ],
  [
    { Type: "tmpfs", Target: "/proc/x" },
    '"/proc/x" cannot be mounted because it is inside /proc',
  ],
  [
    { Type: "volume", Source: "data", Target: "/proc" },
    '"/proc" cannot be mounted because it is not of type proc',
  ],
  [
    { Type: "bind", Source: "/a", Target: "/b", BindOptions: { Propagation: "fast" } },
    "invalid propagation mode: fast",
  ],
  [
    { Type: "bind", Source: "/a", Target: "/b", VolumeOptions: {} },
    "field VolumeOptions must not be specified",
  ],
  [{ Type: "volume", Target: "/b", BindOptions: {} }, "field BindOptions must not be specified"],
  [
    { Type: "volume", Target: "/b", VolumeOptions: { Subpath: "x" } },
    "must not set Subpath when using anonymous volumes",
  ],
  [
    { Type: "volume", Target: "/b", ReadOnly: true },
    "must not set ReadOnly mode when using anonymous volumes",
  ],
  [{ Type: "tmpfs", Source: "x", Target: "/b" }, "field Source must not be specified"],
  [{ Type: "image", Target: "/b" }, "field Source must not be empty"],
  [{ Type: "npipe", Source: "x", Target: "/b" }, "mount type unknown"],
  [{ Type: "cluster", Source: "x", Target: "/b" }, "mount type unknown"],
  [{ Type: "nfs", Source: "x", Target: "/b" }, "mount type unknown"],
];
for (const [spec, message] of refused) {
  Deno.test(`planMount() refuses ${JSON.stringify(spec)}`, () => {
    throws(() => planMount(spec), {
      kind: "invalid_argument",
      message: `invalid mount config for type "${spec.Type}": ${message}`,
    });
  });
}

for (const subpath of ["/x", "..", "../x", "x/../..", "a/../../b", "x\0"]) {
  Deno.test(`planMount() refuses the subpath ${JSON.stringify(subpath)}`, () => {
    const why = "subpath must be a relative path within the volume";

    throws(
      () =>
        planMount({
          Type: "volume",
          Source: "data",
          Target: "/b",
          VolumeOptions: { Subpath: subpath },
        }),
      { message: `invalid mount config for type "volume": ${why}` },
    );
    throws(
      () =>
        planMount({
          Type: "image",
          Source: "debian",
          Target: "/b",
          ImageOptions: { Subpath: subpath },
        }),
      { message: `invalid mount config for type "image": ${why}` },
    );
  });
}

Deno.test("planMount() refuses options that contradict each other", () => {
  const bind = { Type: "bind", Source: "/a", Target: "/b" };

  throws(
    () =>
      planMount({
        ...bind,
        ReadOnly: true,
        BindOptions: { NonRecursive: true, ReadOnlyForceRecursive: true },
      }),
    { message: "mount options conflict: NonRecursive && ReadOnlyForceRecursive" },
  );
  throws(() => planMount({ ...bind, BindOptions: { ReadOnlyNonRecursive: true } }), {
    message: "mount options conflict: !ReadOnly && ReadOnlyNonRecursive",
  });
});
