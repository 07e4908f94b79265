/** What only `inspect` shows of a config blob: fields of docker's that say nothing about how to run an image. @module */

import { isCount, isObject, isString, isStrings } from "../../store/record_fields.ts";

/** Fields that may be missing, and then are `""` or `undefined`. */
export interface ImageDetails {
  /** What the maker wrote about it. */
  comment: string;
  /** Version of the docker that made it. */
  dockerVersion: string;
  /** Of the operating system; only Windows has any. */
  osVersion: string;
  /** Whether the command is one text already escaped; only for Windows. */
  isArgsEscaped: boolean;
  /** Instructions for builds on top of this image. */
  onBuild: readonly string[] | undefined;
  /** The health check as it is written, times in nanoseconds. */
  healthCheck: Readonly<Record<string, unknown>> | undefined;
}

/** Reads the details of a config blob that is known to be one; a field of a wrong type counts as missing. */
export function readImageDetails(json: unknown): ImageDetails {
  const document = isObject(json) ? json : {};
  const config = isObject(document["config"]) ? document["config"] : {};
  const textOf = (key: string): string => isString(document[key]) ? document[key] : "";
  return {
    comment: textOf("comment"),
    dockerVersion: textOf("docker_version"),
    osVersion: textOf("os.version"),
    isArgsEscaped: config["ArgsEscaped"] === true,
    onBuild: isStrings(config["OnBuild"]) ? config["OnBuild"] : undefined,
    healthCheck: readHealthCheck(config["Healthcheck"]),
  };
}

const HEALTH_TIMES = ["Interval", "Timeout", "StartPeriod", "StartInterval", "Retries"];

/** As Go writes it: without what is empty. */
function readHealthCheck(json: unknown): Record<string, unknown> | undefined {
  if (!isObject(json)) return undefined;
  const test = isStrings(json["Test"]) && json["Test"].length > 0 ? { Test: json["Test"] } : {};
  const times = HEALTH_TIMES.filter((key) => isCount(json[key]) && json[key] !== 0);
  return { ...test, ...Object.fromEntries(times.map((key) => [key, json[key]])) };
}
