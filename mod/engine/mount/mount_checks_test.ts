import { doesNotThrow, strictEqual, throws } from "node:assert/strict";
import { fakeContainerConfig } from "../../../tests/fakes/container_config.ts";
import type { ContainerConfig } from "../../container/record/config.ts";
import type { BindMount, ContainerMount, ImageMount } from "../../container/record/mounts.ts";
import { checkMounts, checkMountSources } from "./mount_checks.ts";

const BIND: BindMount = {
  type: "bind",
  source: "/",
  target: "/data",
  isReadOnly: false,
  createsSource: false,
  propagation: "rprivate",
};

const IMAGE: ImageMount = {
  type: "image",
  imageId: "sha256:0",
  reference: "box",
  layers: ["base", "top"],
  target: "/image",
  subpath: "",
};

function check(
  mounts: ContainerMount[],
  { hasOwnIds = false, isCopy = false, ...changes }: Partial<ContainerConfig> & {
    hasOwnIds?: boolean;
    isCopy?: boolean;
  } = {},
): void {
  const config = fakeContainerConfig(changes);
  checkMounts({ ...config, mounts, hasOwnIds, storageDriver: isCopy ? "copy" : "overlay" });
}

/** Why there cannot be such mounts; whether this host's root is a shared mount is no matter of what is tested here. */
function faultOf(mounts: ContainerMount[], changes: Partial<ContainerConfig> = {}): string {
  try {
    check(mounts, changes);
    return "";
  } catch (error) {
    const text = String(error);
    return text.endsWith("is mounted on / but it is not a shared mount") ? "" : text;
  }
}

Deno.test("checkMountSources() refuses a missing source unless it is made", () => {
  const missing = { ...BIND, source: "/missing/source" };
  const below = { ...BIND, source: "/etc/hosts/below" };

  doesNotThrow(() => checkMountSources([BIND, { ...missing, createsSource: true }]));
  for (const mount of [missing, below]) {
    throws(() => checkMountSources([mount]), {
      kind: "invalid_argument",
      message:
        `invalid mount config for type "bind": bind source path does not exist: ${mount.source}`,
    });
  }
});

Deno.test("checkMountSources() refuses what means something else to each process", () => {
  for (const source of ["/proc/self/cwd", "/proc/thread-self/fd/0"]) {
    throws(() => checkMountSources([{ ...BIND, source }]), {
      message: `Cannot mount "${source}" on "/data": it means something else to each process`,
    });
  }
});

Deno.test("checkMounts() refuses to mount anything in what is shared with the host", () => {
  const shared = { ...BIND, propagation: "rshared" } as const;

  throws(() => check([{ type: "tmpfs", target: "/data/in", options: "" }, shared]), {
    kind: "unsupported",
    message: 'Cannot mount anything on "/data/in": what is mounted on "/data" is shared with the ' +
      "host, where it would appear, too, and stay",
  });
});

Deno.test("checkMounts() refuses devices and terminals in what is shared with the host", () => {
  const shared = { ...BIND, target: "/dev", propagation: "rshared" } as const;
  const { security } = fakeContainerConfig();
  const devices = [{ hostPath: "/dev/null", containerPath: "/dev/nothing", permissions: "rwm" }];

  strictEqual(faultOf([shared]), "");
  throws(
    () => check([shared], { hasTerminal: true }),
    /on "\/dev\/console": .* on "\/dev" is shared/,
  );
  throws(
    () => check([shared], { security: { ...security, devices } }),
    /on "\/dev\/nothing": what is mounted on "\/dev" is shared with the host/,
  );
});

Deno.test("checkMounts() shares nothing of the kernel's that is covered inside", () => {
  const { security } = fakeContainerConfig();
  const unconfined = { ...security, maskedPaths: [], readonlyPaths: [] };

  for (const [target, covered] of [["/proc", "/proc/acpi"], ["/sys/firmware", "/sys/firmware"]]) {
    const shared = { ...BIND, target: target ?? "", propagation: "rshared" } as const;
    strictEqual(faultOf([shared], { security: unconfined }), "");
    throws(() => check([shared]), {
      kind: "unsupported",
      message:
        `Cannot mount a cover on "${covered}": what is mounted on "${target}" is shared with ` +
        "the host, where it would appear, too, and stay",
    });
  }
});

Deno.test("checkMounts() refuses to share where root inside is not the host's", () => {
  throws(() => check([{ ...BIND, propagation: "shared" }], { hasOwnIds: true }), {
    kind: "unsupported",
    message: 'Cannot mount "/" on "/data" as shared: a container with ids of its own can mount ' +
      "nothing on the host",
  });
});

Deno.test("checkMounts() refuses what takes an overlay where there is none", () => {
  doesNotThrow(() => check([IMAGE]));
  doesNotThrow(() => check([{ ...IMAGE, layers: ["base"] }], { isCopy: true }));
  throws(() => check([IMAGE], { isCopy: true }), {
    kind: "unsupported",
    message: 'Cannot mount image "box" on "/image": its 2 layers take an overlay, and with the ' +
      "storage driver copy there is none",
  });
  throws(() => check([{ ...IMAGE, layers: [] }]), {
    message: 'Cannot mount image "box" on "/image": it has no files',
  });
});
