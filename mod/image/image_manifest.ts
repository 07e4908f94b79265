/** Whether a manifest is one of an image that wherry can run. @module */

import { ArchiveError } from "./archive_error.ts";
import { type Descriptor, type Manifest, MEDIA_TYPE } from "./oci.ts";

const CONFIG_TYPES: readonly string[] = [MEDIA_TYPE.config, MEDIA_TYPE.dockerConfig];

/** Media types of layers, whatever their compression, which their bytes show; also those of foreign layers. */
const LAYER_TYPE =
  /^application\/vnd\.(?:oci\.image\.layer\.(?:nondistributable\.)?v1\.tar|docker\.image\.rootfs\.(?:foreign\.)?diff\.tar)(?:[.+](?:gzip|zstd|xz))?$/;

/**
 * Makes sure that a manifest is about an image, and not about something else that registries and archives hold.
 *
 * @throws {ArchiveError} `unsupported`, with the media type in question.
 */
export function checkManifest({ config, layers }: Manifest): void {
  if (!CONFIG_TYPES.includes(config.mediaType)) {
    throw new ArchiveError(`not an image, but "${shown(config)}"`, "unsupported");
  }
  const strange = layers.find(({ mediaType }) => !LAYER_TYPE.test(mediaType));
  if (strange === undefined) return;
  throw new ArchiveError(`it has a layer of the unknown type "${shown(strange)}"`, "unsupported");
}

/** Whether the content is expected elsewhere, and may be missing beside the manifest. */
export function isForeign({ urls, mediaType }: Descriptor): boolean {
  return (urls ?? []).length > 0 || /\.(?:nondistributable|foreign)\./.test(mediaType);
}

function shown({ mediaType }: Descriptor): string {
  return mediaType.length > 100 ? `${mediaType.slice(0, 100)}…` : mediaType;
}
