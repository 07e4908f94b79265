/** What somebody asks for when making a container. @module */

import type {
  ContainerConfig,
  EndpointRequest,
  LogConfig,
  NameLookup,
  NetworkMode,
  PublishedPort,
  RestartPolicy,
} from "../../container/record/config.ts";
import type { GivenMounts } from "../../container/record/mounts.ts";
import type { Namespaces } from "../../container/record/namespaces.ts";
import type { Resources } from "../../container/resource/resources.ts";
import type { Security } from "../../container/security/security.ts";
import type { Platform } from "../../image/spec/platform.ts";
import type { HealthCheckRequest } from "../image/health_check.ts";
import type { MountRequest } from "../mount/mounts.ts";
import type { ParentNetworkRequest } from "../network/parent_network.ts";
import type { VolumesFromRequest } from "../mount/volumes_from.ts";

/** Namespaces that can be asked for. */
export type NamespaceModes = Omit<Namespaces, "idRange">;

/** What somebody asks for when making a container. */
export interface CreateRequest {
  /** An image's reference or id, or the path of an archive; not with `rootfs`. */
  image?: string;
  /** What the image must run on. @default {an image for another machine is worth a warning} */
  platform?: Platform;
  /** A host directory to use as an image; it is never written to. */
  rootfs?: string;
  /** What people call it. @default {a random one} */
  name?: string;
  /** Replaces the image's entrypoint, and its command; an empty list clears it. */
  entrypoint?: readonly string[];
  /** Replaces the image's command; empty keeps it. */
  command?: readonly string[];
  /** `NAME=value`. */
  env?: readonly string[];
  /** Absolute path inside. @default {the image's, or "/"} */
  workingDirectory?: string;
  /** `user[:group]`. @default {the image's, or root} */
  user?: string;
  /** Host name inside. @default {the short id, or the host's with its network} */
  hostname?: string;
  /** Whether all three streams are one pseudo terminal. @default {false} */
  hasTerminal?: boolean;
  /** Whether stdin is kept open for attached clients. @default {false} */
  hasStdin?: boolean;
  /** Whether stdin ends when the first attached client's does. @default {false} */
  closesStdin?: boolean;
  /** Whether a reaping PID 1 runs before the command. @default {false} */
  hasInit?: boolean;
  /** Whether the root file system is read-only. @default {false} */
  isReadOnly?: boolean;
  /** Whether it is removed when it ends. @default {false} */
  isAutoRemoved?: boolean;
  /** Which network it is in. @default {"none"} */
  networkMode?: NetworkMode;
  /** The networks it is attached to. @default {none} */
  endpoints?: readonly EndpointRequest[];
  /** A network on a link of the host, which is made if there is none: the first endpoint is on it. @default {none} */
  parentNetwork?: ParentNetworkRequest;
  /** Ports to publish. @default {none} */
  publishedPorts?: readonly PublishedPort[];
  /** Whether each exposed port is published on a free port of the host. @default {false} */
  publishesAll?: boolean;
  /** `port/protocol`, on top of the image's. @default {none} */
  exposedPorts?: readonly string[];
  /** Where it finds the addresses of names. @default {as the host does} */
  nameLookup?: NameLookup;
  /** NIS domain name inside. @default {none} */
  domainname?: string;
  /** What is mounted inside, besides the defaults. @default {none} */
  mounts?: readonly MountRequest[];
  /** Absolute paths inside that are to be volumes where nothing else is mounted, besides the image's. @default {none} */
  volumes?: readonly string[];
  /** Other containers whose volumes and bind mounts appear inside, too. @default {none} */
  volumesFrom?: readonly VolumesFromRequest[];
  /** How somebody said the three above, for who inspects. @default {nothing} */
  givenMounts?: Omit<GivenMounts, "volumes">;
  /** On top of the image's labels. */
  labels?: Readonly<Record<string, string>>;
  /** Name or number. @default {the image's, or "SIGTERM"} */
  stopSignal?: string;
  /** In seconds; -1 waits for ever. @default {10} */
  stopTimeoutSeconds?: number;
  /** Whether PID 1 is a built-in init that only reaps, in place of a command. @default {false} */
  isIdle?: boolean;
  /** When it is started again. @default {never} */
  restartPolicy?: RestartPolicy;
  /** How its output is kept. @default {DEFAULT_LOG} */
  log?: LogConfig;
  /** How its health is checked, on top of what the image says; `null` for not at all. */
  healthCheck?: HealthCheckRequest | null;
  /** Streams that the caller is going to attach. @default {none} */
  attachedStreams?: ContainerConfig["attachedStreams"];
  /** How much of the host it may use. @default {all there is} */
  resources?: Partial<Resources>;
  /** What it may do; what is left out is as in {@linkcode DEFAULT_SECURITY}. @default {DEFAULT_SECURITY} */
  security?: Partial<Security>;
  /** Which namespaces are its own; other containers by name or id. @default {all} */
  namespaces?: Partial<NamespaceModes>;
  /** How many ids of its own it has, so that its root is nobody on the host; 1,000 or more. @default {the host's} */
  ownIds?: number;
  /** Whether the caller starts it at once, so that it is garbage should the caller die before. @default {false} */
  startsAtOnce?: boolean;
}
