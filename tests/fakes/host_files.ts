/** Files of a host that does not exist. @module */

import type { HostFiles } from "../../mod/engine/base/host_files.ts";

/** @param texts Content of each file, by its path; directories are those that the paths name. */
export function fakeHostFiles(texts: Readonly<Record<string, string>>): HostFiles {
  return {
    read: (path) => texts[path],
    list: (path) => {
      const below = Object.keys(texts).filter((each) => each.startsWith(`${path}/`));
      const names = below.map((each) => each.slice(path.length + 1).split("/", 1)[0] ?? "");
      return [...new Set(names)].toSorted();
    },
  };
}
