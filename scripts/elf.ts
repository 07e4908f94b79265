/**
 * As much of the ELF format as the scripts need.
 *
 * @module
 */

/** "\x7fELF". */
const MAGIC = 0x7f454c46;
const FILE_HEADER_BYTES = 64;
/** Type of the program header that names the dynamic linker. */
const PT_INTERP = 3;

/**
 * Whether `program` is a 64-bit ELF file that runs without a dynamic linker.
 *
 * @param program Bytes of the file.
 * @see elf(5), `PT_INTERP`
 */
export function isStaticProgram(program: Uint8Array): boolean {
  if (program.length < FILE_HEADER_BYTES) return false;
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  if (view.getUint32(0) !== MAGIC) return false;
  const headersOffset = Number(view.getBigUint64(32, true));
  const headerBytes = view.getUint16(54, true);
  const headerCount = view.getUint16(56, true);
  for (let index = 0; index < headerCount; index++) {
    if (view.getUint32(headersOffset + index * headerBytes, true) === PT_INTERP) {
      return false;
    }
  }
  return true;
}
