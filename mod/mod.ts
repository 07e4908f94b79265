/**
 * wherry as a library: the same engine that the `wherry` command uses, without a daemon or a socket.
 *
 * Owns nothing itself: it names what of the rooms below is meant for others.
 *
 * @example Run a command in a container and wait for it
 * ```ts ignore
 * import { createContainer, Engine, removeContainer, startContainer } from "@wherry/wherry";
 *
 * const engine = new Engine();
 * using container = await createContainer(engine, { image: "debian", command: ["true"] });
 * using monitor = await startContainer(engine, container);
 * container[Symbol.dispose](); // from here on the monitor alone keeps it locked
 * const event = await monitor.nextOf("exited");
 * await removeContainer(engine, container.config.id, { isForced: false });
 * ```
 *
 * @module
 */

export {
  type CleanupCommand,
  Engine,
  type EngineOptions,
  type LostEvents,
} from "./engine/base/engine.ts";
export { createContainer, type CreatedContainer } from "./engine/lifecycle/create.ts";
export type { CreateRequest, NamespaceModes } from "./engine/lifecycle/create_request.ts";
export type { ParentNetworkRequest } from "./engine/network/parent_network.ts";
export { startContainer, type StartOptions } from "./engine/lifecycle/start.ts";
export type { HealthCheckRequest } from "./engine/image/health_check.ts";
export { execInContainer, type ExecRequest } from "./engine/lifecycle/exec.ts";
export {
  signalContainer,
  stopContainer,
  type StopOptions,
  waitForContainer,
} from "./engine/lifecycle/stop.ts";
export { restartContainer, startInBackground } from "./engine/lifecycle/restart.ts";
export { findTags, pushImage, type PushImageRequest } from "./engine/image/push_image.ts";
export {
  findLogin,
  logIn,
  type LoginRequest,
  logOut,
  type RegistryRequest,
} from "./engine/image/login.ts";
export type { Credentials } from "./image/registry/credentials.ts";
export type { Login } from "./image/registry/login.ts";
export type { Environment } from "./engine/base/environment.ts";
export { listRemoteTags, pullImage, type PullImageRequest } from "./engine/image/pull_image.ts";
export type { PulledImage } from "./image/registry/pull.ts";
export type { PushedManifest } from "./image/registry/push.ts";
export type { LayerPhase, LayerProgress, ProgressListener } from "./image/spec/progress.ts";
export type { brand, Digest, ImageId } from "./image/spec/digest.ts";
export type { Platform } from "./image/spec/platform.ts";
export { parseReference, type Reference } from "./image/spec/reference.ts";
export type { LimitChanges } from "./container/resource/limits_update.ts";
export type { DeviceLimit, Resources } from "./container/resource/resources.ts";
export { renameContainer } from "./engine/lifecycle/rename.ts";
export { type ContainerUpdate, updateContainer } from "./engine/lifecycle/update.ts";
export { bootContainer, type BootPlan, planBoot, planShutdown } from "./engine/lifecycle/boot.ts";
export { commitContainer, type CommitRequest, type CommittedImage } from "./engine/files/commit.ts";
export { type ContainerChange, diffContainer } from "./engine/files/diff.ts";
export {
  archiveFromContainer,
  type ArchiveRequest,
  copyFromContainer,
  type CopyFromRequest,
  type CopySourceRequest,
} from "./engine/files/copy_from.ts";
export {
  copyToContainer,
  type CopyToRequest,
  type ExtractRequest,
  extractToContainer,
} from "./engine/files/copy_to.ts";
export type { CopyReport } from "./engine/files/copy_work.ts";
export { exportContainer, exportImage } from "./engine/files/export.ts";
export {
  type ContainerStats,
  type StatsRequest,
  type StatsRound,
  watchStats,
} from "./engine/inspect/stats.ts";
export type { Pressure, PressureResource } from "./kernel/pressure.ts";
export { type Examination, type ExaminationPart, examineHost } from "./engine/doctor/doctor.ts";
export type { Finding, FindingState } from "./engine/doctor/doctor_finding.ts";
export type { HostFiles } from "./engine/base/host_files.ts";
export { removeContainer, type RemoveContainerOptions } from "./engine/lifecycle/remove.ts";
export { pruneContainers } from "./engine/lifecycle/prune.ts";
export type { PruneFilter, PruneResult } from "./engine/base/prunable.ts";
export { createNetwork } from "./engine/network/create_network.ts";
export { findNetwork } from "./engine/network/networks.ts";
export { listNetworks, type NetworkList } from "./engine/network/list_networks.ts";
export { pruneNetworks, removeNetwork } from "./engine/network/remove_network.ts";
export {
  type ImagePruneOptions,
  type ImageRemoval,
  ImageRemover,
  pruneImages,
  tagImage,
} from "./engine/image/remove_image.ts";
export { type HistoryStep, readHistory } from "./engine/image/image_history.ts";
export {
  type LoadedImage,
  loadImages,
  type LoadImagesOptions,
  type NamedSource,
} from "./engine/image/images.ts";
export { saveImages, type SaveImagesOptions } from "./engine/image/save_images.ts";
export type { SaveFormat } from "./image/archive/save.ts";
export type { ByteSource } from "./image/tar/source.ts";
export { recoverEngine, type Recovery } from "./engine/system/recover.ts";
export type { EndpointRecovery } from "./engine/system/recover_endpoints.ts";
export type { NetworkRecovery } from "./engine/system/recover_networks.ts";
export { sweepContainers, type SweepOptions, type SweepResult } from "./engine/lifecycle/sweep.ts";
export type { Sweep } from "./image/store/image_sweep.ts";
export { type Container, findContainer } from "./engine/record/find.ts";
export {
  type EngineEvent,
  type EventLogDamage,
  type EventRequest,
  readEvents,
} from "./engine/system/event_log.ts";
export { parseEventFilter } from "./engine/system/event_filter.ts";
export { createVolume, findVolume, type NewVolume } from "./engine/mount/volumes.ts";
export { inspectVolume, listVolumes, type VolumeList } from "./engine/volume/list_volumes.ts";
export {
  pruneVolumes,
  removeVolume,
  type VolumePruneOptions,
  type VolumeRemoval,
} from "./engine/volume/remove_volume.ts";
export { exportVolume, type ImportedFiles, importVolume } from "./engine/volume/volume_files.ts";
export type { Inspection } from "./engine/base/inspection.ts";
export type { Volume } from "./volume/volume.ts";
export type { VolumeSweep } from "./volume/volume_store.ts";
export type {
  BindMount,
  BindOptions,
  BindRecursion,
  ContainerMount,
  GivenMounts,
  ImageMount,
  MountSpec,
  Propagation,
  TmpfsMount,
  VolumeMount,
  VolumeOptions,
} from "./container/record/mounts.ts";
export type {
  ImageMountRequest,
  MountRequest,
  VolumeRequest,
  VolumesFromRequest,
} from "./engine/mount/mounts.ts";
export { planMount } from "./engine/mount/mount_spec.ts";
export type {
  ContainerConfig,
  EndpointRequest,
  HealthCheck,
  LogConfig,
  NameLookup,
  NetworkMode,
  PublishedPort,
  RestartPolicy,
  RootSource,
  StorageDriver,
} from "./container/record/config.ts";
export type { IdRange, Namespaces, OfContainer } from "./container/record/namespaces.ts";
export {
  DEFAULT_SECURITY,
  type DeviceRequest,
  type SeccompChoice,
  type Security,
  type UlimitRequest,
} from "./container/security/security.ts";
export type { ContainerState, ContainerStatus, HealthStatus } from "./container/record/state.ts";
export type { TerminalSize } from "./container/launch/launch_input.ts";
export type {
  Attachment,
  JoinedProcesses,
  MonitorConnection,
  MonitorEvent,
  MonitorObserver,
} from "./container/launch/monitor.ts";
export type { IpamPool, NetworkConfig, NetworkDriver } from "./network/network.ts";
export type { NetworkRequest } from "./network/network_plan.ts";
export type {
  ContainerPaths,
  HostNetworkPaths,
  NetworkPaths,
  Paths,
  VolumePaths,
} from "./store/paths.ts";
export { type ErrorKind, WherryError, type WherryErrorOptions } from "./errors.ts";
export { SystemError } from "../ffi/errno.ts";
export type { Descriptor } from "../ffi/descriptor.ts";
