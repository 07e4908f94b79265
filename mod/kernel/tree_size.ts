/** How much a directory tree takes. @module */

/** Linux' ENAMETOOLONG, as Deno words it. */
const NAME_TOO_LONG = "os error 36";

/**
 * Bytes of all files below a path, each hard link counted once; 0 if there is nothing.
 *
 * What changes or goes meanwhile may be counted or not, and what lies so deep that no path reaches it is not.
 * Links are not followed.
 */
export function treeBytes(path: string): number {
  const counted = new Set<string>();
  let bytes = 0;
  const pending = [path];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const info = lookAt(next);
    if (info === undefined) continue;
    const identity = `${info.dev}:${info.ino}`;
    if (info.isFile && !counted.has(identity)) bytes += info.size;
    if ((info.nlink ?? 1) > 1) counted.add(identity);
    if (info.isDirectory) pending.push(...listChildren(next));
  }
  return bytes;
}

function lookAt(path: string): Deno.FileInfo | undefined {
  return unlessOutOfReach(() => Deno.lstatSync(path));
}

function listChildren(directory: string): string[] {
  return unlessOutOfReach(() =>
    Array.from(Deno.readDirSync(directory), ({ name }) => `${directory}/${name}`)
  ) ?? [];
}

function unlessOutOfReach<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof Error && error.message.includes(NAME_TOO_LONG)) return undefined;
    throw error;
  }
}
