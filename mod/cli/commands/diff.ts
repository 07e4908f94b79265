/** `wherry diff`. @module */

import { diffContainer } from "../../engine/diff.ts";
import { bytesOf, type ByteString, textOf } from "../../image/byte_string.ts";
import type { TreeChange } from "../../image/tree_changes.ts";
import type { Context } from "../context.ts";
import type { DIFF_FLAGS } from "../definitions/container_flags.ts";
import type { ParsedFlags } from "../flags.ts";
import { escapeControls } from "../terminal_text.ts";

const LETTERS = { added: "A", changed: "C", deleted: "D" } as const;

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

function escapedLine({ kind, path }: TreeChange): string {
  return `${LETTERS[kind]} /${escapeControls(textOf(path))}\n`;
}

function rawLine({ kind, path }: TreeChange): Uint8Array {
  return bytesOf(`${LETTERS[kind]} /${path}\n` as ByteString);
}
