/** Commands for images. @module */

import { defineCommand } from "../base/command.ts";
import * as flags from "../definitions/image_flags.ts";
import { COMMON } from "../definitions/topics.ts";

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

const TAG = defineCommand({
  paths: ["tag", "image tag"],
  summary: "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
  usage: "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
  minArgs: 2,
  maxArgs: 2,
  flags: flags.TAG_FLAGS,
  load: () => import("../commands/tag.ts"),
});

const HISTORY = defineCommand({
  paths: ["history", "image history"],
  summary: "Show the history of an image",
  usage: "[OPTIONS] IMAGE",
  minArgs: 1,
  maxArgs: 1,
  flags: flags.HISTORY_FLAGS,
  load: () => import("../commands/history.ts"),
});

const IMAGE_EXISTS = defineCommand({
  paths: ["image exists"],
  summary: "Check whether an image exists: exit with 0 if it does, with 1 if not",
  usage: "IMAGE",
  minArgs: 1,
  maxArgs: 1,
  flags: flags.IMAGE_EXISTS_FLAGS,
  load: () => import("../commands/image_exists.ts"),
});

const IMAGE_PRUNE = defineCommand({
  paths: ["image prune"],
  summary: "Remove unused images",
  usage: "[OPTIONS]",
  maxArgs: 0,
  flags: flags.IMAGE_PRUNE_FLAGS,
  load: () => import("../commands/image_prune.ts"),
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
  description:
    "The tar may be plain or compressed with gzip, zstd, xz or bzip2. It is what `docker export` " +
    "writes, or debootstrap and tar make.",
  topic: COMMON,
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

const PULL = defineCommand({
  paths: ["pull", "image pull"],
  summary: "Download an image from a registry",
  usage: "[OPTIONS] NAME[:TAG|@DIGEST]",
  description: "Layers that are here already are not fetched again, and a pull that was " +
    "interrupted goes on where it was.",
  topic: COMMON,
  minArgs: 1,
  maxArgs: 1,
  flags: flags.PULL_FLAGS,
  load: () => import("../commands/pull.ts"),
});

const PUSH = defineCommand({
  paths: ["push", "image push"],
  summary: "Upload an image to a registry",
  usage: "[OPTIONS] NAME[:TAG]",
  description: "The name says which registry and repository. Layers that are there already are " +
    "not sent again, and plain ones are compressed before.",
  topic: COMMON,
  minArgs: 1,
  maxArgs: 1,
  flags: flags.PUSH_FLAGS,
  load: () => import("../commands/push.ts"),
});

const LOGIN = defineCommand({
  paths: ["login"],
  summary: "Authenticate to a registry",
  usage: "[OPTIONS] [SERVER]",
  description:
    "Without a server, that is Docker Hub. What the registry accepts is kept where docker keeps it: in " +
    "~/.docker/config.json, or with the credential helper that the file names.",
  maxArgs: 1,
  flags: flags.LOGIN_FLAGS,
  load: () => import("../commands/login.ts"),
});

const LOGOUT = defineCommand({
  paths: ["logout"],
  summary: "Log out from a registry",
  usage: "[SERVER]",
  maxArgs: 1,
  flags: flags.LOGOUT_FLAGS,
  load: () => import("../commands/logout.ts"),
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
  HISTORY,
  IMAGES,
  IMPORT,
  IMAGE_EXISTS,
  IMAGE_EXPORT,
  IMAGE_IMPORT,
  IMAGE_INSPECT,
  IMAGE_PRUNE,
  LOAD,
  PULL,
  PUSH,
  LOGIN,
  LOGOUT,
  RMI,
  SAVE,
  TAG,
] as const;
