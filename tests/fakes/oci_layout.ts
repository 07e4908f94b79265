/** OCI image layouts on disk, for programs of the host to read. @module */

import { descriptorOf, type Document, type RegistryImage } from "./registry_image.ts";

/** Writes a layout with one tag, `latest`, which names an image or an index. */
export function writeLayout(
  directory: string,
  images: readonly RegistryImage[],
  index?: Document,
): void {
  const blobs = `${directory}/blobs/sha256`;
  Deno.mkdirSync(blobs, { recursive: true });
  const documents = images.flatMap(({ manifest, config, layers }) => [manifest, config, ...layers]);
  const [first] = images;
  const named = index ?? first?.manifest;
  if (named === undefined) throw new TypeError("Cannot write a layout: it has no image");
  for (const { digest, bytes } of [...documents, named]) {
    Deno.writeFileSync(`${blobs}/${digest.slice("sha256:".length)}`, bytes);
  }
  Deno.writeTextFileSync(`${directory}/oci-layout`, '{"imageLayoutVersion":"1.0.0"}');
  const annotations = { "org.opencontainers.image.ref.name": "latest" };
  const manifests = [{ ...descriptorOf(named), annotations }];
  Deno.writeTextFileSync(
    `${directory}/index.json`,
    JSON.stringify({ schemaVersion: 2, manifests }),
  );
}
