/** `wherry pull`. @module */

import { listRemoteTags } from "../../engine/image/pull_image.ts";
import { formatPlatform, isSamePlatform, parsePlatform } from "../../image/spec/platform.ts";
import {
  formatFamiliar,
  formatFamiliarRepository,
  formatReference,
  formatRepository,
  parseReference,
  type Reference,
} from "../../image/spec/reference.ts";
import type { PulledImage } from "../../image/registry/pull.ts";
import { argumentError } from "../base/argument_error.ts";
import type { Context } from "../base/context.ts";
import type { PULL_FLAGS } from "../definitions/image_flags.ts";
import { callerVariable } from "../base/environment.ts";
import { EXIT_FAILURE } from "../base/exit_code.ts";
import type { ParsedFlags } from "../base/flags.ts";
import { resultScreen } from "../terminal/progress.ts";
import { type ReportedPull, reportPull, statusLine } from "../terminal/pull_report.ts";
import { checkContentTrust } from "../request/unoffered_flags.ts";

type PullFlags = ParsedFlags<typeof PULL_FLAGS>["flags"];

/** Pulls an image, or all of a repository, and prints what it is called. */
export async function run(
  context: Context,
  { flags, positionals: [name = ""] }: ParsedFlags<typeof PULL_FLAGS>,
): Promise<number> {
  checkContentTrust(flags);
  const reference = parseReference(name);
  if (flags["all-tags"]) await pullAll(context, reference, { flags, name });
  else await pullOne(context, reference, { flags, name });
  return 0;
}

async function pullOne(
  { engine, output }: Context,
  reference: Reference,
  { flags, name }: { flags: PullFlags; name: string },
): Promise<void> {
  if (!flags.quiet && !isPrecise(reference, name)) {
    output.writeLine(`Using default tag: ${reference.tag}`);
  }
  const plan = planPull(output, flags);
  const pulled = await reportPull(engine, output, { ...plan, reference });
  warnOfPlatform(output, plan, pulled);
  if (!flags.quiet) output.write(statusLine(formatFamiliar(pulled.reference), pulled.isNew));
  output.writeLine(formatReference(reference));
}

async function pullAll(
  { engine, output }: Context,
  reference: Reference,
  { flags, name }: { flags: PullFlags; name: string },
): Promise<void> {
  if (isPrecise(reference, name)) {
    throw argumentError("tag can't be used with --all-tags/-a", { exitCode: EXIT_FAILURE });
  }
  let isAnyNew = false;
  for (const tag of await listRemoteTags(reference, { environment: callerVariable })) {
    const plan = planPull(output, flags);
    const pulled = await reportPull(engine, output, { ...plan, reference: { ...reference, tag } });
    warnOfPlatform(output, plan, pulled);
    isAnyNew ||= pulled.isNew;
  }
  if (!flags.quiet) output.write(statusLine(formatFamiliarRepository(reference), isAnyNew));
  output.writeLine(formatRepository(reference));
}

/** As docker, which takes the only image there is: it may be meant for an emulator. */
function warnOfPlatform(
  output: Context["output"],
  { platform: wanted }: Pick<ReportedPull, "platform">,
  { platform: actual, reference }: PulledImage,
): void {
  if (wanted === undefined || isSamePlatform(wanted, actual)) return;
  output.warn(
    `image with reference ${formatFamiliar(reference)} was found but does not match the ` +
      `specified platform: wanted ${formatPlatform(wanted)}, actual: ${formatPlatform(actual)}`,
  );
}

/** Whether somebody has written a tag or a digest, and not left the tag to the default. */
function isPrecise({ tag, digest }: Reference, name: string): boolean {
  return digest !== undefined || name.endsWith(`:${tag}`);
}

function planPull(
  output: Context["output"],
  { platform, quiet, "max-unpacked": maxUnpackedBytes }: PullFlags,
): Omit<ReportedPull, "reference"> {
  return {
    platform: platform === undefined ? undefined : parsePlatform(platform),
    maxUnpackedBytes,
    screen: quiet ? undefined : resultScreen(output),
  };
}
