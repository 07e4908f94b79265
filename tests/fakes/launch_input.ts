/** What a launch plan depends on, for tests, and what they look at in a plan. @module */

import type { ContainerConfig } from "../../mod/container/record/config.ts";
import { DEFAULT_DEVICES, type LaunchInput } from "../../mod/container/launch/launch_input.ts";
import type { Step } from "../../mod/container/launch/plan.ts";
import {
  DEFAULT_PROCESS_SECURITY,
  type ProcessSecurity,
} from "../../mod/container/security/process_security.ts";
import { DEFAULT_SECURITY } from "../../mod/container/security/security.ts";
import { systemPathsOf } from "../../mod/container/launch/system_paths.ts";
import { Paths } from "../../mod/store/paths.ts";
import { fakeContainerConfig } from "./container_config.ts";

/** Where events go, and what they say. */
export const EVENTS = {
  path: "/run/r/events",
  id: "0123abcd",
  attributes: { label: 'a "b"', image: "/srv/rootfs", name: "web" },
};

const CONFIG = fakeContainerConfig({
  id: "0123abcd",
  root: { type: "directory", path: "/srv/rootfs" },
  entrypoint: ["/entry"],
  command: ["a b", ""],
  env: ["PATH=/bin", "A=1"],
  workingDirectory: "/work",
  hostname: "0123abcd",
});

/** Of a container on a pure cgroup v2 host, whose record is changed by `changes`. */
export function inputWith(
  changes: Partial<ContainerConfig>,
  network: LaunchInput["network"] = "new",
): LaunchInput {
  return {
    config: { ...CONFIG, ...changes },
    paths: new Paths("/r", "/run/r").container(CONFIG.id),
    lowerDirectories: ["/layers/base", "/layers/with:colon,comma"],
    identity: { uid: 33, gid: 44, groups: [55], home: "/home/web" },
    security: DEFAULT_PROCESS_SECURITY,
    devices: DEFAULT_DEVICES,
    systemPaths: systemPathsOf(DEFAULT_SECURITY, "/nonexistent"),
    cgroupHierarchies: [{ type: "cgroup2", name: "", data: "", isOwn: true }],
    cgroupSteps: [["cgroup", "/sys/fs/cgroup/wherry/0123abcd"]],
    layersDirectory: "/r/layers",
    volumeSources: new Map(),
    events: EVENTS,
    terminalSize: { rows: 24, columns: 80 },
    cleanupArgv: [],
    network,
  };
}

/** All steps of one word. */
export function stepsCalled(word: string, steps: readonly Step[]): Step[] {
  return steps.filter((step) => step[0] === word);
}

/** Rights that are none of the defaults. */
export const RIGHTS: ProcessSecurity = {
  ...DEFAULT_PROCESS_SECURITY,
  capabilities: 0x1000n,
  ambient: 0x1000n,
  hasNoNewPrivileges: true,
  apparmorProfile: "strict",
  limits: [{ resource: 7, soft: 1024n, hard: -1n }],
  umask: 0o027,
  oomScoreAdj: -5,
};

/** Flags of the namespaces that containers have. */
export const NEW = {
  NS: 0x20000,
  CGROUP: 0x02000000,
  UTS: 0x04000000,
  IPC: 0x08000000,
  PID: 0x20000000,
};

/** All but the network's. */
export const ALL = NEW.NS | NEW.CGROUP | NEW.UTS | NEW.IPC | NEW.PID;

/** Root inside. */
export const ROOT = { uid: 0, gid: 0, groups: [0], home: "/root" };
