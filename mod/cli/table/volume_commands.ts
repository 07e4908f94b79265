/** Commands for volumes. @module */

import { defineCommand } from "../base/command.ts";
import * as flags from "../definitions/volume_flags.ts";

const VOLUME_CREATE = defineCommand({
  paths: ["volume create"],
  summary: "Create a volume",
  usage: "[OPTIONS] [VOLUME]",
  description:
    "A volume is data that outlives containers. `wherry run -v VOLUME:/path` makes it when it is missing, and " +
    "gives a new one what the image has at that path. Without a name it gets 64 random digits, and " +
    "`wherry volume prune` takes it for anonymous. A volume that is there already is left as it is.",
  maxArgs: 1,
  flags: flags.VOLUME_CREATE_FLAGS,
  load: () => import("../commands/volume_create.ts"),
});

const VOLUME_INSPECT = defineCommand({
  paths: ["volume inspect"],
  summary: "Display detailed information on one or more volumes",
  usage: "[OPTIONS] VOLUME [VOLUME...]",
  minArgs: 1,
  flags: flags.VOLUME_INSPECT_FLAGS,
  load: () => import("../commands/volume_inspect.ts"),
});

const VOLUME_LS = defineCommand({
  paths: ["volume ls", "volume list"],
  summary: "List volumes",
  usage: "[OPTIONS]",
  maxArgs: 0,
  flags: flags.VOLUME_LS_FLAGS,
  load: () => import("../commands/volume_ls.ts"),
});

const VOLUME_PRUNE = defineCommand({
  paths: ["volume prune"],
  summary: "Remove unused local volumes",
  usage: "[OPTIONS]",
  description:
    "A volume is unused when no container has it, whether that runs or not. Those with a name of their own go only " +
    "with --all; those with options, and damaged ones, stay for `wherry volume rm`. As long as a container has a " +
    "damaged record, so that nobody can tell which volumes are its own, none is removed.",
  maxArgs: 0,
  flags: flags.VOLUME_PRUNE_FLAGS,
  load: () => import("../commands/volume_prune.ts"),
});

const VOLUME_RM = defineCommand({
  paths: ["volume rm", "volume remove"],
  summary: "Remove one or more volumes, with all that is in them",
  usage: "[OPTIONS] VOLUME [VOLUME...]",
  description:
    "A volume that a container has is not removed, whether that runs or not, and nothing is that is mounted in one.",
  minArgs: 1,
  flags: flags.VOLUME_RM_FLAGS,
  load: () => import("../commands/volume_rm.ts"),
});

const VOLUME_EXPORT = defineCommand({
  paths: ["volume export"],
  summary: "Write what is in a volume as a tar",
  usage: "[OPTIONS] VOLUME",
  description:
    "With owners, modes, times, extended attributes and links, those of the volume's own directory too. Containers " +
    "that use it go on meanwhile: stop them first where one moment matters, as with a database.",
  minArgs: 1,
  maxArgs: 1,
  flags: flags.VOLUME_EXPORT_FLAGS,
  load: () => import("../commands/volume_export.ts"),
});

const VOLUME_IMPORT = defineCommand({
  paths: ["volume import"],
  summary: "Put what is in a tar into a volume",
  usage: "VOLUME FILE|-",
  description:
    "The tar may be compressed with gzip, zstd, xz or bzip2. Files of the volume that the tar has, too, are replaced; " +
    "others stay. Nothing of a damaged tar gets into the volume, which has to exist: see `wherry volume create`.",
  minArgs: 2,
  maxArgs: 2,
  flags: flags.VOLUME_IMPORT_FLAGS,
  load: () => import("../commands/volume_import.ts"),
});

/** In the order of the help. */
export const VOLUME_COMMANDS = [
  VOLUME_CREATE,
  VOLUME_EXPORT,
  VOLUME_IMPORT,
  VOLUME_INSPECT,
  VOLUME_LS,
  VOLUME_PRUNE,
  VOLUME_RM,
] as const;
