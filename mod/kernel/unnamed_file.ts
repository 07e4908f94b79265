/** Files that have no name until they are complete. @see open(2), "O_TMPFILE" @module */

import { cString } from "../../ffi/c_string.ts";
import { Descriptor } from "../../ffi/descriptor.ts";
import { checked, SystemError } from "../../ffi/errno.ts";
import { files } from "../../ffi/native.ts";
import { OPEN_FLAG, SYSCALL } from "../../ffi/syscalls.ts";

const AT_FDCWD = -100;
const AT_SYMLINK_FOLLOW = 0x400;
const O_WRONLY = 1;
const O_CLOEXEC = 0o2000000;
const O_TMPFILE = 0o20000000 | OPEN_FLAG.directory;

/** A file that is gone when its descriptor is closed, unless it has been given a name. */
export class UnnamedFile implements Disposable {
  readonly #descriptor: Descriptor;
  /** To write to. */
  readonly file: Deno.FsFile;

  private constructor(descriptor: Descriptor) {
    this.#descriptor = descriptor;
    this.file = Deno.openSync(pathOf(descriptor), { write: true });
  }

  /**
   * Makes a file that its owner alone can read.
   *
   * @param directory Existing, on the file system where the file will be.
   * @returns `undefined` if that file system cannot have such files.
   * @throws {SystemError} For example `EACCES`.
   */
  static open(directory: string): UnnamedFile | undefined {
    const flags = O_TMPFILE | O_WRONLY | O_CLOEXEC;
    const result = files().nbnn(SYSCALL.openat, AT_FDCWD, cString(directory), flags, 0o600);
    try {
      return new UnnamedFile(new Descriptor(checked(result, "open", directory)));
    } catch (error) {
      if (error instanceof SystemError && error.code === "EOPNOTSUPP") return undefined;
      throw error;
    }
  }

  /**
   * Gives the file a name.
   *
   * @throws {SystemError} `EEXIST` if anything has it.
   */
  linkAs(path: string): void {
    const from = cString(pathOf(this.#descriptor));
    const result = files().nbnbn(
      ...[SYSCALL.linkat, AT_FDCWD, from, AT_FDCWD, cString(path), AT_SYMLINK_FOLLOW] as const,
    );
    checked(result, "linkat", path);
  }

  [Symbol.dispose](): void {
    this.file.close();
    this.#descriptor[Symbol.dispose]();
  }
}

function pathOf({ number }: Descriptor): string {
  return `/proc/self/fd/${number}`;
}
