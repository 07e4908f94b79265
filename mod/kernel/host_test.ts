import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { cgroupLayoutOf, fileSystemOf, parseOsRelease } from "./host.ts";

Deno.test("parseOsRelease() reads quoted and bare values", () => {
  const fields = parseOsRelease(
    `# comment\nNAME=Alpine\nPRETTY_NAME="Say \\"hi\\""\nVERSION_ID='12'\n\nbroken line\n`,
  );

  deepStrictEqual(Object.fromEntries(fields), {
    NAME: "Alpine",
    PRETTY_NAME: 'Say "hi"',
    VERSION_ID: "12",
  });
});

const V1 = {
  type: "cgroup",
  mountPoint: "/sys/fs/cgroup/memory",
  isWritable: true,
  data: "memory",
} as const;
const V2 = { type: "cgroup2", mountPoint: "/sys/fs/cgroup", isWritable: true, data: "" } as const;

Deno.test("cgroupLayoutOf() tells the generations apart", () => {
  deepStrictEqual([[], [V1], [V2], [V1, V2]].map(cgroupLayoutOf), ["none", "v1", "v2", "hybrid"]);
});

const MOUNT_INFO = `22 1 8:1 / / rw - ext4 /dev/sda1 rw
23 22 0:5 / /dev rw - devtmpfs udev rw
24 23 0:6 / /dev/nested rw - tmpfs tmpfs rw
25 23 0:7 / /dev/nested rw - ramfs ramfs rw
`;

Deno.test("fileSystemOf() finds the deepest mount above a path", () => {
  strictEqual(fileSystemOf("/dev", MOUNT_INFO), "devtmpfs");
  strictEqual(fileSystemOf("/etc", MOUNT_INFO), "ext4");
});

Deno.test("fileSystemOf() takes the nearest parent when a path is missing", () => {
  strictEqual(fileSystemOf("/dev/missing/path", MOUNT_INFO), "devtmpfs");
});
