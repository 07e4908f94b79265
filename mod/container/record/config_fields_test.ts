import { deepStrictEqual, throws } from "node:assert/strict";
import { fakeContainerConfig } from "../../../tests/fakes/container_config.ts";
import { parseContainerConfig } from "./config.ts";
import { NO_GIVEN_MOUNTS } from "./mounts.ts";

const BIND = {
  type: "bind",
  source: "/srv",
  target: "/a",
  isReadOnly: false,
  createsSource: true,
  propagation: "rprivate",
};
const VOLUME = {
  type: "volume",
  name: "data",
  target: "/a",
  isReadOnly: false,
  isAnonymous: false,
  copiesContent: true,
  subpath: "",
};
const TMPFS = { type: "tmpfs", target: "/a", options: "" };

const sound: [what: string, mount: Record<string, unknown>][] = [
  ["a bind mount of an older version", BIND],
  ["a bind mount with options", { ...BIND, mode: "ro", recursion: "writable", isIdMapped: true }],
  ["a volume of an older version", VOLUME],
  ["a volume with options", { ...VOLUME, mode: "nocopy" }],
  ["a tmpfs of an older version", TMPFS],
  ["a tmpfs of --mount", { ...TMPFS, isListed: true }],
];
for (const [what, mount] of sound) {
  Deno.test(`parseContainerConfig() takes ${what}`, () => {
    const { mounts } = parseContainerConfig({ ...fakeContainerConfig(), mounts: [mount] });

    deepStrictEqual(mounts, [mount]);
  });
}

const damaged: [what: string, mount: Record<string, unknown>][] = [
  ["another type", { ...BIND, type: "npipe" }],
  ["a mode that is no text", { ...BIND, mode: 1 }],
  ["a volume's mode that is no text", { ...VOLUME, mode: ["ro"] }],
  ["a volume whose name leads elsewhere", { ...VOLUME, name: "../../etc" }],
  ["a tmpfs that is listed perhaps", { ...TMPFS, isListed: "yes" }],
  ["a recursion that nobody knows", { ...BIND, recursion: "some" }],
];
for (const [what, mount] of damaged) {
  Deno.test(`parseContainerConfig() refuses mounts with ${what}`, () => {
    throws(() => parseContainerConfig({ ...fakeContainerConfig(), mounts: [mount] }), {
      kind: "corrupt",
      message: `Cannot read the container's record: its field "mounts" is missing or damaged`,
    });
  });
}

Deno.test("parseContainerConfig() knows nothing of what was said for older records", () => {
  const { givenMounts: _, ...older } = fakeContainerConfig();

  deepStrictEqual(parseContainerConfig(older).givenMounts, NO_GIVEN_MOUNTS);
});

Deno.test("parseContainerConfig() refuses what nobody can have said", () => {
  const wrong = [
    {},
    { ...NO_GIVEN_MOUNTS, binds: [1] },
    { ...NO_GIVEN_MOUNTS, specs: ["type=bind"] },
    { ...NO_GIVEN_MOUNTS, volumeDriver: null },
  ];
  for (const givenMounts of wrong) {
    throws(() => parseContainerConfig({ ...fakeContainerConfig(), givenMounts }), {
      kind: "corrupt",
      message: `Cannot read the container's record: its field "givenMounts" is missing or damaged`,
    });
  }
});
