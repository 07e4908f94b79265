/** A path in place of an image: imported or loaded on first use, found again afterwards. @module */

import { WherryError } from "../../errors.ts";
import { explainFailure } from "../tar/archive_error.ts";
import { looksLikeImageArchive } from "./archive_files.ts";
import { decompressed, detectCompression } from "../compression/decompress.ts";
import type { ImageId } from "../spec/digest.ts";
import { readIndex } from "../store/image_index.ts";
import type { ImagePaths } from "../store/image_paths.ts";
import { getImage, type Image } from "../store/images.ts";
import { importRootfs } from "./import.ts";
import { loadArchive } from "./load.ts";
import { LAYOUT_INDEX, LAYOUT_MARKER } from "./oci_layout.ts";
import { formatPlatform, type Platform } from "../spec/platform.ts";
import { parseReference, type Reference } from "../spec/reference.ts";
import { chunksOf, peek } from "../tar/source.ts";

/** Annotation of an index entry: which state of which file the image was made of. */
const SOURCE_ANNOTATION = "io.wherry.image.source";

/** Whether a person means a file and not a reference: no reference starts like that. */
export function isTarPath(text: string): boolean {
  return /^\.{0,2}\//.test(text);
}

/** An image that was made of what is at a path. */
export interface TarImageMade {
  id: ImageId;
  /** How it was made. */
  action: "import" | "load";
  /** What it was called. @default {as the archive says} */
  reference?: Reference;
}

/** Which image of a path to take, and who is told. */
export interface TarImageOptions {
  /** Of an image for several platforms. @default {this machine} */
  platform?: Platform | undefined;
  /** Called for each image that was not known before. */
  onMade?: (made: TarImageMade) => void;
}

/**
 * Gets the image that is at a path: the tar of a root file system, an archive of images, or an OCI image layout, as
 * its content says. `LAYOUT:NAME` is the image that the layout calls so.
 *
 * The image is made when this state of the file (device, inode, size, times) has not been seen before; of a layout it
 * is the state of its `index.json`, which names everything by content. A root file system is called `localhost/NAME`
 * after the file; it is dated as the file is, so that a copy that kept its date becomes the same image.
 *
 * @param path Absolute, or relative to the current directory.
 * @throws {WherryError} `not_found` if there is nothing, `invalid_argument` if it is a directory of another kind or
 * holds several images;
 * otherwise as {@linkcode importRootfs} and {@linkcode loadArchive}.
 */
export async function getTarImage(
  paths: ImagePaths,
  path: string,
  options: TarImageOptions = {},
): Promise<Image> {
  const place = findPlace(path);
  using file = openPlace(place);
  const annotations = { [SOURCE_ANNOTATION]: stateOf(file.statSync(), place, options) };
  const known = findBySource(paths, annotations);
  if (known !== undefined) return known;
  const request = { ...options, path, place, annotations, reference: referenceOfFile(place.path) };
  return place.type === "layout" || await isImageArchive(file, path)
    ? await load(paths, file, request)
    : await importTar(paths, file, request);
}

/** What somebody means with a path. */
type Place =
  | { type: "file"; path: string }
  /** With the name of the image in it if one is given. */
  | { type: "layout"; path: string; name: string | undefined };

/** What to make an image of. */
interface MakeRequest extends TarImageOptions {
  /** As the person gave it. */
  path: string;
  place: Place;
  annotations: Readonly<Record<string, string>>;
  reference: Reference;
}

/** @param file Open; where it stands does not matter. */
async function importTar(
  paths: ImagePaths,
  file: Deno.FsFile,
  { path, annotations, reference, onMade }: MakeRequest,
): Promise<Image> {
  file.seekSync(0, Deno.SeekMode.Start);
  const { mtime, size: sourceBytes } = file.statSync();
  const createdAt = mtime ?? undefined;
  const options = { sourceName: path, annotations, reference, createdAt, sourceBytes };
  const { id } = await importRootfs(paths, file, options);
  onMade?.({ id, action: "import", reference });
  return getImage(paths, id);
}

async function load(
  paths: ImagePaths,
  file: Deno.FsFile,
  { path, place, annotations, reference, platform, onMade }: MakeRequest,
): Promise<Image> {
  file.seekSync(0, Deno.SeekMode.Start);
  const images = await loadArchive(paths, place.type === "layout" ? place.path : file, {
    sourceName: path,
    annotations,
    defaultReference: reference,
    repository: reference,
    platform,
    name: place.type === "layout" ? place.name : undefined,
  });
  for (const { id } of images) onMade?.({ id, action: "load" });
  return getImage(paths, onlyOne(path, images));
}

/** A path is taken literally first; only then for that of a layout and a name. */
function findPlace(path: string): Place {
  const info = infoOf(path);
  if (info !== undefined) return placeOf(path, info);
  const colon = path.indexOf(":", path.lastIndexOf("/"));
  const directory = path.slice(0, colon);
  if (colon > 0 && isLayout(directory)) {
    return { type: "layout", path: directory, name: path.slice(colon + 1) };
  }
  throw new WherryError("not_found", `Cannot open image "${path}": there is no such file`);
}

function placeOf(path: string, { isDirectory }: Deno.FileInfo): Place {
  if (!isDirectory) return { type: "file", path };
  if (isLayout(path)) return { type: "layout", path, name: undefined };
  throw new WherryError("invalid_argument", `Cannot run "${path}": it is a directory`, {
    hint: `Use a directory as root file system with --rootfs "${path}"`,
  });
}

function isLayout(directory: string): boolean {
  return [LAYOUT_MARKER, LAYOUT_INDEX].every((name) => infoOf(`${directory}/${name}`)?.isFile);
}

function infoOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return undefined;
    }
    throw explainFailure(`open "${path}"`, error);
  }
}

/** Opens what shows whether the image has changed. */
function openPlace({ type, path }: Place): Deno.FsFile {
  try {
    return Deno.openSync(type === "file" ? path : `${path}/${LAYOUT_INDEX}`);
  } catch (cause) {
    throw explainFailure(`open "${path}"`, cause);
  }
}

function stateOf(info: Deno.FileInfo, place: Place, { platform }: TarImageOptions): string {
  const times = [info.mtime?.getTime(), info.ctime?.getTime()];
  const chosen = [
    ...(place.type === "layout" && place.name !== undefined ? [place.name] : []),
    ...(platform === undefined ? [] : [formatPlatform(platform)]),
  ];
  return [info.dev, info.ino, info.size, ...times, ...chosen].join(":");
}

function findBySource(
  paths: ImagePaths,
  { [SOURCE_ANNOTATION]: source }: Readonly<Record<string, string>>,
): Image | undefined {
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
  const [first, second] = new Set(images.map(({ id }) => id));
  if (first !== undefined && second === undefined) return first;
  throw new WherryError(
    "invalid_argument",
    `Cannot run "${path}": it holds ${images.length} images`,
    { hint: "They are loaded now: name one of them, see `wherry images`" },
  );
}

/** A name made of a file's: `/images/Web App.tar.gz` is `localhost/web-app:latest`. */
export function referenceOfFile(path: string): Reference {
  const base = (path.split("/").findLast((part) => part !== "") ?? "").toLowerCase();
  const stem = base.replace(/\.(?:tar|tgz|tzst|tar\.[a-z0-9]+)$/, "");
  const name = stem.replaceAll(/[^a-z0-9]+/g, "-").replaceAll(/^-+|-+$/g, "").slice(0, 128);
  return parseReference(`localhost/${name === "" ? "image" : name.replace(/-$/, "")}`);
}
