/** `wherry info`. @module */

import { readEngineInfo } from "../../engine/info.ts";
import type { INFO_FLAGS } from "../definitions/system_flags.ts";
import type { Context } from "../context.ts";
import { formatFacts, formatObject } from "../facts.ts";
import type { ParsedFlags } from "../flags.ts";
import { VERSION } from "../self.ts";
import { formatBinarySize } from "../units.ts";

/** Prints what there is, and what it runs on. */
export function run(
  { engine, output }: Context,
  { flags: { format = "" } }: ParsedFlags<typeof INFO_FLAGS>,
): number {
  const info = readEngineInfo(engine);
  if (format !== "") {
    output.write(formatObject({ ServerVersion: VERSION, ...info }, format));
    return 0;
  }
  output.write(formatFacts([
    ["Containers", info.Containers],
    ["  Running", info.ContainersRunning],
    ["  Paused", info.ContainersPaused],
    ["  Stopped", info.ContainersStopped],
    ["Images", info.Images],
    ["wherry version", VERSION],
    ["Storage driver", info.Driver],
    ...info.DriverStatus.map(([name, value]) => [`  ${name}`, value] as const),
    ["Root directory", info.DockerRootDir],
    ["Run directory", info.RunRootDir],
    ["Network drivers", info.Plugins.Network.join(" ")],
    ["Log drivers", info.Plugins.Log.join(" ")],
    ["Cgroups", info.CgroupLayout],
    ["Security options", info.SecurityOptions],
    ["Kernel", info.KernelVersion],
    ["Operating system", info.OperatingSystem],
    ["OS type", info.OSType],
    ["Architecture", info.Architecture],
    ["CPUs", info.NCPU],
    ["Total memory", formatBinarySize(info.MemTotal)],
    ["Name", info.Name],
  ]));
  for (const warning of info.Warnings) output.warn(warning);
  return 0;
}
