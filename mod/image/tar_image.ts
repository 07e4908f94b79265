/** A tar's path in place of an image: imported on first use, found again afterwards. @module */

import { WherryError } from "../errors.ts";
import { loadDockerArchive } from "./archive.ts";
import { explainFailure } from "./archive_error.ts";
import { looksLikeImageArchive } from "./archive_files.ts";
import { decompressed, detectCompression } from "./decompress.ts";
import type { ImageId } from "./digest.ts";
import { readIndex } from "./image_index.ts";
import type { ImagePaths } from "./image_paths.ts";
import { getImage, type Image } from "./images.ts";
import { importRootfs } from "./import.ts";
import { parseReference, type Reference } from "./reference.ts";
import { chunksOf, peek } from "./source.ts";

/** Annotation of an index entry: which state of which file the image was made of. */
const SOURCE_ANNOTATION = "io.wherry.image.source";

/** Whether a person means a file and not a reference: no reference starts like that. */
export function isTarPath(text: string): boolean {
  return /^\.{0,2}\//.test(text);
}

/** An image that was made of a tar. */
export interface TarImageMade {
  id: ImageId;
  /** How it was made. */
  action: "import" | "load";
  /** What it was called. @default {as the archive says} */
  reference?: Reference;
}

/**
 * Gets the image that a tar holds: the tar of a root file system or a docker archive, as its content says.
 *
 * The image is made when this state of the file (device, inode, size, times) has not been seen before. A root file
 * system is called `localhost/NAME` after the file; it is dated as the file is, so that a copy that kept its date
 * becomes the same image.
 *
 * @param path Absolute, or relative to the current directory.
 * @param onMade Called for each image that was not known before.
 * @throws {WherryError} `not_found` if there is no such file, `invalid_argument` if it is a directory or holds several
 * images;
 * otherwise as {@linkcode importRootfs} and {@linkcode loadDockerArchive}.
 */
export async function getTarImage(
  paths: ImagePaths,
  path: string,
  onMade: (made: TarImageMade) => void = () => {},
): Promise<Image> {
  using file = openTar(path);
  const info = file.statSync();
  if (info.isDirectory) {
    throw new WherryError("invalid_argument", `Cannot run "${path}": it is a directory`, {
      hint: `Use a directory as root file system with --rootfs "${path}"`,
    });
  }
  const state = [info.dev, info.ino, info.size, info.mtime?.getTime(), info.ctime?.getTime()];
  const sourceState = state.join(":");
  const known = findBySource(paths, sourceState);
  if (known !== undefined) return known;
  const annotations = { [SOURCE_ANNOTATION]: sourceState };
  const common = { sourceName: path, annotations };
  const reference = referenceOfFile(path);
  const isArchive = await isImageArchive(file, path);
  file.seekSync(0, Deno.SeekMode.Start);
  if (!isArchive) {
    const createdAt = info.mtime ?? undefined;
    const { id } = await importRootfs(paths, file, { ...common, reference, createdAt });
    onMade({ id, action: "import", reference });
    return getImage(paths, id);
  }
  const images = await loadDockerArchive(paths, file, { ...common, defaultReference: reference });
  for (const { id } of images) onMade({ id, action: "load" });
  return getImage(paths, onlyOne(path, images));
}

function openTar(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw explainFailure(`open "${path}"`, cause);
    throw new WherryError("not_found", `Cannot open image "${path}": there is no such file`, {
      cause,
    });
  }
}

function findBySource(paths: ImagePaths, source: string): Image | undefined {
  const entry = readIndex(paths).manifests.find(({ annotations }) =>
    annotations[SOURCE_ANNOTATION] === source
  );
  return entry === undefined ? undefined : getImage(paths, entry.digest);
}

async function isImageArchive(file: Deno.FsFile, path: string): Promise<boolean> {
  try {
    const { start, chunks } = await peek(chunksOf(file));
    for await (const tar of decompressed(chunks, detectCompression(start))) {
      return looksLikeImageArchive(tar);
    }
    return false;
  } catch (error) {
    throw explainFailure(`import "${path}"`, error);
  }
}

function onlyOne(path: string, images: readonly { id: ImageId }[]): ImageId {
  const [first, second] = images;
  if (first !== undefined && second === undefined) return first.id;
  throw new WherryError(
    "invalid_argument",
    `Cannot run "${path}": it holds ${images.length} images`,
    { hint: "They are loaded now: name one of them, see `wherry images`" },
  );
}

/** A name made of a file's: `/images/Web App.tar.gz` is `localhost/web-app:latest`. */
export function referenceOfFile(path: string): Reference {
  const base = path.slice(path.lastIndexOf("/") + 1).toLowerCase();
  const stem = base.replace(/\.(?:tar|tgz|tzst|tar\.[a-z0-9]+)$/, "");
  const name = stem.replaceAll(/[^a-z0-9]+/g, "-").replaceAll(/^-+|-+$/g, "").slice(0, 128);
  return parseReference(`localhost/${name === "" ? "image" : name.replace(/-$/, "")}`);
}
