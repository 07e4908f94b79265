import { deepStrictEqual, throws } from "node:assert/strict";
import { loadMountFlags, type MountFlags, mountWarnings, planMounts } from "./mounts.ts";
import type { PlannedMounts } from "./mounts.ts";

const NOTHING: MountFlags = {
  volume: [],
  mount: [],
  tmpfs: [],
  "volumes-from": [],
  "volume-driver": undefined,
};

async function plan(changes: Partial<MountFlags>): Promise<PlannedMounts> {
  const flags = { ...NOTHING, ...changes };
  return planMounts(flags, await loadMountFlags(flags));
}

Deno.test("planMounts() asks for nothing without flags", async () => {
  deepStrictEqual(await plan({}), {
    mounts: [],
    volumes: [],
    volumesFrom: [],
    givenMounts: { binds: [], specs: [], volumesFrom: [], volumeDriver: "" },
  });
});

Deno.test("planMounts() keeps what was said, for who inspects", async () => {
  const { mounts, volumes, volumesFrom, givenMounts } = await plan({
    volume: ["/srv:/a:ro", "/anonymous/", "data:/b"],
    mount: ["type=bind,src=/,dst=/c"],
    tmpfs: ["/d:size=1m"],
    "volumes-from": ["web:ro"],
    "volume-driver": "local",
  });

  deepStrictEqual(mounts.map(({ type, target }) => [type, target]), [
    ["bind", "/a"],
    ["volume", "/b"],
    ["tmpfs", "/d"],
    ["bind", "/c"],
  ]);
  deepStrictEqual(volumes, ["/anonymous"]);
  deepStrictEqual(volumesFrom, [{ container: "web", isReadOnly: true }]);
  deepStrictEqual(givenMounts, {
    binds: ["/srv:/a:ro", "data:/b"],
    specs: [{ Type: "bind", Source: "/", Target: "/c" }],
    volumesFrom: ["web:ro"],
    volumeDriver: "local",
  });
});

Deno.test("planMounts() takes the same words twice, as docker does", async () => {
  const { mounts, volumes } = await plan({
    volume: ["/srv:/a", "/srv:/a", "/b", "/b/"],
    tmpfs: ["/c", "/c"],
  });

  deepStrictEqual(mounts.map(({ target }) => target), ["/a", "/c"]);
  deepStrictEqual(volumes, ["/b"]);
});

const duplicates: [what: string, flags: Partial<MountFlags>][] = [
  ["two -v", { volume: ["/srv:/a", "/etc:/a"] }],
  ["two -v that differ in form", { volume: ["/srv:/a", "/srv:/x/../a/"] }],
  ["-v of a directory and of a volume", { volume: ["/srv:/a", "data:/a"] }],
  ["-v and --mount", { volume: ["/srv:/a"], mount: ["type=bind,src=/,dst=/a"] }],
  ["-v and --tmpfs", { volume: ["data:/a"], tmpfs: ["/a"] }],
  ["--mount and --tmpfs", { mount: ["type=tmpfs,dst=/a"], tmpfs: ["/a"] }],
  ["two --mount", { mount: ["dst=/a", "dst=/a"] }],
  ["two --tmpfs", { tmpfs: ["/a", "/a:size=1m"] }],
];
for (const [what, flags] of duplicates) {
  Deno.test(`planMounts() refuses ${what} with one target`, async () => {
    const mounts = await loadMountFlags({ ...NOTHING, ...flags });

    throws(() => planMounts({ ...NOTHING, ...flags }, mounts), {
      kind: "invalid_argument",
      message: "Duplicate mount point: /a",
    });
  });
}

Deno.test("planMounts() lets a volume without a name give way", async () => {
  const { mounts, volumes } = await plan({ volume: ["/srv:/a", "/a"], tmpfs: ["/b"] });

  deepStrictEqual(mounts.map(({ target }) => target), ["/a", "/b"]);
  deepStrictEqual(volumes, ["/a"]);
});

Deno.test("planMounts() makes missing sources for -v alone", async () => {
  const missing = (path: string): { message: string } => ({
    message: `invalid mount config for type "bind": bind source path does not exist: ${path}`,
  });
  const link = Deno.makeTempDirSync();
  Deno.symlinkSync("nowhere", `${link}/link`);
  const sources = ["/nonexistent/x", `${link}/link`];
  try {
    for (const source of sources) {
      const mount = [`type=bind,src=${source},dst=/a`];
      const mounts = await loadMountFlags({ mount });

      throws(() => planMounts({ ...NOTHING, mount }, mounts), missing(source));
    }
    throws(
      () => planMounts({ ...NOTHING, volume: ["/nonexistent:/a:idmap"] }, []),
      missing("/nonexistent"),
    );
    await plan({ volume: ["/nonexistent:/a"] });
    await plan({ mount: ["type=bind,src=/nonexistent,dst=/a,bind-create-src"] });
  } finally {
    Deno.removeSync(link, { recursive: true });
  }
});

Deno.test("planMounts() tells why a source of --mount cannot be looked at", async () => {
  for (
    const [source, why] of [["/etc/passwd/x", "Not a directory"], [
      `/${"x".repeat(256)}`,
      "File name",
    ]]
  ) {
    const mount = [`type=bind,src=${source},dst=/a`];
    const mounts = await loadMountFlags({ mount });

    throws(() => planMounts({ ...NOTHING, mount }, mounts), {
      kind: "invalid_argument",
      message: new RegExp(`^invalid mount config for type "bind": ${why}`),
    });
  }
});

Deno.test("planMounts() refuses other drivers", () => {
  throws(() => planMounts({ ...NOTHING, "volume-driver": "nfs" }, []), { kind: "unsupported" });
});

Deno.test("mountWarnings() tells of a driver that --mount does not have", async () => {
  const flags = { ...NOTHING, mount: ["dst=/a"], "volume-driver": "local" };

  deepStrictEqual(mountWarnings(flags, await loadMountFlags(flags)), [
    "the container-wide volume-driver configuration is ignored for volumes specified " +
    "via 'mount'. Use '--mount type=volume,volume-driver=...' instead",
  ]);
  deepStrictEqual(mountWarnings(NOTHING, await loadMountFlags(flags)), []);
});
