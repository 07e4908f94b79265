/**
 * Types by which docker's client reads what `inspect` shows, fields in their order.
 *
 * Names of fields are Go's. Left out on purpose are widths of integers and names of types that are
 * strings or integers underneath, which `printf "%T"` and mistakes in `printf` would show, and
 * methods of docker's types (`.HostConfig.NetworkMode.IsHost`). Where docker prints the address of
 * a nested pointer, wherry prints what it points to.
 *
 * @see {@link https://pkg.go.dev/github.com/docker/docker@v28.2.2+incompatible/api/types/container#InspectResponse}
 *
 * @module
 */

import {
  ANY,
  arrayOf,
  BOOL,
  embedded,
  type GoShape,
  INT,
  keyed,
  listOf,
  mapOf,
  own,
  pointerTo,
  STRING,
  stringerOf,
  structOf,
} from "../template/go_shape.ts";

const STRINGS = listOf(STRING);
const LABELS = mapOf(STRING);
const EMPTY = structOf("struct {}", {});
const PORT = "nat.Port";

/** A `time.Time` prints as `2026-11-21 02:35:45.36 +0000 UTC`. */
const TIME = stringerOf("time.Time", "0001-01-01T00:00:00Z", (json) => {
  const parts = /^(\S+)T([\d:]+)(\.\d*?)?0*(Z|[+-][\d:]+)$/.exec(`${json}`);
  if (parts === null) return `${json}`;
  const [, date, time, fraction = "", zone = "Z"] = parts;
  const offset = zone.replace(":", "");
  return `${date} ${time}${fraction === "." ? "" : fraction} ${
    zone === "Z" ? "+0000 UTC" : `${offset} ${offset}`
  }`;
});

const UNITS: readonly (readonly [nanoseconds: number, unit: string])[] = [
  [1, "ns"],
  [1e3, "µs"],
  [1e6, "ms"],
];
const SECOND = 1e9;

/** A `time.Duration` prints as `1h0m0s`. */
const DURATION = stringerOf("time.Duration", 0, (json) => {
  const nanoseconds = typeof json === "number" ? json : 0;
  if (nanoseconds === 0) return "0s";
  if (nanoseconds < 0) return `-${formatDuration(-nanoseconds)}`;
  return formatDuration(nanoseconds);
});

function formatDuration(nanoseconds: number): string {
  const [divisor, unit] = UNITS.findLast(([size]) => nanoseconds >= size) ?? [1, "ns"];
  if (nanoseconds < SECOND) return `${nanoseconds / divisor}${unit}`;
  const seconds = nanoseconds / SECOND;
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60);
  const rest = (nanoseconds - minutes * 60 * SECOND) / SECOND;
  if (hours > 0) return `${hours}h${minutes % 60}m${rest}s`;
  return minutes > 0 ? `${minutes}m${rest}s` : `${rest}s`;
}

/** A resource limit that prints as `name=value`, its parts named in JSON. */
function limitOf(typeName: string, format: (parts: Record<string, unknown>) => string): GoShape {
  return pointerTo(stringerOf(
    typeName,
    {},
    (json) => format(Object.fromEntries(Object.entries(json ?? {}))),
  ));
}

const ULIMIT = limitOf("units.Ulimit", ({ Name, Soft, Hard }) => `${Name}=${Soft}:${Hard}`);
const WEIGHT = limitOf("blkiodev.WeightDevice", ({ Path, Weight }) => `${Path}:${Weight}`);
const RATE = limitOf("blkiodev.ThrottleDevice", ({ Path, Rate }) => `${Path}:${Rate}`);

const HEALTHCHECK = structOf("v1.HealthcheckConfig", {
  Test: STRINGS,
  Interval: DURATION,
  Timeout: DURATION,
  StartPeriod: DURATION,
  StartInterval: DURATION,
  Retries: INT,
});

const HEALTH = structOf("container.Health", {
  Status: STRING,
  FailingStreak: INT,
  Log: listOf(pointerTo(structOf("container.HealthcheckResult", {
    Start: TIME,
    End: TIME,
    ExitCode: INT,
    Output: STRING,
  }))),
});

const STATE = structOf("container.State", {
  Status: STRING,
  Running: BOOL,
  Paused: BOOL,
  Restarting: BOOL,
  OOMKilled: BOOL,
  Dead: BOOL,
  Pid: INT,
  ExitCode: INT,
  Error: STRING,
  StartedAt: STRING,
  FinishedAt: STRING,
  Health: pointerTo(HEALTH),
  MonitorPid: own("MonitorPid", INT),
});

const PORT_MAP = mapOf(
  listOf(structOf("nat.PortBinding", { HostIP: keyed("HostIp", STRING), HostPort: STRING })),
  PORT,
);

const RESOURCES = structOf("container.Resources", {
  CPUShares: keyed("CpuShares", INT),
  Memory: INT,
  NanoCPUs: keyed("NanoCpus", INT),
  CgroupParent: STRING,
  BlkioWeight: INT,
  BlkioWeightDevice: listOf(WEIGHT),
  BlkioDeviceReadBps: listOf(RATE),
  BlkioDeviceWriteBps: listOf(RATE),
  BlkioDeviceReadIOps: listOf(RATE),
  BlkioDeviceWriteIOps: listOf(RATE),
  CPUPeriod: keyed("CpuPeriod", INT),
  CPUQuota: keyed("CpuQuota", INT),
  CPURealtimePeriod: keyed("CpuRealtimePeriod", INT),
  CPURealtimeRuntime: keyed("CpuRealtimeRuntime", INT),
  CpusetCpus: STRING,
  CpusetMems: STRING,
  Devices: listOf(structOf("container.DeviceMapping", {
    PathOnHost: STRING,
    PathInContainer: STRING,
    CgroupPermissions: STRING,
  })),
  DeviceCgroupRules: STRINGS,
  DeviceRequests: listOf(structOf("container.DeviceRequest", {
    Driver: STRING,
    Count: INT,
    DeviceIDs: STRINGS,
    Capabilities: listOf(STRINGS),
    Options: LABELS,
  })),
  KernelMemory: INT,
  KernelMemoryTCP: INT,
  MemoryReservation: INT,
  MemorySwap: INT,
  MemorySwappiness: pointerTo(INT),
  OomKillDisable: pointerTo(BOOL),
  PidsLimit: pointerTo(INT),
  Ulimits: listOf(ULIMIT),
  CPUCount: keyed("CpuCount", INT),
  CPUPercent: keyed("CpuPercent", INT),
  IOMaximumIOps: INT,
  IOMaximumBandwidth: INT,
});

const MOUNT = structOf("mount.Mount", {
  Type: STRING,
  Source: STRING,
  Target: STRING,
  ReadOnly: BOOL,
  Consistency: STRING,
  BindOptions: pointerTo(ANY),
  VolumeOptions: pointerTo(ANY),
  ImageOptions: pointerTo(ANY),
  TmpfsOptions: pointerTo(ANY),
  ClusterOptions: pointerTo(ANY),
});

const HOST_CONFIG = structOf("container.HostConfig", {
  Binds: STRINGS,
  ContainerIDFile: STRING,
  LogConfig: structOf("container.LogConfig", { Type: STRING, Config: LABELS }),
  NetworkMode: STRING,
  PortBindings: PORT_MAP,
  RestartPolicy: structOf("container.RestartPolicy", { Name: STRING, MaximumRetryCount: INT }),
  AutoRemove: BOOL,
  VolumeDriver: STRING,
  VolumesFrom: STRINGS,
  ConsoleSize: arrayOf(INT, 2),
  Annotations: LABELS,
  CapAdd: STRINGS,
  CapDrop: STRINGS,
  CgroupnsMode: STRING,
  DNS: keyed("Dns", STRINGS),
  DNSOptions: keyed("DnsOptions", STRINGS),
  DNSSearch: keyed("DnsSearch", STRINGS),
  ExtraHosts: STRINGS,
  GroupAdd: STRINGS,
  IpcMode: STRING,
  Cgroup: STRING,
  Links: STRINGS,
  OomScoreAdj: INT,
  PidMode: STRING,
  Privileged: BOOL,
  PublishAllPorts: BOOL,
  ReadonlyRootfs: BOOL,
  SecurityOpt: STRINGS,
  StorageOpt: LABELS,
  Tmpfs: LABELS,
  UTSMode: STRING,
  UsernsMode: STRING,
  ShmSize: INT,
  Sysctls: LABELS,
  Runtime: STRING,
  Isolation: STRING,
  Resources: embedded(RESOURCES),
  Mounts: listOf(MOUNT),
  MaskedPaths: STRINGS,
  ReadonlyPaths: STRINGS,
  Init: pointerTo(BOOL),
});

const CONFIG = structOf("container.Config", {
  Hostname: STRING,
  Domainname: STRING,
  User: STRING,
  AttachStdin: BOOL,
  AttachStdout: BOOL,
  AttachStderr: BOOL,
  ExposedPorts: mapOf(EMPTY, PORT),
  Tty: BOOL,
  OpenStdin: BOOL,
  StdinOnce: BOOL,
  Env: STRINGS,
  Cmd: STRINGS,
  Healthcheck: pointerTo(HEALTHCHECK),
  ArgsEscaped: BOOL,
  Image: STRING,
  Volumes: mapOf(EMPTY),
  WorkingDir: STRING,
  Entrypoint: STRINGS,
  NetworkDisabled: BOOL,
  MacAddress: STRING,
  OnBuild: STRINGS,
  Labels: LABELS,
  StopSignal: STRING,
  StopTimeout: pointerTo(INT),
  Shell: STRINGS,
});

const ADDRESSES = listOf(structOf("network.Address", { Addr: STRING, PrefixLen: INT }));

const ENDPOINT = structOf("network.EndpointSettings", {
  IPAMConfig: pointerTo(structOf("network.EndpointIPAMConfig", {
    IPv4Address: STRING,
    IPv6Address: STRING,
    LinkLocalIPs: STRINGS,
  })),
  Links: STRINGS,
  Aliases: STRINGS,
  MacAddress: STRING,
  DriverOpts: LABELS,
  GwPriority: INT,
  NetworkID: STRING,
  EndpointID: STRING,
  Gateway: STRING,
  IPAddress: STRING,
  IPPrefixLen: INT,
  IPv6Gateway: STRING,
  GlobalIPv6Address: STRING,
  GlobalIPv6PrefixLen: INT,
  DNSNames: STRINGS,
});

const NETWORK_SETTINGS = structOf("container.NetworkSettings", {
  NetworkSettingsBase: embedded(structOf("container.NetworkSettingsBase", {
    Bridge: STRING,
    SandboxID: STRING,
    SandboxKey: STRING,
    Ports: PORT_MAP,
    HairpinMode: BOOL,
    LinkLocalIPv6Address: STRING,
    LinkLocalIPv6PrefixLen: INT,
    SecondaryIPAddresses: ADDRESSES,
    SecondaryIPv6Addresses: ADDRESSES,
  })),
  DefaultNetworkSettings: embedded(structOf("container.DefaultNetworkSettings", {
    EndpointID: STRING,
    Gateway: STRING,
    GlobalIPv6Address: STRING,
    GlobalIPv6PrefixLen: INT,
    IPAddress: STRING,
    IPPrefixLen: INT,
    IPv6Gateway: STRING,
    MacAddress: STRING,
  })),
  Networks: mapOf(pointerTo(ENDPOINT)),
});

const STORAGE = structOf("storage.DriverData", { Data: LABELS, Name: STRING });

const CONTAINER_BASE = structOf("container.ContainerJSONBase", {
  ID: keyed("Id", STRING),
  Created: STRING,
  Path: STRING,
  Args: STRINGS,
  State: pointerTo(STATE),
  Image: STRING,
  ResolvConfPath: STRING,
  HostnamePath: STRING,
  HostsPath: STRING,
  LogPath: STRING,
  Name: STRING,
  RestartCount: INT,
  Driver: STRING,
  Platform: STRING,
  MountLabel: STRING,
  ProcessLabel: STRING,
  AppArmorProfile: STRING,
  ExecIDs: STRINGS,
  HostConfig: pointerTo(HOST_CONFIG),
  GraphDriver: STORAGE,
  SizeRw: pointerTo(INT),
  SizeRootFs: pointerTo(INT),
});

/** What `container inspect` shows. */
export const CONTAINER_SHAPE: GoShape = structOf("container.InspectResponse", {
  ContainerJSONBase: embedded(pointerTo(CONTAINER_BASE)),
  Mounts: listOf(structOf("container.MountPoint", {
    Type: STRING,
    Name: STRING,
    Source: STRING,
    Destination: STRING,
    Driver: STRING,
    Mode: STRING,
    RW: BOOL,
    Propagation: STRING,
  })),
  Config: pointerTo(CONFIG),
  NetworkSettings: pointerTo(NETWORK_SETTINGS),
  ImageManifestDescriptor: pointerTo(ANY),
});

const IMAGE_CONFIG = structOf("v1.DockerOCIImageConfig", {
  ImageConfig: embedded(structOf("v1.ImageConfig", {
    User: STRING,
    ExposedPorts: mapOf(EMPTY),
    Env: STRINGS,
    Entrypoint: STRINGS,
    Cmd: STRINGS,
    Volumes: mapOf(EMPTY),
    WorkingDir: STRING,
    Labels: LABELS,
    StopSignal: STRING,
    ArgsEscaped: BOOL,
  })),
  DockerOCIImageConfigExt: embedded(structOf("v1.DockerOCIImageConfigExt", {
    Healthcheck: pointerTo(HEALTHCHECK),
    OnBuild: STRINGS,
    Shell: STRINGS,
  })),
});

/** What `image inspect` shows. */
export const IMAGE_SHAPE: GoShape = structOf("image.InspectResponse", {
  ID: keyed("Id", STRING),
  RepoTags: STRINGS,
  RepoDigests: STRINGS,
  Parent: STRING,
  Comment: STRING,
  Created: STRING,
  Container: STRING,
  ContainerConfig: pointerTo(CONFIG),
  DockerVersion: STRING,
  Author: STRING,
  Config: pointerTo(IMAGE_CONFIG),
  Architecture: STRING,
  Variant: STRING,
  Os: STRING,
  OsVersion: STRING,
  Size: INT,
  VirtualSize: INT,
  GraphDriver: STORAGE,
  RootFS: structOf("image.RootFS", { Type: STRING, Layers: STRINGS }),
  Metadata: structOf("image.Metadata", { LastTagTime: TIME }),
  Descriptor: pointerTo(ANY),
  Manifests: listOf(ANY),
});

/** What `network inspect` shows. */
export const NETWORK_SHAPE: GoShape = structOf("network.Inspect", {
  Name: STRING,
  ID: keyed("Id", STRING),
  Created: TIME,
  Scope: STRING,
  Driver: STRING,
  EnableIPv4: BOOL,
  EnableIPv6: BOOL,
  IPAM: structOf("network.IPAM", {
    Driver: STRING,
    Options: LABELS,
    Config: listOf(structOf("network.IPAMConfig", {
      Subnet: STRING,
      IPRange: STRING,
      Gateway: STRING,
      AuxAddress: keyed("AuxiliaryAddresses", LABELS),
    })),
  }),
  Internal: BOOL,
  Attachable: BOOL,
  Ingress: BOOL,
  ConfigFrom: structOf("network.ConfigReference", { Network: STRING }),
  ConfigOnly: BOOL,
  Containers: mapOf(structOf("network.EndpointResource", {
    Name: STRING,
    EndpointID: STRING,
    MacAddress: STRING,
    IPv4Address: STRING,
    IPv6Address: STRING,
  })),
  Options: LABELS,
  Labels: LABELS,
  Peers: listOf(ANY),
  Services: mapOf(ANY),
});

/** What `volume inspect` shows. */
export const VOLUME_SHAPE: GoShape = structOf("volume.Volume", {
  ClusterVolume: pointerTo(ANY),
  CreatedAt: STRING,
  Driver: STRING,
  Labels: LABELS,
  Mountpoint: STRING,
  Name: STRING,
  Options: LABELS,
  Scope: STRING,
  Status: mapOf(ANY),
  UsageData: pointerTo(ANY),
});
