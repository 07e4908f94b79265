/** `wherry diff`. @module */

import { type ContainerChange, diffContainer } from "../../engine/files/diff.ts";
import type { Context } from "../base/context.ts";
import type { DIFF_FLAGS } from "../definitions/container_flags.ts";
import type { ParsedFlags } from "../base/flags.ts";
import { escapeControls } from "../base/terminal_text.ts";

const LETTERS = { added: "A", changed: "C", deleted: "D" } as const;
const NEWLINE = 0x0a;

/** Prints what a container has changed in its files, a path on each line. */
export function run(
  { engine, output }: Context,
  { positionals: [wanted = ""] }: ParsedFlags<typeof DIFF_FLAGS>,
): Promise<number> {
  // A name is whatever the container says: it may not speak to the terminal
  const format = Deno.stdout.isTerminal() ? escapedLine : rawLine;
  for (const change of diffContainer(engine, wanted)) output.write(format(change));
  return Promise.resolve(0);
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function escapedLine({ kind, path }: ContainerChange): string {
  return `${LETTERS[kind]} ${escapeControls(decoder.decode(path))}\n`;
}

function rawLine({ kind, path }: ContainerChange): Uint8Array {
  return new Uint8Array([...encoder.encode(`${LETTERS[kind]} `), ...path, NEWLINE]);
}
