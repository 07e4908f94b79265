/** `wherry push`. @module */

import type { Engine } from "../../engine/base/engine.ts";
import { Interruption } from "../../engine/base/interruption.ts";
import { findTags, pushImage } from "../../engine/image/push_image.ts";
import { parsePlatform, type Platform } from "../../image/spec/platform.ts";
import {
  formatFamiliar,
  formatReference,
  formatRepository,
  parseReference,
  type Reference,
} from "../../image/spec/reference.ts";
import type { PushedManifest } from "../../image/registry/push.ts";
import { argumentError } from "../base/argument_error.ts";
import type { Context } from "../base/context.ts";
import type { PUSH_FLAGS } from "../definitions/image_flags.ts";
import { callerVariable } from "../base/environment.ts";
import { EXIT_FAILURE } from "../base/exit_code.ts";
import type { ParsedFlags } from "../base/flags.ts";
import {
  ProgressDisplay,
  type ProgressScreen,
  PUSH_WORDS,
  resultScreen,
} from "../terminal/progress.ts";
import { checkContentTrust } from "../request/unoffered_flags.ts";

/** Pushes an image, or all of a repository, and prints what the registry calls it. */
export async function run(
  { engine, output }: Context,
  { flags, positionals: [name = ""] }: ParsedFlags<typeof PUSH_FLAGS>,
): Promise<number> {
  checkContentTrust(flags);
  const reference = parseReference(name);
  checkName(reference, { name, isAll: flags["all-tags"] });
  const platform = flags.platform === undefined ? undefined : parsePlatform(flags.platform);
  const screen = flags.quiet ? undefined : resultScreen(output);
  if (!flags["all-tags"] && !hasTag(reference, name)) {
    screen?.write(`Using default tag: ${reference.tag}\n`);
  }
  screen?.write(`The push refers to repository [${formatRepository(reference)}]\n`);
  const tags = findTags(engine, reference);
  for (const tagged of flags["all-tags"] ? tags : [reference]) {
    const { digest, size } = await pushShown(engine, { reference: tagged, platform, screen });
    screen?.write(`${tagged.tag}: digest: ${digest} size: ${size}\n`);
  }
  if (!flags.quiet) return 0;
  output.writeLine(flags["all-tags"] ? formatRepository(reference) : formatReference(reference));
  return 0;
}

function checkName(
  reference: Reference,
  { name, isAll }: { name: string; isAll: boolean },
): void {
  const failure = isAll && (reference.digest !== undefined || hasTag(reference, name))
    ? "tag can't be used with --all-tags/-a"
    : reference.digest !== undefined
    ? "cannot push a digest reference"
    : undefined;
  if (failure !== undefined) throw argumentError(failure, { exitCode: EXIT_FAILURE });
}

/** Whether somebody has written the tag, and not left it to the default. */
function hasTag({ tag }: Reference, name: string): boolean {
  return name.endsWith(`:${tag}`);
}

/** What to push, and who is told. */
interface ShownPush {
  reference: Reference;
  platform: Platform | undefined;
  /** `undefined` for nobody. */
  screen: ProgressScreen | undefined;
}

/** The last state of all layers stays on the screen, also when the push fails. */
async function pushShown(
  engine: Engine,
  { reference, platform, screen }: ShownPush,
): Promise<PushedManifest> {
  using interruption = new Interruption(
    `push "${formatFamiliar(reference)}"`,
    "What the registry has got it keeps: the next push goes on from there",
  );
  using display = screen === undefined ? undefined : new ProgressDisplay(screen, PUSH_WORDS);
  return await pushImage(engine, {
    reference,
    platform,
    environment: callerVariable,
    signal: interruption.signal,
    onProgress: (progress) => display?.update(progress),
  });
}
