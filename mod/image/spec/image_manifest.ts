/** Whether a manifest is one of an image that wherry can run. @module */

import { WherryError } from "../../errors.ts";
import { ArchiveError } from "../tar/archive_error.ts";
import { type Descriptor, type ImageConfig, type Manifest, MEDIA_TYPE } from "./oci.ts";

const CONFIG_TYPES: readonly string[] = [MEDIA_TYPE.config, MEDIA_TYPE.dockerConfig];

/** Media types of layers, whatever their compression, which their bytes show; also those of foreign layers. */
const LAYER_TYPE =
  /^application\/vnd\.(?:oci\.image\.layer\.(?:nondistributable\.)?v1\.tar|docker\.image\.rootfs\.(?:foreign\.)?diff\.tar)(?:[.+](?:gzip|zstd|xz|bzip2))?$/;

/**
 * Makes sure that a manifest is about an image, and not about something else that registries and archives hold.
 *
 * @throws {ArchiveError} `unsupported`, with the media type in question.
 */
export function checkManifest({ config, layers }: Manifest): void {
  if (!CONFIG_TYPES.includes(config.mediaType)) {
    throw new ArchiveError(`not an image, but "${shown(config)}"`, "unsupported");
  }
  const strange = layers.find(({ mediaType }) => !isLayerType(mediaType));
  if (strange === undefined) return;
  throw new ArchiveError(`it has a layer of the unknown type "${shown(strange)}"`, "unsupported");
}

/** Whether a media type is one of layers, in whatever compression. */
export function isLayerType(mediaType: string): boolean {
  return LAYER_TYPE.test(mediaType);
}

/** Whether a media type says that a layer may not be given to others. */
export function isForeignType(mediaType: string): boolean {
  return /\.(?:nondistributable|foreign)\./.test(mediaType);
}

/**
 * Makes sure that a config blob and a manifest are about the same layers, as far as their number says.
 *
 * @throws {WherryError} `corrupt` if not.
 */
export function checkLayerCount(
  { diffIds }: Pick<ImageConfig, "diffIds">,
  { layers }: Pick<Manifest, "layers">,
): void {
  if (diffIds.length === layers.length) return;
  throw new WherryError(
    "corrupt",
    `Cannot use the image: its config is about ${diffIds.length} layers, ` +
      `its manifest about ${layers.length}`,
  );
}

/** Whether the content is expected elsewhere, and may be missing beside the manifest. */
export function isForeign({ urls, mediaType }: Descriptor): boolean {
  return (urls ?? []).length > 0 || isForeignType(mediaType);
}

function shown({ mediaType }: Descriptor): string {
  return mediaType.length > 100 ? `${mediaType.slice(0, 100)}…` : mediaType;
}
