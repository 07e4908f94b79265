/** `wherry volume ls`. @module */

import { listVolumes } from "../../engine/volume/list_volumes.ts";
import { compareNaturally } from "../../engine/base/natural_order.ts";
import { parseVolumeFilter } from "../../engine/volume/volume_filter.ts";
import { VolumesUse } from "../../engine/mount/volume_use.ts";
import type { VOLUME_LS_FLAGS } from "../definitions/volume_flags.ts";
import type { Context } from "../base/context.ts";
import type { ParsedFlags } from "../base/flags.ts";
import { formatRows } from "../listing/rows.ts";
import { VOLUME_LAYOUT, volumeRow } from "../listing/volume_rows.ts";

/** Lists volumes by name. */
export async function run(
  { engine, output }: Context,
  { flags }: ParsedFlags<typeof VOLUME_LS_FLAGS>,
): Promise<number> {
  const isWanted = parseVolumeFilter(flags.filter);
  const { volumes, damaged, warnings } = listVolumes(engine);
  for (const warning of warnings) output.warn(warning);
  let use: VolumesUse | undefined;
  const isUsed = (name: string): boolean =>
    (use ??= new VolumesUse(engine)).usersOf(name).length > 0;
  const rows = [...volumes, ...damaged]
    .toSorted((a, b) => compareNaturally(a.name, b.name))
    .filter((volume) => isWanted({ volume, isUsed: () => isUsed(volume.name) }))
    .map((volume) => volumeRow(volume, { mountpoint: engine.paths.volume(volume.name).data }));
  const format = flags.quiet && flags.format === undefined ? "{{.Name}}" : flags.format;
  output.write(await formatRows(rows, format, VOLUME_LAYOUT));
  return 0;
}
