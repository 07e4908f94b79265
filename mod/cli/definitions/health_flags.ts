/** Flags that say how a container's health is checked. @module */

import type { FlagSpec } from "../base/flags.ts";

/** Of every command that makes a container. */
export const HEALTH_FLAGS = [
  {
    name: "health-cmd",
    type: "string",
    value: "command",
    help: "Command that checks the container's health, run by its shell",
  },
  {
    name: "health-interval",
    type: "duration",
    help: "Time between two checks (default 30s)",
  },
  {
    name: "health-on-failure",
    type: "string",
    value: "none|restart|stop|kill",
    help: "What to do when the container becomes unhealthy (default none)",
  },
  {
    name: "health-retries",
    type: "number",
    help: "Failures in a row that make it unhealthy (default 3)",
  },
  {
    name: "health-start-interval",
    type: "duration",
    help: "Time between two checks during the start period (default 5s)",
  },
  {
    name: "health-start-period",
    type: "duration",
    help: "How long failures do not count after the start (default 0s)",
  },
  {
    name: "health-timeout",
    type: "duration",
    help: "A check that takes longer has failed (default 30s)",
  },
  { name: "no-healthcheck", type: "boolean", help: "Do not check the container's health" },
] as const satisfies readonly FlagSpec[];
