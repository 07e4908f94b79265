/** Docker's rules of what a copy is called and where it goes. @module */

import { dockerError } from "../../errors.ts";

/** Whether a path says that it is a directory's. */
function hasTrailingSlash(path: string): boolean {
  return path.endsWith("/");
}

/** Whether a path means what is in a directory, in place of the directory. */
function meansContent(path: string): boolean {
  return baseOf(path) === ".";
}

/** The last component; `/` for the root. */
export function baseOf(path: string): string {
  const trimmed = path.replace(/\/+$/, "");
  if (trimmed === "") return path === "" ? "." : "/";
  return trimmed.slice(trimmed.lastIndexOf("/") + 1);
}

/**
 * Makes a path absolute and takes `.`, `..` and doubled slashes out of it, but for what its end says: `/` at the end
 * asks for a directory, `/.` for what is in one.
 *
 * @param directory Absolute: where relative paths begin.
 */
export function absolutePath(path: string, directory: string): string {
  const clean = cleanPath(path.startsWith("/") ? path : `${directory}/${path}`);
  if (meansContent(path)) return clean === "/" ? "/." : `${clean}/.`;
  return hasTrailingSlash(path) && clean !== "/" ? `${clean}/` : clean;
}

function cleanPath(path: string): string {
  const components: string[] = [];
  for (const component of path.split("/")) {
    if (component === "..") components.pop();
    else if (component !== "" && component !== ".") components.push(component);
  }
  return `/${components.join("/")}`;
}

/**
 * Splits an absolute path into a directory and what is in it; of a path that means the content of a directory the
 * second part is `.`.
 */
export function splitEntry(path: string): [directory: string, name: string] {
  const clean = path.replace(/(?<=.)\/+$/, "");
  const at = clean.lastIndexOf("/");
  return [clean.slice(0, at) || "/", clean.slice(at + 1) || "/"];
}

/** What is to be copied. */
export interface CopyFrom {
  /** Absolute, see {@linkcode absolutePath}. */
  path: string;
  isDirectory: boolean;
}

/** Where it is to be copied. */
export interface CopyTo {
  /** Absolute, see {@linkcode absolutePath}; no link that leads somewhere. */
  path: string;
  /** `"missing"` if there is nothing. */
  type: "directory" | "other" | "missing";
}

/** What is made. */
export interface CopyPlan {
  /** An existing directory. */
  directory: string;
  /** What the copy is called in it; `.` if the content of a directory goes into it. */
  name: string;
}

/**
 * What a source is called in an archive of it: `.` if only what is in it is meant.
 *
 * @param path Absolute, see {@linkcode absolutePath}.
 */
export function archiveName(path: string): string {
  return baseOf(path);
}

/**
 * Decides what a copy makes.
 *
 * | | DEST is a directory | DEST is something else | DEST is missing |
 * | --- | --- | --- | --- |
 * | SRC is a directory | `DEST/SRC` | refused | `DEST` |
 * | SRC is a directory, with `/.` | content into `DEST` | refused | `DEST` |
 * | SRC is something else | `DEST/SRC` | takes its place | `DEST`, but not with `/` at its end |
 *
 * @throws {WherryError} `conflict` or `not_found`, in docker's words.
 * @see {@link https://docs.docker.com/reference/cli/docker/container/cp/}
 */
export function planCopy(from: CopyFrom, to: CopyTo): CopyPlan {
  if (to.type === "directory") {
    const name = archiveName(from.path);
    return { directory: to.path, name: name === "/" ? "." : name };
  }
  if (to.type === "other" && from.isDirectory) {
    throw dockerError("conflict", "cannot copy directory", {
      hint: `"${to.path}" is a file; give a directory, or a name that nothing has`,
    });
  }
  const assertsDirectory = hasTrailingSlash(to.path) || meansContent(to.path);
  if (to.type === "missing" && !from.isDirectory && assertsDirectory) {
    throw dockerError("not_found", "no such directory", {
      hint: `Make "${to.path}" first, or leave out the / at its end to give the copy that name`,
    });
  }
  const [directory, name] = splitEntry(to.path);
  return { directory, name };
}
