/** Reading what has happened, and what happens next. @module */

import { WherryError } from "../../errors.ts";
import { isObject, isTexts } from "../../store/record_fields.ts";
import type { Engine } from "../base/engine.ts";
import { delay, isPast } from "../base/polling.ts";

/** Something that happened. */
export interface EngineEvent {
  /** What it happened to, for example `container`. */
  type: string;
  /** Docker's word for it, for example `die` or `exec_start: sh`. */
  action: string;
  /** Id of what it happened to. */
  actorId: string;
  /** More about that and about the event: names, labels, exit codes. */
  attributes: Readonly<Record<string, string>>;
  /** A container's image; empty for everything else. */
  image: string;
  /** When, in nanoseconds since 1970. */
  timeNs: bigint;
}

/** Which events to read. */
export interface EventRequest {
  /** Nothing before this, in nanoseconds since 1970. @default {all, if `until` is given; otherwise now} */
  since?: bigint;
  /** Nothing after this, in nanoseconds since 1970; reading ends then. @default {never} */
  until?: bigint;
  /** Whether an event is wanted. */
  filter: (event: EngineEvent) => boolean;
}

/** What was wrong with the log of events. */
export interface EventLogDamage {
  /** Lines that were no events, and were left out. */
  brokenLines: number;
  /** Whether the log was rotated faster than it was read. */
  hasGap: boolean;
}

/** How long a new event may wait to be seen, in milliseconds. */
const POLL_INTERVAL_MS = 25;

/**
 * Reads the events of all commands and monitors that share an engine's directories, in the order in which they were
 * written down.
 *
 * @param print Called with each run of events, in order; never with none.
 * @returns What was wrong with the log, once `until` has come; without `until` it never returns.
 */
export async function readEvents(
  engine: Engine,
  { since, until, filter }: EventRequest,
  print: (events: readonly EngineEvent[]) => void,
): Promise<EventLogDamage> {
  using reader = new EventReader(engine.paths.events, {
    hasHistory: since !== undefined || until !== undefined,
  });
  const isWanted = (event: EngineEvent): boolean =>
    (since === undefined || event.timeNs >= since) &&
    (until === undefined || event.timeNs <= until) &&
    filter(event);
  for (;;) {
    // Asked before reading, so that nothing of the last moment is missed
    const isLast = isPast(until);
    const events = reader.read().filter(isWanted);
    if (events.length > 0) print(events);
    if (isLast) return reader.damage;
    await delay(POLL_INTERVAL_MS);
  }
}

/** One file of the log, and how far it has been read. */
interface EventFile {
  file: Deno.FsFile;
  inode: number | null;
  /** In bytes, always at the beginning of a line. */
  offset: number;
}

/** The file that is written to, and the one before. */
const FILE_COUNT = 2;

/**
 * Follows the log of events through its rotations.
 *
 * A file that was put aside is read on until the next one is, since a writer may have opened it before.
 */
export class EventReader implements Disposable {
  /** What was wrong so far. */
  readonly damage: EventLogDamage = { brokenLines: 0, hasGap: false };
  readonly #path: string;
  /** Oldest first. */
  #files: EventFile[] = [];

  /**
   * @param path The log need not exist yet.
   * @param hasHistory Whether to give what is in it already.
   */
  constructor(path: string, { hasHistory }: { hasHistory: boolean }) {
    this.#path = path;
    this.#files = openFiles(path);
    if (hasHistory) return;
    for (const one of this.#files) one.offset = one.file.statSync().size;
  }

  /** The events that were not given yet; call it again for what comes later. */
  read(): EngineEvent[] {
    this.#findNewFiles();
    const events = this.#files.flatMap((one) => this.#readFile(one));
    for (const one of this.#files.splice(0, this.#files.length - FILE_COUNT)) {
      if (one.file.statSync().size > one.offset) this.damage.brokenLines++;
      one.file.close();
    }
    return events;
  }

  /** Closes the files. */
  [Symbol.dispose](): void {
    for (const { file } of this.#files.splice(0)) file.close();
  }

  #findNewFiles(): void {
    const newest = this.#files.at(-1)?.inode;
    const inode = inodeAt(this.#path);
    if (inode === undefined || inode === newest) return;
    const opened = openFiles(this.#path);
    // Put aside more than once since: then there may have been others between
    if (newest !== undefined && !opened.some((one) => one.inode === newest)) {
      this.damage.hasGap = true;
    }
    for (const one of opened) {
      if (this.#files.some((known) => known.inode === one.inode)) one.file.close();
      else this.#files.push(one);
    }
  }

  #readFile(one: EventFile): EngineEvent[] {
    const bytes = readFrom(one);
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    one.offset += end;
    const lines = new TextDecoder().decode(bytes.subarray(0, end)).split("\n").slice(0, -1);
    return lines.flatMap((line) => this.#parseLine(line));
  }

  #parseLine(line: string): EngineEvent[] {
    const event = parseEvent(line);
    if (event !== undefined) return [event];
    this.damage.brokenLines++;
    // A full disk cuts lines off, and the next one is then on the same line
    const start = line.lastIndexOf(EVENT_START);
    const next = start > 0 ? parseEvent(line.slice(start)) : undefined;
    return next === undefined ? [] : [next];
  }
}

const NEWLINE = 0x0a;
/** What all events begin with; inside of one, its quotes would be escaped. */
const EVENT_START = '{"status":"';

/** All that was added since; the log is rotated long before this is much. */
function readFrom(one: EventFile): Uint8Array {
  const { file } = one;
  const { size } = file.statSync();
  // Somebody may have emptied it
  one.offset = Math.min(one.offset, size);
  const bytes = new Uint8Array(size - one.offset);
  file.seekSync(one.offset, Deno.SeekMode.Start);
  let length = 0;
  while (length < bytes.length) {
    const got = file.readSync(bytes.subarray(length));
    if (got === null) break;
    length += got;
  }
  return bytes.subarray(0, length);
}

/** Opens the files of the log, oldest first. */
function openFiles(path: string): EventFile[] {
  for (;;) {
    const current = openIfPresent(path);
    const files = [openIfPresent(`${path}.1`), current].filter((one) => one !== undefined);
    if (inodeAt(path) === current?.inode) return files;
    // Rotated meanwhile
    for (const { file } of files) file.close();
  }
}

function openIfPresent(path: string): EventFile | undefined {
  try {
    if (!Deno.lstatSync(path).isFile) {
      throw new WherryError("corrupt", `Cannot read events from "${path}": it is no regular file`, {
        hint: `Remove "${path}"`,
      });
    }
    const file = Deno.openSync(path);
    return { file, inode: file.statSync().ino, offset: 0 };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function inodeAt(path: string): number | null | undefined {
  try {
    return Deno.statSync(path).ino;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Nanoseconds come last, because they do not fit into a JavaScript number. */
const TIME = /"timeNano":(\d{1,19})\}$/;

/**
 * Reads one line of the log.
 *
 * @returns `undefined` if it is no event.
 */
export function parseEvent(line: string): EngineEvent | undefined {
  const [, nanoseconds] = TIME.exec(line) ?? [];
  const json = parseObject(line);
  const actor = json?.["Actor"];
  if (nanoseconds === undefined || json === undefined || !isObject(actor)) return undefined;
  const { Type: type, Action: action, from = "" } = json;
  const { ID: actorId, Attributes: attributes } = actor;
  if (
    typeof type !== "string" || typeof action !== "string" || typeof from !== "string" ||
    typeof actorId !== "string" || !isTexts(attributes)
  ) return undefined;
  return { type, action, actorId, attributes, image: from, timeNs: BigInt(nanoseconds) };
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const json: unknown = JSON.parse(text);
    return isObject(json) ? json : undefined;
  } catch {
    // Why it is no JSON is of no use to anybody: it is counted
    return undefined;
  }
}
