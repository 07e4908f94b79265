/** A volume's record for tests. @module */

import type { Volume } from "../../mod/volume/volume.ts";

/** A record as `volume create` writes it, changed by `changes`. */
export function fakeVolume(changes: Partial<Volume> = {}): Volume {
  return {
    schema: 1,
    name: "data",
    driver: "local",
    options: {},
    labels: {},
    createdAt: "2026-11-20T09:00:00.123Z",
    isAnonymous: false,
    ...changes,
  };
}
