import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { NO_LIMITS } from "../../container/resource/resources.ts";
import { isPresent } from "../../kernel/entry.ts";
import { findCgroupHierarchies } from "../../kernel/proc.ts";
import { Paths } from "../../store/paths.ts";
import {
  type CgroupHost,
  placeCgroups,
  readCgroupHost,
  readContainerCgroups,
  readPlannedResources,
  recordCgroups,
  removeContainerCgroups,
} from "./cgroup.ts";

const ID = "0123abcd";

const V1_MOUNTS = `\
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
37 31 0:34 / /sys/fs/cgroup/freezer rw,relatime - cgroup cgroup rw,freezer
`;

function hostWith(mountInfo: string, base?: string): CgroupHost {
  const mountPoint = "/sys/fs/cgroup/unified";
  return {
    hierarchies: findCgroupHierarchies(mountInfo),
    tree: base === undefined ? undefined : { mountPoint, base },
    filtersDevices: true,
  };
}

function place(cgroupParent: string, host: CgroupHost): ReturnType<typeof placeCgroups> {
  return placeCgroups({ id: ID, resources: { ...NO_LIMITS, cgroupParent } }, host);
}

Deno.test("placeCgroups() has one directory in each hierarchy of a hybrid host", () => {
  deepStrictEqual(place("", hostWith(V1_MOUNTS, "/sys/fs/cgroup/unified")), {
    unified: `/sys/fs/cgroup/unified/wherry/${ID}`,
    v1: {
      memory: `/sys/fs/cgroup/memory/wherry/${ID}`,
      cpu: `/sys/fs/cgroup/cpu,cpuacct/wherry/${ID}`,
      cpuacct: `/sys/fs/cgroup/cpu,cpuacct/wherry/${ID}`,
    },
  });
});

Deno.test("placeCgroups() needs the freezer where there is no unified hierarchy", () => {
  const { unified, v1 } = place("", hostWith(V1_MOUNTS));

  strictEqual(unified, undefined);
  strictEqual(v1["freezer"], `/sys/fs/cgroup/freezer/wherry/${ID}`);
});

for (
  const { parent, unified } of [
    { parent: "", unified: "/sys/fs/cgroup/unified/a.service/wherry" },
    { parent: "x.slice", unified: "/sys/fs/cgroup/unified/a.service/x.slice" },
    { parent: "/x.slice/y", unified: "/sys/fs/cgroup/unified/x.slice/y" },
  ]
) {
  Deno.test(`placeCgroups() of the parent "${parent}" below a delegated cgroup`, () => {
    const host = hostWith("", "/sys/fs/cgroup/unified/a.service");

    deepStrictEqual(place(parent, host), { unified: `${unified}/${ID}`, v1: {} });
  });
}

Deno.test("readContainerCgroups() reads what was recorded, and what its monitor's plan says", () => {
  const directory = Deno.makeTempDirSync();
  const paths = new Paths(directory, directory).container(ID);
  Deno.mkdirSync(paths.runDirectory, { recursive: true });
  const cgroups = { unified: `/u/${ID}`, v1: { memory: `/m/${ID}` } };

  recordCgroups(paths, cgroups);
  const first = [readContainerCgroups(paths), readPlannedResources(paths)];
  recordCgroups(paths, cgroups, NO_LIMITS);
  const second = [readContainerCgroups(paths), readPlannedResources(paths)];
  Deno.removeSync(directory, { recursive: true });

  deepStrictEqual([first, second], [[cgroups, undefined], [cgroups, NO_LIMITS]]);
});

Deno.test("removeContainerCgroups() finds the cgroups of a container whose record of them is damaged", async () => {
  const directory = Deno.makeTempDirSync();
  const paths = new Paths(directory, directory).container(ID + crypto.randomUUID());
  const id = paths.directory.slice(paths.directory.lastIndexOf("/") + 1);
  const places = placeCgroups({ id, resources: NO_LIMITS }, readCgroupHost());
  const cgroups = [places.unified ?? "", ...Object.values(places.v1)];
  for (const cgroup of cgroups) Deno.mkdirSync(cgroup, { recursive: true });
  const child = new Deno.Command("sleep", { args: ["100"] }).spawn();
  Deno.writeTextFileSync(`${places.unified}/cgroup.procs`, String(child.pid));
  Deno.mkdirSync(paths.runDirectory, { recursive: true });
  Deno.writeTextFileSync(paths.cgroups, '{"unified":');

  removeContainerCgroups(paths);
  const { signal } = await child.status;
  const left = [...cgroups, paths.cgroups].filter(isPresent);
  Deno.removeSync(directory, { recursive: true });

  deepStrictEqual([signal, left], ["SIGKILL", []]);
});
