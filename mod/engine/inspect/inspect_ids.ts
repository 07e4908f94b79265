/** What inspecting a container tells of its ids. @module */

import type { Namespaces } from "../../container/record/namespaces.ts";
import type { Inspection } from "../base/inspection.ts";

/**
 * Describes the user namespace: docker's word, and in podman's shape which ids it has.
 *
 * A container with the host's ids has docker's fields only.
 */
export function describeUserNamespace({ idRange }: Pick<Namespaces, "idRange">): Inspection {
  if (idRange === null) return { UsernsMode: "" };
  const map = `0:${idRange.first}:${idRange.count}`;
  return { UsernsMode: "auto", IDMappings: { UidMap: [map], GidMap: [map] } };
}
