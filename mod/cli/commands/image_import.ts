/** `wherry image import`. @module */

import { argumentError } from "../base/argument_error.ts";
import type { IMAGE_IMPORT_FLAGS } from "../definitions/image_flags.ts";
import type { Context } from "../base/context.ts";
import type { ParsedFlags } from "../base/flags.ts";
import { openInput } from "../base/input_file.ts";
import { importFrom, importOptions } from "./import.ts";

/** Makes an image of a root file system's tar, named after its file unless it is named otherwise; prints its id. */
export async function run(
  context: Context,
  { flags, positionals: [path = "-", reference] }: ParsedFlags<typeof IMAGE_IMPORT_FLAGS>,
): Promise<number> {
  if (reference !== undefined && flags.name !== undefined) {
    throw argumentError("Conflicting options: cannot specify both --name and REPOSITORY", {
      hint: "With --name nothing may have the name yet; REPOSITORY takes it over",
    });
  }
  using source = openInput(path);
  return await importFrom(context, source, {
    ...importOptions(flags),
    ...(reference === undefined ? newName(flags.name ?? nameOfFile(path)) : { reference }),
  });
}

function newName(reference: string | undefined): { reference?: string; isNewName?: true } {
  return reference === undefined ? {} : { reference, isNewName: true };
}

/** @returns `undefined` for stdin, and for a file whose name no image can have. */
function nameOfFile(path: string): string | undefined {
  const file = path.slice(path.lastIndexOf("/") + 1);
  const name = file.split(".", 1)[0]?.toLowerCase() ?? "";
  return path !== "-" && NAME.test(name) ? name : undefined;
}

/** One component of a repository's name. */
const NAME = /^[a-z0-9]+(?:(?:_|__|-+)[a-z0-9]+)*$/;
