/** The files of the host that tell what it is. @module */

/** Reads files of the host; tests give their own. */
export interface HostFiles {
  /** Text of a regular file; `undefined` if there is none that may be read. */
  read(path: string): string | undefined;
  /** Names in a directory, sorted; none if there is none that may be read. */
  list(path: string): string[];
}

/** Those of this host. Never waits: what is no regular file is not opened. */
export const HOST_FILES: HostFiles = {
  read: (path) =>
    ifReadable(() => Deno.statSync(path).isFile ? Deno.readTextFileSync(path) : undefined),
  list: (path) =>
    ifReadable(() => Array.from(Deno.readDirSync(path), ({ name }) => name).toSorted()) ?? [],
};

const EINVAL = "os error 22";
const EOPNOTSUPP = "os error 95";

function ifReadable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    const isAbsent = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory ||
      error instanceof Deno.errors.PermissionDenied ||
      // Files of the kernel that are there and have nothing to say
      error instanceof Error && [EINVAL, EOPNOTSUPP].some((code) => error.message.includes(code));
    if (isAbsent) return undefined;
    throw error;
  }
}

/** A number in a file of its own; `undefined` if there is none. */
export function readNumber({ read }: HostFiles, path: string): number | undefined {
  const text = read(path)?.trim() ?? "";
  return /^\d+$/.test(text) ? Number(text) : undefined;
}
