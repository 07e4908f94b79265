/** What the kernel answers when it refuses, as an error that names the call and what it was about. @module */

const ERRNO: Readonly<Record<number, readonly [code: string, text: string]>> = {
  1: ["EPERM", "operation not permitted"],
  2: ["ENOENT", "no such file or directory"],
  3: ["ESRCH", "no such process"],
  4: ["EINTR", "interrupted system call"],
  5: ["EIO", "input/output error"],
  6: ["ENXIO", "no such device or address"],
  7: ["E2BIG", "argument list too long"],
  8: ["ENOEXEC", "exec format error"],
  9: ["EBADF", "bad file descriptor"],
  10: ["ECHILD", "no child processes"],
  11: ["EAGAIN", "resource temporarily unavailable"],
  12: ["ENOMEM", "cannot allocate memory"],
  13: ["EACCES", "permission denied"],
  14: ["EFAULT", "bad address"],
  15: ["ENOTBLK", "block device required"],
  16: ["EBUSY", "device or resource busy"],
  17: ["EEXIST", "file exists"],
  18: ["EXDEV", "invalid cross-device link"],
  19: ["ENODEV", "no such device"],
  20: ["ENOTDIR", "not a directory"],
  21: ["EISDIR", "is a directory"],
  22: ["EINVAL", "invalid argument"],
  23: ["ENFILE", "too many open files in system"],
  24: ["EMFILE", "too many open files"],
  25: ["ENOTTY", "inappropriate ioctl for device"],
  26: ["ETXTBSY", "text file busy"],
  27: ["EFBIG", "file too large"],
  28: ["ENOSPC", "no space left on device"],
  29: ["ESPIPE", "illegal seek"],
  30: ["EROFS", "read-only file system"],
  31: ["EMLINK", "too many links"],
  32: ["EPIPE", "broken pipe"],
  34: ["ERANGE", "numerical result out of range"],
  36: ["ENAMETOOLONG", "file name too long"],
  38: ["ENOSYS", "function not implemented by this kernel"],
  39: ["ENOTEMPTY", "directory not empty"],
  40: ["ELOOP", "too many levels of symbolic links"],
  61: ["ENODATA", "no data available"],
  71: ["EPROTO", "protocol error"],
  75: ["EOVERFLOW", "value too large for defined data type"],
  95: ["EOPNOTSUPP", "operation not supported"],
  88: ["ENOTSOCK", "not a socket"],
  90: ["EMSGSIZE", "message too long"],
  93: ["EPROTONOSUPPORT", "protocol not supported"],
  97: ["EAFNOSUPPORT", "address family not supported"],
  98: ["EADDRINUSE", "address already in use"],
  99: ["EADDRNOTAVAIL", "address not available"],
  100: ["ENETDOWN", "network is down"],
  101: ["ENETUNREACH", "network is unreachable"],
  104: ["ECONNRESET", "connection reset by peer"],
  105: ["ENOBUFS", "no buffer space available"],
  107: ["ENOTCONN", "transport endpoint is not connected"],
  110: ["ETIMEDOUT", "connection timed out"],
  111: ["ECONNREFUSED", "connection refused"],
  113: ["EHOSTUNREACH", "no route to host"],
  116: ["ESTALE", "stale file handle"],
  122: ["EDQUOT", "disk quota exceeded"],
};

/**
 * The kernel's name of an errno value.
 *
 * @param errno Positive, as in errno(3).
 * @returns For example `"ENOENT"`; `"E<number>"` for one this table lacks.
 */
export function errnoCode(errno: number): string {
  return ERRNO[errno]?.[0] ?? `E${errno}`;
}

/**
 * An errno value in words.
 *
 * @param errno Positive, as in errno(3).
 * @returns For example `"no such file or directory"`.
 */
export function errnoText(errno: number): string {
  return ERRNO[errno]?.[1] ?? `error ${errno}`;
}

/** A system call that the kernel refused. */
export class SystemError extends Error {
  /** Always the same, for `toString()`. */
  override readonly name = "SystemError";
  /** The system call's name, for example `"openat2"`. */
  readonly syscall: string;
  /** The kernel's name of the error, for example `"EBUSY"`. */
  readonly code: string;
  /** The error's number, positive. */
  readonly errno: number;

  /**
   * The kernel's refusal.
   *
   * @param syscall The call that failed.
   * @param subject The path, flag or object it was about; empty when there is none.
   * @param errno Positive, as in errno(3).
   */
  constructor(syscall: string, subject: string, errno: number) {
    const about = subject === "" ? "" : ` "${subject}"`;
    super(`Cannot ${syscall}${about}: ${errnoText(errno)} (${errnoCode(errno)})`);
    this.syscall = syscall;
    this.code = errnoCode(errno);
    this.errno = errno;
  }
}

/**
 * Passes on a system call's result, or throws what it says.
 *
 * @param result What the call returned: `>= 0`, or `-errno`.
 * @param syscall The call's name.
 * @param subject The path, flag or object it was about.
 * @returns `result`, which is not negative.
 * @throws {SystemError} If `result` is negative.
 */
export function checked(result: number, syscall: string, subject: string): number {
  if (result < 0) throw new SystemError(syscall, subject, -result);
  return result;
}
