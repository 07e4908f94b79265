import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { fakeHostFiles } from "../../../tests/fakes/host_files.ts";
import {
  checkFileSystem,
  checkIdMapping,
  checkOverlay,
  checkReflinks,
  checkRunRoot,
  checkSpace,
} from "./doctor_storage.ts";

const EXT4 = { path: "/root", type: "ext4", hasTrustedAttributes: true, tellsFileTypes: true };
const WITH_OVERLAY = fakeHostFiles({ "/proc/filesystems": "\text4\nnodev\toverlay\n" });

Deno.test("checkOverlay() wants the file system in the kernel and a place for it", () => {
  const states = [
    EXT4,
    { ...EXT4, type: "nfs4" },
    { ...EXT4, hasTrustedAttributes: false },
    { ...EXT4, tellsFileTypes: false },
  ].map((place) => checkOverlay(WITH_OVERLAY, place).state);

  deepStrictEqual(states, ["ok", "limited", "limited", "limited"]);
});

Deno.test("checkOverlay() knows of a module that is not loaded yet", () => {
  const texts = {
    "/proc/filesystems": "\text4\n",
    "/proc/sys/kernel/osrelease": "6.1\n",
    "/lib/modules/6.1/modules.dep": "kernel/fs/overlayfs/overlay.ko.xz:\n",
  };

  strictEqual(checkOverlay(fakeHostFiles(texts), EXT4).state, "ok");
  strictEqual(checkOverlay(fakeHostFiles({}), EXT4).state, "missing");
});

Deno.test("checkFileSystem() refuses what keeps no owners, and warns of what is elsewhere", () => {
  const findings = ["ext4", "nfs4", "vfat"].map((type) => checkFileSystem({ ...EXT4, type }));

  deepStrictEqual(findings.map(({ state, isFatal }) => [state, isFatal]), [
    ["ok", false],
    ["limited", false],
    ["missing", true],
  ]);
});

Deno.test("checkIdMapping() goes by the file system and the kernel", () => {
  const cases = [["ext4", "5.12.0"], ["ext4", "5.11.9"], ["tmpfs", "6.10-rc1"], ["nfs4", "6.10"]];

  deepStrictEqual(
    cases.map(([type = "", release = ""]) => checkIdMapping(type, release).state),
    ["ok", "limited", "ok", "limited"],
  );
});

Deno.test("checkReflinks() is content either way", () => {
  deepStrictEqual(["btrfs", "ext4"].map((type) => checkReflinks(type).state), ["ok", "ok"]);
});

Deno.test("checkSpace() warns of a disk that is nearly full", () => {
  strictEqual(checkSpace("/root", 10 * 2 ** 30).detail, '10.0 GiB at "/root"');
  strictEqual(checkSpace("/root", 2 ** 30).state, "limited");
});

Deno.test("checkRunRoot() wants what a reboot empties", () => {
  deepStrictEqual(
    ["tmpfs", "ext4", "nfs"].map((type) => checkRunRoot("/run", type).state),
    ["ok", "limited", "limited"],
  );
});
