/** The two arguments of `cp`. @module */

import { argumentError } from "../base/argument_error.ts";

/** What `cp` is to do. */
export interface CopyArguments {
  /** Out of the container or into it. */
  direction: "from" | "to";
  /** A name, an id or the beginning of an id. */
  container: string;
  /** A path without the container; `-` for standard input. */
  source: string;
  /** A path without the container; `-` for standard output. */
  destination: string;
}

/**
 * Reads the arguments of `cp` as docker does: what stands before the first colon is a container, unless the argument
 * begins with `/`, or with a dot.
 *
 * @throws {WherryError} `invalid_argument` if none or both of them are a container's.
 */
export function parseCopyArguments(source: string, destination: string): CopyArguments {
  if (source === "") throw argumentError("source can not be empty");
  if (destination === "") throw argumentError("destination can not be empty");
  const from = splitArgument(source);
  const to = splitArgument(destination);
  if (from.container !== "" && to.container !== "") {
    throw argumentError("copying between containers is not supported", {
      hint: `Pipe a tar: wherry cp ${source} - | wherry cp - ${to.container}:DIRECTORY; ` +
        "a path of the host with a colon begins with ./",
    });
  }
  if (from.container === "" && to.container === "") {
    throw argumentError("must specify at least one container source", {
      hint: "A path of a container is CONTAINER:PATH",
    });
  }
  const direction = from.container === "" ? "to" : "from";
  const side = direction === "to" ? to : from;
  if (side.path === "") {
    throw argumentError(`"${side.container}:" names no path`, {
      hint: `The whole of the container is ${side.container}:/`,
    });
  }
  return {
    direction,
    container: side.container,
    source: from.path,
    destination: to.path,
  };
}

/** @returns An empty container for a path of the host. */
function splitArgument(argument: string): { container: string; path: string } {
  const colon = argument.indexOf(":");
  if (colon < 0 || argument.startsWith("/") || argument.startsWith(".")) {
    return { container: "", path: argument };
  }
  return { container: argument.slice(0, colon), path: argument.slice(colon + 1) };
}
