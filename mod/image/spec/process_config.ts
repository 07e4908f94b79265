/** The `config` object of an image that was read, as it is written again. @module */

import type { ProcessConfig } from "./changes.ts";
import type { HealthcheckConfig } from "./health_instruction.ts";
import type { HealthCheckDefaults, ProcessDefaults } from "./oci.ts";

const NANOSECONDS_PER_MILLISECOND = 1_000_000;

/** How a container is run, in the specification's spelling; what is empty is left out. */
export function formatProcessConfig(process: ProcessDefaults): ProcessConfig {
  const { user, workingDirectory, stopSignal, healthCheck } = process;
  return {
    ...(user === "" ? {} : { "User": user }),
    ...listField("Env", process.env),
    ...listField("Entrypoint", process.entrypoint),
    ...listField("Cmd", process.command),
    ...(workingDirectory === "" ? {} : { "WorkingDir": workingDirectory }),
    ...setField("ExposedPorts", process.exposedPorts),
    ...setField("Volumes", process.volumes),
    ...(Object.keys(process.labels).length === 0 ? {} : { "Labels": { ...process.labels } }),
    ...(stopSignal === undefined ? {} : { "StopSignal": stopSignal }),
    ...(healthCheck === undefined ? {} : { "Healthcheck": formatHealthCheck(healthCheck) }),
    ...listField("Shell", process.shell),
  };
}

function listField<K extends string>(
  key: K,
  values: readonly string[],
): { [P in K]?: string[] } {
  return (values.length === 0 ? {} : { [key]: [...values] }) as { [P in K]?: string[] };
}

function setField<K extends string>(
  key: K,
  names: readonly string[],
): { [P in K]?: Record<string, Record<string, never>> } {
  const set = Object.fromEntries(names.map((name) => [name, {}]));
  return (names.length === 0 ? {} : { [key]: set }) as {
    [P in K]?: Record<string, Record<string, never>>;
  };
}

function formatHealthCheck(check: HealthCheckDefaults): HealthcheckConfig {
  const { test, retries } = check;
  const times = [
    ["Interval", check.intervalMs],
    ["Timeout", check.timeoutMs],
    ["StartPeriod", check.startPeriodMs],
    ["StartInterval", check.startIntervalMs],
  ] as const;
  const given = times.flatMap(([key, milliseconds]) =>
    milliseconds === undefined || milliseconds === 0
      ? []
      : [[key, milliseconds * NANOSECONDS_PER_MILLISECOND] as const]
  );
  return {
    ...(test.length === 0 ? {} : { "Test": [...test] }),
    ...Object.fromEntries(given),
    ...(retries === undefined || retries === 0 ? {} : { "Retries": retries }),
  };
}
