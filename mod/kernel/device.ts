/** Device files. @see mknod(2), makedev(3) @module */

/** A device file. */
export interface Device {
  /** Where it is. */
  path: string;
  /** Block or character. */
  type: "b" | "c";
  /** Of the driver. */
  major: number;
  /** Of the device among the driver's. */
  minor: number;
  /** Permission bits. */
  mode: number;
  /** Owner. */
  uid: number;
  /** Group. */
  gid: number;
}

const PERMISSION_BITS = 0o7777;

/**
 * Looks at a file.
 *
 * @param path A link counts as a link.
 * @returns `undefined` if it is no device.
 * @throws {Deno.errors.NotFound} If there is none.
 */
export function readDevice(path: string): Device | undefined {
  const { isBlockDevice, isCharDevice, mode, uid, gid, rdev } = Deno.lstatSync(path);
  if (isBlockDevice !== true && isCharDevice !== true) return undefined;
  return {
    path,
    type: isBlockDevice === true ? "b" : "c",
    ...splitDeviceNumber(rdev ?? 0),
    mode: (mode ?? 0) & PERMISSION_BITS,
    uid: uid ?? 0,
    gid: gid ?? 0,
  };
}

/** The two parts of a device's number: 12 and 20 bits in Linux. */
export function splitDeviceNumber(rdev: number): { major: number; minor: number } {
  return { major: rdev >>> 8 & 0xfff, minor: rdev & 0xff | rdev >>> 12 & 0xfff00 };
}

/**
 * Lists the devices in a directory and below; links are not followed, and what is removed meanwhile is left out.
 *
 * @param isWanted Whether a directory is looked into, or a file taken, by its name. @default {all are}
 * @returns In the order of their names.
 * @throws {Error} If a directory cannot be read.
 */
export function listDevices(
  directory: string,
  isWanted: (entry: { name: string; isDirectory: boolean }) => boolean = () => true,
): Device[] {
  return listEntries(directory).filter(isWanted).flatMap(({ name, isDirectory }) => {
    const path = `${directory}/${name}`;
    if (isDirectory) return listDevices(path, isWanted);
    const device = readIfThere(path);
    return device === undefined ? [] : [device];
  });
}

function listEntries(directory: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(directory)].toSorted((a, b) => a.name < b.name ? -1 : 1);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

function readIfThere(path: string): Device | undefined {
  try {
    return readDevice(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
