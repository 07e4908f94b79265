import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { MS } from "../kernel/mount.ts";
import { backingOf } from "./volume_backing.ts";
import { isAddress, planVolumeMount, serverOf } from "./volume_mount.ts";

const target = "/root/volumes/v/_data";

Deno.test("planVolumeMount() tells flags from options of the file system", () => {
  const options = { type: "tmpfs", device: "tmpfs", o: "size=64m,nosuid,noexec,uid=7,noatime" };

  deepStrictEqual(planVolumeMount(options, { target }), {
    calls: [{
      source: "tmpfs",
      target,
      type: "tmpfs",
      flags: MS.NOSUID | MS.NOEXEC | MS.NOATIME,
      data: "size=64m,uid=7",
    }],
  });
});

Deno.test("planVolumeMount() puts the server's address in place of its name", () => {
  const options = { type: "nfs4", device: ":/x", o: "addr=nas.lan,rw,nfsvers=4" };
  const { calls } = planVolumeMount(options, { target, address: "192.0.2.7" });

  strictEqual(calls[0]?.data, "addr=192.0.2.7,nfsvers=4");
});

Deno.test("planVolumeMount() adds the address of the server that the device names", () => {
  const options = { type: "cifs", device: "//nas/share", o: "username=u" };
  const { calls } = planVolumeMount(options, { target, address: "192.0.2.7" });

  strictEqual(calls[0]?.data, "username=u,addr=192.0.2.7");
});

Deno.test("planVolumeMount() keeps a bind mount apart from its source, with the options of that", () => {
  const options = { type: "none", device: "/srv", o: "rbind,ro" };
  const { calls, remount } = planVolumeMount(options, { target });

  deepStrictEqual(calls.map(({ source, flags }) => [source, flags]), [
    ["/srv", MS.BIND | MS.REC],
    ["", MS.PRIVATE | MS.REC],
  ]);
  strictEqual(
    remount?.(["rw", "nodev", "relatime"]).flags,
    MS.REMOUNT | MS.BIND | MS.RDONLY | MS.NODEV | MS.RELATIME,
  );
});

Deno.test("serverOf() finds the server in the options or the device", () => {
  const servers = [
    { type: "nfs", device: ":/x", o: "addr=nas.lan,rw" },
    { type: "nfs", device: "nas.lan:/x", o: "rw" },
    { type: "nfs4", device: "[2001:db8::1]:/x" },
    { type: "cifs", device: "//nas/share", o: "ip=192.0.2.1" },
    { type: "cifs", device: "//nas/share" },
    { type: "nfs", device: ":/x" },
    { type: "ext4", device: "/dev/sda1", o: "addr=nas.lan" },
  ].map((options) => serverOf({ ...options }));

  deepStrictEqual(servers, [
    "nas.lan",
    "nas.lan",
    "2001:db8::1",
    "192.0.2.1",
    "nas",
    undefined,
    undefined,
  ]);
});

Deno.test("isAddress() knows addresses of both families, also with a link", () => {
  deepStrictEqual(
    ["192.0.2.1", "2001:db8::1", "fe80::1%eth0", "nas", "1.2.3"].map(isAddress),
    [true, true, true, false, false],
  );
});

Deno.test("backingOf() needs no mount for a directory of the host without further options", () => {
  const device = "/srv";
  const backings = ["bind", "rbind,rw", "bind,ro", "size=1m"]
    .map((o) => backingOf({ options: { type: "none", device, o } }).type);

  deepStrictEqual(backings, ["bind", "bind", "mount", "mount"]);
  deepStrictEqual(backingOf({ options: {} }), { type: "directory" });
});
