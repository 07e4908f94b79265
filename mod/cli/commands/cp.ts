/** `wherry cp`. @module */

import { archiveFromContainer, copyFromContainer } from "../../engine/files/copy_from.ts";
import { copyToContainer, extractToContainer } from "../../engine/files/copy_to.ts";
import type { CopyReport } from "../../engine/files/copy_work.ts";
import { argumentError } from "../base/argument_error.ts";
import type { Context } from "../base/context.ts";
import { type CopyArguments, parseCopyArguments } from "../request/copy_arguments.ts";
import { CopyProgress, formatCopied } from "../terminal/copy_progress.ts";
import type { CP_FLAGS } from "../definitions/container_flags.ts";
import type { FlagValues, ParsedFlags } from "../base/flags.ts";
import { openInput } from "../base/input_file.ts";
import type { Output } from "../base/output.ts";

/** Copies files between a container and the host. */
export async function run(
  context: Context,
  { flags, given, positionals: [source = "", destination = ""] }: ParsedFlags<typeof CP_FLAGS>,
): Promise<number> {
  const copy = parseCopyArguments(source, destination);
  if (copy.direction === "from" && destination === "-") {
    await writeArchive(context, copy, flags);
    return 0;
  }
  const { output } = context;
  const isQuiet = given.has("quiet") ? flags.quiet : !Deno.stdout.isTerminal();
  const report = copy.direction === "to" && source === "-"
    ? await unpackArchive(context, copy)
    : await copyShowing(context, copy, { flags, isQuiet });
  warn(output, report);
  if (isQuiet) return 0;
  const where = copy.direction === "to"
    ? `${copy.container}:${report.destination}`
    : report.destination;
  output.writeDiagnostic(`Successfully copied ${formatCopied(report.bytes)} to ${where}\n`);
  return 0;
}

type Flags = FlagValues<typeof CP_FLAGS>;

async function writeArchive(
  { engine, output }: Context,
  { container, source }: CopyArguments,
  flags: Flags,
): Promise<void> {
  if (Deno.stdout.isTerminal()) {
    throw argumentError("cowardly refusing to save to a terminal. Redirect it, or name a file");
  }
  const skipped: string[] = [];
  const chunks = archiveFromContainer(engine, container, {
    source,
    followsLink: flags["follow-link"],
    onSkipped: (name) => skipped.push(name),
  });
  for await (const chunk of chunks) output.write(chunk);
  warnOfSockets(output, skipped);
}

async function unpackArchive(
  { engine }: Context,
  { container, destination }: CopyArguments,
): Promise<CopyReport> {
  using input = openInput("-");
  return await extractToContainer(engine, container, { archive: input.bytes, destination });
}

async function copyShowing(
  { engine, output }: Context,
  { direction, container, source, destination }: CopyArguments,
  { flags, isQuiet }: { flags: Flags; isQuiet: boolean },
): Promise<CopyReport> {
  using progress = new CopyProgress(output, `Copying ${direction} container`, {
    isShown: !isQuiet && Deno.stderr.isTerminal(),
  });
  const request = {
    source,
    destination,
    followsLink: flags["follow-link"],
    onProgress: (bytes: number) => progress.update(bytes),
  };
  return direction === "to"
    ? await copyToContainer(engine, container, request)
    : await copyFromContainer(engine, container, { ...request, keepsOwners: flags.archive });
}

function warn(output: Output, { skippedAttributes, skippedSockets }: CopyReport): void {
  for (const name of skippedAttributes) {
    output.warn(`the file system cannot store the extended attribute ${name}: it was left out`);
  }
  warnOfSockets(output, skippedSockets);
}

function warnOfSockets(output: Output, names: readonly string[]): void {
  for (const name of names) output.warn(`${name} is a socket: it was left out`);
}
