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
  paths: ["import"],
  summary: "Make an image from the tar of a root file system",
  usage: "[OPTIONS] FILE|- [REPOSITORY[:TAG]]",
  description: "The tar may be plain or compressed with gzip or zstd. It is what `docker export` " +
    "writes, or debootstrap and tar make.",
  topic: COMMON,
  examples: EXAMPLES.import,
  minArgs: 1,
  maxArgs: 2,
  flags: flags.IMPORT_FLAGS,
  load: () => import("../commands/import.ts"),
});

const IMAGE_IMPORT = defineCommand({
  paths: ["image import"],
  summary: "Make an image from the tar of a root file system, named after its file",
  usage: "[OPTIONS] FILE|- [REPOSITORY[:TAG]]",
  description:
    "As `wherry import`, but an image that is not named otherwise is called like its file: " +
    "debian.tar.gz becomes debian. A name that is taken is taken over only if it is given as REPOSITORY.",
  minArgs: 1,
  maxArgs: 2,
  flags: flags.IMAGE_IMPORT_FLAGS,
  load: () => import("../commands/image_import.ts"),
});

const IMAGE_EXPORT = defineCommand({
  paths: ["image export"],
  summary: "Write an image's root file system to DIRECTORY/NAME.tgz",
  usage: "IMAGE DIRECTORY",
  description:
    "The file holds all layers in one, without their history: `wherry image import` makes an " +
    "image of it. `wherry save` keeps layers and settings.",
  minArgs: 2,
  maxArgs: 2,
  flags: flags.IMAGE_EXPORT_FLAGS,
  load: () => import("../commands/image_export.ts"),
});

const LOAD = defineCommand({
  paths: ["load", "image load"],
  summary: "Load images from an archive or a directory",
  usage: "[OPTIONS]",
  description: "Archives of docker, podman and OCI are known by their content, plain or " +
    "compressed, and so are directories that are OCI image layouts.",
  maxArgs: 0,
  flags: flags.LOAD_FLAGS,
  load: () => import("../commands/load.ts"),
});

const SAVE = defineCommand({
  paths: ["save", "image save"],
  summary: "Write one or more images to an archive",
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  description:
    "The archive is what `docker save` writes since version 25. Docker, podman, skopeo " +
    "and umoci read it. The same images always give the same bytes.",
  minArgs: 1,
  flags: flags.SAVE_FLAGS,
  load: () => import("../commands/save.ts"),
});

/** In the order of the help. */
export const IMAGE_COMMANDS = [
  IMAGES,
  IMPORT,
  IMAGE_EXPORT,
  IMAGE_IMPORT,
  IMAGE_INSPECT,
  LOAD,
  RMI,
  SAVE,
] as const;
