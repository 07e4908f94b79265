import { match, strictEqual } from "node:assert/strict";
import { needs } from "../../tests/needs.ts";
import { overlayObstacle } from "./overlay.ts";

const TYPES: readonly (readonly [type: string, isRefused: boolean])[] = [
  ["ext4", false],
  ["xfs", false],
  ["btrfs", false],
  ["tmpfs", false],
  ["overlay", true],
  ["nfs", true],
  ["nfs4", true],
  ["vfat", true],
  ["fuse.sshfs", true],
];

for (const [type, isRefused] of TYPES) {
  Deno.test({
    name: `overlayObstacle() ${isRefused ? "refuses" : "accepts"} ${type}`,
    ignore: !needs("root"),
    fn: () => {
      const directory = Deno.makeTempDirSync();
      const obstacle = overlayObstacle(directory, `1 0 0:1 / / rw - ${type} source rw\n`);
      Deno.removeSync(directory);

      if (isRefused) match(obstacle ?? "", new RegExp(`write to the file system ${type}$`));
      else strictEqual(obstacle, undefined);
    },
  });
}

Deno.test({
  name: "overlayObstacle() refuses what keeps no trusted attributes",
  ignore: !needs("root"),
  fn: () => {
    match(
      overlayObstacle("/proc/sys", "1 0 0:1 / / rw - proc proc rw\n") ?? "",
      /keeps no trusted/,
    );
  },
});
