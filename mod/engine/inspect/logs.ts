/** What a container has printed, and what it prints next. @module */

import { type LogDamage, type LogQuery, LogReader } from "../../container/log/log.ts";
import { type LogRecord, recordParser } from "../../container/log/log_record.ts";
import { MonitorConnection } from "../../container/launch/monitor.ts";
import { WherryError } from "../../errors.ts";
import type { Engine } from "../base/engine.ts";
import { findContainer } from "../record/find.ts";
import { delay, isPast } from "../base/polling.ts";

/** What to read of a log. */
export interface LogRequest extends Omit<LogQuery, "parse"> {
  /** Whether to go on until the container ends, or `until` has come. @default {false} */
  isFollowed?: boolean;
}

/** How long a new record may wait to be seen, in milliseconds. */
const POLL_INTERVAL_MS = 50;

/**
 * Reads a container's log.
 *
 * @param print Called with each run of records, in order; must take all of them before it returns.
 * @returns What was wrong with the log, once all is read: at once, or when following has ended.
 * @throws {WherryError} `not_found` if there is no such container, `unsupported` if it keeps no log.
 */
export async function readContainerLog(
  engine: Engine,
  { wanted, request: { isFollowed = false, ...query } }: { wanted: string; request: LogRequest },
  print: (records: Iterable<LogRecord>) => void,
): Promise<LogDamage> {
  const { config, paths, state } = findContainer(engine, wanted);
  const parse = recordParser(config.log.driver);
  if (parse === undefined) {
    throw new WherryError(
      "unsupported",
      `Cannot read the logs of "${wanted}": configured logging driver does not support reading`,
    );
  }
  using reader = new LogReader(paths.log, { ...query, parse });
  if (isFollowed && state.isRunning) {
    let isEnded = false;
    using monitor = MonitorConnection.connectIfRunning(paths.runDirectory);
    const end = waitForEnd(monitor).then(() => {
      isEnded = true;
    });
    while (!isEnded && !isPast(query.until)) {
      print(reader.read());
      await Promise.race([end, delay(POLL_INTERVAL_MS)]);
    }
  }
  // The monitor reports the end only when all output has reached the log
  print(reader.read());
  return reader.damage;
}

async function waitForEnd(monitor: MonitorConnection | undefined): Promise<void> {
  monitor?.wait();
  await monitor?.nextOf("exited");
}
