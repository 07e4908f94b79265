/** The record of a sandbox: `network.json` of a container's run directory. @module */

import { WherryError } from "../errors.ts";
import { readRecord, removeIfPresent, writeRecord } from "../store/record.ts";
import type { Sandbox } from "./sandbox.ts";

/**
 * Reads a sandbox's record.
 *
 * @param path Of {@linkcode ContainerPaths}.
 * @returns `undefined` if there is nothing to undo.
 * @throws {WherryError} `corrupt` if it is damaged.
 */
export function readSandbox(path: string): Sandbox | undefined {
  return readRecord(path, parseSandbox);
}

/** Replaces a sandbox's record; a reboot forgets it, as the kernel forgets what it tells of. */
export function writeSandbox(path: string, sandbox: Sandbox): void {
  writeRecord(path, sandbox, { isDurable: false });
}

/** Removes a sandbox's record, once nothing of it is left. */
export function removeSandbox(path: string): void {
  removeIfPresent(path);
}

function parseSandbox(json: unknown): Sandbox {
  const sandbox = json as Partial<Sandbox> | null;
  const isSound = sandbox?.schema === 1 && Array.isArray(sandbox.endpoints) &&
    Array.isArray(sandbox.ports) && sandbox.endpoints.every(isEndpoint);
  if (isSound) return sandbox as Sandbox;
  throw new WherryError("corrupt", "Cannot read the sandbox's record: its shape is not known");
}

/** What is used as a path or a link's name must be one. */
function isEndpoint(endpoint: unknown): boolean {
  const { id, networkId, hostLink, link } = (endpoint ?? {}) as Record<string, unknown>;
  return [id, networkId].every((one) => /^[0-9a-f]{64}$/.test(String(one))) &&
    /^[\w.-]{0,15}$/.test(String(hostLink)) && /^[\w.-]{1,15}$/.test(String(link));
}
