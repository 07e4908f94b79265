/** This program: its version, and how to call it again. @module */

import type { CleanupCommand } from "../../engine/base/engine.ts";
import type { Paths } from "../../store/paths.ts";
import type { ServiceProgram } from "./service_definition.ts";

/** The version, as `deno.json` has it. */
export const VERSION = "0.1.0";

/** Build id that the launcher passes; none when wherry runs from its sources. */
export const BUILD: string | undefined = Deno.env.get("WHERRY_BUILD");

/** One line for `--version`. */
export const VERSION_TEXT = `wherry version ${VERSION}, build ${BUILD ?? "from source"}`;

/** How a monitor calls this very program. */
export function cleanupCommand(): CleanupCommand {
  if (BUILD !== undefined) return { path: "/proc/self/exe", argv: ["wherry"] };
  return { path: Deno.execPath(), argv: ["deno", "run", "-A", Deno.mainModule] };
}

/** How a service of the host calls this very program for the same engine. */
export function serviceProgram({ root, runRoot }: Paths): ServiceProgram {
  const program = BUILD !== undefined
    ? [Deno.execPath()]
    : [Deno.execPath(), "run", "-A", new URL(Deno.mainModule).pathname];
  return {
    argv: [...program, "--root", root, "--run-root", runRoot],
    directories: [root, runRoot],
  };
}
