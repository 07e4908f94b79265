/** `wherry info`. @module */

import { type EngineInfo, readEngineInfo } from "../../engine/system/info.ts";
import type { INFO_FLAGS } from "../definitions/system_flags.ts";
import type { Context } from "../base/context.ts";
import { type Fact, formatFacts, formatObject } from "../listing/facts.ts";
import type { ParsedFlags } from "../base/flags.ts";
import { VERSION } from "../base/self.ts";
import { formatBinarySize } from "../base/units.ts";

/** Prints what there is, and what it runs on. */
export function run(
  { engine, output }: Context,
  { flags: { format = "" } }: ParsedFlags<typeof INFO_FLAGS>,
): number {
  const info = readEngineInfo(engine);
  if (format !== "") {
    output.write(formatObject(documentOf(info), format));
    return 0;
  }
  output.write(formatFacts(factsOf(info)));
  for (const warning of info.Warnings) output.warn(warning);
  return 0;
}

/** Docker's warnings carry the word that says what they are. */
function documentOf(info: EngineInfo): object {
  const warnings = info.Warnings.map((warning) => `WARNING: ${warning}`);
  return { ServerVersion: VERSION, ...info, Warnings: warnings };
}

/** In docker's order and words, so far as it has them. */
function factsOf(info: EngineInfo): Fact[] {
  return [
    ["Containers", info.Containers],
    [" Running", info.ContainersRunning],
    [" Paused", info.ContainersPaused],
    [" Stopped", info.ContainersStopped],
    ["Images", info.Images],
    ["Volumes", info.Volumes],
    ["Server Version", VERSION],
    ["Storage Driver", info.Driver],
    ...info.DriverStatus.map(([name, value]) => [` ${name}`, value] as const),
    ["Logging Driver", info.LoggingDriver],
    ["Cgroup Driver", info.CgroupDriver],
    ["Cgroup Version", info.CgroupVersion],
    ["Cgroup Layout", info.CgroupLayout],
    ["Volume Drivers", info.Plugins.Volume.join(" ")],
    ["Network Drivers", info.Plugins.Network.join(" ")],
    ["Log Drivers", info.Plugins.Log.join(" ")],
    ["Security Options", info.SecurityOptions.map(formatSecurityOption)],
    ["Kernel Version", info.KernelVersion],
    ["Operating System", info.OperatingSystem],
    ["OSType", info.OSType],
    ["Architecture", info.Architecture],
    ["CPUs", info.NCPU],
    ["Total Memory", formatBinarySize(info.MemTotal)],
    ["Name", info.Name],
    ["Root Directory", info.DockerRootDir],
    ["Run Directory", info.RunRootDir],
    ...proxyFacts(info),
    ["Live Restore Enabled", String(info.LiveRestoreEnabled)],
  ];
}

function proxyFacts({ HttpProxy, HttpsProxy, NoProxy }: EngineInfo): Fact[] {
  const facts: Fact[] = [
    ["HTTP Proxy", HttpProxy],
    ["HTTPS Proxy", HttpsProxy],
    ["No Proxy", NoProxy],
  ];
  return facts.filter(([, value]) => value !== "");
}

/** `name=seccomp,profile=builtin` as `seccomp (profile: builtin)`. */
function formatSecurityOption(option: string): string {
  const [, name = option, profile] = /^name=([^,]+)(?:,profile=(.+))?$/.exec(option) ?? [];
  return profile === undefined ? name : `${name} (profile: ${profile})`;
}
