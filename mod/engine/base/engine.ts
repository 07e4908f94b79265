/** What every use case needs to know. @module */

import { SystemError } from "../../../ffi/errno.ts";
import type { StorageDriver } from "../../container/record/config.ts";
import { WherryError } from "../../errors.ts";
import { DEFAULT_ROOT, DEFAULT_RUN_ROOT, Paths } from "../../store/paths.ts";

/** Where an engine keeps its things. */
export interface EngineOptions {
  /** What survives a reboot. @default {"/var/lib/wherry"} */
  root?: string;
  /** What a reboot may forget. @default {"/run/wherry"} */
  runRoot?: string;
  /** How the root file systems of new containers are made. @default {overlay, or copy where that cannot be} */
  storageDriver?: StorageDriver;
  /**
   * The program, and its first arguments, that monitors execute to clean up; without it, what a
   * monitor cannot clean up waits for the next use of an engine.
   */
  cleanupCommand?: CleanupCommand;
  /** Told what somebody should know of something that was done all the same: a sentence without a full stop. */
  onWarning?: (text: string) => void;
}

/** A program that removes one container: the engine adds `--root`, `--run-root` and the id. */
export interface CleanupCommand {
  /** Path of the executable file. */
  path: string;
  /** Arguments, the program's own name first. */
  argv: readonly string[];
}

/** Events that nobody will ever see. */
export interface LostEvents {
  /** How many there are. */
  count: number;
  /** Why the last one could not be written. */
  cause: unknown;
}

/** One pair of directories with images and containers; many may exist beside each other. */
export class Engine {
  /** Where everything lies. */
  readonly paths: Paths;
  /** How new containers get their root file system; `undefined` for what the root is good for. */
  readonly storageDriver: StorageDriver | undefined;
  /** How monitors clean up. */
  readonly cleanupCommand: CleanupCommand | undefined;
  /** Told what somebody should know. */
  readonly onWarning: (text: string) => void;
  /** What could not be written to the log of events; what the events tell of was done all the same. */
  readonly lostEvents: LostEvents = { count: 0, cause: undefined };
  /** What people should know of damage that a command came across and could do without, one line each. */
  readonly notices: Set<string> = new Set();

  /** Makes nothing on disk yet. */
  constructor(options: EngineOptions = {}) {
    this.paths = new Paths(options.root ?? DEFAULT_ROOT, options.runRoot ?? DEFAULT_RUN_ROOT);
    this.storageDriver = options.storageDriver;
    this.cleanupCommand = options.cleanupCommand;
    this.onWarning = options.onWarning ?? (() => {});
  }

  /**
   * Makes the directories that containers need.
   *
   * @throws {WherryError} `invalid_argument` if one cannot be made.
   */
  ensureDirectories(): void {
    const { root, runRoot, containers, names, layers, runContainers } = this.paths;
    try {
      for (const path of [containers, names, layers, runContainers]) makeDirectory(path);
    } catch (cause) {
      throw directoryError(root, runRoot, cause);
    }
  }
}

function makeDirectory(path: string): void {
  try {
    // The common case: it is there already
    if (Deno.lstatSync(path).isDirectory) return;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
}

function directoryError(root: string, runRoot: string, cause: unknown): WherryError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const isDenied = cause instanceof Deno.errors.PermissionDenied;
  return new WherryError(
    isDenied ? "unsupported" : "invalid_argument",
    `Cannot use "${root}" and "${runRoot}": ${reason.replace(/\.$/, "")}`,
    {
      cause,
      hint: isDenied ? "Run wherry as root" : "Choose other directories with --root and --run-root",
    },
  );
}

/** Whether `error` says that something is missing. */
export function isMissing(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound ||
    (error instanceof SystemError && error.code === "ENOENT");
}

/**
 * Words a failure of the operating system, which by itself says neither what was being done nor to what.
 *
 * @param action What was being done and to what, for example `make a container in "/data"`.
 * @returns A {@linkcode WherryError}, or `cause` itself if it is something else.
 */
export function systemFailure(action: string, cause: unknown): unknown {
  if (!isOfSystem(cause) || cause instanceof WherryError) return cause;
  return new WherryError("unavailable", `Cannot ${action}: ${cause.message}`, { cause });
}

/** Whether the operating system refused something, for example because the disk is full. */
export function isOfSystem(error: unknown): error is Error {
  return error instanceof SystemError ||
    (error instanceof Error && error.message.includes("(os error "));
}
