/** What is wrong with an engine's own records. @module */

import { isCorrupt } from "../../errors.ts";
import { readIndex } from "../../image/store/image_index.ts";
import { ImagePaths } from "../../image/store/image_paths.ts";
import { listNames } from "../../kernel/entry.ts";
import { listNetworkRecords } from "../../network/network_store.ts";
import { shortId } from "../../store/id.ts";
import { type Check, type Finding, limited, ok } from "./doctor_finding.ts";
import type { Engine } from "../base/engine.ts";
import { listIds, readContainer } from "../record/find.ts";
import { isAbandoned, listOrphanRunDirectories } from "../lifecycle/sweep.ts";

const RECOVER = "wherry system recover";

/** All checks of this part; nothing is repaired. */
export function storeChecks(engine: Engine): Check[] {
  return [
    ["containers", () => checkContainers(engine)],
    ["images", () => checkImages(engine)],
    ["networks", () => checkNetworks(engine)],
    ["leftovers", () => checkLeftovers(engine)],
    ["damaged records", () => checkDamaged(engine)],
  ];
}

/** Containers whose records cannot be read. */
export function checkContainers(engine: Engine): Finding[] {
  const ids = listIds(engine);
  const damaged = ids.filter((id) => isDamaged(() => readContainer(engine, id)));
  if (damaged.length === 0) return [ok("containers", `${ids.length} containers`)];
  return damaged.map((id) =>
    limited("containers", {
      detail: `the record of ${shortId(id)} is damaged`,
      consequence:
        "This container cannot be started, and is put aside by the next command that lists",
      remedy: `wherry rm -f ${shortId(id)}`,
    })
  );
}

function isDamaged(read: () => unknown): boolean {
  try {
    read();
    return false;
  } catch (error) {
    if (isCorrupt(error)) return true;
    throw error;
  }
}

/** Whether the list of images can be read. */
export function checkImages({ paths: { root } }: Engine): Finding {
  const paths = new ImagePaths(root);
  if (!isDamaged(() => readIndex(paths))) {
    return ok("images", `${readIndex(paths).manifests.length} references`);
  }
  return limited("images", {
    detail: "the list of images is damaged",
    consequence: "No image is found",
    remedy: `${RECOVER}, then pull or load the images again`,
  });
}

/** Networks whose records cannot be read. */
export function checkNetworks({ paths }: Engine): Finding[] {
  const { networks, damaged } = listNetworkRecords(paths);
  if (damaged.size === 0) return [ok("networks", `${networks.length} networks`)];
  return [...damaged.keys()].map((name) =>
    limited("networks", {
      detail: `the record of "${name}" is damaged`,
      consequence: "Containers on this network cannot be started",
      remedy: `${RECOVER}, then make the network again`,
    })
  );
}

/** What crashes left behind. */
export function checkLeftovers(engine: Engine): Finding {
  const unfinished = listIds(engine).filter((id) => isLeftover(engine, id)).length;
  const orphans = listOrphanRunDirectories(engine).length;
  const parts = [
    ...(unfinished > 0 ? [`${unfinished} containers that a crash ended or left unfinished`] : []),
    ...(orphans > 0 ? [`${orphans} run directories without a container`] : []),
  ];
  if (parts.length === 0) return ok("leftovers", "none");
  return limited("leftovers", {
    detail: parts.join(", "),
    consequence: "They take room until the next command that lists removes them",
    remedy: RECOVER,
  });
}

function isLeftover(engine: Engine, id: string): boolean {
  try {
    const container = readContainer(engine, id);
    // Also one that is just being made
    return container === undefined || container.state.wasKilled || isAbandoned(container);
  } catch (error) {
    if (isCorrupt(error)) return false;
    throw error;
  }
}

/** Records that were put aside, which nobody looks at any more. */
export function checkDamaged({ paths: { damaged } }: Engine): Finding {
  const names = listNames(damaged);
  if (names.length === 0) return ok("damaged records", "none put aside");
  return limited("damaged records", {
    detail: `${names.length} put aside in "${damaged}"`,
    consequence: "They take room; what containers changed is still in them",
    remedy: `Take out what is worth something, then remove "${damaged}"`,
  });
}
