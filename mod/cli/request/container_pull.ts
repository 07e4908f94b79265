/** The image that a container is going to be made of, pulled first. @module */

import { WherryError } from "../../errors.ts";
import type { Platform } from "../../image/spec/platform.ts";
import { formatFamiliar, parseReference } from "../../image/spec/reference.ts";
import { isPresent } from "../../kernel/entry.ts";
import type { Context } from "../base/context.ts";
import { diagnosticScreen } from "../terminal/progress.ts";
import { reportPull, statusLine } from "../terminal/pull_report.ts";

/** Which image, and what is said about it. */
export interface ContainerPull {
  /** As a person types it. */
  image: string;
  /** What it is to run on. @default {this machine} */
  platform: Platform | undefined;
  /** Whether it is pulled because it is not here. */
  isMissing: boolean;
  isQuiet: boolean;
}

/** Pulls an image and says so on standard error: standard output is the container's. */
export async function pullForContainer(
  { engine, output }: Context,
  { image, platform, isMissing, isQuiet }: ContainerPull,
): Promise<void> {
  const reference = parseReference(image);
  const familiar = formatFamiliar(reference);
  // Not to blame a missing image on a root that cannot be used
  engine.ensureDirectories();
  const screen = isQuiet ? undefined : diagnosticScreen(output);
  if (isMissing) screen?.write(`Unable to find image '${familiar}' locally\n`);
  const pulled = await orMeantFile(
    image,
    () => reportPull(engine, output, { reference, platform, screen }),
  );
  screen?.write(statusLine(formatFamiliar(pulled.reference), pulled.isNew));
}

/** What lies here under the very name may be meant: it is told from images by how its path begins. */
async function orMeantFile<T>(image: string, pull: () => Promise<T>): Promise<T> {
  try {
    return await pull();
  } catch (error) {
    const isSignal = error instanceof WherryError && error.exitCode !== undefined;
    if (!(error instanceof WherryError) || isSignal || !isHere(image)) throw error;
    throw new WherryError(error.kind, error.message, {
      cause: error,
      hint: `To use the file or directory "${image}" that is here, write "./${image}"`,
    });
  }
}

function isHere(path: string): boolean {
  try {
    return isPresent(path);
  } catch (error) {
    // "file/name" is nowhere
    if (error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
}
