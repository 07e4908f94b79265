/** What can be found out about mounts before a container is made or started. @module */

import type { ContainerConfig } from "../../container/record/config.ts";
import type { BindMount, ContainerMount, ImageMount } from "../../container/record/mounts.ts";
import { systemPathsOf } from "../../container/launch/system_paths.ts";
import { dockerError, WherryError } from "../../errors.ts";
import { realPathOfExisting } from "../../kernel/host.ts";
import { type MountInfo, parseMountInfo } from "../../kernel/mount.ts";

/** What of a container mounts depend on. */
export type MountsOfContainer =
  & Pick<ContainerConfig, "mounts" | "storageDriver" | "hasTerminal" | "security">
  & { hasOwnIds: boolean };

/**
 * Checks that a new container can have its mounts.
 *
 * @throws {WherryError} `invalid_argument` or `unsupported` if it cannot.
 */
export function checkMounts(container: MountsOfContainer): void {
  const { mounts, storageDriver } = container;
  for (const mount of mounts) {
    if (mount.type === "image") checkImage(mount, storageDriver);
    if (mount.type === "bind" && isShared(mount)) checkShared(mount, container);
  }
  checkMountSources(mounts);
}

/**
 * Checks that the sources of bind mounts are there, and propagate as the mounts are to.
 *
 * @throws {WherryError} `invalid_argument` if one is not.
 */
export function checkMountSources(mounts: readonly ContainerMount[]): void {
  const binds = mounts.filter((mount) => mount.type === "bind");
  for (const { source, target } of binds) {
    if (!/^\/proc\/(thread-)?self\//.test(source)) continue;
    throw new WherryError(
      "invalid_argument",
      `Cannot mount "${source}" on "${target}": it means something else to each process`,
      { hint: 'Name what it leads to: see "readlink"' },
    );
  }
  for (const { source } of binds.filter(({ createsSource }) => !createsSource)) {
    if (isThere(source)) continue;
    throw dockerError(
      "invalid_argument",
      `invalid mount config for type "bind": bind source path does not exist: ${source}`,
      { hint: "Make it first, or use -v, which makes a directory" },
    );
  }
  const propagating = binds.filter(({ propagation }) => !propagation.endsWith("private"));
  if (propagating.length === 0) return;
  const hostMounts = parseMountInfo(Deno.readTextFileSync("/proc/self/mountinfo"));
  for (const mount of propagating) checkPropagation(mount, hostMounts);
}

/** Also what a link leads to. */
function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return false;
    }
    throw error;
  }
}

function isShared({ propagation }: BindMount): boolean {
  return propagation.endsWith("shared");
}

/** In docker's words. A mount that has no peer propagates to nobody, and gets nothing from anybody. */
function checkPropagation(mount: BindMount, hostMounts: readonly MountInfo[]): void {
  const { source } = mount;
  const host = findMount(realPathOfExisting(source), hostMounts);
  const isPeer = host.groups.some((group) => group.startsWith("shared:"));
  const isSlave = host.groups.some((group) => group.startsWith("master:"));
  if (isPeer || (isSlave && !isShared(mount))) return;
  const wanted = isShared(mount) ? "shared" : "shared or slave";
  throw dockerError(
    "invalid_argument",
    `path ${source} is mounted on ${host.mountPoint} but it is not a ${wanted} mount`,
    { hint: `Make it one with "mount --make-shared ${host.mountPoint}"` },
  );
}

/** The mount that a path without links is on: of several on one place the last one is on top. */
function findMount(path: string, hostMounts: readonly MountInfo[]): MountInfo {
  const isAbove = ({ mountPoint }: MountInfo): boolean =>
    mountPoint === "/" || `${path}/`.startsWith(`${mountPoint}/`);
  return hostMounts.filter(isAbove).reduce((found, mount) =>
    mount.mountPoint.length >= found.mountPoint.length ? mount : found
  );
}

/** What is mounted in what is shared shows up on the host, and stays there when the container is gone. */
function checkShared(shared: BindMount, container: MountsOfContainer): void {
  const { source, target, propagation } = shared;
  if (container.hasOwnIds) {
    throw new WherryError(
      "unsupported",
      `Cannot mount "${source}" on "${target}" as ${propagation}: a container with ids of its own can mount nothing ` +
        "on the host",
      { hint: "Use rslave, which shows it what the host mounts, or leave out --userns" },
    );
  }
  const state =
    `what is mounted on "${target}" is shared with the host, where it would appear, too, and stay`;
  const inner = mountedPaths(container).find((path) => path.startsWith(`${target}/`));
  if (inner !== undefined) {
    throw new WherryError("unsupported", `Cannot mount anything on "${inner}": ${state}`, {
      hint: `Mount it somewhere else, or use rslave on "${target}"`,
    });
  }
  const { masked, readOnly } = systemPathsOf(container.security);
  const covered = [...masked, ...readOnly].find((path) => `${path}/`.startsWith(`${target}/`));
  if (covered === undefined) return;
  throw new WherryError("unsupported", `Cannot mount a cover on "${covered}": ${state}`, {
    hint:
      `Use rslave on "${target}", or --security-opt systempaths=unconfined, which covers nothing`,
  });
}

/** Where something is mounted because somebody asked for it. */
function mountedPaths({ mounts, hasTerminal, security }: MountsOfContainer): string[] {
  return [
    ...mounts.map(({ target }) => target),
    ...security.devices.map(({ containerPath }) => containerPath),
    ...(hasTerminal ? ["/dev/console"] : []),
  ];
}

function checkImage(
  { reference, target, layers }: ImageMount,
  storageDriver: ContainerConfig["storageDriver"],
): void {
  if (layers.length === 0) {
    throw new WherryError(
      "invalid_argument",
      `Cannot mount image "${reference}" on "${target}": it has no files`,
    );
  }
  if (layers.length === 1 || storageDriver === "overlay") return;
  throw new WherryError(
    "unsupported",
    `Cannot mount image "${reference}" on "${target}": its ${layers.length} layers take an overlay, and with the ` +
      "storage driver copy there is none",
    { hint: "Make an image of one layer of it: wherry export a container of it, and import that" },
  );
}
