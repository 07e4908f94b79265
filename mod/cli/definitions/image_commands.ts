/** Commands for images. @module */

import { defineCommand } from "../command.ts";
import * as flags from "./image_flags.ts";
import { EXAMPLES } from "./examples.ts";
import { COMMON } from "./topics.ts";

const IMAGE_INSPECT = defineCommand({
  paths: ["image inspect"],
  summary: "Display detailed information on one or more images",
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  minArgs: 1,
  flags: flags.IMAGE_INSPECT_FLAGS,
  load: () => import("../commands/image_inspect.ts"),
});

const IMAGES = defineCommand({
  paths: ["images", "image ls", "image list"],
  summary: "List images",
  usage: "[OPTIONS] [REPOSITORY[:TAG]]",
  topic: COMMON,
  maxArgs: 1,
  flags: flags.IMAGES_FLAGS,
  load: () => import("../commands/images.ts"),
});

const RMI = defineCommand({
  paths: ["rmi", "image rm", "image remove"],
  summary: "Remove one or more images",
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  minArgs: 1,
  flags: flags.RMI_FLAGS,
  load: () => import("../commands/rmi.ts"),
});

const IMPORT = defineCommand({
  paths: ["import", "image import"],
  summary: "Make an image from the tar of a root file system",
  usage: "[OPTIONS] FILE|- [REPOSITORY[:TAG]]",
  description:
    "The tar may be plain or compressed with gzip, zstd, xz or bzip2. It is what `docker export` " +
    "writes, or debootstrap and tar make.",
  topic: COMMON,
  examples: EXAMPLES.import,
  minArgs: 1,
  maxArgs: 2,
  flags: flags.IMPORT_FLAGS,
  load: () => import("../commands/import.ts"),
});

const LOAD = defineCommand({
  paths: ["load", "image load"],
  summary: "Load images from a docker archive",
  usage: "[OPTIONS]",
  maxArgs: 0,
  flags: flags.LOAD_FLAGS,
  load: () => import("../commands/load.ts"),
});

/** In the order of the help. */
export const IMAGE_COMMANDS = [
  IMAGES,
  IMPORT,
  IMAGE_INSPECT,
  LOAD,
  RMI,
] as const;
