/** Addresses of memory, for system calls whose arguments point to more. @module */

/**
 * The address of a buffer.
 *
 * @param buffer Must stay referenced until the native call returns.
 */
export function addressOf(buffer: Uint8Array<ArrayBuffer>): bigint {
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(buffer));
}
