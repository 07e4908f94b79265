/** Files that control cgroups. @see cgroups(7) @module */

/** The kernel's answer when it does not take a value. */
export class ControlError extends Error {
  /** As errno(3) has it. */
  readonly errno: number;

  /** @param errno As errno(3) has it. */
  constructor(errno: number, cause: Error) {
    super(cause.message, { cause });
    this.errno = errno;
  }
}

/**
 * Writes a value as a whole.
 *
 * @returns Whether this kernel has the file.
 * @throws {ControlError} If the kernel does not take it.
 */
export function writeControl(path: string, value: string): boolean {
  try {
    Deno.writeTextFileSync(path, value, { create: false });
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw asControlError(error);
  }
}

function asControlError(error: unknown): unknown {
  const [, errno] = error instanceof Error ? /\(os error (\d+)\)/.exec(error.message) ?? [] : [];
  return errno === undefined || !(error instanceof Error)
    ? error
    : new ControlError(Number(errno), error);
}

/** What a file says, without the newline at its end; `undefined` if there is none. */
export function readControl(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path).trimEnd();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
