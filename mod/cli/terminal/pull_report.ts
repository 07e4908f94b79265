/** A pull that tells what it does, in docker's words. @module */

import type { Engine } from "../../engine/base/engine.ts";
import { Interruption } from "../../engine/base/interruption.ts";
import { pullImage } from "../../engine/image/pull_image.ts";
import type { PulledImage } from "../../image/registry/pull.ts";
import type { Platform } from "../../image/spec/platform.ts";
import { formatFamiliar, formatReference, type Reference } from "../../image/spec/reference.ts";
import { callerVariable } from "../base/environment.ts";
import type { Output } from "../base/output.ts";
import { ProgressDisplay, type ProgressScreen } from "./progress.ts";

/** What to pull, and who is told. */
export interface ReportedPull {
  reference: Reference;
  /** What it is to run on. @default {this machine} */
  platform: Platform | undefined;
  /** Most bytes that it may unpack to. @default {no limit} */
  maxUnpackedBytes?: number | undefined;
  /** Where lines and progress go; `undefined` for nowhere. */
  screen: ProgressScreen | undefined;
}

/**
 * Pulls an image and shows how far it is. A signal ends it, with an error that says so.
 *
 * @throws {WherryError} As `pullImage` does.
 */
export async function reportPull(
  engine: Engine,
  output: Output,
  { reference, platform, maxUnpackedBytes, screen }: ReportedPull,
): Promise<PulledImage> {
  const familiar = formatFamiliar(reference);
  using interruption = new Interruption(
    `pull "${familiar}"`,
    "What has been fetched is kept: the next pull goes on from there",
  );
  const pulled = await showLayers(screen, async (display) =>
    await pullImage(engine, {
      reference,
      platform,
      maxUnpackedBytes,
      environment: callerVariable,
      signal: interruption.signal,
      onNamed: () => {
        const what = reference.digest === undefined
          ? reference.tag
          : formatReference({ ...reference, tag: undefined });
        screen?.write(`${what}: Pulling from ${reference.path}\n`);
      },
      onProgress: (progress) => display?.update(progress),
    }));
  screen?.write(`Digest: ${pulled.digest}\n`);
  for (const name of pulled.skippedAttributes) {
    output.warn(`the file system cannot store the extended attribute ${name}: it was left out`);
  }
  return pulled;
}

/** The last state of all layers stays on the screen, also when the pull fails. */
async function showLayers<T>(
  screen: ProgressScreen | undefined,
  pull: (display: ProgressDisplay | undefined) => Promise<T>,
): Promise<T> {
  using display = screen === undefined ? undefined : new ProgressDisplay(screen);
  return await pull(display);
}

/** @param name A reference, or a repository of which several tags were pulled. */
export function statusLine(name: string, isNew: boolean): string {
  const state = isNew ? "Downloaded newer image" : "Image is up to date";
  return `Status: ${state} for ${name}\n`;
}
