import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { isForeignType, isLayerType } from "./image_manifest.ts";
import { LAYER_MEDIA_TYPES, MEDIA_TYPE } from "./oci.ts";

Deno.test("isLayerType() knows every type that wherry gives a layer", () => {
  deepStrictEqual(Object.values(LAYER_MEDIA_TYPES).filter((type) => !isLayerType(type)), []);
});

const TYPES: readonly [string, isLayer: boolean, isForeign: boolean][] = [
  [MEDIA_TYPE.dockerLayer, true, false],
  ["application/vnd.docker.image.rootfs.diff.tar", true, false],
  ["application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", true, true],
  ["application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", true, true],
  [MEDIA_TYPE.manifest, false, false],
  ["application/vnd.oci.image.layer.v1.tar+gzip\n", false, false],
];

for (const [type, isLayer, isForeign] of TYPES) {
  Deno.test(`isLayerType() and isForeignType() say what ${JSON.stringify(type)} is`, () => {
    strictEqual(isLayerType(type), isLayer);
    strictEqual(isForeignType(type), isForeign);
  });
}
